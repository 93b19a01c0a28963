"""A folder of sounds as one long row of samples to cut from."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netbend.atomic import atomic_write, write_atomic
from netbend.errors import DataError, SoundError
from netbend.media.dataset import files_below, refuse_broken
from netbend.sound.files import mono_blocks
from netbend.sound.formats import SOUNDS

QUIET = 10 ** (-60 / 20)  # peak of a cut from which nothing can be learnt
TRIES = 8


@dataclass(frozen=True)
class Sounds:
    """Mono sounds one after the other, 16 bits a sample; `starts` has one more than there are sounds."""

    samples: NDArray[np.int16]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.samples)

    def random_cuts(self, count: int, length: int, random: torch.Generator) -> Tensor:
        """Cuts `(count, length)` in [-1, 1] from anywhere, none across two sounds; quiet ones are rare."""
        cuts = [self._random_cut(length, random) for _ in range(count)]
        return torch.from_numpy(np.stack(cuts).astype(np.float32) / 32768)

    def _random_cut(self, length: int, random: torch.Generator) -> NDArray[np.int16]:
        for _ in range(TRIES):
            cut = self._cut_at(int(torch.randint(len(self.samples), (), generator=random)), length)
            if _is_heard(cut):
                break
        return cut

    def _cut_at(self, place: int, length: int) -> NDArray[np.int16]:
        """The cut that begins there, or earlier where the sound would end within it."""
        sound = int(np.searchsorted(self.starts, place, side="right")) - 1
        start = max(int(self.starts[sound]), min(place, int(self.starts[sound + 1]) - length))
        return self.samples[start : start + length]

    def even_cuts(self, count: int, length: int) -> Tensor:
        """At most so many cuts, evenly spread, quiet ones left out: the same each time."""
        places = np.linspace(0, len(self.samples) - 1, count).astype(int)
        cuts = [cut for cut in (self._cut_at(int(place), length) for place in places) if _is_heard(cut)]
        if not cuts:
            raise DataError("the sounds to measure by are silent; choose others (--validation)")
        return torch.from_numpy(np.stack(cuts).astype(np.float32) / 32768)


def _is_heard(cut: NDArray[np.int16]) -> bool:
    return bool(np.abs(cut).max() > QUIET * 32768)


def find_sounds(
    folder: Path, run: Path | None = None, report: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """All sound files below a folder, by name, but those that a run in it wrote.

    report: called once with a line that says what was left out, if something was.
    Raises DataError if there are none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of sounds")
    found, left_out = files_below(folder, SOUNDS, run)
    if not found:
        said = f"left out: {left_out}" if left_out.counts else f"looked for {', '.join(sorted(SOUNDS))}"
        raise DataError(f"{folder}: no sounds found; {said}")
    if left_out.counts:
        report(f"{folder}: {len(found)} sounds; left out: {left_out}")
    return found


def set_apart(files: list[Path], share: float = 0.05) -> tuple[list[Path], list[Path]]:
    """Files to learn from, and one in twenty to measure by, at least one; a file is never in both.

    Which it is hangs on its name alone, so that further files do not move it. A single file is
    learnt from, and also measured by.
    """
    if len(files) == 1:
        return files, files
    ranks = {file: hashlib.sha256(file.name.encode()).digest() for file in files}
    first = min(files, key=ranks.__getitem__)
    measured = [file for file in files if ranks[file][0] < 256 * share or file == first]
    return [file for file in files if file not in measured], measured


def load_sounds(
    files: list[Path],
    sample_rate: int,
    shortest: int,
    cache: Path,
    report: Callable[[int], None] = lambda _: None,
) -> Sounds:
    """Decode files to mono at a rate, once: the cache is read instead where it holds the same files.

    shortest: samples; shorter sounds are repeated until they are that long.
    report: called with the number of files decoded.
    Raises DataError naming all files that cannot be used, and leaves no cache then.
    """
    index = cache.with_suffix(".json")
    key = [sample_rate, shortest, [_state(path) for path in files]]
    try:
        stored = json.loads(index.read_text())
    except (OSError, ValueError):
        stored = {}
    if stored.get("key") != key or not cache.exists():
        index.unlink(missing_ok=True)  # what is killed now must not leave it beside another cache
        starts, broken = [0], []
        with atomic_write(cache, DataError, overwrite=True) as unfinished, unfinished.open("wb") as out:
            for number, path in enumerate(files):
                try:
                    starts.append(starts[-1] + _decode(path, sample_rate, shortest, out))
                except (SoundError, DataError) as error:  # all of them are to be said at once
                    broken.append(str(error))
                    continue
                report(number + 1)
            refuse_broken(Path(os.path.commonpath(files)), broken, len(files), "sounds")
        stored = {"key": key, "starts": starts}
        write_atomic(index, json.dumps(stored).encode(), DataError, overwrite=True)
    return Sounds(np.memmap(cache, np.int16, "r"), np.array(stored["starts"]))


def _state(path: Path) -> list[str | int]:
    """What changes when a file does."""
    stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns]


def _decode(path: Path, sample_rate: int, shortest: int, out: BinaryIO) -> int:
    """Append a sound to a file, piece by piece, repeated until it is long enough; gives its length."""
    length = 0
    beginning: list[NDArray[np.int16]] = []  # all of it, if it is shorter than `shortest`
    for block in mono_blocks(path, sample_rate):
        samples = (block.clip(-1, 1) * 32767).round().astype(np.int16)
        samples.tofile(out)
        if length < shortest:
            beginning.append(samples)
        length += len(samples)
    if length == 0:
        raise DataError(f"{path}: no sound in it; remove it")
    if length < shortest:
        times = -(-shortest // length)
        np.tile(np.concatenate(beginning), times - 1).tofile(out)
        length *= times
    return length
