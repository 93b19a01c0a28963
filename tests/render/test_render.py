"""Pictures on disk, and the records that make them again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from netbend.atomic import write_atomic
from netbend.bending import resolve
from netbend.choices import NoiseMode
from netbend.engine.bound import bind
from netbend.engine.embedded import png_bytes, read_request
from netbend.engine.still import Still
from netbend.errors import RenderError
from netbend.models.base import Model, SynthesisOptions
from netbend.pictures import contact_sheet, to_pictures
from netbend.recipe import load_recipe
from netbend.recipe.places import Latent, Seed
from netbend.render.files import nothing_left_on_error, refuse_existing


def write_recipe(folder: Path) -> Path:
    mask = Image.new("L", (32, 32), 0)
    mask.paste(200, (0, 0, 16, 32))
    mask.save(folder / "half.png")
    path = folder / "recipe.yaml"
    path.write_text(
        "name: A test\nseed: 3\nbends:\n"
        "  - {layer: 1, transform: rotate, params: {angle: 30}, features: {random: 0.5}}\n"
        "  - {layer: 4, transform: multiply, params: {p: -1}, mix: 0.6, mask: half.png}\n"
    )
    return path


def still_of(model: Model, folder: Path, **rest: object) -> Still:
    recipe = load_recipe(write_recipe(folder))
    plan = resolve(recipe, model)
    options = SynthesisOptions(truncation_psi=0.6, truncation_cutoff=3, noise=NoiseMode.RANDOM)
    return Still(model, model.latents([5, 6]), options, recipe, plan, **rest)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


@pytest.mark.parametrize("compare", [False, True])
def test_a_picture_is_made_again_from_its_record_alone(model: Model, tmp_path: Path, compare: bool) -> None:
    (tmp_path / "recipes").mkdir()
    still = still_of(model, tmp_path / "recipes", compare=compare)[1]
    write_atomic(
        tmp_path / "picture.png", png_bytes(still.picture(), still.request()), RenderError, overwrite=True
    )
    for file in (tmp_path / "recipes").iterdir():
        file.unlink()
    again = bind(read_request(tmp_path / "picture.png"), model).still()
    np.testing.assert_array_equal(pixels(again.picture()), pixels(Image.open(tmp_path / "picture.png")))
    assert again.picture().width == (32 if compare else 16)


def test_mixed_styles_are_kept_in_the_record(model: Model, tmp_path: Path) -> None:
    mixed = model.mix_styles(model.latents([1]), model.latents([2]), [1], SynthesisOptions())
    still = Still(model, mixed)
    write_atomic(
        tmp_path / "picture.png", png_bytes(still.picture(), still.request()), RenderError, overwrite=True
    )
    again = bind(read_request(tmp_path / "picture.png"), model).still()
    np.testing.assert_array_equal(pixels(again.picture()), pixels(still.picture()))


def test_the_record_holds_the_drawn_features(model: Model, tmp_path: Path) -> None:
    request = still_of(model, tmp_path).request()
    assert request.selected is not None
    assert len(request.selected[0].features) == 5
    assert request.selected[1].features == list(range(8))
    assert request.latents == (Latent(Seed(5)), Latent(Seed(6)))


def test_a_record_of_another_model_is_refused(model: Model, tmp_path: Path) -> None:
    record = still_of(model, tmp_path).request()
    model.hash = "f" * 64
    with pytest.raises(RenderError, match=r"made with .tiny., whose weights have the hash 000000000000"):
        bind(record, model).still()


def png_with(path: Path, text: str | None) -> Path:
    chunks = PngImagePlugin.PngInfo()
    if text is not None:
        chunks.add_itxt("netbend", text)
    Image.new("RGB", (2, 2)).save(path, pnginfo=chunks)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no record in it"),
        ("{", "record is damaged"),
        ("[" * 100000, "record is damaged"),
        ('{"version": "1"}', "record is damaged .*model"),
        ('{"version": "1", "model": "m", "model_hash": "h", "seeds": [1], "evil": 1}', "evil"),
    ],
)
def test_damaged_records_are_refused(tmp_path: Path, text: str | None, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        read_request(png_with(tmp_path / "picture.png", text))


def test_only_pngs_have_records(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_text("not a picture")
    with pytest.raises(RenderError, match="not a readable PNG"):
        read_request(tmp_path / "picture.png")
    with pytest.raises(RenderError, match="no such file"):
        read_request(tmp_path / "gone.png")


def test_minus_one_is_black_one_is_white_and_beyond_is_clipped() -> None:
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).expand(1, 3, 1, 5)
    assert pixels(to_pictures(values)[0])[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert to_pictures(values[:, :1])[0].mode == "L"
    with pytest.raises(RenderError, match="2 channels"):
        to_pictures(values[:, :2])


def test_a_contact_sheet_holds_every_picture_in_reading_order() -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    sheet = contact_sheet(
        [Image.new("RGB", (128, 128), colour) for colour in colours], ["a", "b", "c"], columns=2
    )
    assert [sheet.getpixel(at) for at in [(64, 64), (196, 64), (64, 214)]] == colours


def test_files_that_are_there_are_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "there.png").write_text("mine")
    with pytest.raises(RenderError, match=r"there\.png exists already"):
        refuse_existing([tmp_path / "new.png", tmp_path / "there.png"], overwrite=False)
    refuse_existing([tmp_path / "there.png"], overwrite=True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write in")
def test_where_nothing_can_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"cannot write in /proc: .*; name another --out"):
        refuse_existing([tmp_path / "fine.png", Path("/proc/new/picture.png")], overwrite=False)
    refuse_existing([tmp_path / "new/folders/picture.png"], overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_an_error_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    written = []

    def two_files_and_an_error() -> None:
        with nothing_left_on_error(written):
            for name in ("one", "two"):
                write_atomic(tmp_path / name, b"data", RenderError, overwrite=True)
                written.append(tmp_path / name)
            raise RenderError("at the third")

    with pytest.raises(RenderError, match="at the third"):
        two_files_and_an_error()
    assert list(tmp_path.iterdir()) == []


def test_writing_into_a_file_as_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RenderError, match="cannot write"):
        write_atomic(tmp_path / "file" / "picture.png", b"data", RenderError, overwrite=True)
