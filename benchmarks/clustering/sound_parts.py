"""What clusters of the model `music` do to sound, in decibels: by frequency, and at onsets and elsewhere.

    python -m benchmarks.clustering.sound_parts [CLUSTERS.yaml]

Three loops of sounds/ go through the network; every cluster is ablated and multiplied by 3. An onset is
one of the tenth of the frames whose level rises most.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from netbend import Layer, Plan, bend, load_clusters, load_model
from netbend.bending import PlannedBend
from netbend.models.base import Latents, Model
from netbend.models.output import AudioOutput
from netbend.sound.files import read_mono
from netbend.sound.streaming import Analysis
from netbend.transforms import build_transform

SOUNDS = Path(__file__).parent.parent.parent / "sounds"
LOOPS = ["guit_e_fifths", "loop_compus", "loop_tabla"]
SECONDS = 6.0
BANDS = {"< 200 Hz": (0, 200), "200-1000": (200, 1000), "1-4 kHz": (1000, 4000), "> 4 kHz": (4000, 1e9)}
BENDS = {"ablate": ("ablate", {}), "x 3": ("multiply", {"p": 3.0})}
ONSETS = 0.9  # quantile of the rise of level


def main(file: str | None = None) -> None:
    model = load_model("music", "cpu")
    assert isinstance(model.output, AudioOutput)
    clusters = model.clusters if file is None else load_clusters(file)
    assert clusters is not None
    latents = model.encode(cuts(model))
    unbent = model.generate(latents)[:, 0]
    rise = (unbent[:, 1:] - unbent[:, :-1]).clamp(min=0).mean(-1)
    onset = torch.nn.functional.pad(rise > torch.quantile(rise, ONSETS), (1, 0))
    print(f"| cluster | bend | {' | '.join(BANDS)} | at onsets | elsewhere |")
    print("|---|---|" + "---|" * (len(BANDS) + 2))
    for layer in model.layers:
        for number, features in clusters.layers.get(layer.key, {}).items():
            name = clusters.names[layer.key].get(number, "")
            for label in BENDS:
                change = change_in_db(model, latents, unbent, layer, features, label)
                figures = [*by_band(change, model), change[onset].mean(), change[~onset].mean()]
                row = " | ".join(f"{figure:+.1f}" for figure in figures)
                print(f"| {layer.key}.{number} {name} ({len(features)}) | {label} | {row} |")


def cuts(model: Model) -> Tensor:
    """Levels of the loops, cut to what the network takes `(N, 1, frames, bins)`."""
    found = []
    for path in (SOUNDS / f"{loop}.flac" for loop in LOOPS):
        samples = torch.from_numpy(read_mono(path, model.output.spectrum.sample_rate, SECONDS))[None]
        analysis = Analysis(model.output.spectrum, 1)
        spectra = torch.cat([analysis.push(samples), analysis.flush()], dim=1)
        (levels,) = model.output.spectrum.levels(spectra)
        found += [cut[None] for cut in levels.split(model.output.frames) if len(cut) == model.output.frames]
    return torch.stack(found)


def change_in_db(
    model: Model, latents: Latents, unbent: Tensor, layer: Layer, features: tuple[int, ...], label: str
) -> Tensor:
    """How many decibels a bend changes every bin of every frame `(N, frames, bins)`."""
    planned = PlannedBend(layer, build_transform(*BENDS[label]), features)
    with bend(model, Plan((planned,))):
        bent = model.generate(latents)[:, 0]
    return (bent - unbent) * (model.output.spectrum.ceiling - model.output.spectrum.floor)


def by_band(change: Tensor, model: Model) -> list[Tensor]:
    """The mean change in each of BANDS."""
    frequencies = torch.linspace(0, model.output.spectrum.sample_rate / 2, change.shape[2])
    return [change[:, :, (low <= frequencies) & (frequencies < high)].mean() for low, high in BANDS.values()]


if __name__ == "__main__":
    with torch.no_grad():
        main(*sys.argv[1:])
