"""3x3 convolutions with 2.25 times fewer multiplications (Winograd; Lavin and Gray, arXiv 1509.09308).

F(2x2, 3x3): tiles of 4x4 positions, two apart, are transformed; in the transformed domain a convolution
is a product of matrices for each of 16 positions; transformed back, each gives 2x2 positions. Written
for maps and kernels with many features on a CPU, where the products take nearly all of the time.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

FEWEST_FEATURES = 256
SMALLEST_SIDE = 8
TILES = 1024  # at once, about: what is transformed stays in the cache until it is multiplied


def suits_winograd(maps: Tensor, weight: Tensor) -> bool:
    """Whether this way is the faster one: measured on AVX-512, 1.4 to 1.9 times from 256 features on."""
    outputs, inputs, *size = weight.shape
    height, width = maps.shape[2:]
    return (
        size == [3, 3]
        and min(outputs, inputs) >= FEWEST_FEATURES
        and maps.dtype is torch.float32
        and maps.device.type == "cpu"
        and height >= SMALLEST_SIDE
        and height % 2 == width % 2 == 0
    )


def transformed_kernel(weight: Tensor) -> Tensor:
    """Weights `(outputs, inputs, 3, 3)` as `winograd` takes them, `(16, inputs, outputs)`."""
    g = weight.new_tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    return torch.einsum("xu,oiuv,yv->xyio", g, weight, g).flatten(0, 1).contiguous()


def winograd(maps: Tensor, kernel: Tensor) -> Tensor:
    """Maps `(N, inputs, H, W)`, H and W even, zeros outside; gives `(N, outputs, H, W)`, channels-last.

    kernel: of `transformed_kernel`.
    """
    batch, inputs, height, width = maps.shape
    outputs, rows, columns = kernel.shape[2], height // 2, width // 2
    padded = F.pad(maps.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    result = maps.new_empty(batch, height, width, outputs)
    step = max(1, TILES // (batch * columns))
    tiles = maps.new_empty(16 * batch * min(step, rows) * columns * inputs)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        shape = (16, batch, count, columns, inputs)
        transformed = tiles[: torch.Size(shape).numel()].view(shape)
        _transform(padded[:, 2 * first : 2 * (first + count) + 2], transformed)
        products = torch.bmm(transformed.flatten(1, 3), kernel).view(4, 4, *shape[1:4], outputs)
        _transform_back(products, result[:, 2 * first : 2 * (first + count)])
    return result.permute(0, 3, 1, 2)


def _transform(padded: Tensor, tiles: Tensor) -> None:
    """B^T d B of every tile. padded: `(N, 2 rows + 2, W + 2, C)`; tiles: `(16, N, rows, W / 2, C)`."""
    end_row, end_column = padded.shape[1] - 3, padded.shape[2] - 3
    lines = [padded[:, k : k + end_row : 2] for k in range(4)]
    combined = (lines[0] - lines[2], lines[1] + lines[2], lines[2] - lines[1], lines[1] - lines[3])
    for row, line in enumerate(combined):
        d = [line[:, :, k : k + end_column : 2] for k in range(4)]
        torch.sub(d[0], d[2], out=tiles[4 * row])
        torch.add(d[1], d[2], out=tiles[4 * row + 1])
        torch.sub(d[2], d[1], out=tiles[4 * row + 2])
        torch.sub(d[1], d[3], out=tiles[4 * row + 3])


def _transform_back(products: Tensor, result: Tensor) -> None:
    """A^T m A of every tile. products: `(4, 4, N, rows, W / 2, C)`; result: `(N, 2 rows, W, C)`."""
    upper = (products[0] + products[1]).add_(products[2])
    lower = (products[1] - products[2]).sub_(products[3])
    for row, m in enumerate((upper, lower)):
        onto = result[:, row::2]
        torch.add(m[0] + m[1], m[2], out=onto[:, :, 0::2])
        torch.sub(m[1] - m[2], m[3], out=onto[:, :, 1::2])
