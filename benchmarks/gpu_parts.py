"""What each kernel takes on a GPU."""

import argparse
from dataclasses import replace
from functools import partial

import torch
from gpu_shared import (
    PRECISIONS,
    Notes,
    config_f,
    latents_of,
    micro,
    name_of,
)
from gpu_times import shapes_of
from torch import Tensor
from torch.nn import functional as F

from netbend.bending.guard import extremes
from netbend.models.stylegan2 import fused, triton_ops
from netbend.transforms import on_gpu


def profile(notes: Notes, chosen: argparse.Namespace) -> None:
    """What every kernel takes, in graphs that are replayed."""
    for size in chosen.sizes:
        for precision in PRECISIONS:
            notes.attempt(f"{size}, {name_of(precision)}", partial(profile_of, chosen, size, precision))


def profile_of(chosen: argparse.Namespace, size: int, precision: torch.dtype) -> str:
    model = config_f(size, chosen.device, precision)
    latents = latents_of(model, 1)
    for _ in range(4):
        model.generate(latents)
    frames = 10
    activities = [torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as seen:
        for _ in range(frames):
            model.generate(latents)
        torch.cuda.synchronize()
    events = [event for event in seen.key_averages() if event.self_device_time_total > 0]
    events.sort(key=lambda event: -event.self_device_time_total)
    total = sum(event.self_device_time_total for event in events) / frames
    count = sum(event.count for event in events) / frames
    lines = [f"{total:.0f} us in {count:.0f} kernels a frame"]
    lines += [
        f"    {event.self_device_time_total / frames:8.1f} us {event.count / frames:5.1f} x {event.key[:110]}"
        for event in events[:25]
    ]
    return "\n".join(lines)


def parts(notes: Notes, chosen: argparse.Namespace) -> None:
    """Of each layer: its convolution in several ways, and each of our passes, alone, in microseconds."""
    for precision in PRECISIONS:
        for benchmark in (False, True):
            torch.backends.cudnn.benchmark = benchmark
            tuned = ", cudnn.benchmark" if benchmark else ""
            notes.add(f"\n{name_of(precision)}{tuned}, us\n")
            heads = [
                "maps",
                "outputs",
                "plain",
                "phases",
                "transposed",
                "kernels",
                "kernels up",
                "finish",
                "finish up",
            ]
            notes.table([*heads, "rgb", "copy"])
            for maps, weight in shapes_of(1024):
                if benchmark and chosen.quick and maps[1] < 256:
                    continue  # to look for the best way takes long
                try:
                    notes.row(parts_of(maps, weight, precision, chosen, passes=not benchmark))
                except Exception as error:
                    notes.row([f"{maps}", f"**{type(error).__name__}: {str(error)[:300]}**"])
    torch.backends.cudnn.benchmark = False


def parts_of(
    shape: tuple[int, int, int],
    kernel: tuple[int, int, int, int],
    precision: torch.dtype,
    chosen: argparse.Namespace,
    *,
    passes: bool,
) -> list[str]:
    def last(*size: int) -> Tensor:
        made = torch.randn(size, device=chosen.device).to(precision)
        return made.to(memory_format=torch.channels_last)

    inputs, height, width = shape
    outputs = kernel[0]
    maps, weight = last(1, *shape), last(*kernel)
    cells = [f"{inputs}x{height}x{width}", f"{outputs}", micro(partial(F.conv2d, maps, weight, padding=1))]
    if height <= 512:
        phases = last(4 * outputs, inputs, 2, 2)
        cells.append(micro(partial(F.conv2d, maps, phases, padding=1)))
        cells.append(micro(partial(F.conv_transpose2d, maps, last(inputs, outputs, 3, 3), stride=2)))
    else:
        cells += ["", ""]
    if not passes:
        return [*cells, "", "", "", "", "", ""]
    style = torch.randn(1, inputs, device=chosen.device)
    styled = partial(fused.styled_kernels, weight, style, 0.1, precision)
    strength, bias = last(1, 1, 1, 1)[0, 0, 0, 0], last(1, outputs, 1, 1).flatten()
    cells += [micro(partial(styled, up=False)), micro(partial(styled, up=True))]
    convolved = last(1, outputs, height, width)
    noise = torch.randn(1, height, width, device=chosen.device)
    finish = fused.Finish(None, noise, strength, bias, None)
    cells.append(micro(partial(fused.finished, convolved, finish, up=False)))
    if height <= 512:
        noise = torch.randn(1, 2 * height, 2 * width, device=chosen.device)
        finish = fused.Finish(None, noise, strength, bias, None)
        between = last(1, 4 * outputs, height + 1, width + 1)
        cells.append(micro(partial(fused.finished, between, finish, up=True)))
    else:
        cells.append("")
    colours = last(3, inputs, 1, 1)
    cells.append(micro(partial(fused.colours, maps, colours, style, bias[:3], 0.1, None)))
    return [*cells, micro(maps.clone)]


def blocks(notes: Notes, chosen: argparse.Namespace) -> None:
    """Passes over maps of 32x1024x1024 with blocks of other sizes, microseconds."""
    for precision in reversed(PRECISIONS):
        between = torch.randn(1, 513, 513, 128, device=chosen.device).to(precision).permute(0, 3, 1, 2)
        whole = torch.randn(1, 1024, 1024, 32, device=chosen.device).to(precision).permute(0, 3, 1, 2)
        bias = torch.zeros(32, device=chosen.device)
        noise = torch.randn(1, 1024, 1024, device=chosen.device)
        finish = fused.Finish(None, noise, bias[0], bias, None)
        weight = torch.randn(3, 32, 1, 1, device=chosen.device)
        colours = partial(fused.colours, whole, weight, bias[None], bias, 1.0, None)
        kind = name_of(precision)
        for rows, columns in ((8, 32), (16, 32), (8, 64), (32, 32), (4, 32), (8, 16)):
            triton_ops.DOUBLE_ROWS, triton_ops.DOUBLE_COLUMNS = rows, columns
            run = partial(fused.finished, between, finish, up=True)
            notes.attempt(f"{kind}, doubled by {rows} x {columns}", partial(micro, run))
        for pixels in (64, 128, 32):
            triton_ops.FINISH_PIXELS = pixels
            run = partial(fused.finished, whole, finish, up=False)
            notes.attempt(f"{kind}, finish by {pixels}", partial(micro, run))
        for pixels in (256, 128, 512):
            triton_ops.RGB_MANY = pixels, 32
            notes.attempt(f"{kind}, colours by {pixels}", partial(micro, colours))
        for name, run in {"copy": torch.clone, "look": extremes}.items():
            notes.attempt(f"{kind}, {name}", partial(micro, partial(run, whole)))
        for name, numbers in {"multiply": [1.0, 2.0], "warp": [1.0, 0.8, 0.6, 3.0, -0.6, 0.8, 1.0]}.items():
            there = torch.tensor(numbers, dtype=torch.float64, device=chosen.device)
            work = on_gpu.Work(name, there, False, None, torch.zeros(2, device=chosen.device))
            for pixels in (64, 128) if name == "warp" else (64,):
                on_gpu.PIXELS = pixels
                run = partial(on_gpu.bend, whole, work)
                notes.attempt(f"{kind}, {name} by {pixels}", partial(micro, run))
                run = partial(fused.finished, whole, replace(finish, bend=work), up=False)
                notes.attempt(f"{kind}, finish with {name}", partial(micro, run))
