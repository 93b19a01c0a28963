"""Loading executes nothing, refuses clearly, and stays small."""

import importlib.util
import resource
from pathlib import Path

import pytest
import torch

from netbend.errors import CheckpointError
from netbend.models.stylegan2.checkpoint import describe_checkpoint, load_generator, save_generator
from netbend.models.stylegan2.network import Generator
from netbend.models.weights import read_weights

spec = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
hostile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hostile)

MEGABYTE = 1024  # of ru_maxrss, which counts kibibytes


@pytest.mark.parametrize("name", hostile.ATTACKS)
def test_an_attack_is_refused_and_runs_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pt"
    hostile.ATTACKS[name](path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError) as caught:
        load_generator(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 800
    assert not (tmp_path / hostile.CANARY).exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 * MEGABYTE
    report = describe_checkpoint(path)
    assert report.reason


@pytest.mark.parametrize(
    ("name", "asked_for"),
    [
        ("system_call_in_a_pickle", "posix.system"),
        ("exec_in_a_pickle", "builtins.exec"),
        ("system_call_in_a_torch_zip", "os.system"),
        ("system_call_in_a_legacy_torch_file", "os.system"),
        ("a_class_of_the_users_own", "__main__.Generator"),
    ],
)
def test_what_was_asked_for_is_named(name: str, asked_for: str, tmp_path: Path) -> None:
    hostile.ATTACKS[name](tmp_path / "model.pt")
    report = describe_checkpoint(tmp_path / "model.pt")
    assert report.refused
    assert f"`{asked_for}`" in report.reason
    assert "nothing was run" in report.reason


def test_the_canary_would_sing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The payloads are live: Python's own unpickler runs them."""
    import pickle

    monkeypatch.chdir(tmp_path)
    for name in ("system_call_in_a_pickle", "exec_in_a_pickle", "an_instance_opcode", "a_stack_global"):
        hostile.ATTACKS[name](tmp_path / "model.pkl")
        pickle.loads((tmp_path / "model.pkl").read_bytes())  # live on purpose
        assert (tmp_path / hostile.CANARY).exists(), name
        (tmp_path / hostile.CANARY).unlink()


@pytest.mark.parametrize("kind", ["ours", "zip", "legacy"])
def test_a_file_truncated_anywhere_is_an_error(kind: str, generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "whole"
    if kind == "ours":
        save_generator(path, generator)
    else:
        state = {"g_ema": dict(generator.state_dict())}
        torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")
    data = path.read_bytes()
    read_weights(path)
    cut = tmp_path / "cut"
    for length in sorted({*range(0, 64, 7), *range(64, len(data), len(data) // 60), len(data) - 1}):
        cut.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=str(cut)):
            load_generator(cut)


def test_folders_and_missing_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a file"):
        load_generator(tmp_path)
    with pytest.raises(CheckpointError, match="no such file"):
        load_generator(tmp_path / "gone")
