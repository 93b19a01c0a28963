"""How good clusters are: agreement, alignment with parts of the picture, locality of their effect."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor
from torch.nn import functional as F

from netbend import Layer, Plan, SynthesisOptions, bend
from netbend.bending import PlannedBend
from netbend.clustering.activations import sampled_maps
from netbend.models.base import Model
from netbend.recipe import Clusters
from netbend.transforms import build_transform

OPTIONS = SynthesisOptions(truncation_psi=0.7)
THRESHOLDS = 40
BENDS = [("ablate", []), ("multiply", [5])]


@dataclass(frozen=True)
class Scene:
    """Pictures that clusters are measured on, with the masks of their parts.

    masks: bool `(N, P, h, w)`. images: `(N, 3, H, W)`.
    """

    model: Model
    seeds: Sequence[int]
    parts: tuple[str, ...]
    masks: Tensor
    images: Tensor

    def area(self) -> Tensor:
        """Share of the pictures that each part takes, `(P,)`."""
        return self.masks.float().mean((0, 2, 3))


def agreement(first: Clusters, second: Clusters, layer: Layer) -> float:
    """Adjusted Rand index of two clusterings of one layer."""
    return float(adjusted_rand_score(labels(first, layer), labels(second, layer)))


def labels(clusters: Clusters, layer: Layer) -> np.ndarray:
    """The cluster of each feature `(F,)`."""
    found = np.full(layer.features, -1)
    for number, features in clusters.layers[layer.key].items():
        found[list(features)] = number
    return found


def evenness(clusters: Clusters, layer: Layer) -> float:
    """The effective number of clusters, the exponential of the entropy of their sizes, over their number."""
    sizes = np.array([len(features) for features in clusters.layers[layer.key].values()])
    shares = sizes / sizes.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / len(sizes))


def map_sizes(scene: Scene, layer: Layer, groups: Sequence[Sequence[int]]) -> Tensor:
    """The mean absolute map of each group, at the masks' size: `(N, G, h, w)`."""
    found = []
    run = lambda seeds: scene.model.generate(scene.model.latents(seeds), OPTIONS)  # noqa: E731
    for maps in sampled_maps(scene.model, [layer], run, scene.seeds):
        sizes = maps[layer.name].float().abs()
        found.append(torch.stack([sizes[:, list(group)].mean(1) for group in groups], 1))
    return F.interpolate(torch.cat(found), scene.masks.shape[2:], mode="bilinear", align_corners=False)


def overlap(scene: Scene, sizes: Tensor) -> Tensor:
    """Intersection over union of every group's map with every part `(G, P)`, after Bau et al. 2017.

    A map is above one threshold for all pictures; the best is chosen on every other picture, and
    the overlap measured on the rest. sizes: `(N, G, h, w)`.
    """
    result = torch.zeros(sizes.shape[1], len(scene.parts))
    chosen_on, measured_on = (slice(half, None, 2) for half in (0, 1))
    for group in range(sizes.shape[1]):
        maps = sizes[:, group]
        levels = torch.quantile(
            maps.flatten()[:: max(1, maps.numel() // 100_000)], torch.linspace(0.02, 0.995, THRESHOLDS)
        )
        fits = torch.stack([_iou(maps[chosen_on] > level, scene.masks[chosen_on]) for level in levels])
        for part, best in enumerate(fits.argmax(0)):
            result[group, part] = _iou(maps[measured_on] > levels[best], scene.masks[measured_on])[part]
    return result


def _iou(above: Tensor, masks: Tensor) -> Tensor:
    both = (above[:, None] & masks).sum((0, 2, 3)).float()
    return both / (above.sum() + masks.sum((0, 2, 3)) - both).clamp(min=1)


def change_shares(scene: Scene, layer: Layer, group: Sequence[int]) -> Tensor:
    """Of all that bending a group changes, the share in each part `(B, P)`, for each of BENDS."""
    rows = []
    for name, parameters in BENDS:
        planned = PlannedBend(layer, build_transform(name, parameters), tuple(sorted(group)))
        total = torch.zeros(len(scene.parts))
        for index in range(0, len(scene.seeds), 16):
            part = slice(index, index + 16)
            with bend(scene.model, Plan((planned,))):
                bent = scene.model.generate(scene.model.latents(scene.seeds[part]), OPTIONS)
            change = (bent - scene.images[part]).abs().mean(1, keepdim=True)
            change = F.adaptive_avg_pool2d(change, scene.masks.shape[2:])
            # Each picture counts the same, however much it changes.
            change = change / change.sum((1, 2, 3), keepdim=True).clamp(min=1e-9)
            total += (change * scene.masks[part]).sum((0, 2, 3))
        rows.append(total / len(scene.seeds))
    return torch.stack(rows)
