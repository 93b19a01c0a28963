"""Which axes transforms need of activations, and activations as a transform takes them.

Activations are `(N, F, ...)` here: samples, features, then up to three spatial axes - time, or height and
width, or depth, height and width.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from torch import Tensor

from netbend.transforms.planes import laid_out_as

if TYPE_CHECKING:
    from netbend.transforms.base import Transform

NAMES = {"": "no spatial axis", "T": "time alone", "HW": "height and width", "DHW": "depth, height and width"}


class Axes(StrEnum):
    """The axes that a transform needs, beside samples and features.

    none: it is given activations of any shape `(N, F, ...)`.
    spatial: one or more, which it treats alike: `(N, F, T)`, `(N, F, H, W)` or `(N, F, D, H, W)`.
    line: the last one. It is given maps `(N, F, H, W)`: sequences as maps of one row, volumes slice by slice.
    plane: height and width. It is given maps `(N, F, H, W)`, volumes slice by slice.
    """

    NONE = "none"
    SPATIAL = "spatial"
    LINE = "line"
    PLANE = "plane"


_NEEDED = {
    Axes.SPATIAL: "one spatial axis or more",
    Axes.LINE: "one spatial axis or more",
    Axes.PLANE: "height and width",
}


def suffices(spatial: str, needed: Axes) -> bool:
    """Whether spatial axes, such as `T` or `DHW`, are all that is needed."""
    return needed is Axes.NONE or len(spatial) > 1 or (spatial == "T" and needed is not Axes.PLANE)


def misfit(transform: "Transform", spatial: str) -> str | None:
    """Why a transform cannot be done along spatial axes, such as `T` or `DHW`; None if it can."""
    needed = transform.needed_axes
    if suffices(spatial, needed):
        return None
    upright = transform.upright if spatial and transform.axes is Axes.LINE else None
    with_what = f" with `{upright}`" if upright else ""
    remedy = f"; leave `{upright}` out" if upright else ""
    return f"`{transform.name}`{with_what} needs {_NEEDED[needed]}, and there is {NAMES[spatial]}{remedy}"


def as_taken(transform: "Transform", maps: Tensor) -> Tensor:
    """Maps `(N, F, ...)` in the shape in which a transform takes them; see Axes."""
    if maps.ndim == 4 or transform.needed_axes in (Axes.NONE, Axes.SPATIAL):
        return maps
    if maps.ndim == 5:
        return maps.transpose(1, 2).flatten(0, 1)
    return maps[:, :, None]


def as_given(taken: Tensor, maps: Tensor) -> Tensor:
    """What a transform made of `as_taken`, in the shape and layout of the maps themselves."""
    if taken.ndim == maps.ndim:
        return taken
    if maps.ndim == 3:
        return taken[:, :, 0]
    count, _, depth = maps.shape[:3]
    return laid_out_as(taken.view(count, depth, *taken.shape[1:]).transpose(1, 2), maps)
