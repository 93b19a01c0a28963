"""What the preset `paper` finds in `faces` and in layers 1 to 8 of `photo-faces`, in about an hour.

    python scripts/paper_clusters.py WORK [MODEL ...]

Writes src/netbend/data/MODEL/clusters-paper.yaml after every layer. WORK keeps finished layers, and the
unfinished one after each epoch; the same command goes on. The paper's settings (1,000 samples, 100 epochs,
Adam at 1e-4, the batches of its table 2) would take days of one core: see docs/clusters.md for what is
shortened here. With `--full` each layer gets them.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from netbend.bending import Layer
from netbend.choices import Preset
from netbend.clustering import Settings, cluster_features, default_settings
from netbend.clustering.activations import Run
from netbend.models.base import Model, Play
from netbend.models.catalog import load_model
from netbend.recipe import Clusters, load_clusters, save_clusters

DATA = Path(__file__).parent.parent / "src" / "netbend" / "data"
LEARNING_RATE = 1e-3  # ten times the paper's, for about a hundredth of its steps
TEST_SAMPLES = 10
# By the side of a layer's maps: samples, epochs, maps of a step.
SHORTENED = {
    "faces": {4: (60, 10, 100), 8: (60, 10, 100), 16: (60, 10, 100), 32: (60, 10, 50), 64: (50, 8, 25)},
    "photo-faces": {8: (60, 8, 100), 16: (50, 6, 100), 32: (30, 4, 50), 64: (20, 4, 25)},
}


def main(work: Path, names: Sequence[str], *, full: bool) -> None:
    for name in names:
        model = load_model(name, "cpu")
        done: list[Clusters] = []
        for layer in model.layers:
            if layer.number is None or layer.height not in SHORTENED[name] or (name, layer.number) == SKIPPED:
                continue
            done.append(clusters_of(model, layer, settings_of(model, layer, full=full), work))
            save_clusters(together(done), DATA / name / "clusters-paper.yaml")
            print(name, layer, done[-1].method["accuracy"], flush=True)


SKIPPED = ("photo-faces", 0)
LONGER = {("photo-faces", 7): 5}  # epochs


def settings_of(model: Model, layer: Layer, *, full: bool) -> Settings:
    settings = default_settings(model, [layer.key], preset=str(Preset.PAPER))
    if full:
        return settings
    samples, epochs, batch = SHORTENED[model.name][layer.height]
    epochs = LONGER.get((model.name, layer.number), epochs)
    return replace(
        settings,
        samples=samples,
        epochs=epochs,
        batch=batch,
        test_samples=TEST_SAMPLES,
        learning_rate=LEARNING_RATE,
    )


def clusters_of(model: Model, layer: Layer, settings: Settings, work: Path) -> Clusters:
    """Of one layer; read, where an earlier run with these settings has found them."""
    folder = work / f"{model.name}-{layer.number}-{settings.samples}x{settings.epochs}"
    finished = folder.with_suffix(".yaml")
    if not finished.exists():
        folder.mkdir(parents=True, exist_ok=True)
        clusters = cluster_features(model, settings, run=up_to(layer, model), work=folder)
        save_clusters(clusters, finished)
    return load_clusters(finished)


class _Seen(BaseException):
    """The maps are there; what comes after the layer need not be computed."""


def up_to(layer: Layer, model: Model) -> Run:
    """Generates, and stops behind a layer."""
    module = model.network.get_submodule(layer.module)

    def stop(*_: Any) -> None:
        raise _Seen

    def run(seeds: Sequence[int]) -> None:
        handle = module.register_forward_hook(stop)
        try:
            model.generate(model.latents(seeds), Play())
        except _Seen:
            pass
        finally:
            handle.remove()

    return run


def together(layers: Sequence[Clusters]) -> Clusters:
    """The clusters of several layers in one file, which says of each how it was found."""
    method = {
        key: {key_of(layer): of_layer(layer, key) for layer in layers}
        for key in ("samples", "epochs", "batch", "accuracy")
    }
    first = layers[0]
    same = {
        key: first.method[key] for key in ("preset", "seed", "truncation", "test_samples", "learning_rate")
    }
    found = {key: members for layer in layers for key, members in layer.layers.items()}
    return Clusters(found, model=first.model, model_hash=first.model_hash, method={**same, **method})


def key_of(clusters: Clusters) -> int | str:
    return next(iter(clusters.layers))


def of_layer(clusters: Clusters, key: str) -> Any:
    value = clusters.method[key]
    return next(iter(value.values())) if isinstance(value, dict) else value


if __name__ == "__main__":
    options = [option for option in sys.argv[1:] if option != "--full"]
    if not options:
        sys.exit(__doc__)
    main(Path(options[0]), options[1:] or list(SHORTENED), full="--full" in sys.argv)
