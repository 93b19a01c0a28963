"""Sample pictures of a run."""

from pathlib import Path

from PIL import Image
from torch import Tensor


def save_grid(images: Tensor, path: Path, columns: int = 8) -> None:
    """Write `(N, 3, H, W)` images in [-1, 1] side by side as one PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().byte().cpu()
    n, channels, height, width = pixels.shape
    rows = -(-n // columns)
    padded = pixels.new_zeros(rows * columns, channels, height, width)
    padded[:n] = pixels
    grid = padded.reshape(rows, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    Image.fromarray(grid.reshape(rows * height, columns * width, channels).numpy()).save(path)
