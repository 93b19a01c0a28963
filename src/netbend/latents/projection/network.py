"""The networks that gradients pass through."""

from copy import deepcopy
from typing import Any, cast

import torch
from torch import nn

from netbend.latents.projection.preview import Preview, shipped_head
from netbend.latents.projection.settings import MAX_QUICK_SIZE
from netbend.models.mobilestylegan.network import Synthesis
from netbend.models.precision import is_faster_in_bfloat16
from netbend.models.styled import StyledModel


def descended(model: StyledModel[Any]) -> tuple[nn.Module, torch.dtype]:
    """The model's own, or for large pictures a copy in bfloat16, where that is faster, and its type.

    At 1024x1024 the gradients then point the same way to 1 in 1000, and take three fifths of the time.
    """
    own = next(model.network.parameters()).dtype
    device = model.generator.w_mean.device
    if model.generator.architecture.size <= MAX_QUICK_SIZE or not is_faster_in_bfloat16(device):
        return model.network, own
    return deepcopy(model.network).bfloat16(), torch.bfloat16


def previewed(model: StyledModel[Any]) -> tuple[Preview, torch.dtype] | None:
    """A preview of the model, as of `descended`, if netbend has one for it."""
    head = shipped_head(model.hash)
    if head is None:
        return None
    network, dtype = descended(model)
    head = head.to(model.generator.w_mean.device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Preview(cast(Synthesis, network), head), dtype
