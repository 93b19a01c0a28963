"""Everything that the page shows is made here, cluster by cluster, and written into a folder."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from netbend.atlas.effects import Treatment, measure, treatments
from netbend.atlas.entries import Atlas, ClusterEntry, FeatureMap, LayerEntry, Shown
from netbend.atlas.lines import naming_line, recipe_line
from netbend.atlas.maps import LayerMaps, draw_map, watch
from netbend.atlas.samples import Samples
from netbend.atlas.sheets import draw_sheet
from netbend.bending import Layer, Plan, PlannedBend
from netbend.clustering.progress import Report, Tell
from netbend.models.output import AudioOutput
from netbend.recipe import Clusters

JPEG_QUALITY = 92


class Builder:
    """Fills a folder with pictures, sheets and sounds, and gives what there is to show."""

    def __init__(self, samples: Samples, clusters: Clusters, folder: Path, tell: Tell):
        self.samples, self.clusters, self.folder, self.tell = samples, clusters, folder, tell
        self.done = self.total = 0

    def build(self, layers: Sequence[Layer]) -> Atlas:
        self.total = sum(len(treatments(layer)) * len(self.clusters.layers[layer.key]) for layer in layers)
        self.unbent, _ = self.samples.outputs(Plan(()))
        everything = range(len(self.samples.names))
        unbent = Shown(
            "unbent",
            [self._picture(f"images/unbent-{index}", self.unbent[index]) for index in everything],
            self._sounds("sounds/unbent", Plan(()), everything),
        )
        model = self.samples.model
        return Atlas(
            model.name,
            list(_facts(self.samples, self.clusters)),
            self.samples.names,
            unbent,
            self.samples.picture(self.unbent[0]).size,
            [self._layer(layer, unbent) for layer in layers],
            isinstance(model.output, AudioOutput),
        )

    def _layer(self, layer: Layer, unbent: Shown) -> LayerEntry:
        members = self.clusters.layers[layer.key]
        slug = _slug(self.samples.model.layers, layer)
        maps = watch(self.samples, layer, members)
        clusters = [self._cluster(layer, slug, number, maps) for number in sorted(members)]
        entry = LayerEntry(layer, slug, f"sheets/{slug}.png", clusters)
        self._save(draw_sheet(entry, unbent, self.folder), entry.sheet)
        return entry

    def _cluster(self, layer: Layer, slug: str, number: int, maps: LayerMaps) -> ClusterEntry:
        features = self.clusters.layers[layer.key][number]
        stem = f"{slug}/cluster-{number}"
        return ClusterEntry(
            number,
            self.clusters.names.get(layer.key, {}).get(number),
            len(features),
            self._map(f"images/{stem}-mean.png", maps.means[number]),
            [
                FeatureMap(feature, self._map(f"images/{slug}/feature-{feature}.png", maps.first[feature]))
                for feature in maps.strongest(features)
            ],
            [self._bent(layer, stem, features, treatment) for treatment in treatments(layer)],
            recipe_line(self.clusters, layer, number),
            naming_line(self.clusters, layer, number),
        )

    def _bent(self, layer: Layer, stem: str, features: Sequence[int], treatment: Treatment) -> Shown:
        plan = Plan((PlannedBend(layer, treatment.transform, tuple(sorted(features))),))
        outputs, finite = self.samples.outputs(plan)
        effect = measure(self.unbent, outputs, finite=finite)
        stem = f"{stem}-{treatment.slug}"
        pictured = range(self.samples.pictured)
        shown = Shown(
            treatment.label,
            [self._picture(f"images/{stem}-{index}", outputs[index]) for index in pictured],
            self._sounds(f"sounds/{stem}", plan, pictured),
            effect,
            self.samples.amount(effect.size),
        )
        self.done += 1
        self.tell(Report("Bending", self.done, self.total, str(layer)))
        return shown

    def _picture(self, stem: str, output: Tensor) -> str:
        return self._save(self.samples.picture(output), stem + self.samples.suffix)

    def _map(self, file: str, values: Tensor) -> str:
        return self._save(draw_map(values, time_by_frequency=self.samples.upright), file)

    def _sounds(self, stem: str, plan: Plan, indices: Sequence[int]) -> list[str]:
        files = [f"{stem}-{index}.flac" for index in indices]
        return [
            file
            for file, index in zip(files, indices, strict=True)
            if self.samples.write_sound(index, plan, self.folder / file)
        ]

    def _save(self, picture: Image.Image, file: str) -> str:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jpg":
            picture.save(path, quality=JPEG_QUALITY, subsampling=0)
        else:
            picture.save(path, optimize=True)
        return file


def _slug(layers: Sequence[Layer], layer: Layer) -> str:
    """A layer's name in names of files: ASCII, and no other layer's."""
    if layer.number is not None:
        return f"layer-{layer.number:02d}"
    readable = re.sub(r"[^a-z0-9]+", "-", layer.name.lower()).strip("-")
    return f"place-{list(layers).index(layer):02d}-{readable}".rstrip("-")


def _facts(samples: Samples, clusters: Clusters) -> Iterator[tuple[str, str]]:
    model = samples.model
    yield "Model", f"{model.name}, {model.hash[:12]}" if model.hash else model.name
    method = ", ".join(f"{key} {value}" for key, value in clusters.method.items() if _is_short(value))
    yield "Clusters", "; ".join(filter(None, [Path(clusters.file).name, method]))
    psi = model.psi(samples.latents, samples.options)
    played = "" if psi == 1 else f"; truncation {psi:g}"
    yield "Samples", ", ".join(samples.names) + played


def _is_short(value: object) -> bool:
    return isinstance(value, int | float | str) and len(str(value)) <= 40
