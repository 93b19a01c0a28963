"""Contenders timed in turn, so that what else the machine does falls on all of them alike."""

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import perf_counter, process_time

import cv2
import torch


@dataclass(frozen=True)
class Times:
    """Seconds of the same number of runs of several contenders, in the order of the rounds."""

    seconds: Mapping[str, list[float]]

    def middle(self, name: str) -> float:
        """Median, seconds."""
        return median(self.seconds[name])

    def ratio(self, name: str, reference: str) -> float:
        """Median of the ratios of each round."""
        pairs = zip(self.seconds[name], self.seconds[reference], strict=True)
        return median(time / limit for time, limit in pairs)


def timed(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    at_least: float = 0.0,
    clock: Callable[[], float] = perf_counter,
) -> Times:
    """Run each contender once a round, after a run to warm up.

    at_least: seconds; short runs are repeated within a round until they last as long.
    """
    repeats = dict.fromkeys(contenders, 1)
    for name, run in contenders.items():
        run()
        if at_least:
            start = clock()
            run()
            repeats[name] = max(1, int(at_least / max(clock() - start, 1e-6)))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = clock()
            for _ in range(repeats[name]):
                run()
            seconds[name].append((clock() - start) / repeats[name])
    return Times(seconds)


def machine() -> str:
    """The machine, versions, and how busy it is, in a line."""
    model = next((line for line in _cpu_lines() if line.startswith("model name")), "processor unknown")
    return (
        f"{model.partition(':')[2].strip() or platform.processor()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} thread(s), {torch.backends.cpu.get_cpu_capability()}; "
        f"Python {platform.python_version()}, torch {torch.__version__}, OpenCV {cv2.__version__}, "
        f"numba {_numba()}; load {os.getloadavg()[0]:.1f}"
    )


def _numba() -> str:
    """Its version; netbend goes on without it, and is slower."""
    try:
        return version("numba")
    except PackageNotFoundError:
        return "absent"


def _cpu_lines() -> list[str]:
    try:
        with open("/proc/cpuinfo") as lines:
            return lines.read().splitlines()
    except OSError:
        return []


CLOCKS = {"wall": perf_counter, "cpu": process_time}
