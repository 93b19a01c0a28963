"""Sound through a model, block by block: for files, and for playing live."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.bending import Plan, bend
from netbend.choices import NonFinite, Phase, Stereo, choose, choose_fields
from netbend.errors import RenderError
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.capabilities import audio_output, encoder_of
from netbend.motion import Number, value_at
from netbend.sound.chunks import Crossfade, Cutter, Cutting
from netbend.sound.formats import Samples
from netbend.sound.griffin_lim import ITERATIONS, Phasing
from netbend.sound.limiter import CEILING, Limiter
from netbend.sound.spectrum import Spectrum
from netbend.sound.streaming import Analysis, Synthesis

NETWORK_BATCH = 16  # spectrograms at once
TONAL = "tonal"
STEADY = 17  # frames, 0.1 s
HIGHEST_HEARD = 16_000.0  # Hz, by most people


@dataclass(frozen=True)
class Listening:
    """How sound is sent through a model.

    phase: see Phase. iterations: of Griffin-Lim.
    overlap, context: of chunks, in frames, see `Cutting`; context shortens the latency.
    detail: what is put back of what the network cannot reconstruct. "tonal": what is steady of it, so that
    tones are as they were and blows as the bends make them; 0: nothing (the paper's way); up to 1: all.
    stereo: see Stereo; what is drawn for each channel, `SoundJob` draws, and a SoundStream is given.
    Raises RenderError for another detail.
    """

    phase: Phase = Phase.INPUT
    iterations: int = ITERATIONS
    overlap: int = 32
    context: int = 0
    detail: float | str = TONAL
    stereo: Stereo = Stereo.LINKED

    def __post_init__(self) -> None:
        choose_fields(self, phase=Phase, stereo=Stereo)
        if self.detail != TONAL and (isinstance(self.detail, str) or not 0 <= self.detail <= 1):
            raise RenderError(f"detail {self.detail!r:.40}: expected {TONAL}, or 0 (nothing) to 1 (all)")

    def cutting(self, model: Model) -> Cutting:
        """Raises RenderError for chunks that nothing is left of."""
        try:
            return Cutting(audio_output(model).frames, self.overlap, self.context)
        except ValueError as error:
            raise RenderError(str(error)) from error


class SoundStream:
    """Pushes samples through a model that a plan bends, and gives the result in blocks.

        stream = SoundStream(model, plan, channels=2)
        for block in blocks:                # float32 (channels, n), at the model's sample rate
            play(stream.push(block))        # what is ready, (channels, m), m often 0
        play(stream.flush())                # the rest

    In all, as many samples come out as went in, and they do not depend on how the samples were
    parted into blocks. No true peak is above `ceiling`, in dB, unless it is None; see `Limiter`. Where
    bends move, a chunk is bent as the plan is at the middle of what is heard of it, and faded into the
    next. Whatever went in is heard after at most `latency` more samples; memory stays
    within that many samples and the blocks. Where the source is silent (every bin of a frame below
    the model's floor) the result is. Instead of one plan there may be one for each channel.
    Raises ModelError for a model of anything but sound, and for one without an encoder; RenderError for
    blocks of another shape, for plans of another number than channels, and for the
    middle and sides of more than two channels; NonFiniteError where a bend makes NaN.
    """

    def __init__(
        self,
        model: Model,
        plan: Plan | Sequence[Plan] = Plan(()),
        channels: int = 1,
        listening: Listening = Listening(),
        nonfinite: NonFinite = NonFinite.ERROR,
        *,
        ceiling: float | None = CEILING,
    ):
        self._model, self.channels = model, channels
        self._spectrum = audio_output(model).spectrum
        encoder_of(model)  # before anything is pushed
        self._plans = [plan] * channels if isinstance(plan, Plan) else list(plan)
        if len(self._plans) != channels:
            raise RenderError(f"{len(self._plans)} plans for {channels} channels: expected one for each")
        self._is_mid_side = listening.stereo is Stereo.MID_SIDE and channels > 1
        if self._is_mid_side and channels != 2:
            raise RenderError(f"{channels} channels have no middle and sides; expected two")
        self._listening, self._nonfinite = listening, choose(NonFinite, nonfinite, "nonfinite")
        spectrum, cutting = self._spectrum, listening.cutting(model)
        self._analysis = Analysis(spectrum, channels)
        self._cutter = Cutter(cutting, channels, spectrum.bins)
        self._crossfade = Crossfade(cutting)
        self._cutting = cutting
        self._phasing = Phasing(spectrum, listening.iterations)
        self._synthesis = Synthesis(spectrum, channels)
        self._limiter = None if ceiling is None else Limiter(spectrum.sample_rate, channels, ceiling)
        self._source = torch.zeros(channels, 0, spectrum.bins, dtype=torch.complex64)
        self._received = self._given = 0
        self._chunks = 0  # that went through the network

    @property
    def sample_rate(self) -> int:
        """Hz, the model's."""
        return self._spectrum.sample_rate

    @property
    def latency(self) -> int:
        """Samples after which every sample that went in is out at the latest, not counting the time that
        the network takes to compute; see `LiveStream`."""
        spectrum = self._spectrum
        frames = self._cutting.frames - self._cutting.context
        if self._listening.phase is Phase.GRIFFIN_LIM:
            frames += self._phasing.delay
        limiting = 0 if self._limiter is None else self._limiter.delay
        return frames * spectrum.hop + spectrum.window - spectrum.hop + limiting

    def warm_up(self) -> None:
        """Let the network compute a chunk that is not heard, as the first takes longer than all others."""
        silence = torch.zeros(self.channels, self._cutting.frames, self._spectrum.bins)
        plans = [plan.at(0.0) for plan in self._plans]
        through_model(self._model, plans, silence, self._listening.detail, self._nonfinite)

    def push(self, samples: Samples) -> Samples:
        """Samples float32 `(channels, n)` in, finished ones out."""
        if samples.ndim != 2 or len(samples) != self.channels:
            raise RenderError(f"a block {samples.shape}: this stream takes ({self.channels}, samples)")
        self._received += samples.shape[1]
        taken = torch.from_numpy(samples).float()
        taken = _sum_and_difference(taken) / 2 if self._is_mid_side else taken
        return self._give(self._heard(self._analysis.push(taken)))

    def flush(self) -> Samples:
        """The rest, when nothing more comes."""
        rest = [self._heard(self._analysis.flush()), self._sounding(self._cutter.flush())]
        held_back = self._phasing.flush()
        if held_back is not None:
            rest.append(self._synthesis.push(held_back))
        samples = self._give(torch.cat(rest, dim=1)[:, : self._received - self._given])
        return samples if self._limiter is None else np.concatenate([samples, self._limiter.flush()], axis=1)

    def _give(self, samples: Tensor) -> Samples:
        self._given += samples.shape[1]
        samples = _sum_and_difference(samples) if self._is_mid_side else samples
        array: Samples = samples.numpy()
        return array if self._limiter is None else self._limiter.push(array)

    def _heard(self, spectra: Tensor) -> Tensor:
        self._source = torch.cat([self._source, spectra], dim=1)
        return self._sounding(self._cutter.push(self._spectrum.levels(spectra)))

    def _sounding(self, chunks: Tensor) -> Tensor:
        """Chunks of levels to samples."""
        parts = [self._synthesis.push(self._phased(levels)) for levels in self._through(chunks)]
        return torch.cat([self._source.new_zeros(self.channels, 0).real, *parts], dim=1)

    def _through(self, chunks: Tensor) -> Iterator[Tensor]:
        """Chunks `(K, C, frames, bins)` through the network to frames `(C, step, bins)`, one by one."""
        # Sums over other batches are rounded otherwise, and phases that are estimated jump for that.
        alone = self._listening.phase is Phase.GRIFFIN_LIM
        for group in torch.split(chunks, 1 if alone else max(1, NETWORK_BATCH // self.channels)):
            if len(group):
                flat, plans = group.flatten(0, 1), self._plans_of_next(len(group))
                bent = through_model(self._model, plans, flat, self._listening.detail, self._nonfinite)
                for chunk in bent.view(group.shape):
                    yield self._crossfade.push(chunk[None])

    def _plans_of_next(self, chunks: int) -> list[Plan]:
        """Plans for the next chunks, channel by channel; one if it is the same for all."""
        first, self._chunks = self._chunks, self._chunks + chunks
        distinct = {id(plan): plan for plan in self._plans}
        if not any(plan.moving for plan in distinct.values()):
            return self._plans[:1] if len(distinct) == 1 else self._plans * chunks
        plans = []
        for number in range(first, self._chunks):
            time = chunk_time(self._model, self._cutting, number)
            at_time = {key: plan.at(time) for key, plan in distinct.items()}
            plans += [at_time[id(plan)] for plan in self._plans]
        return plans

    def _phased(self, levels: Tensor) -> Tensor:
        """Levels `(C, n, bins)` to spectra; silent where the source is."""
        spectrum = self._spectrum
        missing = max(0, levels.shape[1] - self._source.shape[1])  # silence after the end
        source = torch.nn.functional.pad(self._source[:, : levels.shape[1]], (0, 0, 0, missing))
        self._source = self._source[:, levels.shape[1] :]
        sounding = spectrum.levels(source).amax(dim=2, keepdim=True) > 0
        magnitudes = spectrum.magnitudes(levels) * sounding
        if self._listening.phase is Phase.GRIFFIN_LIM:
            return self._phasing.push(magnitudes)
        return magnitudes * torch.sgn(source)


def _sum_and_difference(channels: Tensor) -> Tensor:
    """Left and right to twice the middle and the sides, or these to left and right."""
    return torch.stack([channels[0] + channels[1], channels[0] - channels[1]])


def chunk_time(model: Model, cutting: Cutting, number: int) -> float:
    """Seconds at the middle of what is heard of a chunk."""
    middle = number * cutting.step + (cutting.step + cutting.overlap) / 2
    spectrum = audio_output(model).spectrum
    return middle * spectrum.hop / spectrum.sample_rate


@torch.no_grad()
def through_model(
    model: Model,
    plan: Plan | Sequence[Plan],
    levels: Tensor,
    detail: float | str,
    nonfinite: NonFinite,
) -> Tensor:
    """Levels `(N, frames, bins)` encoded and generated again, bent by a plan, or each by its own."""
    device = next(model.network.parameters()).device
    source = levels[:, None].to(device)
    latents = encoder_of(model).encode(source)
    with bend(model, plan, nonfinite=nonfinite):
        bent = model.generate(latents)
    if detail:
        with bend(model, Plan(()), nonfinite=nonfinite):
            lost = source - model.generate(latents)
        bent = bent + (tonal(lost, source) if isinstance(detail, str) else detail * lost)
    return no_more_ultrasound(bent, source, audio_output(model).spectrum)[:, 0].cpu()


def tonal(lost: Tensor, source: Tensor) -> Tensor:
    """What is steady of a loss, levels `(N, 1, frames, bins)`: its mean over `STEADY` frames around each.

    Nothing is added where the source is silent, or blows would be heard before they come. Means end with
    their chunk, so that nothing has to be waited for: fading into the next evens that out.
    """
    padding = STEADY // 2
    steady = F.avg_pool2d(lost, (STEADY, 1), stride=1, padding=(padding, 0), count_include_pad=False)
    return torch.where(source > 0, steady, steady.clamp(max=0))


def no_more_ultrasound(levels: Tensor, unbent: Tensor, spectrum: Spectrum) -> Tensor:
    """Levels `(..., bins)`, above `HIGHEST_HEARD` nowhere louder than without bends.

    The last columns of a decoder's maps lack a neighbour, and music has nothing there to train on: maps a
    hundred times as strong as elsewhere cancel each other out, until a bend changes some of them.
    """
    first = spectrum.bin_of(HIGHEST_HEARD)
    bounded = torch.minimum(levels[..., first:], unbent[..., first:])
    return torch.cat([levels[..., :first], bounded], dim=-1)


@torch.no_grad()
def sing(
    model: Model,
    plan: Plan,
    latents: Iterator[Latents],
    options: SynthesisOptions = SynthesisOptions(),
    listening: Listening = Listening(),
    nonfinite: NonFinite = NonFinite.ERROR,
    truncation: Number | None = None,
) -> Iterator[Samples]:
    """Sound without a source: a latent for each channel `(C, D)` of every chunk, one fading into the next.

    truncation: psi over time, instead of that of `options`.
    Gives samples float32 `(C, n)` for each. All channels have the phases that Griffin-Lim finds for their
    mean, so that they add up to one without loss.
    """
    spectrum, cutting = audio_output(model).spectrum, listening.cutting(model)
    crossfade = Crossfade(cutting)
    phasing = Phasing(spectrum, listening.iterations)
    synthesis, waiting = None, torch.zeros(0)
    for number, latent in enumerate(latents):
        time = chunk_time(model, cutting, number)
        if truncation is not None:
            options = replace(options, truncation_psi=value_at(truncation, time))
        with bend(model, Plan(()), nonfinite=nonfinite):
            unbent = model.generate(latent, options)
        with bend(model, plan.at(time), nonfinite=nonfinite):
            bent = model.generate(latent, options)
        chunk = no_more_ultrasound(bent, unbent, spectrum).transpose(0, 1)
        levels = crossfade.push(chunk.cpu())
        magnitudes = spectrum.magnitudes(levels)
        if synthesis is None:
            synthesis, waiting = Synthesis(spectrum, len(magnitudes)), magnitudes[:, :0]
        ready = phasing.push(magnitudes.mean(dim=0, keepdim=True))
        heard, waiting = torch.cat([waiting, magnitudes], dim=1).tensor_split([ready.shape[1]], dim=1)
        yield synthesis.push(heard * torch.sgn(ready)).numpy()
