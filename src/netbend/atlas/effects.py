"""What bending a cluster does: four bends, how much each changes, and over how much of the output."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from netbend.bending import Layer
from netbend.transforms import Transform, build_transform

MOST_OF_IT = 0.9  # of all change, that locality looks for
NOTHING = 1e-6  # of the range of values: less is rounding
TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
SMALL_MAP = 8  # pixels; on smaller maps a disc of radius 2 would cover nearly all


@dataclass(frozen=True)
class Treatment:
    """One way to bend all features of a cluster. slug: for file names. label: for people."""

    slug: str
    label: str
    transform: Transform


def treatments(layer: Layer) -> tuple[Treatment, ...]:
    """The bends that every cluster of a layer is shown with."""
    radius = 1 if min(layer.height, layer.width) < SMALL_MAP else 2
    return (
        Treatment("ablate", "ablate", build_transform("ablate", {})),
        Treatment("times-5", f"{TIMES} 5", build_transform("multiply", {"p": 5.0})),
        Treatment("times-minus-1", f"{TIMES} {MINUS}1", build_transform("multiply", {"p": -1.0})),
        Treatment("dilate", f"dilate r = {radius}", build_transform("dilate", {"r": radius})),
    )


@dataclass(frozen=True)
class Effect:
    """How much a bend changes.

    size: mean absolute change, as a share of the range of values: 0 nothing, 1 from black to white.
    locality: the smallest share of the picture, or spectrogram, that holds 90 % of the change; from
        almost 0, all in one spot, to 0.9, the same everywhere. None where nothing changes.
    finite: whether the bend kept NaN and infinity away; otherwise they were replaced.
    """

    size: float
    locality: float | None
    finite: bool = True


def measure(unbent: Sequence[Tensor], bent: Sequence[Tensor], *, finite: bool = True) -> Effect:
    """The effect of a bend on some samples, each `(C, H, W)` with values of the range 0 to 1.

    Size and locality are means over the samples; those that do not change have no locality.
    """
    changes = [(after - before).abs().mean(dim=0) for before, after in zip(unbent, bent, strict=True)]
    sizes = [change.mean().item() for change in changes]
    places = [smallest_share(change) for change, size in zip(changes, sizes, strict=True) if size > NOTHING]
    if not places:
        return Effect(0.0, None, finite)
    return Effect(float(np.mean(sizes)), float(np.mean(places)), finite)


def smallest_share(change: Tensor, most_of_it: float = MOST_OF_IT) -> float:
    """The smallest share of the places of a non-negative `change` that together hold most of it."""
    largest_first = np.sort(change.flatten().cpu().numpy())[::-1]
    held = np.cumsum(largest_first, dtype=np.float64)
    # A whisker less than asked: sums of floats fall short of what they should be.
    count = int(np.searchsorted(held, most_of_it * held[-1] * (1 - 1e-9))) + 1
    return count / len(largest_first)
