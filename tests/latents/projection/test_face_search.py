"""A face is found wherever it lies, at its size and angle."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from netbend.errors import RenderError
from netbend.latents.projection.align import Square, aligned
from netbend.latents.projection.aligner import KIND, Aligner, Architecture, shipped_aligner
from netbend.latents.projection.face_search import find_square
from netbend.models.native import load_network, save_network

PATH = Path("p.png")
# NASA's portrait of Eileen Collins, aligned by dlib's landmarks, is the first of three.
PORTRAIT = Path(__file__).parents[3] / "docs" / "pictures" / "projected-portrait.png"


class OfDots(torch.nn.Module):
    """Takes a red dot, and a green one to its right, for a face: twice as wide as they are apart."""

    architecture = Architecture(size=32)

    def forward(self, crops: Tensor) -> Tensor:
        places = (torch.arange(32) + 0.5) / 16 - 1
        weight = (crops[:, :2] - crops[:, 2:]).clamp(min=0)
        amount = weight.sum(dim=(2, 3))
        x, y = ((weight * by).sum(dim=(2, 3)) / (amount + 1e-6) for by in (places, places[:, None]))
        across, down = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
        to_the_right = torch.where(across < 0, -1.0, 1.0)  # mirrored, the red one is
        numbers = torch.stack([x.mean(1), y.mean(1), across * to_the_right - 1, down * to_the_right], dim=1)
        return torch.cat([numbers, torch.where(amount.amin(dim=1, keepdim=True) > 8, 5.0, -5.0)], dim=1)


def with_dots(size: tuple[int, int], square: Square) -> Image.Image:
    """A picture in which `OfDots` finds this square."""
    picture = Image.new("RGB", size, "black")
    (x, y), (across, down) = square.centre, square.right
    radius = abs(complex(across, down)) / 4
    for side, colour in ((-0.5, (255, 0, 0)), (0.5, (0, 255, 0))):
        middle = (x + side * across, y + side * down)
        ImageDraw.Draw(picture).ellipse(
            (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius), colour
        )
    return picture


@pytest.mark.parametrize(
    ("size", "square"),
    [
        ((400, 300), Square((200, 150), (80, 0))),
        ((300, 400), Square((90, 310), (60, 30))),
        ((640, 200), Square((520, 60), (30, -20))),
        ((2600, 1900), Square((700, 1300), (300, 120))),  # larger than what is searched in
        ((100, 100), Square((50, 50), (48, 0))),
    ],
)
def test_the_square_is_found_at_its_place_size_and_angle(size: tuple[int, int], square: Square) -> None:
    found = find_square(with_dots(size, square), PATH, OfDots())
    half = abs(complex(*square.right))
    np.testing.assert_allclose(found.centre, square.centre, atol=0.05 * half)
    np.testing.assert_allclose(found.right, square.right, atol=0.05 * half)


@pytest.mark.parametrize("size", [(300, 200), (1, 1), (1, 900), (3000, 2)])
def test_a_picture_without_a_face_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(RenderError, match=r"p\.png: no face found in it; say where .* with --face"):
        find_square(Image.new("RGB", size, "black"), PATH, OfDots())


def test_an_aligner_is_the_same_from_its_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    aligner = Aligner(Architecture(16, widths=(4, 8), hidden=5))
    save_network(tmp_path / "a.safetensors", aligner, KIND, aligner.architecture)
    architecture, again = load_network(tmp_path / "a.safetensors", KIND, Architecture, Aligner)
    crops = torch.rand(2, 3, 16, 16)
    assert architecture == aligner.architecture
    assert torch.equal(again(crops), aligner(crops))
    assert again(crops).shape == (2, 5)


def moved(square: Square, size: tuple[int, int]) -> Image.Image:
    """The aligned portrait, in this square of a grey picture."""
    (x, y), (across, down) = square.centre, square.right
    with Image.open(PORTRAIT) as opened:
        portrait = opened.convert("RGB").crop((0, 0, opened.height, opened.height))
    side = portrait.width
    unit = (across**2 + down**2) * 2 / side
    # From the picture's pixels to those of the portrait.
    a, b = across / unit, down / unit
    matrix = (a, b, side / 2 - a * x - b * y, -b, a, side / 2 + b * x - a * y)
    picture = portrait.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    there = Image.new("L", portrait.size, 255).transform(size, Image.Transform.AFFINE, matrix)
    return Image.composite(picture, Image.new("RGB", size, (120, 115, 110)), there)


@pytest.mark.parametrize(
    "square",
    [
        Square((256, 256), (200, 0)),
        Square((180, 330), (110, 25)),
        Square((330, 180), (90, -40)),
        Square((256, 280), (60, 0)),
    ],
)
def test_the_shipped_aligner_finds_a_photograph_where_it_was_put(square: Square) -> None:
    picture = moved(square, (512, 512))
    found = find_square(picture, PATH, shipped_aligner())
    half = abs(complex(*square.right))
    np.testing.assert_allclose(found.centre, square.centre, atol=0.1 * half)
    np.testing.assert_allclose(found.right, square.right, atol=0.12 * half)
    assert aligned(picture, found, PATH).width == pytest.approx(2 * half, rel=0.12)
