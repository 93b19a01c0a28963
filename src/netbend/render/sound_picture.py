"""What a network made of a sound, as spectrograms on one scale (figures 3 and 5 of the paper)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from netbend.models.base import Model
from netbend.models.capabilities import audio_output
from netbend.render.stream import SoundStream
from netbend.sound.drawing import spectrogram_sheet
from netbend.sound.files import read_mono
from netbend.sound.formats import Samples
from netbend.sound.streaming import Analysis

SECONDS = 30.0
WIDEST = 1600  # pixels


def compared(model: Model, source: Path, results: Sequence[tuple[str, Path]]) -> Image.Image:
    """Source, reconstruction without bends, and labelled results, one below the other: the first 30 s."""
    rate = audio_output(model).spectrum.sample_rate
    samples = read_mono(source, rate, SECONDS)
    stream = SoundStream(model)
    rebuilt = np.concatenate([stream.push(samples[None]), stream.flush()], axis=1)
    rows = [("source", samples[None]), ("reconstruction", rebuilt)]
    rows += [(label, read_mono(path, rate, SECONDS)[None]) for label, path in results]
    return spectrogram_sheet([(label, [_columns(model, sound)]) for label, sound in rows])


def _columns(model: Model, samples: Samples) -> Tensor:
    """Levels `(columns, bins)`, not wider than a picture should be."""
    spectrum = audio_output(model).spectrum
    analysis = Analysis(spectrum, 1)
    spectra = torch.cat([analysis.push(torch.from_numpy(samples)), analysis.flush()], dim=1)
    levels = spectrum.levels(spectra)
    columns = min(WIDEST, levels.shape[1])
    return torch.nn.functional.adaptive_avg_pool2d(levels, (columns, levels.shape[2]))[0]
