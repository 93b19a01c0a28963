"""One table of all transforms with sample parameters; the same checks run over every row."""

import torch
from torch import Tensor

from netbend.transforms import Transform

SAMPLES: list[tuple[str, dict[str, object]]] = [
    ("ablate", {}),
    ("invert", {}),
    ("multiply", {"p": -1.7}),
    ("multiply", {"p": 0}),
    ("threshold", {"t": 0.25}),
    ("flip-h", {}),
    ("flip-v", {}),
    ("translate", {"x": 0.3, "y": -0.17}),
    ("scale", {"kx": 0.6}),
    ("scale", {"kx": 1.7, "ky": 0.4}),
    ("rotate", {"angle": 45}),
    ("rotate", {"angle": -721.5}),
    ("affine", {"matrix": [[1.2, 0.3, 1.5], [-0.2, 0.8, -2.0]]}),
    ("erode", {"r": 1}),
    ("erode", {"r": 3}),
    ("dilate", {"r": 2}),
    ("dilate", {"r": 40}),
    ("add", {"c": -0.7}),
    ("clamp", {"low": -0.5, "high": 1.25}),
    ("quantize", {"step": 0.3}),
    ("abs", {}),
    ("sign", {}),
    ("blur", {"sigma": 0.8}),
    ("blur", {"sigma": 11}),
    ("sharpen", {"amount": 1.5, "sigma": 1.2}),
    ("sobel", {}),
    ("fft-filter", {"low": 0.1, "high": 0.5}),
    ("fft-filter", {"low": 0.4, "high": 0.2}),
    ("normalize", {}),
    ("noise", {"strength": 0.5, "seed": 3}),
    ("roll", {"x": 0.3, "y": -0.6}),
    ("shuffle", {"seed": 1}),
]


def feature_by_feature(transform: Transform, maps: Tensor, features: list[int]) -> Tensor:
    """Some features of some maps `(N, F, ...)` bent one by one, as plainly laid out as can be."""
    bent = maps[:, features].clone(memory_format=torch.contiguous_format)
    if transform.name == "shuffle":
        return bent[:, SHUFFLED[len(features)]]
    for sample in bent:
        for place, feature in enumerate(features):
            alone = sample[place].clone()[None, None]
            made = transform(alone, features=[feature]) if transform.numbered else transform(alone)
            sample[place] = made[0, 0]
    return bent


# What `shuffle` with the seed 1 makes of so many features: numpy's frozen stream, for good.
SHUFFLED = {
    1: [0],
    2: [0, 1],
    3: [2, 0, 1],
    4: [3, 0, 2, 1],
    5: [4, 1, 3, 0, 2],
    6: [4, 1, 3, 0, 2, 5],
}
