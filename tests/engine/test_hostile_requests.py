"""Records from strangers: small files that would take much memory, open other files, or make no picture."""

import base64
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from netbend import limits
from netbend.bending import resolve
from netbend.choices import Space
from netbend.engine import selected
from netbend.engine.bound import bind
from netbend.engine.embedded import check_recordable, known_name, png_bytes, read_request, request_text
from netbend.engine.latent_values import LatentValues, encode
from netbend.engine.request import ModelReference
from netbend.engine.still import Still
from netbend.errors import ModelError, NetbendError, RenderError
from netbend.models import catalog
from netbend.models.base import Latents, Model
from netbend.models.catalog import CATALOGUE
from netbend.recipe import parse_recipe

BEND = {"layer": 1, "transform": "ablate", "features": "all"}


@pytest.fixture
def png(tmp_path: Path, model: Model) -> Callable[..., Path]:
    """A PNG with a record of the tiny model, changed."""

    def write(**changes: Any) -> Path:
        data = {"version": "0.1.0", "model": "tiny", "model_hash": model.hash, "seeds": [0], **changes}
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("netbend", json.dumps(data), zip=True)
        path = tmp_path / "picture.png"
        Image.new("RGB", (8, 8)).save(path, pnginfo=chunks)
        return path

    return write


def mask(width: int, height: int) -> str:
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def numbers(*values: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


W = {"space": "w", "latents": numbers(*[0.5] * 16), "latents_shape": [1, 16]}
HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "bends that are a number": ({"recipe": {"bends": 5}}, "bends: expected a list"),
    "bends that are nothing": ({"recipe": {"bends": None}}, "bends: expected a list"),
    "bends that are text": ({"recipe": {"bends": "abc"}}, "bends: expected a list"),
    "a bend that is a list": (
        {"recipe": {"bends": [[]]}, "indices": [[]], "masks": [None]},
        "expected keys and values",
    ),
    "a recipe without bends": ({"recipe": {}}, "`bends` is missing"),
    "a recipe that is a list": ({"recipe": []}, "recipe"),
    "the older form": ({"recipe": {"transforms": [BEND]}}, "every bend|features"),
    "a bend without its features": ({"recipe": {"bends": [BEND]}}, "features of every bend"),
    "features without a bend": ({"indices": [[0]], "masks": [None]}, "features of every bend"),
    "features without masks": (
        {"recipe": {"bends": [BEND]}, "indices": [[0]]},
        "not one of each for every bend",
    ),
    "a feature that is not there": (
        {"recipe": {"bends": [BEND]}, "indices": [[99]], "masks": [None]},
        "do not fit",
    ),
    "a feature below 0": ({"recipe": {"bends": [BEND]}, "indices": [[-1]], "masks": [None]}, "0 or more"),
    "a feature that is true": (
        {"recipe": {"bends": [BEND]}, "indices": [["a"]], "masks": [None]},
        "valid integer",
    ),
    "a layer that is not there": (
        {"recipe": {"bends": [{**BEND, "layer": 99}]}, "indices": [[0]], "masks": [None]},
        "layer 99",
    ),
    "a layer of 5,000 digits": (
        {"recipe": {"bends": [{**BEND, "layer": 10**4000}]}, "indices": [[0]], "masks": [None]},
        "layer",
    ),
    "a mask of another size": (
        {"recipe": {"bends": [BEND]}, "indices": [[0]], "masks": [mask(13376, 13376)]},
        "13376x13376 pixels for a layer of 8x8",
    ),
    "a mask that is no picture": (
        {"recipe": {"bends": [BEND]}, "indices": [[0]], "masks": ["AAAA"]},
        "mask is damaged .not a PNG.$",
    ),
    "a mask that is no base64": (
        {"recipe": {"bends": [BEND]}, "indices": [[0]], "masks": ["%"]},
        "mask is damaged",
    ),
    "NaN among latents": ({**W, "latents": numbers(*[float("nan")] * 16)}, "NaN or infinity among them"),
    "infinity among latents": ({**W, "latents": numbers(*[float("inf")] * 16)}, "NaN or infinity among them"),
    "latents of another shape": (
        {**W, "latents_shape": [1, 15]},
        "16 values for the shape",
    ),
    "latents of a shape without end": ({**W, "latents_shape": [1] * 20}, "latents_shape"),
    "latents of no shape": ({**W, "latents_shape": None}, "one without the other"),
    "latents of a shape below 0": ({**W, "latents_shape": [-1, 16]}, "latents_shape"),
    "a shape without latents": ({"latents_shape": [1, 16]}, "one without the other"),
    "latents of another model": ({**W, "latents": numbers(0.5), "latents_shape": [1, 1]}, "tiny takes"),
    "more latents than seeds": (
        {**W, "latents": numbers(*[0.5] * 32), "latents_shape": [2, 16]},
        "latents need as many seeds",
    ),
    "bytes that are no numbers": ({**W, "latents": "AAA="}, "latents are damaged"),
    "noise maps that do not fit": ({**W, "noise_maps": [numbers(1, 2, 3, 4)]}, "noise maps"),
    "noise maps that are no square": (
        {**W, "noise_maps": [numbers(1, 2)]},
        "2 values for 1 latents",
    ),
    "noise maps with NaN": ({**W, "noise_maps": [numbers(float("nan"))]}, "NaN or infinity"),
    "noise maps without latents": ({"noise_maps": [numbers(1)]}, "without latents"),
    "no seeds": ({"seeds": []}, "seeds"),
    "a seed below 0": ({"seeds": [-1]}, "seeds"),
    "a seed beyond 32 bits": ({"seeds": [2**32]}, "seeds"),
    "a sheet of a million": ({"seeds": [0] * 100_000, "sheet": True}, "a sheet of more than 1000 pictures"),
    "a truncation that overflows": ({"truncation": 1e300}, "truncation"),
    "a truncation of NaN": ({"truncation": float("nan")}, "NaN, which is no number"),
    "a truncation of infinity": ({"truncation": float("-inf")}, "-Infinity, which is no number"),
    "a cutoff below 0": ({"cutoff": -1}, "cutoff"),
    "noise of another kind": ({"noise": "loud"}, "noise"),
    "a key too many": ({"evil": 1}, "evil"),
    "another type": ({"model": 5}, "model"),
    "a bend of the network's own": (
        {"recipe": {"bends": [{**BEND, "transform": "os.system"}]}, "indices": [[0]], "masks": [None]},
        "os.system",
    ),
    "features by the million": (
        {
            "recipe": {"bends": [{**BEND, "features": {"indices": "0-65535"}}] * 16},
            "indices": [[0]] * 16,
            "masks": [None] * 16,
        },
        "1000000 features",
    ),
    "bends by the thousand": (
        {"recipe": {"bends": [BEND] * 1001}, "indices": [[0]] * 1001, "masks": [None] * 1001},
        "at most 1000",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_record_is_one_short_error(case: str, png: Callable[..., Path], model: Model) -> None:
    changes, message = HOSTILE[case]
    path = png(**changes)
    with pytest.raises(NetbendError, match=message) as caught:
        bind(read_request(path), model).still()
    assert len(str(caught.value)) < 2000


def test_masks_are_counted_before_they_are_unpacked(
    png: Callable[..., Path], model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selected, "MAX_MASK_PIXELS", 3 * 64)
    path = png(recipe={"bends": [BEND] * 4}, indices=[[0]] * 4, masks=[mask(8, 8)] * 4)
    with pytest.raises(RenderError, match="256 pixels in all; at most 192 are read"):
        bind(read_request(path), model).still()


def test_a_record_is_not_unpacked_beyond_its_limit(tmp_path: Path) -> None:
    text = b"netbend\0\1\0\0\0" + zlib.compress(b" " * (limits.MAX_RECORD_TEXT + 1))
    assert len(text) < 2000
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of((b"IHDR", bytes(13)), (b"iTXt", text), (b"IEND", b"")))
    with pytest.raises(RenderError, match="unpacks to more than 1000000 bytes"):
        read_request(path)


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_of_a_record_of_many_seeds_the_first_is_drawn(png: Callable[..., Path], model: Model) -> None:
    many = [5, *range(100_000)]
    still = bind(read_request(png(seeds=many)), model).still()
    assert still.latents.seeds == (5,)
    assert torch.equal(still.latents.values, model.latents([5]).values)
    sheet = bind(read_request(png(seeds=[5, 6], sheet=True)), model).still()
    assert sheet.latents.seeds == (5, 6)
    two = {"seeds": [5, 6], "space": "w", "latents": numbers(*[0.5] * 16, *[0.7] * 16)}
    for is_sheet, seeds in [(False, (5,)), (True, (5, 6))]:
        stored = bind(read_request(png(**two, latents_shape=[2, 16], sheet=is_sheet)), model).still()
        assert stored.latents.seeds == seeds
        assert stored.latents.values[-1, 0].item() == pytest.approx(0.7 if is_sheet else 0.5)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([(b"iTXt", b"netbend")], "not a readable PNG"),
        ([(b"iTXt", b"netbend\0\1\0\0\0" + zlib.compress(b"{}")[:-6])], "cut off"),
        ([(b"iTXt", b"netbend\0\1\0\0\0nothing")], "not a readable PNG"),
        ([(b"iTXt", b"netbend\0\0\0\0\0\xff")], "not a readable PNG"),
        ([(b"iTXt", b"x" * (limits.MAX_RECORD_TEXT + 1))], "a text of 1000001 bytes"),
        ([(b"tEXt", b"a")] * 20, "more than 10 chunks"),
        ([(b"IDAT", b"")], "not a readable PNG"),  # and no end
        ([(b"IEND", b"")], "no record in it"),
    ],
)
def test_damaged_pngs_are_one_error(
    tmp_path: Path, chunks: list[tuple[bytes, bytes]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbend.engine.png_text.MAX_PNG_CHUNKS", 10)
    path = tmp_path / "picture.png"
    path.write_bytes(png_of(*chunks))
    with pytest.raises(RenderError, match=message):
        read_request(path)


def test_a_chunk_that_lies_about_its_length_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**31 - 1, b"IDAT") + b"abc")
    with pytest.raises(RenderError, match="not a readable PNG"):
        read_request(path)


def test_the_record_is_found_without_decoding_a_pixel(tmp_path: Path, model: Model) -> None:
    """A picture that claims 2 billion by 2 billion pixels."""
    record = request_text(Still(model, model.latents([0])).request()).encode()
    huge = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0)
    path = tmp_path / "picture.png"
    path.write_bytes(png_of((b"IHDR", huge), (b"iTXt", b"netbend\0\0\0\0\0" + record), (b"IEND", b"")))
    assert read_request(path).model.name == "tiny"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../tiny.safetensors", "tiny.safetensors", "faces/", "pipe", ""]
)
def test_the_name_of_a_model_in_a_record_is_never_a_path(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened: list[object] = []
    monkeypatch.setattr("netbend.engine.embedded.find_by_hash", {}.get)
    monkeypatch.setattr(catalog, "weights_hash", opened.append)
    with pytest.raises(ModelError, match="no model that netbend knows; name its file with --model"):
        known_name(ModelReference(name=name, hash="0" * 64))
    assert opened == []


def test_a_model_is_found_by_its_name_or_else_by_its_hash() -> None:
    faces = catalog.load_model("faces", device="cpu").hash
    found = [
        known_name(ModelReference(name=name, hash=hash))
        for name, hash in [("faces", faces), ("/etc/passwd", faces), ("music", "0")]
    ]
    assert found == ["faces", "faces", "music"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_making_a_picture_again_opens_no_file_that_the_record_names(png: Callable[..., Path]) -> None:
    """A pipe would be waited for."""
    path = png(model="pipe", recipe={"model": "pipe", "clusters": "pipe", "soundtrack": "pipe", "bends": []})
    os.mkfifo(path.parent / "pipe")
    ran = subprocess.run(
        [sys.executable, "-m", "netbend.cli.main", "render", "--from", path.name, "--out", "o"],
        cwd=path.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "name its file with --model" in ran.stderr
    assert not (path.parent / "o").exists()


def test_latents_that_fit_into_a_record_are_read_back_by_any_program(tmp_path: Path, model: Model) -> None:
    values = torch.linspace(-1, 1, 16).reshape(1, 16)
    still = Still(model, Latents(Space.W, values, (0,)))
    path = tmp_path / "picture.png"
    path.write_bytes(png_bytes(still.picture(), still.request()))
    (stored,) = read_request(path).latents
    assert isinstance(stored, LatentValues)
    torch.testing.assert_close(stored.latents().values, values, rtol=0, atol=0)
    with Image.open(path) as picture:
        picture.load()


def test_what_does_not_fit_into_a_record_is_refused_before_the_work(model: Model) -> None:
    values = torch.zeros(15_000, 16)  # 1.28 MB as text
    still = Still(model, Latents(Space.W, values, tuple(range(15_000))))
    with pytest.raises(RenderError, match="do not fit into a picture's record"):
        png_bytes(Image.new("RGB", (1, 1)), still.request())
    check_recordable(still, sheet=False, metadata=True)
    with pytest.raises(RenderError, match="--sheet: 15000 pictures; a sheet shows at most 1000"):
        check_recordable(still, sheet=True, metadata=False)
    few = Still(model, Latents(Space.W_PLUS, torch.zeros(1000, 6, 16), tuple(range(1000))))
    check_recordable(few, sheet=True, metadata=True)
    assert len(encode(few.latents.values)) < limits.MAX_RECORD_TEXT


def test_masks_of_a_recipe_are_kept_and_read_back(tmp_path: Path, model: Model) -> None:
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "m.png")
    recipe = parse_recipe("bends: [{layer: 1, transform: ablate, mask: m.png}]", folder=tmp_path)
    plan = resolve(recipe, model)
    request = Still(model, model.latents([0]), recipe=recipe, plan=plan).request()
    (again,) = selected.decode_masks(request.selected, [(8, 8)])
    torch.testing.assert_close(again, plan.bends[0].mask, rtol=0, atol=0.5 / 255)


def test_every_model_that_is_known_has_a_plain_name() -> None:
    assert all(name.replace("-", "").isalnum() for name in CATALOGUE)


@pytest.mark.filterwarnings("error")
def test_a_mask_far_larger_than_its_layer_is_refused_in_one_line() -> None:
    with pytest.raises(RenderError, match=r"mask is damaged .13376x13376 pixels for a layer of 8x8.$"):
        selected._decode_mask(mask(13376, 13376), (8, 8))
