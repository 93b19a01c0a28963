"""What the preset `paper` finds in `faces` and in layers 1 to 8 of `photo-faces`.

    python scripts/paper_clusters.py WORK [--shortened] [--models MODEL ...] [--seconds N] [--out FOLDER]

Writes clusters-paper.yaml and networks-paper.safetensors into FOLDER/MODEL, by default src/netbend/data. What
comes with netbend was made with --shortened, in an hour and a half of one core; with the paper's settings it
would take days, or half an hour of a large GPU. Layers take turns, a step each. With --seconds they stop when
the time is up; the same command goes on from WORK.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netbend.bending import Layer
from netbend.choices import Preset
from netbend.clustering import Settings, default_settings
from netbend.clustering.activations import Run
from netbend.clustering.grouping import Counts, group
from netbend.clustering.metric_learning import MetricTraining, Progress
from netbend.clustering.paper import activations_of, save_networks, training_of
from netbend.models.base import Model, SynthesisOptions
from netbend.models.catalog import load_model
from netbend.recipe import Clusters, save_clusters

DATA = Path(__file__).parent.parent / "src" / "netbend" / "data"
LAYERS = {"faces": range(9), "photo-faces": range(1, 9)}
# Shortened. By the side of a layer's maps: samples, epochs, maps of a step.
SHORTENED = {
    "faces": {4: (60, 10, 100), 8: (60, 10, 100), 16: (60, 10, 100), 32: (60, 10, 50), 64: (50, 8, 25)},
    "photo-faces": {8: (60, 8, 100), 16: (50, 6, 100), 32: (30, 4, 50), 64: (20, 9, 25)},
}
LEARNING_RATE = 1e-3  # ten times the paper's, for about a hundredth of its steps
TEST_SAMPLES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--models", nargs="+", choices=list(LAYERS), default=list(LAYERS))
    parser.add_argument("--shortened", action="store_true")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    lessons = [
        lesson
        for name in options.models
        for lesson in lessons_of(load_model(name, options.device), options.work / name, options.shortened)
    ]
    learn(lessons, deadline)
    for name in options.models:
        learnt = [lesson for lesson in lessons if lesson.model.name == name and lesson.epochs]
        learnt.sort(key=lambda lesson: lesson.layer.number or 0)
        if learnt:
            (options.out / name).mkdir(parents=True, exist_ok=True)
            save_clusters(together(learnt), options.out / name / "clusters-paper.yaml")
            networks = {lesson.layer.name: lesson.training.network for lesson in learnt}
            file = options.out / name / "networks-paper.safetensors"
            save_networks(networks, file, learnt[0].model.hash)


def lessons_of(model: Model, work: Path, shortened: bool) -> list["Lesson"]:
    """One for each layer, with its maps collected."""
    work.mkdir(parents=True, exist_ok=True)
    lessons = []
    for layer in model.layers:
        if layer.number in LAYERS[model.name]:
            settings = settings_of(model, layer, shortened)
            began = time.monotonic()
            maps = activations_of(model, layer, settings, work)
            maps.collect(model, up_to(layer, model), settings.latent_seeds)
            say(f"{model.name} {layer}: maps in {time.monotonic() - began:.1f} s")
            lessons.append(Lesson(model, layer, settings, training_of(model, maps, settings, work)))
    return lessons


def settings_of(model: Model, layer: Layer, shortened: bool) -> Settings:
    """The paper's, or those that an afternoon is enough for."""
    settings = default_settings(model, [layer.key], preset=str(Preset.PAPER))
    if not shortened:
        return settings
    samples, epochs, batch = SHORTENED[model.name][layer.height]
    return replace(
        settings,
        samples=samples,
        epochs=epochs,
        batch=batch,
        test_samples=TEST_SAMPLES,
        learning_rate=LEARNING_RATE,
    )


def learn(lessons: Sequence["Lesson"], deadline: float) -> None:
    """All side by side, a step each in turn, up to all epochs or to the deadline."""
    unfinished = {lesson: lesson.training.steps(lesson.settings.epochs) for lesson in lessons}
    while unfinished and time.monotonic() < deadline:
        for lesson, steps in list(unfinished.items()):
            at = next(steps, lesson)
            if at is lesson:
                del unfinished[lesson]
            elif isinstance(at, Progress) and (at.epoch % 5 == 0 or at.epoch == 1):
                say(f"{lesson.model.name} {lesson.layer}: epoch {at.epoch}, {at.accuracy:.1%} told right")
    for lesson in unfinished:
        lesson.training.save()
        say(f"{lesson.model.name} {lesson.layer}: out of time, {lesson.epochs} epochs")


@dataclass(eq=False)
class Lesson:
    """A layer, and the network that is taught to tell its features."""

    model: Model
    layer: Layer
    settings: Settings
    training: MetricTraining

    @property
    def epochs(self) -> float:
        """That it has been taught, the last one in part."""
        taught = self.settings.samples * self.layer.features
        epochs = self.training.epoch + self.training.batches * self.training.batch / taught
        return self.training.epoch if epochs == self.training.epoch else round(epochs, 1)

    def clusters(self) -> dict[int, tuple[int, ...]]:
        space = self.training.mean_embedding()
        return dict(
            enumerate(group(space, Counts().of(self.layer), self.settings.seed, self.settings.restarts))
        )


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
            model.generate(model.latents(seeds), SynthesisOptions(truncation_psi=1.0))
        except _Seen:
            pass
        finally:
            handle.remove()

    return run


def together(lessons: Sequence[Lesson]) -> Clusters:
    """The clusters of a model's layers in one file, which says of each how long it was taught."""
    model = lessons[0].model
    method: dict[str, Any] = dict(lessons[0].settings.method())
    for each in ("samples", "batch"):
        method[each] = {lesson.layer.key: lesson.settings.method()[each] for lesson in lessons}
    method["epochs"] = {lesson.layer.key: lesson.epochs for lesson in lessons}
    method["accuracy"] = {lesson.layer.key: round(lesson.training.accuracy, 3) for lesson in lessons}
    found = {lesson.layer.key: lesson.clusters() for lesson in lessons}
    return Clusters(found, model=model.name, model_hash=model.hash, method=method)


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    main()
