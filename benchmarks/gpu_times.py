"""Frames a second of StyleGAN2 on a GPU: unbent, bent, in batches, in films."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from gpu_shared import (
    EVERY_LAYER,
    PRECISIONS,
    Notes,
    captured,
    config_f,
    every_layer,
    failure,
    latents_of,
    micro,
    name_of,
    now,
    seconds,
)

from netbend.bending import Plan, bend, resolve
from netbend.choices import Space
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.stylegan2 import triton_ops
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture


def times(notes: Notes, chosen: argparse.Namespace) -> None:
    """Frames a second, as usual and as one graph, beside the convolutions alone."""
    notes.add(described(chosen.device))
    notes.add(f"A copy in memory: {copy_rate(chosen.device):.0f} GB/s.\n")
    heads = ["size", "precision", "what", "as usual", "graph"]
    notes.table([*heads, "as usual / convolutions", "graph / convolutions"])
    for size in chosen.sizes:
        for precision in PRECISIONS:
            alone = convolutions_alone(size, precision, chosen.device)
            limit, limit_graph = seconds(alone, chosen), seconds(captured(alone), chosen)
            kind = [f"{size}", name_of(precision)]
            notes.row([*kind, "convolutions", f"{1 / limit:.0f}", f"{1 / limit_graph:.0f}", "", ""])
            try:
                usual, graph = pair_of(config_f(size, chosen.device, precision), chosen)
            except Exception as error:
                notes.row([*kind, "unbent", failure(error), "", "", ""])
                continue
            shares = [
                f"{limit / took:.2f} ({limit_graph / took:.2f} of their graph)" for took in (usual, graph)
            ]
            notes.row([*kind, "unbent", f"{1 / usual:.0f}", f"{1 / graph:.0f}", *shares])


def bends(notes: Notes, chosen: argparse.Namespace) -> None:
    """Frames a second with a bend at every layer, and the time on top of the unbent."""
    notes.table(["size", "precision", "bend", "as usual", "graph", "on top, as usual", "on top, graph"])
    for size in chosen.sizes:
        for precision in PRECISIONS:
            model = config_f(size, chosen.device, precision)
            kind, unbent = [f"{size}", name_of(precision)], pair_of(model, chosen)
            notes.row([*kind, "none", *(f"{1 / took:.0f}" for took in unbent), "", ""])
            for name in EVERY_LAYER:
                try:
                    with bend(model, every_layer(model, name)):
                        bent = pair_of(model, chosen)
                except Exception as error:
                    notes.row([*kind, name, failure(error), "", "", ""])
                    continue
                on_top = [f"{took / plain - 1:+.1%}" for took, plain in zip(bent, unbent, strict=True)]
                notes.row([*kind, name, *(f"{1 / took:.0f}" for took in bent), *on_top])


def pair_of(model: StyleGAN2, chosen: argparse.Namespace) -> tuple[float, float]:
    """Seconds a frame, as usual and as a graph of the network."""
    latents, precision = latents_of(model, 1), next(model.network.parameters()).dtype
    w = model.w_plus(latents, SynthesisOptions(1.0)).to(precision)
    called = partial(model.network, w, model.generator.synthesis.constant_noise())
    return seconds(partial(model.generate, latents), chosen), seconds(captured(called), chosen)


def batches(notes: Notes, chosen: argparse.Namespace) -> None:
    """Pictures a second in batches, beside the convolutions alone."""
    for size in chosen.sizes:
        for precision in PRECISIONS:
            for batch in (1, 4, 16) if not chosen.quick else (4, 16):
                notes.attempt(
                    f"{size}, {name_of(precision)}, batch {batch}",
                    partial(batch_rate, chosen, size, precision, batch),
                )


def batch_rate(chosen: argparse.Namespace, size: int, precision: torch.dtype, batch: int) -> str:
    model = config_f(size, chosen.device, precision)
    latents = latents_of(model, batch)
    alone = convolutions_alone(size, precision, chosen.device, batch)
    took, limit = seconds(partial(model.generate, latents), chosen), seconds(captured(alone), chosen)
    return f"{batch / took:.0f} pictures a second as usual, convolutions alone {batch / limit:.0f}"


def film(notes: Notes, chosen: argparse.Namespace) -> None:
    """Frames of a film in which everything moves, as pictures, without a file."""
    from netbend.engine.frames import Film
    from netbend.recipe import recipe_from_data

    @dataclass(frozen=True)
    class Moving:
        ends: Latents
        still: bool = False

        def at(self, times: Sequence[float]) -> Latents:
            w = torch.cat([self.ends.values[:1].lerp(self.ends.values[1:], time / 10) for time in times])
            return Latents(Space.W_PLUS, w, (0,) * len(times))

    for size in chosen.sizes:
        for precision in PRECISIONS:
            model = config_f(size, chosen.device, precision)
            moving = {"from": 0, "to": 90, "seconds": 10}
            for name, bends in {
                "unbent": [],
                "rotate and multiply move": [
                    {"layer": 3, "transform": "rotate", "params": {"angle": moving}},
                    {"layer": 4, "transform": "multiply", "params": {"p": {**moving, "to": 2}}},
                ],
            }.items():

                def rate(model=model, bends=bends) -> str:
                    plan = (
                        resolve(recipe_from_data({"bends": bends}), model, seconds=10) if bends else Plan(())
                    )
                    made = Film(model, plan, Moving(latents_of(model, 2)), 120, options=SynthesisOptions(1.0))
                    list(made.frames(0, 20))
                    start = now()
                    list(made.frames(20, 120))
                    return f"{100 / (now() - start):.0f} frames a second"

                notes.attempt(f"{size}, {name_of(precision)}, {name}", rate)


def convolutions_alone(
    size: int, precision: torch.dtype, device: torch.device, batch: int = 1
) -> Callable[[], None]:
    """Plain convolutions, channels-last, of as many features and multiplications, and nothing else."""
    pairs = []
    for maps, weight in shapes_of(size):
        made = [torch.randn(shape, device=device).to(precision) for shape in ((batch, *maps), weight)]
        pairs.append([tensor.to(memory_format=torch.channels_last) for tensor in made])

    def run() -> None:
        for maps, weight in pairs:
            torch.conv2d(maps, weight, padding=1)

    return run


def shapes_of(size: int) -> list[tuple[tuple[int, int, int], tuple[int, int, int, int]]]:
    """Of each layer the maps that are convolved, and the kernel."""
    features = Architecture.of_width(size).features
    found = [((features[0], 4, 4), (features[0], features[0], 3, 3))]
    for step, (coarse, fine) in enumerate(pairwise(features)):
        side = 4 * 2**step
        found.append(((coarse, side, side), (fine, coarse, 3, 3)))
        found.append(((fine, 2 * side, 2 * side), (fine, fine, 3, 3)))
    return found


def described(device: torch.device) -> str:
    if device.type != "cuda":
        return f"No GPU: {device}"
    name = torch.cuda.get_device_name(device)
    triton = "Triton works" if triton_ops.there(torch.empty(1, device=device)) else "without Triton"
    versions = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, torch {torch.__version__}"
    return f"{name}, {versions}; {triton}."


def copy_rate(device: torch.device) -> float:
    maps = torch.empty(64, 1024, 1024, device=device)
    took = float(micro(partial(torch.empty_like(maps).copy_, maps), 5))
    return 2 * maps.nbytes / took / 1e3
