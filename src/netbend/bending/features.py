"""Selected features taken out of maps and put back, in the order in which the maps lie in memory."""

from torch import Tensor

from netbend.transforms.compiled import Kernels, compiled
from netbend.transforms.planes import by_pixels, from_pixel_rows, has_gradients, pixel_rows

LARGE = 1 << 20  # values; smaller maps are put together sooner than they are shared out


def take(maps: Tensor, features: Tensor) -> Tensor:
    """Features of maps `(N, F, ...)`, `(N, K, ...)` for K indices; a copy that lies as the maps do."""
    if not by_pixels(maps):
        return maps.index_select(1, features)
    rows, kernels = _rows(maps), None if has_gradients(maps) else _kernels(maps)
    taken = kernels.take_features(rows, features) if kernels else rows.index_select(1, features)
    return _as_maps(taken, maps)


def put(maps: Tensor, features: Tensor, bent: Tensor) -> Tensor:
    """A copy of maps with other values `(N, K, ...)` for some features."""
    if not by_pixels(maps):
        return maps.index_copy(1, features, bent)
    rows, values = _rows(maps), _rows(bent)
    kernels = None if has_gradients(maps, bent) else _kernels(maps)
    if kernels is not None:
        return _as_maps(kernels.copy_with_features(rows, features, values), maps)
    # A scatter goes through the maps pixel by pixel, index_copy once for each feature.
    return _as_maps(rows.scatter(1, features.expand(values.shape), values), maps)


def _kernels(maps: Tensor) -> Kernels | None:
    return compiled.suited_to(maps) if maps.numel() >= LARGE else None


def _rows(maps: Tensor) -> Tensor:
    """One row for each pixel of all samples: kernels have fast ways through matrices alone."""
    return pixel_rows(maps).flatten(0, 1).contiguous()


def _as_maps(rows: Tensor, like: Tensor) -> Tensor:
    return from_pixel_rows(rows.view(len(like), -1, rows.shape[1]), like)
