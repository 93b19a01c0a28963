"""Fetches free music from Debian packages, sorted out by licence and split by track.

    python scripts/data/music.py OUT [--packages FOLDER]

OUT receives train/, validation/ and test/ with the files as they are in the packages, and CREDITS.md, track
by track. Which tracks are used, who made them and under which licence stands in music.csv beside this
file, read from each package's copyright file, its licence texts and tags: only what may be shared alike as
CC BY-SA 4.0. A package whose tracks are not those of the table is refused. Needs apt-get and dpkg-deb;
packages that are in FOLDER already (default: OUT/packages) are not fetched again.
"""

import argparse
import csv
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_suffix(".csv")
ENDINGS = {".ogg", ".opus", ".flac", ".wav"}
FOLDERS = {  # of the music, in each package
    "warzone2100-music": "usr/share/games/warzone2100/music",
    "ufoai-music": "usr/share/games/ufoai/base/0music.pk3/music",
    "supertuxkart-data": "usr/share/games/supertuxkart/data/music",
    "singularity-music": "usr/share/games/singularity/music",
    "hyperrogue-music": "usr/share/hyperrogue/music",
    "fretsonfire-songs-sectoid": "usr/share/games/fretsonfire/data/songs/sectoid",
    "fretsonfire-songs-muldjord": "usr/share/games/fretsonfire/data/songs/muldjord",
    "sonic-pi-samples": "usr/share/sonic-pi/samples",
}
LICENCES = {
    "CC0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-SA-3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "MIT": "https://opensource.org/license/mit",
}


@dataclass(frozen=True)
class Track:
    """A line of the table; path: within the package's folder of music."""

    package: str
    path: str
    author: str
    title: str
    licence: str
    used: str
    reason: str

    @property
    def name(self) -> str:
        """Of the file in OUT."""
        below = self.path.split("/")[2:] if self.package.startswith("warzone") else self.path.split("/")
        return f"{self.package}--{'--'.join(below)}".replace(" ", "_")

    @property
    def part(self) -> str:
        """Of the split: one in sixteen each to validate and to test, by its name alone.

        Stems and versions of one piece stay together.
        """
        path = Path(self.path)
        piece = path.parent if self.package.startswith("fretsonfire") else re.sub("_fast$", "", path.stem)
        digest = hashlib.sha256(f"{self.package}/{piece}".encode()).digest()
        return {0: "validation", 1: "test"}.get(digest[0] % 16, "train")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--packages", type=Path)
    options = parser.parse_args()
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not there: this script needs Debian, or a system made from it")
    with TABLE.open(newline="") as file:
        tracks = [Track(**row) for row in csv.DictReader(file)]
    options.out.mkdir(parents=True, exist_ok=True)
    packages = {name: fetch(name, options.packages or options.out / "packages") for name in FOLDERS}
    for name, file in packages.items():
        take(name, file, [track for track in tracks if track.package == name], options.out)
    used = [track for track in tracks if track.used == "yes"]
    (options.out / "CREDITS.md").write_text(credits(used, packages))
    for part in ("train", "validation", "test"):
        print(f"{part}: {sum(track.part == part for track in used)} tracks")


def fetch(package: str, folder: Path) -> Path:
    """The package's file, downloaded unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob(f"{package}_*.deb")):
        command = ["apt-get", "download", package]
        if subprocess.run(command, cwd=folder, check=False).returncode != 0:
            sys.exit(
                f"{package}: could not be fetched; run `apt-get update`, and see what apt-get says above"
            )
    return max(folder.glob(f"{package}_*.deb"))


def take(package: str, file: Path, tracks: list[Track], out: Path) -> None:
    """Put the tracks of a package that are used into their places."""
    unpacked = out / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    if subprocess.run(["dpkg-deb", "-x", file, unpacked], check=False).returncode != 0:
        sys.exit(f"{file}: cannot be unpacked; remove it, to have it fetched again")
    for archive in unpacked.rglob("*.pk3"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(archive.with_suffix(".unpacked"))
        archive.unlink()
        archive.with_suffix(".unpacked").rename(archive)
    folder = unpacked / FOLDERS[package]
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in ENDINGS}
    strange = found ^ {track.path for track in tracks}
    if strange:
        sys.exit(f"{package}: not as {TABLE.name} knows it ({', '.join(sorted(strange)[:3])}); read {file}")
    for track in tracks:
        place = out / track.part / track.name
        if track.used == "yes" and not place.exists():
            place.parent.mkdir(exist_ok=True)
            shutil.move(folder / track.path, place)
    shutil.rmtree(unpacked)


def credits(tracks: list[Track], packages: dict[str, Path]) -> str:
    """Who made what, as the licences ask for."""
    links = [f"- {name}: {link}" for name, link in LICENCES.items()]
    versions = [f"- {file.name.removesuffix('.deb')}" for file in packages.values()]
    rows = [
        f"| {track.package}/{track.path} | {track.title} | {track.author} | {track.licence} | {track.part} |"
        for track in tracks
    ]
    head = ["# Music that `music` was trained and measured on", "", "Debian packages:", "", *versions, ""]
    table = ["| track | title | by | licence | part |", "|---|---|---|---|---|", *rows]
    return "\n".join([*head, "Licences:", "", *links, "", *table, ""])


if __name__ == "__main__":
    main()
