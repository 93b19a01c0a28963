"""Files that try something: one small maker for each attack. All must be refused, none may be executed.

A payload that ran would create the file CANARY in the current folder.
"""

from . import code, damage, exhaustion, tensors
from .forging import ATTACKS, CANARY, Attack

__all__ = ["ATTACKS", "CANARY", "Attack", "code", "damage", "exhaustion", "tensors"]
