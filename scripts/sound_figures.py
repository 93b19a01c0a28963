"""Figures 3 and 5 of the paper in decibels: how variations differ, and what clusters of sound change.

    python scripts/sound_figures.py

Writes docs/gallery/works/figure-5.png and the tables of docs/works.md. Every loop goes through the network by
itself; exit code 1 where a caption holds for fewer than PANELS says: the guitar has hardly a
transient to change. An onset is one of the tenth of the frames whose level rises most.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import torch
from measured import DOCS, ROOT, Criterion, Measured, write_into
from measured import table as table_of
from torch import Tensor

from netbend import load_recipe
from netbend.bending import Plan, resolve
from netbend.choices import NonFinite
from netbend.models.base import Model
from netbend.models.catalog import load_model
from netbend.models.output import AudioOutput
from netbend.render.stream import TONAL, through_model
from netbend.sound.drawing import spectrogram_sheet
from netbend.sound.files import read_mono
from netbend.sound.streaming import Analysis

RECIPES = ROOT / "recipes" / "music" / "clusters"
LOOPS = ["guit_e_fifths", "loop_compus", "loop_tabla"]
SHOWN, SECONDS = "loop_tabla", 6.0
ONSETS = 0.9  # quantile of the rise of level
LOW = 1000.0  # Hz
LEAST_APART = 1.0  # dB between variations of figure 3
MARGIN = 0.5  # dB that the part of the caption must change more than the rest
# Panel, recipe, where it is to change the sound - at onsets, or below LOW - the sign, and for how many loops.
PANELS = [
    ("5c", "no-transients", "onsets", -1, 2),
    ("5d", "hard-transients", "onsets", 1, 2),
    ("5e", "thin", "low", -1, 3),
    ("5f", "thick", "low", 1, 3),
]


def main() -> None:
    model = load_model("music", "cpu")
    assert isinstance(model.output, AudioOutput)
    table = [
        "| panel | recipe | loop | at onsets | elsewhere | below 1 kHz | above |",
        "|---|---|---|---|---|---|---|",
    ]
    failures: list[str] = []
    rows: list[tuple[str, Tensor]] = []
    for panel, name, where, sign, least in PANELS:
        holds = 0
        for source in (ROOT / "sounds" / f"{loop}.flac" for loop in LOOPS):
            heard = Heard.of(model, source, RECIPES / f"{name}.yaml")
            found = heard.change_in_db(model)
            row = " | ".join(f"{decibels:+.1f} dB" for decibels in found)
            table.append(f"| {panel} | `{name}` | {source.stem} | {row} |")
            print(panel, name, source.stem, row, flush=True)
            there, rest = found[:2] if where == "onsets" else found[2:]
            holds += sign * there >= max(0.0, sign * rest) + MARGIN
            if source.stem == SHOWN:
                places = ("at onsets", "elsewhere") if where == "onsets" else ("below 1 kHz", "above")
                rows = rows or [("a source", heard.source), ("b reconstruction", heard.unbent)]
                label = f"{panel[-1]} {name}: {there:+.1f} dB {places[0]}, {rest:+.1f} dB {places[1]}"
                rows.append((label, heard.bent))
        if holds < least:
            failures.append(f"{panel}: for {holds} loops, expected {least}")
    write_into(DOCS / "works.md", "figure-5", table)
    variations = figure_3(model)
    write_into(DOCS / "works.md", "figure-3", table_of(variations, "figure"))
    write_into(ROOT / "README.md", "figure-3", [f"*Measured: {variations[1]}.*"])
    failures += [str(each) for each in variations if each.fails]
    sheet = spectrogram_sheet([(label, [levels.flatten(0, 1)]) for label, levels in rows])
    sheet.quantize(128).save(DOCS / "gallery" / "works" / "figure-5.png", optimize=True)
    if failures:
        sys.exit("captions that do not hold:\n" + "\n".join(failures))


def figure_3(model: Model) -> list[Measured]:
    """How far four variations are from the unbent loop, and any two from each other."""
    source, recipe = ROOT / "sounds" / f"{SHOWN}.flac", ROOT / "recipes" / "music" / "figure-3.yaml"
    heard = [Heard.of(model, source, recipe, seed, TONAL) for seed in range(3, 7)]
    decibels = model.output.spectrum.ceiling - model.output.spectrum.floor

    def apart(one: Tensor, other: Tensor) -> float:
        return float((one - other).abs().mean()) * decibels

    unlike = [apart(each.bent, each.unbent) for each in heard]
    each_other = [apart(one.bent, other.bent) for one, other in combinations(heard, 2)]
    says = "the four variations, mean difference in dB from"
    return [
        Measured("`figure-3`", Criterion(f"{says} {what}", least=LEAST_APART, digits=1), values)
        for what, values in (("the unbent loop", unlike), ("each other, two by two", each_other))
    ]


@dataclass(frozen=True)
class Heard:
    """Levels `(N, frames, bins)` of a sound, cut to what the network takes, and what became of them."""

    source: Tensor
    unbent: Tensor
    bent: Tensor

    @classmethod
    def of(
        cls,
        model: Model,
        source: Path,
        recipe: Path,
        seed: int | None = None,
        detail: float | str = 0.0,  # the paper's way
    ) -> "Heard":
        levels = cuts(model, source)[:, 0]
        plan = resolve(load_recipe(recipe), model, seed=seed)
        unbent, bent = (
            through_model(model, each, levels, detail, NonFinite.ERROR) for each in (Plan(()), plan)
        )
        return cls(levels, unbent, bent)

    def change_in_db(self, model: Model) -> Sequence[float]:
        """What the bend changes: at onsets, elsewhere, below LOW and above, in decibels."""
        change = (self.bent - self.unbent) * (model.output.spectrum.ceiling - model.output.spectrum.floor)
        rise = (self.unbent[:, 1:] - self.unbent[:, :-1]).clamp(min=0).mean(-1)
        onset = torch.nn.functional.pad(rise > torch.quantile(rise, ONSETS), (1, 0))
        low = torch.linspace(0, model.output.spectrum.sample_rate / 2, change.shape[2]) < LOW
        parts = (change[onset], change[~onset], change[:, :, low], change[:, :, ~low])
        return [float(part.mean()) for part in parts]


def cuts(model: Model, source: Path) -> Tensor:
    """Levels of a sound, cut to what the network takes `(N, 1, frames, bins)`."""
    samples = torch.from_numpy(read_mono(source, model.output.spectrum.sample_rate, SECONDS))[None]
    analysis = Analysis(model.output.spectrum, 1)
    spectra = torch.cat([analysis.push(samples), analysis.flush()], dim=1)
    (levels,) = model.output.spectrum.levels(spectra)
    return torch.stack(
        [cut[None] for cut in levels.split(model.output.frames) if len(cut) == model.output.frames]
    )


if __name__ == "__main__":
    main()
