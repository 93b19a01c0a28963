"""`netbend sound` against real time: the whole command, from start to written file.

    python benchmarks/sound.py [SECONDS ...]      stereo, 44.1 kHz; default 120 and 3600

Prints, for both kinds of phase, how many times faster than real time it is, and the peak of its memory;
and beside them what the machine reaches: a convolution of the size of the network's largest, and a copy.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

LOOP = Path(__file__).parent.parent / "sounds" / "loop_compus.flac"
RATE = 44100


def main(lengths: list[int]) -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; {limits()}")
    print("| seconds of stereo | phase | times real time | peak memory, MB |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for seconds in lengths:
            source = Path(folder) / f"{seconds}.wav"
            write_loop(source, seconds)
            for phase in ("input", "griffin-lim"):
                took, megabytes = command(source, phase, Path(folder) / "out.wav")
                print(f"| {seconds} | {phase} | {seconds / took:.1f} | {megabytes:.0f} |", flush=True)


def write_loop(path: Path, seconds: int) -> None:
    """The loop, over and over, no two rounds equally loud."""
    loop, _ = soundfile.read(LOOP, dtype="float32")
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_16") as file:
        left, random = seconds * RATE, np.random.default_rng(0)
        while left > 0:
            file.write(loop[:left] * random.uniform(0.3, 0.9))
            left -= len(loop)


def command(source: Path, phase: str, out: Path) -> tuple[float, float]:
    """Seconds, and megabytes at the peak."""
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
    return time.monotonic() - started, usage.ru_maxrss / 1024


def limits() -> str:
    convolution = torch.nn.ConvTranspose2d(48, 24, (4, 5), 2, (1, 2), bias=False)
    convolution = convolution.to(memory_format=torch.channels_last)
    maps = torch.randn(16, 48, 32, 129).to(memory_format=torch.channels_last)
    with torch.no_grad():
        seconds = timed(lambda: convolution(maps))
    operations = 2 * 16 * 32 * 129 * 48 * 24 * 20
    samples = torch.randn(50_000_000)
    copied = timed(samples.clone)
    return f"convolution {operations / seconds / 1e9:.0f} GFLOP/s, copy {8 * 0.05 / copied:.1f} GB/s"


def timed(work) -> float:
    work()
    took = []
    for _ in range(7):
        started = time.monotonic()
        work()
        took.append(time.monotonic() - started)
    return sorted(took)[3]


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [120, 3600])
