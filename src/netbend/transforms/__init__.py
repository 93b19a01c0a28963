"""Transforms: pure functions of activation maps. They know numbers, no networks."""

from netbend.transforms import numerical, affine, morphology  # isort: skip  (listed in the paper's order)
from netbend.transforms import filters, frequencies, statistics, rearrange  # isort: skip  (... then others)
from netbend.transforms.axes import Axes
from netbend.transforms.base import (
    Parameter,
    Transform,
    all_transforms,
    get_transform,
    parameter,
    parameters_of,
    transform,
)
from netbend.transforms.build import build_transform

__all__ = [
    "Axes",
    "Parameter",
    "Transform",
    "affine",
    "all_transforms",
    "build_transform",
    "filters",
    "frequencies",
    "get_transform",
    "morphology",
    "numerical",
    "parameter",
    "parameters_of",
    "rearrange",
    "statistics",
    "transform",
]
