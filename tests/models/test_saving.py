"""States of training on disk."""

import subprocess
import sys
from pathlib import Path

import torch

from netbend.errors import DataError
from netbend.models.saving import write_state


def test_a_state_comes_back(tmp_path: Path) -> None:
    for value in (3.0, 4.0):
        write_state(tmp_path / "checkpoint.pt", {"a": torch.full((5,), value), "b": 7}, DataError)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert (state["a"].tolist(), state["b"]) == ([4.0] * 5, 7)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_named_and_the_state_before_stays(tmp_path: Path) -> None:
    """A limit on the size of files gives the errors of a full disk, but for its number."""
    write_state(tmp_path / "checkpoint.pt", {"a": 1}, DataError)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    code = (
        "import resource, sys, torch; from pathlib import Path\n"
        "from netbend.errors import DataError; from netbend.models.saving import write_state\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "write_state(Path(sys.argv[1]), {'a': torch.zeros(10_000)}, DataError)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "checkpoint.pt")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "DataError: cannot write" in ran.stderr.splitlines()[-1]
    assert ran.stderr.splitlines()[-1].endswith("checkpoint.pt: File too large")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"checkpoint.pt": before}
