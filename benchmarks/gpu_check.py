"""Whether a GPU draws what float64 on the processor draws."""

import argparse
from copy import deepcopy
from functools import partial

import torch
from gpu_shared import (
    Notes,
    latents_of,
    random_stylegan2,
)
from torch import Tensor

from netbend.bending import bend
from netbend.errors import NonFiniteError
from netbend.models.base import SynthesisOptions
from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import All, Bend, Random, Recipe
from netbend.transforms import build_transform


def check(notes: Notes, chosen: argparse.Namespace) -> None:
    """Whatever is drawn is what float64 on the processor draws."""
    device = chosen.device
    networks = {
        "16, odd widths": random_stylegan2((24, 20, 17)),
        "128, clamped": random_stylegan2((64, 48, 32, 32, 16, 16), clamp=0.7),
        "256": random_stylegan2((512, 512, 256, 128, 64, 32, 16)),
    }
    if chosen.quick:
        networks = {"64, clamped": random_stylegan2((64, 48, 32, 32, 32), clamp=0.7)}
    exactly = {"float32": (False, 2e-5), "float32, TF32": (True, 2e-2), "bfloat16": (True, 0.2)}
    notes.table(["network", "batch", "noise", *exactly, "graph, too"])
    worst = dict.fromkeys(exactly, 0.0)
    for name, model in networks.items():
        reference = exact(model)
        models = {kind: deepcopy(model).to(device) for kind in exactly}
        models["bfloat16"].bfloat16()
        batches = (1, 3) if name == "256" or chosen.quick else (1, 2, 3, 5, 16)
        for batch in batches:
            modes = ("constant", "random", "none", "projected")
            for mode in modes[:: 3 if chosen.quick else 1]:
                latents = latents_of(model, batch, mode == "projected")
                options = SynthesisOptions(1.0, noise="constant" if mode == "projected" else mode)
                expected = reference.generate(latents, options)
                cells, same = [], True
                for kind, (tf32, most) in exactly.items():
                    torch.backends.cudnn.allow_tf32 = tf32
                    first, *again = [models[kind].generate(latents, options) for _ in range(4)]
                    error = off(first, expected)
                    worst[kind] = max(worst[kind], error)
                    cells.append(f"{error:.1e}" + (" **WRONG**" if not error < most else ""))
                    same &= all(torch.equal(first, each) for each in again)
                notes.row([name, f"{batch}", mode, *cells, "equal" if same else "**OTHER**"])
    torch.backends.cudnn.allow_tf32 = True
    notes.add(f"\nLargest differences: {worst}\n")
    check_bent(notes, chosen)


def check_bent(notes: Notes, chosen: argparse.Namespace) -> None:
    device = chosen.device
    model = random_stylegan2((64, 48, 32, 32, 16))
    reference, on_gpu = exact(model), deepcopy(model).to(device)
    torch.backends.cudnn.allow_tf32 = False
    for batch in (1, 3):
        latents = latents_of(model, batch)
        quick = ("multiply", "rotate")
        for kind, values in {
            "multiply": (1.1, -0.7, 1.3),
            "rotate": (20.0, 90.0, -35.5),
            "threshold": (0.3, 0.5, 0.1),
            "scale": (0.6, 1.7, 1.0),
            "translate": (0.1, -0.3, 0.25),
            "dilate": (2, 2, 2),
            "flip-h": (None,) * 3,
            "invert": (None,) * 3,
        }.items():
            if chosen.quick and kind not in quick:
                continue
            for selection, mix in ((All(), 1.0), (Random(0.5), 0.4)):

                def compared(kind=kind, values=values, selection=selection, mix=mix, latents=latents) -> str:
                    errors = []
                    for value in (*values, *values):  # the third and further ones are replayed
                        params = [] if value is None else [value]
                        layers = range(0, 9, 2)
                        transform = build_transform(kind, params)
                        recipe = Recipe(tuple(Bend(n, transform, selection, mix=mix) for n in layers))
                        with bend(reference, recipe):
                            expected = reference.generate(latents)
                        with bend(on_gpu, recipe):
                            errors.append(off(on_gpu.generate(latents), expected))
                    # A threshold is not continuous: little differences before it are large ones after it.
                    wrong = max(errors) > (0.3 if kind == "threshold" else 1e-3)
                    return f"{max(errors):.1e}" + (" **WRONG**" if wrong else "")

                notes.attempt(f"{kind}, {selection}, mix {mix:g}, batch {batch}", compared)
    torch.backends.cudnn.allow_tf32 = True
    notes.attempt("NaN of a bend is told while graphs are replayed", partial(check_told, on_gpu))
    notes.attempt("weights changed by hand", partial(check_changed, on_gpu))


def check_told(model: StyleGAN2) -> str:
    latents, told = latents_of(model, 1), []
    for factor in (1.0, 1.1, 1.2, 3e38, 1.3, 3e38, 1.1):
        recipe = Recipe(tuple(Bend(n, build_transform("multiply", [factor])) for n in (2, 3)))
        try:
            with bend(model, recipe):
                model.generate(latents)
            told.append("fine")
        except NonFiniteError as error:
            told.append("told" if "`multiply` at layer" in str(error) else f"**{error}**")
    expected = ["fine", "fine", "fine", "told", "fine", "told", "fine"]
    return "yes" if told == expected else f"**{told}**"


def check_changed(model: StyleGAN2) -> str:
    latents = latents_of(model, 1)
    before = [model.generate(latents) for _ in range(3)][-1]
    weight = model.network.layers[3].conv.weight
    errors = []
    changes = (
        lambda: weight.data.neg_(),
        lambda: weight.mul_(1.5),
        lambda: setattr(weight, "data", weight.data.flip(0).clone()),
    )
    for change in changes:
        change()
        after = model.generate(latents)
        expected = exact(deepcopy(model).to(torch.device("cpu"))).generate(latents)
        errors.append(off(after, expected))
        if torch.equal(before, after):
            return "**not noticed**"
    return f"noticed; {max(errors):.1e} off"


def exact(model: StyleGAN2) -> StyleGAN2:
    """In float64 on the processor."""
    return StyleGAN2(deepcopy(model.generator).double(), "exact", "0" * 64)


def off(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as part of the range of what is expected."""
    expected = expected.double().cpu()
    difference = (found.double().cpu() - expected).abs().max()
    return (difference / (expected.max() - expected.min())).item()
