"""Recipes resolved to plans, and plans put into networks."""

from netbend.bending.insert import bend, finite_output
from netbend.bending.insertion import apply
from netbend.bending.layers import Bendable, Layer, find_layer
from netbend.bending.parameters import Parameters
from netbend.bending.plan import Plan, PlannedBend, resolve, stilled
from netbend.bending.replay import run
from netbend.choices import NonFinite

__all__ = [
    "Bendable",
    "Layer",
    "NonFinite",
    "Parameters",
    "Plan",
    "PlannedBend",
    "apply",
    "bend",
    "find_layer",
    "finite_output",
    "resolve",
    "run",
    "stilled",
]
