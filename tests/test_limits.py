"""Every bound stands in one place, in docs/limits.md with its value, and nowhere else."""

import json
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from netbend import limits
from netbend.cli.terminal import complain
from netbend.engine.request import RenderRequest
from netbend.errors import NetbendError
from netbend.latents.file import load_latents
from netbend.latents.seeds import parse_seeds
from netbend.models.base import SynthesisOptions
from netbend.models.catalog import describe
from netbend.models.dcgan.network import Architecture as Dcgan
from netbend.models.native import check_widths
from netbend.models.run_settings import RunSettings
from netbend.models.stylegan2.checkpoint import load_generator
from netbend.models.stylegan2.network import Architecture as StyleGAN2
from netbend.models.weights import read_weights, shown
from netbend.models.weights.openvino import read_constants
from netbend.motion import parse_number
from netbend.recipe import parse_recipe
from netbend.recipe.clusters import checked_name
from netbend.recipe.latent import parse_latent
from netbend.sound.files import SoundReader
from netbend.variations.grid import _check_size
from netbend.variations.lists import values

ROOT = Path(__file__).parent.parent
BOUNDS = {name: value for name, value in vars(limits).items() if name.startswith(("MAX_", "MIN_"))}
ROWS = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (ROOT / "docs" / "limits.md").read_text(), re.M)


def number(text: str) -> float:
    """1,000 or 2^32 - 1 or 1e+100."""
    power, minus, one = text.replace(",", "").partition(" - ")
    base, raised, exponent = power.partition("^")
    value = int(base) ** int(exponent) if raised else float(base)
    return value - int(one) if minus else value


def test_the_table_has_every_bound_once_and_no_other() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(BOUNDS)


@pytest.mark.parametrize(("name", "value"), ROWS)
def test_the_table_gives_the_value_in_the_code(name: str, value: str) -> None:
    assert number(value) == BOUNDS[name]


BEND = "{layer: 3, transform: ablate}"


def noise(**rest: object) -> dict[str, object]:
    return {"noise": 1, "from": 0, "to": 1, "seconds": 1, **rest}


def torch_file(folder: Path, content: Any = None) -> Path:
    torch.save(
        {"a": torch.zeros(2, 2), "b": [torch.zeros(1)]} if content is None else content, folder / "a.pt"
    )
    return folder / "a.pt"


def views(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Parts of one storage that overlap, of which each is unpacked by itself."""
    return [tensor[first:] for first in range(20)]


def pickled(folder: Path, content: object) -> Path:
    (folder / "a.pkl").write_bytes(pickle.dumps(content, protocol=2))
    return folder / "a.pkl"


def written(folder: Path, content: bytes) -> Path:
    (folder / "a.pkl").write_bytes(content)
    return folder / "a.pkl"


def safetensors(folder: Path, header: str) -> Path:
    encoded = header.encode()
    (folder / "a.safetensors").write_bytes(len(encoded).to_bytes(8, "little") + encoded)
    return folder / "a.safetensors"


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


SHEET = {"version": "1", "model": "m", "model_hash": "0", "seeds": [0] * 1001, "sheet": True}
XML = (
    b'<net version="10"><layers>'
    + b'<layer type="Const"><data element_type="f32" size="4"/></layer>' * 4
    + b"</layers></net>"
)


def sound(folder: Path, rate: int) -> Path:
    soundfile.write(folder / "a.wav", np.zeros(10), rate)
    return folder / "a.wav"


def settings(folder: Path) -> Path:
    (folder / "settings.json").write_text(json.dumps({"a": "x" * limits.MAX_SETTINGS_BYTES}))
    return folder / "settings.json"


GENERATORS = {f"g{number}": {"input.input": torch.zeros(1, 8, 4, 4)} for number in range(17)}

# What is one beyond a bound, and the error that it is.
BEYOND: dict[str, tuple[Callable[[Path], object], str]] = {
    "MAX_YAML_DEPTH": (lambda _: parse_recipe("bends: " + "[" * 21 + "]" * 21), "deeper than 20 levels"),
    "MAX_YAML_DIGITS": (lambda _: parse_recipe("seed: " + "1" * 41 + "\nbends: []"), "too many digits"),
    "MAX_BENDS": (lambda _: parse_recipe(f"bends: [{(BEND + ', ') * 1001}]"), "at most 1000"),
    "MAX_MIX": (lambda _: parse_recipe(f"bends: [{BEND[:-1]}, mix: 4.1}}]"), "expected 0 to 4, not 4.1"),
    "MAX_TRUNCATION": (lambda _: parse_recipe("truncation: 1000001\nbends: []"), "at most 1e.06"),
    "MAX_RECORD_TRUNCATION": (lambda _: SynthesisOptions(truncation_psi=1.1e38), "expected at most 1e.38"),
    "MAX_FEATURES": (
        lambda _: parse_recipe(f"bends: [{BEND[:-1]}, features: {{indices: 65536}}}}]"),
        "more than 65535",
    ),
    "MAX_CLUSTER_NAME": (lambda _: checked_name("n" * 61), "at most 60"),
    "MAX_SEED": (lambda _: parse_recipe(f"seed: {2**63}\nbends: []"), "seed"),
    "MAX_FILM_SECONDS": (lambda _: parse_recipe("seconds: 86401\nbends: []"), "86400"),
    "MAX_KEYS": (lambda _: parse_number({"keys": [[n, 0] for n in range(10_001)]}), "keys"),
    "MAX_OCTAVES": (lambda _: parse_number(noise(octaves=9)), "1 to 8"),
    "MAX_NUMBER": (lambda _: parse_number(1.1e100), "expected a number"),
    "MIN_SECONDS": (lambda _: parse_number(noise(seconds=0.0009)), "0.001 to"),
    "MAX_SECONDS": (lambda _: parse_number(noise(seconds=1.1e7)), "to 1e.07 seconds"),
    "MAX_LATENT_POINTS": (lambda _: parse_latent({"mean": "0-10000"}), "more than 10000"),
    "MAX_LATENT_SEED": (lambda _: parse_latent(2**32), "more than 4294967295"),
    "MAX_WALK_LENGTH": (lambda _: parse_latent({"walk": 1, "length": 1000.5}), "at most 1000"),
    "MAX_DIRECTIONS": (lambda _: parse_latent({"direction": 65_536, "by": 1}), "direction"),
    "MAX_DEVIATIONS": (
        lambda _: parse_latent({"direction": 0, "from": 0, "to": -1000.1, "seconds": 1}),
        "at most 1000 standard deviations",
    ),
    "MAX_SEEDS": (lambda _: parse_seeds("0-1000000"), "more than 1000000 at once"),
    "MAX_LISTED_VALUES": (lambda _: values("0-1000", "--rows"), "more than 1000 at once"),
    "MAX_SHEET_PIXELS": (lambda _: _check_size(1000, 1000, 9), "more than fit one picture"),
    "MAX_SETTINGS_BYTES": (lambda folder: RunSettings.load(settings(folder)), "at most 100000 are read"),
    "MAX_WIDTH": (lambda _: check_widths((16_385, 8)), "from 1 to 16384"),
    "MAX_RESOLUTIONS": (lambda _: check_widths((8,) * 11), "2 to 10 numbers"),
    "MAX_MAPPING_LAYERS": (lambda _: StyleGAN2((8, 8), mapping_depth=65), "65 mapping layers"),
    "MAX_CLASSES": (lambda _: Dcgan((8, 8), classes=("a",) * 1001), "at most 1000 names"),
    "MAX_PICKLE_BITS": (lambda folder: read_weights(pickled(folder, {"a": 2**200})), "201 bits"),
    "MAX_PICKLE_KEY_BITS": (lambda folder: read_weights(pickled(folder, {2**65: 1})), "66 bits as a key"),
    "MAX_PICKLE_MEMO": (
        lambda folder: read_weights(written(folder, b"\x80\x02]p99999999999\n.")),
        "remembers something as number 99999999999",
    ),
    "MAX_GENERATORS": (lambda folder: load_generator(torch_file(folder, GENERATORS)), "more than 16"),
    "MAX_JSON_DIGITS": (
        lambda folder: read_weights(safetensors(folder, f'{{"a": {{"shape": [{"1" * 21}]}}}}')),
        "21 digits",
    ),
    "MAX_SHEET_PICTURES": (
        lambda _: RenderRequest.model_validate(SHEET),
        "a sheet of more than 1000 pictures",
    ),
    "MIN_SAMPLE_RATE": (lambda folder: SoundReader(sound(folder, 999)), "expected 1000 to 768000"),
    "MAX_SAMPLE_RATE": (lambda folder: SoundReader(sound(folder, 768_001)), "expected 1000 to 768000"),
    "MAX_XML_BYTES": (lambda _: read_constants(b" " * 4_000_001, b"", "a.xml"), "at most 4000000 are read"),
}  # fmt: skip

# The same with the bound lowered, where what exceeds it would take long to make.
LOWERED: dict[str, tuple[int, Callable[[Path], object], str]] = {
    "MAX_WEIGHTS_BYTES": (10, lambda folder: read_weights(torch_file(folder)), "at most|larger"),
    "MAX_ZIP_ENTRIES": (3, lambda folder: read_weights(torch_file(folder)), "more than 3 entries"),
    "MAX_PICKLE_OPCODES": (
        5,
        lambda folder: read_weights(torch_file(folder)),
        "more than 5 pickle operations",
    ),
    "MAX_TENSORS": (1, lambda folder: read_weights(torch_file(folder)), "more than 1|at most 1"),
    "MAX_XML_CONSTANTS": (3, lambda _: read_constants(XML, bytes(16), "a.xml"), "more than 3 constants"),
    "MAX_TENSOR_SLACK_BYTES": (
        0,
        lambda folder: read_weights(torch_file(folder, views(torch.zeros(10_000)))),
        "bytes|more than",
    ),
    "MAX_TREE_DEPTH": (2, lambda folder: read_weights(torch_file(folder, [[[[1]]]])), "deeper than 2 levels"),
    "MAX_TREE_ENTRIES": (3, lambda folder: read_weights(torch_file(folder)), "more than 3 entries"),
    "MAX_TENSOR_DIMENSIONS": (1, lambda folder: read_weights(torch_file(folder)), "dimension|shape"),
    "MAX_TENSOR_NUMBERS": (2, lambda folder: read_weights(torch_file(folder)), "size|shape|number"),
    "MAX_TENSOR_HEADER_BYTES": (
        10,
        lambda folder: read_weights(safetensors(folder, '{"__metadata__": {}}')),
        "at most 10 are read",
    ),
    "MAX_ARRAY_HEADER": (
        10,
        lambda folder: load_latents(saved(folder, w=np.zeros((1, 4)))),
        "header|readable",
    ),
    "MAX_LATENT_VALUES": (
        10,
        lambda folder: load_latents(saved(folder, w=np.zeros((1, 11), np.float32))),
        "11 values, at most 10|more than",
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_beyond_a_bound_is_one_error(name: str, tmp_path: Path) -> None:
    make, message = BEYOND[name]
    with pytest.raises((NetbendError, ValueError), match=message) as caught:
        make(tmp_path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", LOWERED)
def test_what_is_beyond_a_lowered_bound_is_one_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, make, message = LOWERED[name]
    for module in list(sys.modules.values()):
        if module.__name__.startswith("netbend.") and module is not limits and hasattr(module, name):
            monkeypatch.setattr(module, name, value)
    with pytest.raises(NetbendError, match=message) as caught:
        make(tmp_path)
    assert len(str(caught.value)) < 1000


def test_a_report_lists_no_more_entries_than_its_bound(tmp_path: Path) -> None:
    names = {f"n{number}": torch.zeros(1) for number in range(limits.MAX_LISTED_ENTRIES + 1)}
    assert len(describe(torch_file(tmp_path, names)).entries) == limits.MAX_LISTED_ENTRIES


def test_text_in_messages_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(shown("x" * 1000)) == limits.MAX_SHOWN_TEXT
    complain("x" * (limits.MAX_MESSAGE + 5))
    assert capsys.readouterr().err.endswith("x ... (5 more characters)\n")


# Held by attacks that are made elsewhere.
ATTACKS = {"MAX_MODULES": "modules_shared_by_many_modules", "MAX_MODULE_PATH": "names_of_modules_that_grow"}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_exceeds_it_is_among_the_attacks(name: str) -> None:
    attacks = ROOT / "tests" / "models" / "weights" / "hostile" / "exhaustion.py"
    assert f"def {ATTACKS[name]}(" in attacks.read_text()


def test_every_bound_is_exceeded_in_a_test() -> None:
    """Here, or in a test that names it."""
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    assert [name for name in BOUNDS if not re.search(rf"\b{name}\b", tests)] == []
