"""One stage of `on_a_gpu.sh`: checks, times or profiles of StyleGAN2 on a GPU.

    python benchmarks/on_a_gpu.py STAGE ... --out FOLDER [--quick] [--seconds S] [--nvidia FOLDER]

Writes STAGE.md into the folder, line by line as things are found, and after each stage all.tar of them all.
What is not begun after so many seconds is left out. `warm` compiles beforehand, in processes side by side.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.bending import Plan, bend, resolve
from netbend.bending.guard import extremes
from netbend.choices import Space
from netbend.errors import NonFiniteError
from netbend.models.base import Latents, Play
from netbend.models.stylegan2 import fused, triton_ops
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.recipe import All, Bend, Random, Recipe
from netbend.transforms import build_transform, on_gpu

PRECISIONS = (torch.float32, torch.bfloat16)
EVERY_LAYER = {"multiply": [1.1], "rotate": [30.0], "threshold": [0.5], "dilate": [2]}


class Notes:
    """A file of Markdown that is there as far as things went."""

    def __init__(self, path: Path):
        self._path = path
        path.write_text("")

    def add(self, line: str = "") -> None:
        print(line, flush=True)
        with self._path.open("a") as file:
            file.write(line + "\n")

    def table(self, heads: Sequence[str]) -> None:
        self.row(heads)
        self.row(["---"] * len(heads))

    def row(self, cells: Sequence[str]) -> None:
        self.add(f"| {' | '.join(cells)} |")

    def attempt(self, what: str, do: Callable[[], str]) -> bool:
        """A line about something that may fail."""
        try:
            self.add(f"- {what}: {do()}")
        except Exception as error:
            self.add(f"- **{what}: {type(error).__name__}: {str(error)[:400]}**")
            return False
        return True


def random_stylegan2(features: Sequence[int], clamp: float | None = None) -> StyleGAN2:
    """Every parameter random and large, so that each of them matters."""
    torch.manual_seed(4)
    generator = Generator(Architecture(tuple(features), 32, 32, 2, clamp=clamp))
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                spread = torch.randn_like(parameter).sign() * (1 + torch.rand_like(parameter))
                parameter.add_(0.2 * spread)
        generator.w_mean.normal_(std=0.3)
    return StyleGAN2(generator, "random", "0" * 64)


def config_f(size: int, device: torch.device, precision: torch.dtype = torch.float32) -> StyleGAN2:
    """Random weights, made where they are wanted."""
    torch.manual_seed(0)
    with torch.device(device):
        model = StyleGAN2(Generator(Architecture.of_width(size)), "config F", "0" * 64)
    if precision is torch.bfloat16:
        model.bfloat16()
    return model


def latents_of(model: StyleGAN2, count: int, projected: bool = False) -> Latents:
    """w+ with every vector another."""
    architecture = model.generator.architecture
    random = torch.Generator().manual_seed(5)
    w = torch.randn(count, architecture.latent_count, architecture.w_dim, generator=random)
    maps = None
    if projected:
        stored = model.generator.synthesis.constant_noise()
        maps = tuple(torch.randn(count, 1, *noise.shape, generator=random) for noise in stored)
    return Latents(Space.W_PLUS, w, tuple(range(7, 7 + count)), maps)


def exact(model: StyleGAN2) -> StyleGAN2:
    """In float64 on the processor."""
    return StyleGAN2(deepcopy(model.generator).double(), "exact", "0" * 64)


def off(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as part of the range of what is expected."""
    expected = expected.double().cpu()
    difference = (found.double().cpu() - expected).abs().max()
    return (difference / (expected.max() - expected.min())).item()


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
                play = Play(1.0, noise="constant" if mode == "projected" else mode)
                expected = reference.generate(latents, play)
                cells, same = [], True
                for kind, (tf32, most) in exactly.items():
                    torch.backends.cudnn.allow_tf32 = tf32
                    first, *again = [models[kind].generate(latents, play) for _ in range(4)]
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


@dataclass(frozen=True)
class Contender:
    name: str
    run: Callable[[], object]


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
    w = model.w_plus(latents, Play(1.0)).to(precision)
    called = partial(model.network, w, model.generator.synthesis.constant_noise())
    return seconds(partial(model.generate, latents), chosen), seconds(captured(called), chosen)


def failure(error: Exception) -> str:
    return f"**{type(error).__name__}: {str(error)[:300]}**".replace("\n", " ")


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


def every_layer(model: StyleGAN2, kind: str) -> Recipe:
    transform = build_transform(kind, EVERY_LAYER[kind])
    return Recipe(
        tuple(Bend(layer.number, transform, All()) for layer in model.layers if layer.number is not None)
    )


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


class TimeIsUpError(Exception):
    """What remains is left out."""


def seconds(run: Callable[[], object], chosen: argparse.Namespace) -> float:
    """Median of rounds, each waited for once at its end."""
    if perf_counter() > chosen.deadline:
        raise TimeIsUpError
    for _ in range(4):
        run()
    start = now()
    run()
    repeats = max(1, int((0.06 if chosen.quick else 0.25) / max(now() - start, 1e-5)))
    rounds = []
    for _ in range(3 if chosen.quick else 7):
        start = now()
        for _ in range(repeats):
            run()
        rounds.append((now() - start) / repeats)
    return median(rounds)


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter()


def captured(run: Callable[[], object], repeats: int = 1) -> Callable[[], None]:
    """A CUDA graph of it, as users make one themselves; without CUDA itself."""
    if not torch.cuda.is_available():
        return lambda: [run() for _ in range(repeats)] and None
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run()
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(repeats):
            run()
    return graph.replay


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


def micro(run: Callable[[], object], repeats: int = 20) -> str:
    """Microseconds, one after the other in a graph."""
    replay = captured(run, repeats)
    replay()
    if not torch.cuda.is_available():
        start = perf_counter()
        replay()
        return f"{1e6 * (perf_counter() - start) / repeats:.1f}"
    found = []
    for _ in range(5):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        replay()
        end.record()
        torch.cuda.synchronize()
        found.append(1e3 * start.elapsed_time(end) / repeats)
    return f"{min(found):.1f}"


def first(notes: Notes, chosen: argparse.Namespace) -> None:
    """The first frames of a film in new processes, with and without kernels that were compiled before."""
    for size in chosen.sizes:
        kept = tempfile.mkdtemp()
        for how in ("nothing compiled before", "compiled before"):
            environment = {**os.environ, "TRITON_CACHE_DIR": kept}
            command = [sys.executable, __file__, "frames", "--out", str(chosen.out), "--sizes", str(size)]
            command += ["--device", str(chosen.device)]

            def told(command=command, environment=environment) -> str:
                done = subprocess.run(
                    command, env=environment, capture_output=True, text=True, timeout=60, check=False
                )
                return done.stdout.strip() or f"**{done.stderr[-500:]}**"

            notes.attempt(f"{size}, {how}", told)


def frames(_notes: Notes, chosen: argparse.Namespace) -> None:
    """Seconds of the first frames, unbent and bent; prints them."""
    for size in chosen.sizes:
        for name in (None, *chosen.kinds):
            model, took = config_f(size, chosen.device, getattr(torch, chosen.precision)), []
            latents = latents_of(model, 1)
            with nullcontext() if name is None else bend(model, every_layer(model, name)):
                for _ in range(4):
                    start = now()
                    model.generate(latents).cpu()
                    took.append(f"{now() - start:.3f}")
            print(f"{size}, {chosen.precision}, {name or 'unbent'}, seconds of the first frames: {took}")


def warm(notes: Notes, chosen: argparse.Namespace) -> None:
    """The first frames in new processes, side by side, with nothing compiled before."""
    command = [sys.executable, __file__, "frames", "--out", str(chosen.out), "--device", str(chosen.device)]
    command += ["--sizes", *map(str, chosen.sizes)]
    started = [
        subprocess.Popen(
            [*command, "--precision", precision, "--kinds", *kinds], stdout=subprocess.PIPE, text=True
        )
        for precision in ("float32", "bfloat16")
        for kinds in ((), ("multiply", "threshold"), ("rotate",))
    ]
    for process in started:
        try:
            told, _ = process.communicate(timeout=max(0.1, chosen.deadline - perf_counter()))
        except subprocess.TimeoutExpired:
            process.kill()
            told, _ = process.communicate()
        notes.add(told.strip().replace("\n", "\n\n"))


def film(notes: Notes, chosen: argparse.Namespace) -> None:
    """Frames of a film in which everything moves, as pictures, without a file."""
    from netbend.film.frames import Film
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
                    made = Film(model, plan, Moving(latents_of(model, 2)), 120, play=Play(1.0))
                    list(made.frames(0, 20))
                    start = now()
                    list(made.frames(20, 120))
                    return f"{100 / (now() - start):.0f} frames a second"

                notes.attempt(f"{size}, {name_of(precision)}, {name}", rate)


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
        with torch.device(device):
            network = SynthesisNetwork(512, size, 3, **width, **clamp).eval().requires_grad_(False)
            w = torch.randn(1, network.num_ws, 512)
        return partial(network, w, noise_mode="const")

    return make, all(operator._init() for operator in (bias_act, upfirdn2d))


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


def name_of(precision: torch.dtype) -> str:
    return str(precision).removeprefix("torch.")


FIRST = (warm, times, bends, nvidia, profile, blocks, check, film)
STAGES = {stage.__name__: stage for stage in (*FIRST, batches, parts, first, frames, nvidia_build)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stages", choices=STAGES, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--nvidia", type=Path)
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--seconds", type=float, default=3600, help="after which nothing more is begun")
    parser.add_argument("--precision", default="float32", help="of frames")
    parser.add_argument("--kinds", nargs="*", default=[], help="of frames: bends at every layer")
    chosen = parser.parse_args()
    chosen.deadline = perf_counter() + chosen.seconds
    torch.set_grad_enabled(False)
    warnings.simplefilter("always")
    for name in chosen.stages:
        stage, start = STAGES[name], perf_counter()
        notes = Notes(Path(os.devnull) if name == "frames" else chosen.out / f"{name}.md")
        if name != "frames":
            notes.add(f"## {stage.__doc__}\n")
        try:
            if perf_counter() > chosen.deadline:
                raise TimeIsUpError
            stage(notes, chosen)
        except Exception as error:
            notes.add(failure(error))
            traceback.print_exc()
        if name != "frames":
            notes.add(f"\n{perf_counter() - start:.0f} s.")
            pack(chosen.out)


def pack(folder: Path) -> None:
    """All that is there in one file, as far as it goes."""
    with tarfile.open(folder / "all.tar.part", "w") as whole:
        for file in sorted(folder.glob("*.md")):
            whole.add(file, file.name)
    (folder / "all.tar.part").rename(folder / "all.tar")


if __name__ == "__main__":
    main()
