"""Erosion and dilation with a disc (paper, section 5.3), on volumes with a ball, on sequences with a line."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import torch
from torch import Tensor

from netbend.transforms.axes import Axes
from netbend.transforms.ball import largest_in_ball
from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.compiled import compiled
from netbend.transforms.disc import Point, disc, disc_growth
from netbend.transforms.gathered import extremum_by_gathering
from netbend.transforms.planes import by_pixels, has_gradients
from netbend.transforms.tiles import tiles

__all__ = ["Dilate", "Erode", "dilate", "disc", "erode"]

LARGEST_RADIUS = 1024
MAX_RADIUS_ON_GPU = 8  # whose pixels are read one by one there sooner than by steps over all maps


def dilate(maps: Tensor, radius: int) -> Tensor:
    """Grey-scale dilation: the largest value within a radius, the map's outside ignored.

    Args:
        maps: `(N, F, H, W)`, where a disc lies around each pixel; or sequences `(N, F, T)`, or volumes
            `(N, F, D, H, W)` and a ball.
        radius: In pixels.
    """
    if maps.ndim == 5:
        return largest_in_ball(maps, radius)
    return _extremum_in_plane(maps, radius, largest=True)


def erode(maps: Tensor, radius: int) -> Tensor:
    """Grey-scale erosion: the smallest value within a radius; otherwise as `dilate`."""
    if maps.ndim == 5:
        return -largest_in_ball(-maps, radius)
    return _extremum_in_plane(maps, radius, largest=False)


def _extremum_in_plane(maps: Tensor, radius: int, *, largest: bool) -> Tensor:
    if maps.ndim == 3:  # of a disc, on maps of one row, a line is left
        return _extremum_under_disc(maps[:, :, None], radius, largest=largest)[:, :, 0]
    return _extremum_under_disc(maps, radius, largest=largest)


def _extremum_under_disc(maps: Tensor, radius: int, *, largest: bool) -> Tensor:
    form = torch.channels_last if by_pixels(maps) else torch.contiguous_format
    if has_gradients(maps):
        return extremum_by_gathering(maps, radius, largest).contiguous(memory_format=form)
    maps = maps.detach().contiguous(memory_format=form)
    if not disc_growth(radius, *maps.shape[2:]).steps:
        return maps.clone()
    bent = _extremum_by_rows(maps, radius, largest)
    return _extremum_by_tiles(maps, radius, largest) if bent is None else bent


def _extremum_by_rows(maps: Tensor, radius: int, largest: bool) -> Tensor | None:
    """The largest, or smallest, value under a disc, compiled; None for what that is not made for."""
    kernels = compiled.suited_to(maps) if by_pixels(maps) else None
    if kernels is None:
        return None
    bent = torch.empty_like(maps)
    return bent if kernels.extremum_by_rows(_planes(maps), _planes(bent), radius, largest) else None


def _extremum_by_tiles(maps: Tensor, radius: int, largest: bool) -> Tensor:
    """The largest, or smallest, value under a disc, with operations of torch on whole tiles."""
    extremum, outside = (torch.maximum, -inf) if largest else (torch.minimum, inf)
    bent = torch.empty_like(maps)
    height, width = maps.shape[2:]
    growth = disc_growth(radius, height, width)
    given, made = _planes(maps), _planes(bent)
    memory: list[Tensor] = []
    for tile in tiles(given, growth.rows, growth.columns):
        memory = memory or [given.new_empty(tile.places) for _ in range(3)]
        tile.fill(memory[0], given, outside)
        _, row, pixel, _ = tile.strides
        *steps, last = _comparisons(radius, height, width, row, pixel, tile.span)
        for step in steps:
            one, other, result = (memory[of][at + step.first : at + step.end] for of, at in step.operands)
            extremum(one, other, out=result)
        one, other, _ = (tile.pixels(memory[of], at) for of, at in last.operands)
        extremum(one, other, out=tile.of(made))
    return bent


GIVEN = 0  # the memory that holds what a tile was given; results go to 1 and 2 in turn


@dataclass(frozen=True)
class _Comparison:
    """Take the larger, or smaller, of two spans of memory into a third.

    operands: the memory and how far away in it, of the one, the other and the result. first, end: of
    the span, for nothing away.
    """

    operands: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    first: int
    end: int


@lru_cache(maxsize=1024)
def _comparisons(
    radius: int, height: int, width: int, row: int, pixel: int, span: tuple[int, int]
) -> tuple[_Comparison, ...]:
    """The growth of a disc as comparisons of all pixels of a tile at once.

    height, width: of whole maps. row, pixel: places from one to the next. span: of the tile's pixels.
    """

    def away(point: Point) -> int:
        return point[0] * row + point[1] * pixel

    growth = disc_growth(radius, height, width)
    # Results lie where the first pixel of the disc, as seen from theirs, does: further on, the last of
    # them would lie beyond the memory's end.
    current, at = GIVEN, away(growth.start)
    comparisons = []
    for step, (first, end) in zip(growth.steps, _spans(span, map(away, growth.shifts)), strict=True):
        result = 2 if current == 1 else 1
        pairs = [((current, at), (current, at + away(step.shift)))]
        pairs += [((result, at), (GIVEN, away(pixel))) for pixel in step.extra]
        comparisons += [_Comparison((one, other, (result, at)), first, end) for one, other in pairs]
        current = result
    return tuple(comparisons)


def _spans(span: tuple[int, int], shifts: Iterable[int]) -> list[tuple[int, int]]:
    """Where the result of each step is needed: of the last at the tile's pixels, of others further out."""
    first, end = span
    spans = []
    for shift in reversed(list(shifts)):
        spans.append((first, end))
        first, end = first + min(shift, 0), end + max(shift, 0)
    return spans[::-1]


def _planes(maps: Tensor) -> Tensor:
    """Maps as `(B, H, W, V)`, V numbers lying side by side at each pixel: all features, or one."""
    return maps.permute(0, 2, 3, 1) if by_pixels(maps) else maps.flatten(0, 1)[..., None]


@transform("erode")
class Erode(Transform):
    """Thin bright shapes out: the smallest value within r pixels (section 5.3)."""

    axes = Axes.SPATIAL
    stays_finite = True

    r: int = parameter(doc="radius of the disc", unit="pixels", ge=1, le=LARGEST_RADIUS, soft_range=(1, 8))

    def __call__(self, maps: Tensor) -> Tensor:
        return erode(maps, self.r)

    @property
    def kernel(self) -> str | None:  # type: ignore[override]
        return "erode" if self.r <= MAX_RADIUS_ON_GPU else None

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return (float(self.r),)


@transform("dilate")
class Dilate(Transform):
    """Make bright shapes grow: the largest value within r pixels (section 5.3)."""

    axes = Axes.SPATIAL
    stays_finite = True

    r: int = parameter(doc="radius of the disc", unit="pixels", ge=1, le=LARGEST_RADIUS, soft_range=(1, 8))

    def __call__(self, maps: Tensor) -> Tensor:
        return dilate(maps, self.r)

    @property
    def kernel(self) -> str | None:  # type: ignore[override]
        return "dilate" if self.r <= MAX_RADIUS_ON_GPU else None

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return (float(self.r),)
