"""`netbend sound` against real time: the whole command, from start to written file.

    python benchmarks/sound.py [SECONDS ...] [--table out.md]      stereo, 44.1 kHz; default 120 and 3600

Prints, for both kinds of phase, how many times faster than real time it is, by the clock and by what a
core computed, so that other programs do not count, and the peak of its memory; and beside them what the
machine reaches: a convolution of the size of the network's largest, and a copy.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from limits import copy_rate
from paired import machine, timed
from report import table

LOOP = Path(__file__).parent.parent / "sounds" / "loop_compus.flac"
RATE = 44100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seconds", type=int, nargs="*", default=[120, 3600], metavar="SECONDS")
    parser.add_argument("--table", type=Path, help="markdown, written when all is done")
    chosen = parser.parse_args()
    lines = ["## Sound", "", f"{machine()}; one run", "", f"{limits()}", ""]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in chosen.seconds:
            source = Path(folder) / f"{seconds}.wav"
            write_loop(source, seconds)
            for phase in ("input", "griffin-lim"):
                took, computed, megabytes = command(source, phase, Path(folder) / "out.wav")
                times = [f"{seconds / took:.1f}", f"{seconds / computed:.1f}"]
                rows.append([f"{seconds}", phase, *times, f"{megabytes:.0f}"])
                print(f"{seconds} s, {phase}: {took:.1f} s, {computed:.1f} of a core", flush=True)
    heads = ["seconds of stereo", "phase", "times real time", "the same of one core", "peak memory, MB"]
    lines += [*table(heads, rows), ""]
    print("\n".join(lines))
    if chosen.table:
        chosen.table.write_text("\n".join(lines))


def write_loop(path: Path, seconds: int) -> None:
    """The loop, over and over, no two rounds equally loud."""
    loop, _ = soundfile.read(LOOP, dtype="float32")
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_16") as file:
        left, random = seconds * RATE, np.random.default_rng(0)
        while left > 0:
            file.write(loop[:left] * random.uniform(0.3, 0.9))
            left -= len(loop)


def command(source: Path, phase: str, out: Path) -> tuple[float, float, float]:
    """Seconds, seconds of a core, and megabytes at the peak."""
    recipe = Path(__file__).parent.parent / "recipes" / "music" / "figure-3.yaml"
    started = time.monotonic()
    process = subprocess.Popen(
        [
            *(Path(sys.executable).with_name("netbend"), "sound", source, "--recipe", recipe, "--quiet"),
            *("--phase", phase, "--out", out, "--overwrite"),
        ]
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("netbend sound failed")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def limits() -> str:
    convolution = torch.nn.ConvTranspose2d(48, 24, (4, 5), 2, (1, 2), bias=False)
    convolution = convolution.to(memory_format=torch.channels_last)
    maps = torch.randn(16, 48, 32, 129).to(memory_format=torch.channels_last)
    with torch.no_grad():
        seconds = timed({"convolution": lambda: convolution(maps)}, rounds=7).middle("convolution")
    operations = 2 * 16 * 32 * 129 * 48 * 24 * 20
    return f"A convolution: {operations / seconds / 1e9:.0f} GFLOP/s. {copy_rate(rounds=7)}"


if __name__ == "__main__":
    main()
