"""Activation maps of clusters and of their features, as pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from netbend.atlas.samples import LARGEST, Samples
from netbend.bending import Layer
from netbend.clustering.activations import sampled_maps
from netbend.pictures import paint
from netbend.recipe.clusters import Members

FEATURE_SIZE = (96, 96)  # pixels: maps of single features are not shown larger
BRIGHTEST = 0.99  # quantile of a map that is drawn as bright as can be
MOST_FEATURES = 24  # of a cluster, that are shown


@dataclass(frozen=True)
class LayerMaps:
    """Absolute activations of one layer.

    means: for each cluster `(H, W)`, over samples and features.
    strength: mean over samples and places, for each feature. first: of the first sample, `(F, h, w)`,
    reduced to what is shown.
    """

    means: dict[int, Tensor]
    strength: Tensor
    first: Tensor

    def strongest(self, features: Sequence[int], most: int = MOST_FEATURES) -> list[int]:
        """The features whose maps are strongest in the mean, strongest first."""
        return sorted(features, key=lambda feature: (-self.strength[feature].item(), feature))[:most]


def watch(samples: Samples, layer: Layer, clusters: Members) -> LayerMaps:
    """Run the model on all samples and look at the maps of a layer."""
    count = len(samples.latents)
    means = {number: torch.zeros(layer.height, layer.width) for number in clusters}
    strength = torch.zeros(layer.features)
    first = None
    for batch in sampled_maps(samples.model, [layer], samples.run, range(count)):
        for maps in batch[layer.name]:
            absolute = maps.float().abs().cpu()
            first = reduced(absolute, FEATURE_SIZE) if first is None else first
            strength += absolute.mean(dim=(1, 2)) / count
            for number, features in clusters.items():
                means[number] += absolute[list(features)].mean(dim=0) / count
    assert first is not None
    return LayerMaps(means, strength, first)


def draw_map(values: Tensor, *, time_by_frequency: bool = False) -> Image.Image:
    """A map `(H, W)`, least dark to most bright; one that is the same everywhere is dark.

    The largest hundredth is all the brightest: maps of sound models have one hot edge, beside which
    everything else would be black.
    """
    shown = reduced(upright(values) if time_by_frequency else values, (LARGEST, LARGEST))
    low, high = shown.min(), torch.quantile(shown, BRIGHTEST)
    if high == low:  # less than a hundredth of it is active at all
        high = shown.max()
    return paint(((shown - low) / (high - low)).clamp(max=1) if high > low else torch.zeros_like(shown))


def upright(values: Tensor) -> Tensor:
    """Time x frequency `(T, F)` turned so that time goes to the right and frequency upwards, `(F, T)`."""
    return values.T.flip(0)


def reduced(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps `(..., H, W)` made to fit into (width, height) by means over areas; small ones stay."""
    height, width = maps.shape[-2:]
    zoom = min(1, size[0] / width, size[1] / height)
    smaller = max(1, round(height * zoom)), max(1, round(width * zoom))
    if smaller == (height, width):
        return maps
    return F.adaptive_avg_pool2d(maps.reshape(1, -1, height, width), smaller).view(*maps.shape[:-2], *smaller)
