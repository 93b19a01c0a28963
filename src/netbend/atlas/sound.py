"""Samples of a sound model: songs of its own, or sound files that go through it."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from netbend.atlas.maps import upright
from netbend.atlas.samples import Samples
from netbend.bending import Plan, bend
from netbend.choices import NonFinite, Space
from netbend.errors import SoundError
from netbend.latents.walk import walk
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.capabilities import audio_output, encoder_of
from netbend.pictures import paint
from netbend.render.stream import Listening, SoundStream, no_more_ultrasound, sing
from netbend.sound.chunks import Crossfade, Cutter
from netbend.sound.files import read_mono
from netbend.sound.formats import Samples as Waveform
from netbend.sound.spectrum import LOUDEST
from netbend.sound.streaming import Analysis
from netbend.sound.writer import write_sound

SECONDS = 3.0
PACE = 4.0  # seconds from one latent of a song to the next, as of `netbend sound --seeds`
SIZE = (192, 384)  # of spectrograms: height, width in pixels
PEAK = 0.9  # of sounds that would be louder than full scale


class SoundSamples(Samples):
    """Three seconds for each: a song on a walk that begins at a seed's latent, or the first of a file.

    Outputs are levels `(1, frames, bins)`. The first sample alone is pictured, and heard under every bend.
    """

    upright = True
    pictured = 1
    suffix = ".png"

    def __init__(self, model: Model, songs: "Sequence[_Song | _File]", options: SynthesisOptions):
        self.model, self.spectrum = model, audio_output(model).spectrum
        self.options, self._songs = options, songs
        self.names = tuple(song.name for song in songs)
        self._parts = [song.latents for song in songs]
        seeds = tuple(seed for part in self._parts for seed in part.seeds)
        self.latents = Latents(Space.Z, torch.cat([part.values.cpu() for part in self._parts]), seeds)
        self._unbent: dict[int, Tensor] = {}

    @torch.no_grad()
    def output(self, index: int, plan: Plan, nonfinite: NonFinite) -> Tensor:
        crossfade = Crossfade(Listening().cutting(self.model))
        if index not in self._unbent:
            self._unbent[index] = self._generated(index, Plan(()), nonfinite)
        bent = self._generated(index, plan, nonfinite)
        levels = crossfade.push(no_more_ultrasound(bent, self._unbent[index], self.spectrum))
        frames = round(SECONDS * self.spectrum.sample_rate / self.spectrum.hop)
        return levels[:, :frames].clamp(0, LOUDEST)

    def _generated(self, index: int, plan: Plan, nonfinite: NonFinite) -> Tensor:
        with bend(self.model, plan, nonfinite=nonfinite):
            return self.model.generate(self._parts[index], self.options).cpu()

    def picture(self, output: Tensor) -> Image.Image:
        drawn = upright(output[0])
        return paint(F.adaptive_avg_pool2d(drawn[None], SIZE)[0])

    def amount(self, size: float) -> str:
        change = size * self.spectrum.decibels
        return f"{change:.1f} dB" if change >= 0.05 else "< 0.1 dB"

    def write_sound(self, index: int, plan: Plan, path: Path) -> bool:
        samples = self._songs[index].heard(plan, self.options)
        peak = np.abs(samples).max(initial=0)
        softer = samples * (PEAK / peak) if peak > 1 else samples
        write_sound(path, softer, self.spectrum.sample_rate, "PCM_16")
        return True


def sung(model: Model, seeds: Sequence[int], options: SynthesisOptions) -> SoundSamples:
    """Samples that the model sings by itself."""
    return SoundSamples(model, [_Song(model, seed) for seed in seeds], options)


def played(model: Model, files: Sequence[Path]) -> SoundSamples:
    """Samples of sound files. Raises SoundError for a file that cannot be read or has nothing in it."""
    return SoundSamples(model, [_File(model, file) for file in files], SynthesisOptions())


class _Song:
    """A walk through latent space, from a seed's latent."""

    def __init__(self, model: Model, seed: int):
        self.model, self.seed, self.name = model, seed, f"seed {seed}"

    @property
    def latents(self) -> Latents:
        steps = list(islice(self._walk(), _chunks(self.model)))
        return Latents(Space.Z, torch.cat([step.values for step in steps]), (self.seed,) * len(steps))

    def heard(self, plan: Plan, options: SynthesisOptions) -> Waveform:
        """Samples `(1, n)`."""
        wanted = round(SECONDS * audio_output(self.model).spectrum.sample_rate)
        parts, count = [], 0
        for part in sing(self.model, plan, self._walk(), options, nonfinite=NonFinite.REPLACE):
            parts.append(part)
            count += part.shape[1]
            if count >= wanted:
                break
        return np.concatenate(parts, axis=1)[:, :wanted]

    def _walk(self) -> Iterator[Latents]:
        (first,) = self.model.latents([self.seed]).values
        for z in walk(self.seed, len(first), _chunk_seconds(self.model) / PACE):
            yield Latents(Space.Z, z, (self.seed,))


class _File:
    """The beginning of a sound file."""

    def __init__(self, model: Model, path: Path):
        self.model, self.name = model, path.name
        self._samples = read_mono(path, audio_output(model).spectrum.sample_rate, SECONDS)[None]
        if not self._samples.size:
            raise SoundError(f"{path}: there is no sound in it; name one that has some")

    @property
    def latents(self) -> Latents:
        spectrum, cutting = audio_output(self.model).spectrum, Listening().cutting(self.model)
        analysis, cutter = Analysis(spectrum, 1), Cutter(cutting, 1, spectrum.bins)
        spectra = torch.cat([analysis.push(torch.from_numpy(self._samples)), analysis.flush()], dim=1)
        chunks = torch.cat([cutter.push(spectrum.levels(spectra)), cutter.flush()])
        device = next(self.model.network.parameters()).device
        with torch.no_grad():
            return encoder_of(self.model).encode(chunks.to(device))

    def heard(self, plan: Plan, _options: SynthesisOptions) -> Waveform:
        """Samples `(1, n)`, with the phases of the file."""
        stream = SoundStream(self.model, plan, nonfinite=NonFinite.REPLACE)
        return np.concatenate([stream.push(self._samples), stream.flush()], axis=1)


def _chunk_seconds(model: Model) -> float:
    spectrum = audio_output(model).spectrum
    return Listening().cutting(model).step * spectrum.hop / spectrum.sample_rate


def _chunks(model: Model) -> int:
    """That a sample is made of."""
    return int(-(-SECONDS // _chunk_seconds(model)))
