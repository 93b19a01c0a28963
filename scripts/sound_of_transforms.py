"""Measures what each transform does to sound, at each layer of `music`: the table of docs/sound.md.

    python scripts/sound_of_transforms.py [MODEL]

For the sounds in sounds/, against the unbent reconstruction: level (dB, before loudness is made up),
brightness (octaves of the spectral centroid), noisiness (dB of spectral flatness), attacks (dB of the
spectrum's rises from frame to frame, at equal level) and likeness (correlation of levels).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netbend.bending import Plan, resolve
from netbend.models.base import Model
from netbend.models.catalog import load_model
from netbend.models.output import AudioOutput
from netbend.recipe import recipe_from_data
from netbend.render.stream import Listening, SoundStream
from netbend.sound.files import read_mono
from netbend.sound.formats import Samples

BENDS: list[tuple[str, dict[str, object]]] = [
    ("ablate", {}),
    ("invert", {}),
    ("multiply", {"p": 2}),
    ("multiply", {"p": 0.5}),
    ("multiply", {"p": -1}),
    ("threshold", {"t": 0.5}),
    ("flip-h", {}),
    ("flip-v", {}),
    ("translate", {"x": 0.1}),
    ("translate", {"x": 0, "y": 0.25}),
    ("scale", {"kx": 0.5}),
    ("rotate", {"angle": 20}),
    ("erode", {"r": 1}),
    ("dilate", {"r": 1}),
]
HALF = {"random": 0.5}  # of the features of layers 1 to 4


def main(name: str) -> None:
    model = load_model(name, "cpu")
    assert isinstance(model.output, AudioOutput)
    folder = Path(__file__).parent.parent / "sounds"
    sounds = [read_mono(path, 44100, 6) for path in sorted(folder.glob("*.flac"))]
    unbent = [levels(model, sound, Plan(())) for sound in sounds]
    print("| transform | layer | level | brightness | noisiness | attacks | likeness |")
    print("|---|---|---|---|---|---|---|")
    for transform, params in BENDS:
        for layer in range(1, 6):
            features = "all" if layer == 5 else HALF
            bend = {"layer": layer, "transform": transform, "params": params, "features": features}
            plan = resolve(recipe_from_data({"bends": [bend]}), model, seed=0)
            pairs = [(levels(model, sound, plan), plain) for sound, plain in zip(sounds, unbent, strict=True)]
            changes = np.mean([np.array(compare(model, *pair)) for pair in pairs], axis=0)
            called = " ".join([transform, *(f"{key} {value}" for key, value in params.items())])
            print(
                f"| {called} | {layer} | " + " | ".join(f"{change:.2f}" for change in changes) + " |",
                flush=True,
            )


def levels(model: Model, sound: Samples, plan: Plan) -> Tensor:
    stream = SoundStream(model, plan, 1, Listening(detail=0), ceiling=None)  # the network alone
    heard = np.concatenate([stream.push(sound[None]), stream.flush()], axis=1)
    return model.output.spectrum.analyse(torch.from_numpy(heard))[0].abs()


def compare(model: Model, bent: Tensor, plain: Tensor) -> list[float]:
    """Level, brightness, noisiness, attacks, likeness, of magnitudes `(frames, bins)`."""
    differences = [measure(bent)[i] - measure(plain)[i] for i in range(4)]
    levels = [model.output.spectrum.levels(spectra).flatten() for spectra in (bent, plain)]
    return [*differences, float(torch.corrcoef(torch.stack(levels))[0, 1].nan_to_num())]


def measure(magnitudes: Tensor) -> list[float]:
    power = magnitudes.square() + 1e-12
    level = 10 * power.mean().log10()
    bins = torch.arange(power.shape[1]) + 0.5
    loud = power.sum(dim=1, keepdim=True)
    centroid = ((power * bins).sum(dim=1) / loud[:, 0] * loud[:, 0]).sum() / loud.sum()
    flatness = 10 * ((power.log().mean(dim=1) - power.mean(dim=1).log()) / np.log(10))
    rises = (magnitudes.diff(dim=0).clamp(min=0)).square().sum() / power.sum()
    return [float(level), float(centroid.log2()), float(flatness.mean()), float(10 * (rises + 1e-12).log10())]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "music")
