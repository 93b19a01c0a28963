"""Write requirements-ci.txt: what CI installs, each release with the hashes of all its files.

    python scripts/lock.py

pyproject.toml and constraints.txt say what is installed. uv, in an environment of its own, finds the rest in
the package index and in the folders of wheels that pip is told of (`find-links`). A build of torch from such
a folder, as 2.13.0+cpu, is locked as that build: pip would take the index's own, which needs gigabytes of
CUDA, before a file on disk whose hash it does not know yet.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "requirements-ci.txt"
BUILDING = "hatchling\neditables\n"  # what pyproject.toml is built with, which pip would fetch without a hash
HEADER = """\
# What CI installs: `pip install --require-hashes -r requirements-ci.txt`. Written by scripts/lock.py out of
# pyproject.toml and constraints.txt, for Python 3.11 on Linux with a CPU's build of torch at hand.
# Everybody else installs with constraints.txt.
"""
OPTIONS = [
    *("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        uv = Path(folder) / "bin" / "uv"
        links = [f"--find-links={place}" for place in wheel_folders()]
        found = blocks(compile(uv, BUILDING, "pyproject.toml", "--extra=dev", *links))
    TARGET.write_text(HEADER + "".join(found[name] for name in sorted(found)))
    print(
        f"{TARGET.name}: {len(found)} packages, {sum(text.count('--hash') for text in found.values())} hashes"
    )


def wheel_folders() -> list[str]:
    """Where pip is told to look for wheels besides the index."""
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    lines = re.findall(r"^\S*find-links='(.*)'$", ran.stdout, re.M)
    return sorted({place for line in lines for place in line.replace("\\n", " ").split()})


def compile(uv: Path, wanted: str, *arguments: str) -> str:
    """Pinned requirements with hashes, from those wanted and those in files."""
    command = [uv, "pip", "compile", "-", *arguments, "--constraint", "constraints.txt", *OPTIONS, "--quiet"]
    ran = subprocess.run(command, input=wanted, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return ran.stdout


def blocks(text: str) -> dict[str, str]:
    """Each requirement with its hashes, by its name."""
    parts = re.findall(r"^\S.*\n(?:[ \t]+.*\n)*", text, re.M)
    return {re.split(r"[=; ]", part)[0]: part for part in parts}


if __name__ == "__main__":
    main()
