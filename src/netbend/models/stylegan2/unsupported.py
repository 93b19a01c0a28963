"""Generators that netbend does not read, by what gives them away, and what to do about them."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from netbend.errors import CheckpointError
from netbend.models.native import PICTURE_CHANNELS
from netbend.models.stylegan2.finder import FoundGenerator
from netbend.models.weights import ModuleState, shown


def check_constant(constant: Tensor, file: str) -> None:
    """Refuse generators of pictures that are not square."""
    height, width = constant.shape[-2:] if constant.ndim >= 3 else (0, 0)
    if (height, width) != (4, 4):
        what = "is not square" if height != width else "does not begin as StyleGAN2 does"
        raise CheckpointError(
            f"{file}: a generator that begins with maps of {height}x{width} and {what}; "
            f"netbend does not support it, those that begin with 4x4 can be used"
        )


def check_channels(channels: int, file: str) -> None:
    """Refuse generators of what no picture is made of."""
    if channels not in PICTURE_CHANNELS:
        kind = " (RGB and alpha)" if channels == 4 else ""
        raise CheckpointError(
            f"{file}: a generator of {channels} channels{kind}, which netbend does not support; "
            f"those of 1 or 3 can be used"
        )


def check_unconditional(found: FoundGenerator, file: str) -> None:
    """Refuse generators that are told a class."""
    attributes = found.modules[""].attributes if "" in found.modules else {}
    options = attributes.get("_init_kwargs")
    classes = attributes.get("c_dim") or (options.get("c_dim") if isinstance(options, dict) else None)
    count = classes if isinstance(classes, int) and classes > 0 else None
    embedding = found.weights.get("mapping.embed.weight")
    if embedding is not None and embedding.ndim == 2:
        count = count or embedding.shape[1]
    if count is not None or embedding is not None:
        kind = "" if count is None else f" of {count} classes"
        raise CheckpointError(
            f"{file}: a class-conditional generator{kind}, which netbend does not support; "
            f"those that were trained without labels can be used"
        )


def check_attributes(found: FoundGenerator, expected: Mapping[str, Mapping[str, Any]], file: str) -> None:
    """Refuse pickled networks whose settings, by pattern of their path, are others than these."""
    for pattern, settings in expected.items():
        for path, module in found.modules.items():
            if re.fullmatch(pattern, path):
                _check_settings(module, settings, path, file)


def _check_settings(module: ModuleState, expected: Mapping[str, Any], path: str, file: str) -> None:
    for attribute, value in expected.items():
        given = module.attributes.get(attribute, value)
        if not isinstance(given, str | int | float) or given != value:
            what = shown(str(given), 40) if isinstance(given, str | int | float) else type(given).__name__
            raise CheckpointError(
                f"{file}: {path} has the {attribute} `{what}`; netbend supports `{value}` only"
            )
