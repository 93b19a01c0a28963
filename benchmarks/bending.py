"""What bending every layer of a StyleGAN2 of 1024x1024 costs on top of the unbent run.

    python benchmarks/bending.py [--threads 2] [--rounds 5] [--clock cpu]

Config F with random weights, batch 1, one transform at each of the 17 layers, on all features and on a
random quarter of them. Median of paired runs. --clock cpu counts what this process computes, for
machines that are not idle; with one thread only.
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch
from paired import CLOCKS, machine, timed

import netbend
from netbend.memory import keep_freed_memory
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.recipe import All, Bend, Random, Recipe
from netbend.transforms import build_transform

KINDS = {
    "multiply": [1.1],
    "threshold": [0.5],
    "dilate": [2],
    "rotate": [30],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    chosen = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    model = StyleGAN2(Generator(Architecture.of_width(1024)))
    latents = model.latents([0])
    contenders: dict[str, Callable[[], object]] = {"unbent": partial(model.generate, latents)}
    for name, params in KINDS.items():
        for share, selection in (("all", All()), ("a quarter", Random(0.25))):
            numbered = [layer.number for layer in model.layers if layer.number is not None]
            bends = tuple(Bend(number, build_transform(name, params), selection) for number in numbered)
            contenders[f"{name}, {share}"] = partial(bent, model, Recipe(bends=bends), latents)
    times = timed(contenders, chosen.rounds, clock=CLOCKS[chosen.clock])
    print(f"{machine()}; {chosen.clock} time, median of {chosen.rounds}\n")
    print("| at every layer | seconds | on top |\n|---|---|---|")
    for name in contenders:
        print(f"| {name} | {times.middle(name):.3f} | {times.ratio(name, 'unbent') - 1:+.1%} |")


def bent(model: StyleGAN2, recipe: Recipe, latents: "netbend.Latents") -> torch.Tensor:
    with netbend.bend(model, recipe, nonfinite="error"):
        return model.generate(latents)


if __name__ == "__main__":
    main()
