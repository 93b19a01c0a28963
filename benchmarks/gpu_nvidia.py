"""NVIDIA's own code (stylegan2-ada-pytorch) beside ours."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from gpu_shared import (
    Notes,
    captured,
    config_f,
    failure,
    seconds,
)
from gpu_times import pair_of
from torch import Tensor


def nvidia(notes: Notes, chosen: argparse.Namespace) -> None:
    """NVIDIA's own code (stylegan2-ada-pytorch) in the same process, frames a second."""
    built = chosen.out / "nvidia_build.md"
    if built.exists() and "compiled:" not in built.read_text():
        notes.add("Their operators are still being compiled: left out.")
        return
    make, compiled = theirs(chosen.nvidia)
    notes.add(
        f"Their operators are {'compiled' if compiled else '**not compiled: their reference code**'}.\n"
    )
    notes.table(["size", "precision", "theirs", "in a graph", "ours as usual", "in a graph"])
    for size in chosen.sizes:
        for half, precision in ((0, torch.float32), (4, torch.bfloat16)):
            cells = []
            for run in (
                lambda size=size, half=half: seconds(make(size, half, chosen.device), chosen),
                lambda size=size, half=half: seconds(captured(make(size, half, chosen.device)), chosen),
            ):
                try:
                    cells.append(f"{1 / run():.0f}")
                except Exception as error:
                    cells.append(failure(error))
            ours = pair_of(config_f(size, chosen.device, precision), chosen)
            kind = "float32" if not half else "theirs float16 in 4 resolutions, ours bfloat16"
            notes.row([f"{size}", kind, *cells, *(f"{1 / took:.0f}" for took in ours)])


def nvidia_build(notes: Notes, chosen: argparse.Namespace) -> None:
    """Compile NVIDIA's operators, which takes minutes; nvidia finds them compiled."""
    _, compiled = theirs(chosen.nvidia)
    notes.add(f"compiled: {compiled}")


def theirs(folder: Path) -> tuple[Callable[[int, int, torch.device], Callable[[], Tensor]], bool]:
    """What makes their synthesis, and whether their operators are compiled."""
    from torch.utils import cpp_extension

    load = cpp_extension.load

    def found(name: str, *given: Any, **named: Any) -> Any:
        # Torch no longer leaves what it loads where `import` finds it, as their code expects.
        sys.modules[name] = load(name, *given, **named)
        return sys.modules[name]

    cpp_extension.load = found
    sys.path.insert(0, str(folder))
    from torch_utils.ops import bias_act, upfirdn2d
    from training.networks import SynthesisNetwork

    def make(size: int, half: int, device: torch.device) -> Callable[[], Tensor]:
        width = {"channel_base": 32768, "channel_max": 512, "num_fp16_res": half}
        clamp = {"conv_clamp": 256} if half else {}
        network = SynthesisNetwork(512, size, 3, **width, **clamp).eval().requires_grad_(False).to(device)
        return partial(network, torch.randn(1, network.num_ws, 512, device=device), noise_mode="const")

    return make, all(operator._init() for operator in (bias_act, upfirdn2d))
