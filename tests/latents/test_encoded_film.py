"""Films as paths through latent space."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import netbend
from netbend.choices import Space
from netbend.engine.bound import bind
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.errors import LatentError
from netbend.film.formats import LOSSLESS
from netbend.film.video import encode
from netbend.latents import encoded_film
from netbend.latents.encoded_film import seconds_of
from netbend.latents.path import latent_path
from netbend.latents.projection.encoder import shipped_encoder
from netbend.latents.projection.start import start_of
from netbend.models.base import Model
from netbend.models.styled import StyledModel
from netbend.recipe.places import Filmed, Latent


@pytest.fixture(scope="module")
def faces() -> Model:
    return netbend.load_model("faces", device="cpu")


@pytest.fixture(scope="module")
def pictures(faces: Model) -> list[Image.Image]:
    return netbend.to_pictures(
        faces.generate(faces.latents([2, 26, 39]), netbend.SynthesisOptions(truncation_psi=0.7))
    )


def filmed(path: Path, pictures: Sequence[Image.Image], fps: Fraction = Fraction(5)) -> Latent:
    encode(pictures, path, LOSSLESS, fps, 0)
    return Latent(Filmed(path.name))


def test_a_frame_is_what_the_encoder_makes_of_it_until_the_next_one_comes(
    faces: Model, pictures: list[Image.Image], tmp_path: Path
) -> None:
    path = latent_path(filmed(tmp_path / "one.mkv", pictures), faces, tmp_path)
    encoder = shipped_encoder(faces.hash)
    assert isinstance(faces, StyledModel)
    pixels = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
    expected = start_of(faces, pixels.permute(0, 3, 1, 2) / 127.5 - 1, Space.W_PLUS, encoder)
    found = path.at([0.0, 0.19, 0.2, 0.4, 99.0])
    assert (found.space, path.still) == (Space.W_PLUS, False)
    torch.testing.assert_close(found.values, expected[[0, 0, 1, 2, 2]])
    assert not torch.allclose(expected[0], expected[1], atol=0.1)


def test_only_the_middle_square_is_seen(faces: Model, pictures: list[Image.Image], tmp_path: Path) -> None:
    wide = Image.new("RGB", (128, 64), "red")
    wide.paste(pictures[0], (32, 0))
    ways = [
        latent_path(filmed(tmp_path / f"{picture.width}.mkv", [picture]), faces, tmp_path).at([0.0]).values
        for picture in (pictures[0], wide)
    ]
    torch.testing.assert_close(ways[0], ways[1])


def test_a_request_is_as_long_as_its_film(faces: Model, pictures: list[Image.Image], tmp_path: Path) -> None:
    latent = Latent(Filmed(str(tmp_path / "one.mkv")))
    filmed(tmp_path / "one.mkv", 7 * pictures[:1])
    assert seconds_of(tmp_path / "one.mkv") == pytest.approx(1.4)
    request = RenderRequest.of(faces, latents=[latent], fps=10)
    assert Film.of(bind(request, faces)).length == 14


def test_models_without_an_encoder_are_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(LatentError, match="has no encoder, which turns pictures into latents; `faces` and"):
        latent_path(Latent(Filmed("one.mkv")), model, tmp_path)


PLAYLISTS = {
    "concat.mp4": "ffconcat version 1.0\nfile one.mkv\n",
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\none.mkv\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_film_opens_no_other_file(name: str, pictures: list[Image.Image], tmp_path: Path) -> None:
    filmed(tmp_path / "one.mkv", pictures)
    (tmp_path / name).write_text(PLAYLISTS[name])
    with pytest.raises(LatentError, match="not a film that can be read"):
        seconds_of(tmp_path / name)


def test_frames_too_large_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filmed(tmp_path / "large.mkv", [Image.new("RGB", (256, 256))])
    monkeypatch.setattr(encoded_film, "MAX_VIDEO_PIXELS", 256 * 255)
    with pytest.raises(LatentError, match="frames of 256x256 pixels; make them smaller"):
        seconds_of(tmp_path / "large.mkv")
    monkeypatch.setattr(encoded_film, "_unreadable", lambda _: None)  # as if the file said otherwise
    with pytest.raises(LatentError, match="damaged after 0 frames"):
        seconds_of(tmp_path / "large.mkv")


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    soundfile.write(tmp_path / "sound.ogg", np.zeros(8000), 8000)
    for name, message in [
        ("text.mp4", "not a film that can be read"),
        ("gone.mp4", "no such file"),
        (".", "not a file"),
        ("sound.ogg", "has no pictures"),
    ]:
        with pytest.raises(LatentError, match=message):
            seconds_of(tmp_path / name)


def test_a_film_too_long_is_refused(
    tmp_path: Path, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    filmed(tmp_path / "long.mkv", pictures)
    monkeypatch.setattr(encoded_film, "MAX_VIDEO_FRAMES", 2)
    with pytest.raises(LatentError, match="more than 2 frames; cut it"):
        seconds_of(tmp_path / "long.mkv")
