"""What benchmarks have in common: options, and a table and plots that they leave behind."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import torch
from paired import machine
from plot import Axis, Curve, plot

from netbend.process import tune_process
from netbend.transforms.compiled import compiled

tune_process()


def options(manual: str | None, rounds: int) -> argparse.ArgumentParser:
    """Those of every benchmark; most add their own."""
    parser = argparse.ArgumentParser(description=manual, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--table", type=Path, help="markdown, written when all is done")
    return parser


def add_plot(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """For what has a size."""
    parser.add_argument("--plot", type=Path, help="PNG; others of the same benchmark get longer names")
    return parser


def compiling() -> str:
    """Loads at once what numba compiles, so that it is not loaded in the middle of a round; says so."""
    if compiled.load():
        return "What numba compiles is loaded from the start; netbend otherwise waits until it pays."
    return "Nothing is compiled: numba is absent, or does not work here."


class Report:
    """What a benchmark finds: printed as it comes, written when all of it is there.

        report = Report("Networks", chosen)
        report.add(*table(["size", "s"], [["64", "0.1"]]))
        report.draw(curves, limits, Axis("pixels a side"), Axis("seconds"))
        report.save()

    Sets torch and OpenCV to the threads that were chosen. how: what else holds for every figure.
    """

    def __init__(self, title: str, chosen: argparse.Namespace, how: str = ""):
        torch.set_num_threads(chosen.threads)
        cv2.setNumThreads(chosen.threads)
        torch.set_grad_enabled(False)
        self._chosen = chosen
        self._lines: list[str] = []
        threads = f"{chosen.threads} thread{'s' * (chosen.threads > 1)}"
        self.add(f"## {title}, {threads}")
        self.add(f"{machine()}; median of {chosen.rounds} rounds, the contenders in turn{how}")

    def add(self, *lines: str) -> None:
        """A paragraph or table."""
        print(*lines, "", sep="\n", flush=True)
        self._lines += [*lines, ""]

    def draw(
        self, curves: Mapping[str, Curve], limits: Mapping[str, Curve], across: Axis, up: Axis, name: str = ""
    ) -> None:
        """A plot, if one is wanted. name: of a further one, put behind that of the first."""
        if self._chosen.plot is None:
            return
        file = self._chosen.plot.with_stem(self._chosen.plot.stem + f"-{name}" * bool(name))
        plot(curves, limits, across, up).save(file)
        self._lines += [f"![{up.name} against {across.name}]({file.name})", ""]

    def save(self) -> None:
        """Write the table, if one is wanted."""
        if self._chosen.table:
            self._chosen.table.write_text("\n".join(self._lines))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
