"""Pictures of iPhones, by a plug-in that need not be there.

The plug-in here is a stand-in, so that all that is ours is tested without it: when it is asked for, and that
what it opens goes by the rules of all pictures. Its files are a HEIC's first bytes and a PNG.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netbend.errors import RenderError
from netbend.media.image import read_grey, read_image
from netbend.media.signature import HEIC_REMEDY
from netbend.models.stylegan2.training.images import load_images

HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
PLUG_IN = """
import io
from PIL import Image, ImageFile

asked = []  # how often, and with what


class Opened(ImageFile.ImageFile):
    format = "HEIF"
    format_description = "a stand-in"

    def _open(self):
        self.fp.seek(24)
        self._png = Image.open(io.BytesIO(self.fp.read()), formats=["PNG"])
        self._size, self._mode, self.info = self._png.size, self._png.mode, self._png.info
        self.tile = []

    def load(self):
        if "broken" in self.info:
            raise ValueError(f"{self!r}: no frame in <it at 0x7f00deadbeef>")
        self._png.load()
        self.im = self._png.im
        return Image.Image.load(self)


def register_heif_opener(**options):
    asked.append(options)
    Image.register_open("HEIF", Opened, lambda head: head[4:12] == b"ftypheic")
"""


@pytest.fixture
def plug_in(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Its file, in a folder of its own, for this test alone."""
    folder = tmp_path_factory.mktemp("plug-in")
    (folder / "pillow_heif.py").write_text(PLUG_IN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "pillow_heif", raising=False)
    Image.init()  # else Pillow would enter its own formats into the copies
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    yield folder / "pillow_heif.py"
    sys.modules.pop("pillow_heif", None)


def heic(path: Path, picture: Image.Image, **rest: object) -> Path:
    content = io.BytesIO()
    picture.save(content, "PNG", **rest)
    path.write_bytes(HEAD + content.getvalue())
    return path


def noise(*shape: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


@pytest.mark.usefixtures("plug_in")
@pytest.mark.parametrize("name", ["a.heic", "a.HIF", "a.jpg"])  # phones and programs rename them
def test_a_heic_picture_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    picture = noise(6, 8, 3)
    assert "pillow_heif" not in sys.modules
    read = read_image(heic(tmp_path / name, picture), RenderError)
    np.testing.assert_array_equal(np.asarray(read), np.asarray(picture))
    assert sys.modules["pillow_heif"].asked == [{"thumbnails": False}]


@pytest.mark.usefixtures("plug_in")
def test_the_plug_in_is_not_loaded_for_other_pictures(tmp_path: Path) -> None:
    noise(4, 4, 3).save(tmp_path / "a.heic", "PNG")
    read_image(tmp_path / "a.heic", RenderError)
    assert "pillow_heif" not in sys.modules


@pytest.mark.usefixtures("plug_in")
def test_the_rules_of_all_pictures_hold_for_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright
    wide = noise(4, 6, 3)
    turned = read_image(heic(tmp_path / "a.heic", wide, exif=exif), RenderError)
    np.testing.assert_array_equal(np.asarray(turned), np.rot90(np.asarray(wide), -1))
    clear = np.asarray(noise(4, 4, 4)).copy()
    clear[..., 3] = [[0, 255, 0, 255]] * 4
    read = np.asarray(read_image(heic(tmp_path / "b.heic", Image.fromarray(clear)), RenderError))
    assert not read[:, [0, 2]].any()
    np.testing.assert_array_equal(read[:, [1, 3]], clear[:, [1, 3], :3])
    grey = noise(4, 4)
    mask = read_grey(heic(tmp_path / "c.heic", grey), RenderError)
    np.testing.assert_array_equal(np.asarray(mask), np.asarray(grey))


@pytest.mark.usefixtures("plug_in")
def test_what_is_wrong_with_one_is_said_without_the_words_of_the_plug_in(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    marked = PngInfo()
    marked.add_text("broken", "yes")
    path = heic(tmp_path / "a.heic", noise(4, 4, 3), pnginfo=marked)
    with pytest.raises(RenderError, match=r"a\.heic: not a readable picture \(it: no frame in it\)$"):
        read_image(path, RenderError)
    path.write_bytes(HEAD + b"no PNG")
    with pytest.raises(RenderError, match=r"a\.heic: not a readable picture \(damaged"):
        read_image(path, RenderError)
    path = heic(tmp_path / "b.heic", Image.new("1", (9_500, 9_400)))
    with pytest.raises(RenderError, match="9500x9400 pixels; more than the 89000000 that are read"):
        read_image(path, RenderError)


def test_a_plug_in_that_does_not_load_is_not_taken_for_a_damaged_picture(
    plug_in: Path, tmp_path: Path
) -> None:
    plug_in.write_text("raise ImportError('libheif.so.1: cannot open shared object file')")
    path = heic(tmp_path / "a.heic", noise(4, 4, 3))
    with pytest.raises(RenderError, match=r"does not load \(libheif\.so\.1: cannot open shared"):
        read_image(path, RenderError)


@pytest.mark.usefixtures("plug_in")
def test_training_takes_them_where_the_plug_in_is_there(tmp_path: Path) -> None:
    for number in range(3):
        heic(tmp_path / f"{number}.heic", noise(16, 16, 3))
    noise(16, 16, 3).save(tmp_path / "3.png")
    told: list[str] = []
    assert len(load_images(tmp_path, 16, told.append)) == 4
    assert not any(HEIC_REMEDY in line for line in told)
