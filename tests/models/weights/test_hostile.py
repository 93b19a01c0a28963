"""Loading executes nothing, refuses clearly, and stays small."""

import contextlib
import importlib.util
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from netbend.errors import CheckpointError, RefusedFile
from netbend.models.catalog import describe, load_model
from netbend.models.stylegan2.checkpoint import load_generator, save_generator
from netbend.models.stylegan2.network import Generator
from netbend.models.weights import read_weights, shown, weights_hash


def neighbour(name: str, path: Path, **options: object) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, **options)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HERE = Path(__file__).parent
hostile = neighbour(
    "hostile", HERE / "hostile" / "__init__.py", submodule_search_locations=[str(HERE / "hostile")]
)
foreign = neighbour("foreign", HERE.parent / "stylegan2" / "foreign.py")

MOST_MEGABYTES = 200
STATUS, PEAK_RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def memory_peak() -> int:
    """Most memory since the last reset, in megabytes; 0 where the system does not tell."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


@pytest.mark.parametrize("name", hostile.ATTACKS)
def test_an_attack_is_refused_and_runs_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pt"
    hostile.ATTACKS[name].make(path)
    if PEAK_RESET.exists():
        PEAK_RESET.write_text("5")
    before = memory_peak()
    with pytest.raises(CheckpointError) as caught:
        load_model(path, "cpu")
    assert memory_peak() - before < MOST_MEGABYTES
    assert os.listdir(tmp_path) == ["model.pt"]
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.isprintable()
    assert len(message) < 600
    report = describe(path)
    assert message == f"{path}: {report.reason}"
    assert report.refused == isinstance(caught.value, RefusedFile)


@pytest.mark.parametrize("name", [name for name, attack in hostile.ATTACKS.items() if attack.asks_for])
def test_what_was_asked_for_is_named(name: str, tmp_path: Path) -> None:
    attack = hostile.ATTACKS[name]
    attack.make(tmp_path / "model.pt")
    report = describe(tmp_path / "model.pt")
    assert report.refused
    assert f"asks for `{attack.asks_for}`; refused, nothing was run" in report.reason


@pytest.mark.parametrize("name", [name for name, attack in hostile.ATTACKS.items() if attack.live])
def test_the_canary_would_sing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The payloads are live: unpicklers that run what they read create the file."""
    monkeypatch.chdir(tmp_path)
    hostile.ATTACKS[name].make(tmp_path / "model.pt")
    with contextlib.suppress(Exception):  # of torch, which expects a dictionary; by then it has run
        hostile.ATTACKS[name].live(tmp_path / "model.pt")
    assert (tmp_path / hostile.CANARY).exists()
    capfd.readouterr()


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [
        ("dnnlib.tflib.network.Network", "TensorFlow pickle; `legacy.py` of stylegan2-ada-pytorch converts"),
        ("__torch__.torch.nn.Module", "TorchScript archive"),
    ],
)
def test_other_kinds_of_checkpoints_come_with_advice(wanted: str, advice: str, tmp_path: Path) -> None:
    hostile.ATTACKS[f"{wanted} as_pickle"].make(tmp_path / "model.pkl")
    with pytest.raises(RefusedFile, match=advice):
        load_generator(tmp_path / "model.pkl")


FORMATS = ["ours", "zip", "legacy", "NVIDIA"]


def write(format: str, path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> bytes:
    if format == "ours":
        save_generator(path, generator)
    elif format == "NVIDIA":
        foreign.save_nvidia(path, foreign.nvidia_module(generator), monkeypatch)
    else:
        foreign.save_rosinality(path, generator, legacy=format == "legacy")
    load_generator(path)
    return path.read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_truncated_anywhere_is_an_error(
    format: str, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(format, tmp_path / "whole", generator, monkeypatch)
    cut = tmp_path / "cut"
    for length in sorted({*range(0, 64, 7), *range(64, len(data), len(data) // 60), len(data) - 1}):
        cut.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=str(cut)):
            load_generator(cut)


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_bytes_give_an_error_or_a_generator_but_nothing_else(
    format: str, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(format, tmp_path / "whole", generator, monkeypatch)
    chance = random.Random(format)
    # Numbers of tensors make up most of a file; what describes them is more telling to damage.
    telling = [at for at in range(len(data)) if data[at : at + 4].isascii() or at < 1000]
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 1, 2, 8])):
            damaged[chance.choice(telling)] = chance.randrange(256)
        (tmp_path / "damaged").write_bytes(damaged)
        with contextlib.suppress(CheckpointError):
            assert isinstance(load_generator(tmp_path / "damaged"), Generator)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "empty: the download did not arrive"),
        (
            b"\n <!DOCTYPE html><title>Virus scan warning</title>",
            "a web page: the download asks for something",
        ),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS; `git lfs pull`"),
        (b"\x1f\x8b\x08" + bytes(20), "packed by gzip; unpack it first"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "a Keras or TensorFlow file"),
        (bytes(257) + b"ustar" + bytes(250), "a tar archive; unpack it first"),
        (b"GGUF" + bytes(20), "a language model"),
        (b"\x93NUMPY\x01\x00" + bytes(20), "an array of numpy; if it holds latents, `--latents` takes it"),
    ],
)
def test_what_people_take_for_checkpoints_is_named(content: bytes, advice: str, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=advice):
        load_generator(tmp_path / "model.pt")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_latents_and_directions_of_numpy_are_named(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "me.npz", w=np.zeros((1, 8)))
    with pytest.raises(CheckpointError, match="not a checkpoint, but arrays of numpy"):
        load_generator(tmp_path / "me.npz")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_named_with_what_to_do(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "model.pt")
    with pytest.raises(RefusedFile, match="a TorchScript archive, which is a program; save the network's"):
        load_generator(tmp_path / "model.pt")


def test_messages_hold_no_addresses() -> None:
    assert shown(f"bad {object()!r} and \x1b[2J") == "bad <object object> and \\x1b[2J"


def test_what_is_not_a_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    for path in (tmp_path, tmp_path / "pipe"):
        for reader in (load_generator, weights_hash):
            with pytest.raises(CheckpointError, match="not a file"):
                reader(path)
        assert "not a file" in describe(path).reason
    for reader in (load_generator, describe, weights_hash):
        with pytest.raises(CheckpointError, match="no such file"):
            reader(tmp_path / "gone")


def test_the_options_of_a_training_run_are_plain_data(generator: Generator, tmp_path: Path) -> None:
    foreign.save_rosinality(tmp_path / "model.pt", generator)
    tree = read_weights(tmp_path / "model.pt").tree
    assert tree["args"] == {"size": 16, "path": "pictures", "distributed": False, "lr": 0.002}
    assert tree["g_optim"]["param_groups"] == [{"lr": 0.002}]
    assert torch.equal(tree["g_optim"]["state"][0]["exp_avg"], torch.ones(3))
