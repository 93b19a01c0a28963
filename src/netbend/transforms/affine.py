"""Reflections, translations, scalings, rotations (paper, section 5.2)."""

from collections.abc import Sequence
from math import cos, radians, sin
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator
from torch import Tensor

from netbend.transforms.axes import Axes
from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.planes import summed_in
from netbend.transforms.warp import Matrix, origins, sources, warp


def translation(x: float, y: float) -> Matrix:
    """x, y in pixels (equation 3)."""
    return ((1.0, 0.0, x), (0.0, 1.0, y))


def scaling(kx: float, ky: float) -> Matrix:
    """Equation 4."""
    return ((kx, 0.0, 0.0), (0.0, ky, 0.0))


def rotation(degrees: float) -> Matrix:
    """Counter-clockwise as seen; y points down, so the sign of sin differs from equation 5."""
    c, s = _cos_sin(degrees % 360)
    return ((c, s, 0.0), (-s, c, 0.0))


def _cos_sin(degrees: float) -> tuple[float, float]:
    """Exact for right angles, so that turning by 90 moves pixels onto pixels."""
    exact = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}
    return exact.get(degrees, (cos(radians(degrees)), sin(radians(degrees))))


@transform("flip-h")
class FlipHorizontal(Transform):
    """Mirror left and right (section 5.2, equation 2)."""

    axes = Axes.LINE
    stays_finite = True

    def __call__(self, maps: Tensor) -> Tensor:
        return maps.flip(3)


@transform("flip-v")
class FlipVertical(Transform):
    """Mirror top and bottom (section 5.2, equation 2)."""

    stays_finite = True

    def __call__(self, maps: Tensor) -> Tensor:
        return maps.flip(2)


class Warp(Transform):
    """A transform that moves pixels; subclasses say where."""

    stays_finite = True
    kernel = "warp"

    def matrix_of(self, height: int, width: int) -> Matrix:
        """Where points of maps of that size go."""
        raise NotImplementedError

    def __call__(self, maps: Tensor) -> Tensor:
        return warp(maps, self.matrix_of(*maps.shape[2:]))

    def numbers(self, height: int, width: int) -> tuple[float, ...]:
        return origins(self.matrix_of(height, width), height, width)

    def prepare(self, maps: Tensor, features: Sequence[int]) -> object:  # noqa: ARG002
        """Find where each pixel comes from."""
        height, width = maps.shape[2:]
        return sources(self.matrix_of(height, width), height, width, maps.device, summed_in(maps.dtype))


@transform("translate")
class Translate(Warp):
    """Shift the maps; what enters is zero (section 5.2, equation 3)."""

    axes = Axes.LINE
    upright = "y"

    x: float = parameter(doc="to the right", unit="widths", ge=-1, le=1, soft_range=(-1, 1))
    y: float = parameter(0.0, doc="down", unit="heights", ge=-1, le=1, soft_range=(-1, 1))

    def matrix_of(self, height: int, width: int) -> Matrix:
        return translation(self.x * width, self.y * height)


@transform("scale")
class Scale(Warp):
    """Enlarge or shrink about the middle (section 5.2, equation 4)."""

    axes = Axes.LINE
    upright = "ky"

    kx: float = parameter(doc="factor of the width; 0.6 shrinks", gt=0, soft_range=(0.1, 4))
    ky: float | None = parameter(
        None, doc="factor of the height; like kx if left out", gt=0, soft_range=(0.1, 4)
    )

    def matrix_of(self, height: int, width: int) -> Matrix:  # noqa: ARG002
        return scaling(self.kx, self.kx if self.ky is None else self.ky)


@transform("rotate")
class Rotate(Warp):
    """Turn about the middle, counter-clockwise (section 5.2, equation 5)."""

    angle: float = parameter(doc="counter-clockwise", unit="degrees", soft_range=(-180, 180))

    def matrix_of(self, height: int, width: int) -> Matrix:  # noqa: ARG002
        return rotation(self.angle)


def _as_rows(value: Any) -> Any:
    """Lists, as files have them, as the tuples that are declared."""
    rows = value if isinstance(value, list | tuple) else []
    if len(rows) != 2 or not all(isinstance(row, list | tuple) and len(row) == 3 for row in rows):
        raise ValueError("expected two rows of three numbers, [[a, b, tx], [c, d, ty]]")
    return tuple(tuple(row) for row in rows)


@transform("affine")
class Affine(Warp):
    """Any affine map of the plane (section 5.2, "other affine transformations").

    The matrix [[a, b, tx], [c, d, ty]] sends a point (x, y) of the input to (a x + b y + tx,
    c x + d y + ty), in pixels, x to the right, y down, from the middle of the map.
    """

    matrix: Annotated[Matrix, BeforeValidator(_as_rows)] = parameter(
        doc="2x3, invertible; a to d usually -2 to 2, shifts in pixels"
    )

    @model_validator(mode="after")
    def _invertible(self) -> Self:
        (a, b, _), (c, d, _) = self.matrix
        if abs(a * d - b * c) < 1e-6:
            raise ValueError(
                "the matrix flattens the maps to a line (its determinant is 0); change a, b, c or d"
            )
        return self

    def matrix_of(self, height: int, width: int) -> Matrix:  # noqa: ARG002
        return self.matrix
