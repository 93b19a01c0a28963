"""Selected features taken out of maps and put back, in the order in which the maps lie in memory."""

from torch import Tensor

from netbend.transforms.planes import by_pixels


def take(maps: Tensor, features: Tensor) -> Tensor:
    """Features of maps `(N, F, H, W)`, `(N, K, H, W)` for K indices; a copy that lies as the maps do."""
    if not by_pixels(maps):
        return maps.index_select(1, features)
    return maps.permute(0, 2, 3, 1).index_select(3, features).permute(0, 3, 1, 2)


def put(maps: Tensor, features: Tensor, bent: Tensor) -> Tensor:
    """A copy of maps with other values `(N, K, H, W)` for some features."""
    if not by_pixels(maps):
        return maps.index_copy(1, features, bent)
    # A scatter goes through the maps pixel by pixel; index_copy once for each feature.
    pixels, values = maps.permute(0, 2, 3, 1), bent.permute(0, 2, 3, 1)
    return pixels.scatter(3, features.expand(values.shape), values).permute(0, 3, 1, 2)
