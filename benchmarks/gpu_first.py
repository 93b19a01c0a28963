"""The first frames on a GPU."""

import argparse
import subprocess
import sys
from contextlib import nullcontext
from time import perf_counter

import torch
from gpu_shared import (
    Notes,
    config_f,
    every_layer,
    latents_of,
    now,
)

from netbend.bending import bend


def warm(notes: Notes, chosen: argparse.Namespace) -> None:
    """The first frames in new processes, side by side, with nothing compiled before."""
    command = [sys.executable, __file__, "frames", "--out", str(chosen.out), "--device", str(chosen.device)]
    command += ["--sizes", *map(str, chosen.sizes)]
    started = [
        subprocess.Popen(
            [*command, "--precision", precision, "--kinds", *kinds], stdout=subprocess.PIPE, text=True
        )
        for precision in ("float32", "bfloat16")
        for kinds in ((), ("multiply", "threshold"), ("rotate",))
    ]
    for process in started:
        try:
            told, _ = process.communicate(timeout=max(0.1, chosen.deadline - perf_counter()))
        except subprocess.TimeoutExpired:
            process.kill()
            told, _ = process.communicate()
        notes.add(told.strip().replace("\n", "\n\n"))


def frames(_notes: Notes, chosen: argparse.Namespace) -> None:
    """Seconds of the first frames, unbent and bent; prints them."""
    for size in chosen.sizes:
        for name in (None, *chosen.kinds):
            model, took = config_f(size, chosen.device, getattr(torch, chosen.precision)), []
            latents = latents_of(model, 1)
            with nullcontext() if name is None else bend(model, every_layer(model, name)):
                for _ in range(4):
                    start = now()
                    model.generate(latents).cpu()
                    took.append(f"{now() - start:.3f}")
            print(f"{size}, {chosen.precision}, {name or 'unbent'}, seconds of the first frames: {took}")
