"""NaN and infinity: found where a bend makes them, not pages later as a black picture."""

import warnings
from collections.abc import Callable
from enum import StrEnum

from torch import Tensor

from netbend.errors import NonFiniteError


class NonFinite(StrEnum):
    """What to do about NaN or infinity after a bend.

    replace: NaN becomes 0, infinities the largest finite value of their sign in the maps.
    """

    ERROR = "error"
    WARN = "warn"
    REPLACE = "replace"


def guard(maps: Tensor, culprit: Callable[[], str], policy: NonFinite) -> Tensor:
    """Pass finite maps on; treat others by the policy. `culprit` names what made them."""
    if all_finite(maps):
        return maps
    if policy is NonFinite.REPLACE:
        finite = maps.masked_fill(~maps.isfinite(), 0)
        return maps.nan_to_num(nan=0.0, posinf=finite.max().item(), neginf=finite.min().item())
    kind = "NaN" if maps.isnan().any() else "infinity"
    message = (
        f"{culprit()} made {kind}; use smaller parameters, a lower `mix`, or have it replaced "
        f"(--nonfinite replace)"
    )
    if policy is NonFinite.ERROR:
        raise NonFiniteError(message)
    warnings.warn(message, stacklevel=2)
    return maps


def all_finite(maps: Tensor) -> bool:
    """Whether the maps hold neither NaN nor infinity."""
    # One sum clears the common case cheaply; a sum can also overflow, and then every value is looked at.
    return bool(maps.float().sum().isfinite()) or bool(maps.isfinite().all())
