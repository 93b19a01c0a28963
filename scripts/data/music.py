"""Fetches free music from Debian packages, sorted out by licence and split by track.

    python scripts/data/music.py OUT [--packages FOLDER]

OUT receives train/, validation/ and test/ with the files as they are in the packages, and CREDITS.md, track
by track. Only what may be shared alike is taken: CC0, public domain, MIT, CC BY and CC BY-SA, as each
package's own copyright file says; what is under the GPL alone is left out. Needs apt-get and dpkg-deb;
packages that are in FOLDER already (default: OUT/packages) are not fetched again.
"""

import argparse
import fnmatch
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHAREABLE = {"CC0", "CC0-1.0", "public-domain", "MIT", "CC-BY-3.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"}
KEPT_FOR_TESTS = ("loop_tabla", "loop_garzul", "loop_compus", "ambi_choir", "ambi_piano", "guit_e_fifths")
ENDINGS = (".ogg", ".opus", ".flac", ".wav")


@dataclass(frozen=True)
class Package:
    """Where the music of a package is, and whose it is.

    folder: of the music, in the package. named: the folder's name in the copyright file.
    author, licence: of all of it where the copyright file does not speak of single files.
    left_out: patterns of names that are not taken.
    """

    name: str
    folder: str
    named: str = ""
    author: str = ""
    licence: str = ""
    left_out: tuple[str, ...] = ()


PACKAGES = [
    # The albums' license.txt: CC BY-SA 3.0 or later, but for the enhanced track 3, which is under the GPL,
    # as are the original soundtrack and the menu's.
    *(
        Package(
            "warzone2100-music",
            f"usr/share/games/warzone2100/music/albums/{album}_soundtrack",
            author="LupusMechanicus",
            licence="CC-BY-SA-3.0",
            left_out=("*_enhanced.opus",),
        )
        for album in ("aftermath", "legacy")
    ),
    Package("ufoai-music", "usr/share/games/ufoai/base/0music.pk3/music", "base/music"),
    Package("supertuxkart-data", "usr/share/games/supertuxkart/data/music", "data/music"),
    Package(
        "singularity-music",
        "usr/share/games/singularity/music",
        author="Max McCracken",
        licence="CC-BY-SA-3.0",
    ),
    Package("hyperrogue-music", "usr/share/hyperrogue/music", "music"),
    Package(
        "fretsonfire-songs-sectoid",
        "usr/share/games/fretsonfire/data/songs/sectoid",
        author="Carlos Viola Iborra",
        licence="MIT",
    ),
    Package(
        "fretsonfire-songs-muldjord",
        "usr/share/games/fretsonfire/data/songs/muldjord",
        author="El Senator (Muldjord)",
        licence="CC-BY-SA-3.0",
    ),
    Package(
        "sonic-pi-samples",
        "usr/share/sonic-pi/samples",
        "etc/samples",
        left_out=("loop_amen*", *(f"{name}.*" for name in KEPT_FOR_TESTS)),
    ),
]


@dataclass(frozen=True)
class Track:
    file: Path
    name: str
    part: str
    author: str
    licence: str


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
    options.out.mkdir(parents=True, exist_ok=True)
    tracks: list[Track] = []
    for package in PACKAGES:
        unpacked = unpack(package, fetch(package, options.packages or options.out / "packages"), options.out)
        taken = list(shareable(package, unpacked))
        print(f"{package.name}: {len(taken)} tracks", flush=True)
        tracks.extend(taken)
    for track in tracks:
        place = options.out / track.part / track.name
        place.parent.mkdir(exist_ok=True)
        if not place.exists():
            place.hardlink_to(track.file)
    (options.out / "CREDITS.md").write_text(credits(tracks))
    shutil.rmtree(options.out / "unpacked")


def fetch(package: Package, folder: Path) -> Path:
    """The package's file, downloaded unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob(f"{package.name}_*.deb")):
        subprocess.run(["apt-get", "download", package.name], cwd=folder, check=True)
    return next(folder.glob(f"{package.name}_*.deb"))


def unpack(package: Package, file: Path, out: Path) -> Path:
    folder = out / "unpacked" / package.name
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["dpkg-deb", "-x", file, folder], check=True)
        for archive in folder.rglob("*.pk3"):
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(archive.with_suffix(".unpacked"))
            archive.unlink()
            archive.with_suffix(".unpacked").rename(archive)
    return folder


def shareable(package: Package, unpacked: Path) -> Iterator[Track]:
    """The tracks of a package that may be used. Ends the script if there is none: the package changed."""
    stanzas = list(read_copyright(unpacked / "usr/share/doc" / package.name / "copyright"))
    found = False
    for file in sorted((unpacked / package.folder).rglob("*")):
        name = file.relative_to(unpacked / package.folder)
        if file.suffix not in ENDINGS or any(fnmatch.fnmatch(file.name, p) for p in package.left_out):
            continue
        author, licence = package.author, package.licence
        if not licence:
            author, licence = owner(stanzas, f"{package.named}/{name}")
        if licence in SHAREABLE:
            found = True
            flat = f"{package.name}--{'--'.join(name.parts)}".replace(" ", "_")
            yield Track(file, flat, part_of(package, name), author, licence)
    if not found:
        sys.exit(f"{package.name}: no shareable music in {package.folder}; the package has changed")


def read_copyright(path: Path) -> Iterator[tuple[list[str], str, str]]:
    """Patterns of files, owners and licence of each stanza, where the file is one of stanzas."""
    for stanza in re.split(r"\n\s*\n", path.read_text()):
        fields = dict(re.findall(r"^(\S+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE))
        if {"Files", "License"} <= set(fields):
            owners = ", ".join(
                line.strip() for line in fields.get("Copyright", "").splitlines() if line.strip()
            )
            yield fields["Files"].split(), owners, fields["License"].split("\n")[0].strip()


def owner(stanzas: list[tuple[list[str], str, str]], name: str) -> tuple[str, str]:
    """Author and licence: of stanzas that speak of a file, the last one counts; `*` speaks of none."""
    matching = [s for s in stanzas if any(p != "*" and fnmatch.fnmatchcase(name, p) for p in s[0])]
    return (matching[-1][1], matching[-1][2]) if matching else ("", "")


def part_of(package: Package, name: Path) -> str:
    """The part of the split: one in twenty each to validate and to test, always the same.

    Stems and versions of one piece stay together.
    """
    piece = name.parent if package.name.startswith("fretsonfire") else re.sub("_fast$", "", name.stem)
    digest = hashlib.sha256(f"{package.name}/{piece}".encode()).digest()
    return {0: "validation", 1: "test"}.get(digest[0] % 16, "train")


def credits(tracks: list[Track]) -> str:
    rows = [f"| {t.name} | {t.author} | {t.licence} | {t.part} |" for t in tracks]
    return "\n".join(["| track | by | licence | part |", "|---|---|---|---|", *rows, ""])


if __name__ == "__main__":
    main()
