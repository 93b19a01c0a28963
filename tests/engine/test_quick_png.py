"""PNG files that are written quickly."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netbend.engine import quick_png as module
from netbend.engine.png_text import read_png_text
from netbend.engine.quick_png import quick_png

TEXT = "ein Rezept, 日本, " + "words " * 500


@pytest.mark.parametrize("processors", [1, 2, 5])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7), (64, 5, 3), (333, 200, 3), (129, 64), (700, 3, 3)])
def test_they_hold_the_same_pixels_and_text(
    processors: int, shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: processors)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for pixels in (noise, np.full(shape, 255, np.uint8), np.sort(noise, axis=0)):
        data = quick_png(Image.fromarray(pixels), {"netbend": TEXT})
        Image.open(io.BytesIO(data)).verify()  # every chunk's checksum
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.mode == ("L" if len(shape) == 2 else "RGB")
            np.testing.assert_array_equal(np.asarray(picture), pixels)
            assert picture.text == {"netbend": TEXT}
        (tmp_path / "quick.png").write_bytes(data)
        assert read_png_text(tmp_path / "quick.png", "netbend") == TEXT


def test_a_picture_of_slow_changes_is_not_larger_than_pillows_quickest(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:256, :256]
    waves = 127 + 100 * np.sin(rows / 31) * np.cos(columns / 23)
    grain = np.random.default_rng(1).normal(0, 2, (256, 256, 3))
    picture = Image.fromarray((waves[..., None] + grain).round().astype(np.uint8))
    picture.save(tmp_path / "pillow.png", compress_level=1)
    assert len(quick_png(picture, {})) <= (tmp_path / "pillow.png").stat().st_size
