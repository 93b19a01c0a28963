"""How good are clusters of features? Prints the tables of docs/clusters.md.

    python -m benchmarks.clustering faces --drawn-parts WEIGHTS --work out/clusters
    python -m benchmarks.clustering photo-faces --photo-parts FOLDER --work out/clusters --samples 200

--given NAME=A.yaml,B.yaml adds a method whose cluster files of two seeds were made before, such as the
preset `paper`, which takes hours.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.clustering.drawn_parts import PARTS, DrawnParts
from benchmarks.clustering.measures import (
    OPTIONS,
    Scene,
    agreement,
    change_shares,
    evenness,
    map_sizes,
    overlap,
)
from benchmarks.clustering.methods import METHODS
from benchmarks.clustering.photo_parts import load_parts
from netbend import Layer, load_model
from netbend.models.base import Model
from netbend.recipe import Clusters, load_clusters

DRAWN_SEEDS = range(20_000, 20_064)
LEAST_AREA = 0.002  # of the pictures, for a part to be counted


def main() -> None:
    options = _options()
    model = load_model(options.model)
    with_parts = options.drawn_parts is not None or options.photo_parts is not None
    scene = _scene(model, options) if with_parts else None
    files = dict.fromkeys(options.methods.split(",")) | dict(given.split("=") for given in options.given)
    found, costs = {}, {}
    for name, given in files.items():
        if given is not None:
            found[name] = [load_clusters(file) for file in given.split(",")]
            continue
        runs = [_run(name, options, seed) for seed in (0, 1)]
        found[name] = [load_clusters(file) for file, _ in runs]
        costs[name] = runs[0][1]
    wanted = [layer for layer in model.layers if str(layer.key) in options.layers.split(",")]
    layers = wanted or [layer for layer in model.layers if layer.key in found["quick"][0].layers]
    numbers = ", ".join(str(layer.key) for layer in layers)
    print(f"{model.name}, {options.samples} samples a run; layers {numbers}")
    if scene is not None:
        print(f"{len(scene.seeds)} pictures, psi {OPTIONS.truncation_psi}; of them")
        print(", ".join(f"{part} {area:.1%}" for part, area in zip(scene.parts, scene.area(), strict=True)))
    _print_methods(scene, found, costs, layers)
    if scene is not None:
        _print_parts(scene, found["quick"][0], layers)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--drawn-parts", type=Path)
    parser.add_argument("--photo-parts", type=Path)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--methods", default=",".join(("quick", *METHODS)))
    parser.add_argument("--layers", default="", help="such as 1,5")
    parser.add_argument("--given", action="append", default=[])
    return parser.parse_args()


def _scene(model: Model, options: argparse.Namespace) -> Scene:
    """Pictures with masks; parts too small to be measured are left out."""
    seeds = DRAWN_SEEDS[: options.pictures] if options.drawn_parts else range(options.pictures)
    images = torch.cat(
        [model.generate(model.latents(seeds[i : i + 8]), OPTIONS) for i in range(0, len(seeds), 8)]
    )
    if options.drawn_parts:
        parts, masks = PARTS, DrawnParts(options.drawn_parts)(images)
    else:
        parts, masks = load_parts(options.photo_parts, seeds)
    kept = [i for i, area in enumerate(masks.float().mean((0, 2, 3))) if area >= LEAST_AREA]
    return Scene(model, seeds, tuple(parts[i] for i in kept), masks[:, kept], images)


def _run(method: str, options: argparse.Namespace, seed: int) -> tuple[Path, dict[str, float]]:
    """One clustering in a process of its own; kept, so that it is not done twice."""
    out = options.work / f"{options.model}-{method.replace(' ', '-')}-{options.samples}-{seed}.yaml"
    cost = out.with_suffix(".json")
    if not cost.exists():
        options.work.mkdir(parents=True, exist_ok=True)
        command = ["benchmarks.clustering.methods", method, options.model, str(seed), str(options.samples)]
        done = subprocess.run(
            [sys.executable, "-m", *command, str(out)], check=True, capture_output=True, text=True
        )
        cost.write_text(done.stdout)
    return out, json.loads(cost.read_text())


def _print_methods(
    scene: Scene | None,
    found: dict[str, list[Clusters]],
    costs: dict[str, dict[str, float]],
    layers: Sequence[Layer],
) -> None:
    parts = " parts found | best part | lift of change |" if scene is not None else ""
    print(f"\n| method | agreement, mean | least | evenness |{parts} s | MB |")
    print("|---|---|---|---|---|---|" + "---|---|---|" * (scene is not None))
    for name, runs in found.items():
        agreements = [agreement(*runs, layer) for layer in layers] if len(runs) > 1 else [np.nan]
        figures = [f"{np.mean(agreements):.2f}", f"{np.min(agreements):.2f}"]
        figures.append(f"{np.mean([evenness(runs[0], layer) for layer in layers]):.2f}")
        if scene is not None:
            scores = np.mean([_layer_scores(scene, runs[0], layer) for layer in layers], axis=0)
            figures += [f"{scores[0]:.3f}", f"{scores[1]:.3f}", f"{scores[2]:.2f}"]
        cost = costs.get(name, {"seconds": "-", "megabytes": "-"})
        print(f"| {name} | {' | '.join(figures)} | {cost['seconds']} | {cost['megabytes']} |", flush=True)


def _layer_scores(scene: Scene, clusters: Clusters, layer: Layer) -> tuple[float, float, float]:
    """Mean over parts of the best cluster's IoU; mean over clusters of the best part's IoU; mean over
    clusters of the largest lift: the share of change in a part over the part's share of the picture."""
    groups = list(clusters.layers[layer.key].values())
    fits = overlap(scene, map_sizes(scene, layer, groups))
    shares = torch.stack([change_shares(scene, layer, group) for group in groups])
    lifts = (shares / scene.area()).amax(2).mean()
    return float(fits.amax(0).mean()), float(fits.amax(1).mean()), float(lifts)


def _print_parts(scene: Scene, clusters: Clusters, layers: Sequence[Layer]) -> None:
    """For every part, the clusters of `quick` that show it best and that change it most."""
    fits, lifts = {}, {}
    for layer in layers:
        numbers = list(clusters.layers[layer.key])
        groups = [clusters.layers[layer.key][number] for number in numbers]
        for number, fit, group in zip(
            numbers, overlap(scene, map_sizes(scene, layer, groups)), groups, strict=True
        ):
            fits[layer.key, number] = fit
            lifts[layer.key, number] = change_shares(scene, layer, group).mean(0)
    print("\n| part | share of the picture | best IoU | share of the change, at most |")
    print("|---|---|---|---|")
    for index, part in enumerate(scene.parts):
        best = max(fits, key=lambda key: fits[key][index])
        most = max(lifts, key=lambda key: lifts[key][index])
        print(
            f"| {part} | {scene.area()[index]:.1%} | {fits[best][index]:.2f} "
            f"(layer {best[0]}, cluster {best[1]}) "
            f"| {lifts[most][index]:.1%} (layer {most[0]}, cluster {most[1]}) |"
        )
    print("\nAll clusters: layer.cluster features: best IoU; largest lifts of change")
    for key, fit in fits.items():
        lift = lifts[key] / scene.area()
        order = lift.argsort(descending=True)[:3].tolist()
        size = len(clusters.layers[key[0]][key[1]])
        print(
            f"{key[0]}.{key[1]} {size}: {scene.parts[int(fit.argmax())]} {fit.max():.2f}; "
            + ", ".join(f"{scene.parts[i]} {lift[i]:.1f}x ({lifts[key][i]:.0%})" for i in order)
        )


if __name__ == "__main__":
    with torch.no_grad():
        main()
