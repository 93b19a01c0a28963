"""Pictures from files, and projections in files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netbend.choices import Perceptual, Space
from netbend.errors import LatentError, RenderError
from netbend.latents.file import load_latents, load_latents_for
from netbend.latents.projection.picture import Crop, parse_crop, read_picture, square, target_of
from netbend.latents.projection.project import project
from netbend.latents.projection.result import write_projection
from netbend.latents.projection.settings import Settings
from netbend.models.base import Model
from netbend.pictures import to_pictures

QUICK = Settings(steps=6, perceptual=Perceptual.PIXEL)
PATH = Path("p.png")


def gradient(width: int, height: int) -> Image.Image:
    """Red counts the columns, green the rows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0], pixels[:, :, 1] = np.arange(width), np.arange(height)[:, None]
    return Image.fromarray(pixels)


def test_a_picture_of_the_models_size_is_taken_as_it_is(model: Model, tmp_path: Path) -> None:
    (made,) = to_pictures(model.generate(model.latents([1])))
    made.save(tmp_path / "made.png")
    target = target_of(read_picture(tmp_path / "made.png"), model)
    assert target.shape == (1, 3, 16, 16)
    np.testing.assert_array_equal(to_pictures(target)[0], made)


def test_the_middle_square_or_the_crop_is_taken() -> None:
    middle = np.asarray(square(gradient(20, 10), None, PATH))
    assert middle.shape == (10, 10, 3)
    assert tuple(middle[0, 0]) == (5, 0, 0)
    cropped = np.asarray(square(gradient(20, 10), Crop(12, 2, 8), PATH))
    assert tuple(cropped[0, 0]) == (12, 2, 0)
    assert tuple(cropped[-1, -1]) == (19, 9, 0)


def test_a_crop_outside_the_picture_is_refused() -> None:
    with pytest.raises(RenderError, match=r"p\.png: the crop 12,3,8 ends at 20,11, outside its 20x10 pixels"):
        square(gradient(20, 10), Crop(12, 3, 8), PATH)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "a,b,c", "-1,0,5", "0,0,0", "1.5,0,3"])
def test_other_crops_are_refused(text: str) -> None:
    with pytest.raises(RenderError, match="expected LEFT,TOP,SIZE"):
        parse_crop(text)


def test_crops_are_numbers() -> None:
    assert parse_crop("120, 40,512") == Crop(120, 40, 512)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held turned to the right
    gradient(20, 10).save(tmp_path / "turned.png", exif=exif)
    assert read_picture(tmp_path / "turned.png").size == (10, 20)


def test_transparent_parts_are_black_and_grey_is_colour(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("L", (4, 4), 80).save(tmp_path / "grey.png")
    assert read_picture(tmp_path / "clear.png").getpixel((1, 1)) == (0, 0, 0)
    assert read_picture(tmp_path / "grey.png").getpixel((1, 1)) == (80, 80, 80)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(RenderError, match=r"text\.png: not a readable picture"):
        read_picture(tmp_path / "text.png")
    with pytest.raises(RenderError, match=r"gone\.png: no such file"):
        read_picture(tmp_path / "gone.png")
    with pytest.raises(RenderError, match="not a file, but a folder"):
        read_picture(tmp_path)


@pytest.mark.parametrize("noise_maps", [False, True])
@pytest.mark.parametrize("space", [Space.W, Space.W_PLUS])
def test_a_written_projection_plays(model: Model, tmp_path: Path, space: Space, noise_maps: bool) -> None:
    settings = replace(QUICK, space=space, noise_maps=noise_maps)
    targets = model.generate(model.latents([1, 2])).clamp(-1, 1)
    found = project(model, targets, settings)
    write_projection(tmp_path / "two.npz", found, 1, model, settings)
    latents = load_latents_for(model, tmp_path / "two.npz")
    assert latents.space is space
    assert (latents.noise_maps is not None) is noise_maps
    (again,) = to_pictures(model.generate(latents))
    stored = np.load(tmp_path / "two.npz")
    assert np.abs(stored["image"].astype(int) - np.asarray(again)).max() <= 1  # a batch may round differently
    np.testing.assert_array_equal(stored["target"], np.asarray(to_pictures(targets[1:])[0]))
    assert stored["loss"].shape == (6,)
    assert stored["pixel_error"] == pytest.approx(found.errors[1])
    about = json.loads(str(stored["about"]))
    assert about["model_hash"] == "0" * 64
    assert about["settings"]["steps"] == 6
    assert about["loss"] == "pixel"


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (np.zeros((2, 1, 4, 4), np.float32), "1 latents need as many noise maps"),
        (np.zeros((4, 4), np.float32), "noise maps are finite numbers of shape"),
        (np.full((1, 1, 4, 4), np.nan, np.float32), "noise maps are finite numbers of shape"),
    ],
)
def test_noise_maps_that_do_not_fit_are_refused(tmp_path: Path, noise: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "noisy.npz", w=np.zeros((1, 16), np.float32), noise_0=noise)
    with pytest.raises(LatentError, match=rf"noisy\.npz: .*{message}"):
        load_latents(tmp_path / "noisy.npz")


def test_some_latents_of_many_keep_their_noise(model: Model) -> None:
    found = project(
        model,
        torch.cat([model.generate(model.latents([seed])) for seed in (1, 2, 3)]),
        replace(QUICK, noise_maps=True),
    )
    assert torch.equal(found.latents.take([2, 0]).noise_maps[3], found.latents.noise_maps[3][[2, 0]])
