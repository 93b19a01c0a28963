"""What bending every layer of a StyleGAN2 costs on top of the unbent run, and what a copy of its maps would.

    python benchmarks/bending.py [--threads 2] [--sizes 1024] [--clock cpu] [--table out.md] [--plot out.png]

Config F with random weights, batch 1, at 64, 256 and 1024; one transform at each numbered layer (9, 13
and 17 of them), on all features and on a random quarter of them. Median of paired runs. What is timed
is the bends themselves, from when a layer is done until its maps are bent, and the look at the end: it
scatters less than the difference of two runs that take a hundred times as long, which is given, too.
The limit is measured in the same rounds: a copy of as many features of the maps of each layer. --clock
cpu counts what this process computes, for machines that are not idle; with one thread only.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median

import torch
from limits import copy_rate, stylegan2
from paired import CLOCKS, timed
from plot import Axis
from report import Report, add_plot, compiling, options, table

from netbend.bending import Layer
from netbend.models.base import Model
from netbend.recipe import All, Bend, Random, Recipe
from netbend.recipe.selection import Selection
from netbend.transforms import build_transform

SIZES = [64, 256, 1024]
KINDS = {
    "multiply": [1.1],
    "threshold": [0.5],
    "dilate": [2],
    "rotate": [30],
}
SHARES = {"all": (1, All()), "a quarter": (4, Random(0.25))}


def main() -> None:
    parser = add_plot(options(__doc__, rounds=5))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    chosen = parser.parse_args()
    report = Report("Bending every layer", chosen, how=f"; {chosen.clock} time")
    report.add(f"{copy_rate(chosen.rounds)} {compiling()}")
    curves, limits = defaultdict(list), defaultdict(list)
    for size in chosen.sizes:
        clock = CLOCKS[chosen.clock]
        watch = Stopwatch(clock)
        times = timed(contenders(stylegan2(size), watch), chosen.rounds, clock=clock)
        rows = [["unbent", f"{times.middle('unbent'):.3f}", "", "", ""]]
        for share in SHARES:
            copied = times.ratio(f"copy, {share}", "unbent")
            limits[f"a copy, {share}"].append((size, 100 * copied))
            for name in (f"{kind}, {share}" for kind in KINDS):
                extra = watch.middle(name, chosen.rounds) / times.middle("unbent")
                curves[name].append((size, 100 * extra))
                longer = f"{times.ratio(name, 'unbent') - 1:+.1%}"
                rows.append([name, f"{times.middle(name):.3f}", f"{extra:.1%}", f"{copied:.1%}", longer])
        of_unbent = ["in the bends", "a copy of these maps", "longer than unbent"]
        heads = [f"StyleGAN2 {size}x{size}, at every layer", "seconds", *of_unbent]
        report.add(*table(heads, rows))
    ticks = {float(size): f"{size}" for size in chosen.sizes}
    report.draw(
        curves, limits, Axis("pixels a side", ticks=ticks), Axis("percent in the bends", logarithmic=False)
    )
    report.save()


class Stopwatch:
    """Adds up the time between the hooks that surround those of `bend`."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._seconds: dict[str, list[float]] = defaultdict(list)  # of each run

    def middle(self, name: str, rounds: int) -> float:
        """Median of the last runs, seconds."""
        return median(self._seconds[name][-rounds:])

    def run(self, name: str, model: Model, recipe: Recipe, latents: "netbend.Latents") -> None:
        spent = 0.0

        def begin(*_: object) -> None:
            nonlocal spent
            spent -= self._clock()

        def end(*_: object) -> None:
            nonlocal spent
            spent += self._clock()

        modules = [model.network.get_submodule(layer.module) for layer in model.layers if bendable(layer)]
        with ExitStack() as stack:
            for module in (*modules, model.network):
                stack.callback(module.register_forward_hook(begin).remove)
            stack.enter_context(netbend.bend(model, recipe, nonfinite="error"))
            for module in (*modules, model.network):
                stack.callback(module.register_forward_hook(end).remove)
            model.generate(latents)
        self._seconds[name].append(spent)


def contenders(model: Model, watch: Stopwatch) -> dict[str, Callable[[], object]]:
    """The unbent run, the bent ones, and copies."""
    latents = model.latents([0])
    found: dict[str, Callable[[], object]] = {"unbent": partial(model.generate, latents)}
    for share, (part, selection) in SHARES.items():
        found[f"copy, {share}"] = copies(model, part)
        for kind in KINDS:
            name = f"{kind}, {share}"
            found[name] = partial(watch.run, name, model, every_layer(model, kind, selection), latents)
    return found


def every_layer(model: Model, kind: str, selection: Selection) -> Recipe:
    """One transform at each numbered layer."""
    numbered = [layer.number for layer in model.layers if bendable(layer)]
    return Recipe(tuple(Bend(number, build_transform(kind, KINDS[kind]), selection) for number in numbered))


def bendable(layer: Layer) -> bool:
    return layer.number is not None


def copies(model: Model, part: int) -> Callable[[], object]:
    """The maps of each numbered layer, one in so many features of them, copied layer by layer."""
    maps = [
        torch.randn(1, layer.features // part, layer.height, layer.width).to(
            memory_format=torch.channels_last
        )
        for layer in model.layers
        if bendable(layer)
    ]
    return lambda: [these.clone() for these in maps]


if __name__ == "__main__":
    main()
