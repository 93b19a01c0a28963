"""Sound files through a model: same length, rate, channels and loudness, written whole or not at all."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import count
from math import inf
from pathlib import Path

import numpy as np

from netbend import __version__
from netbend.bending import Plan, resolve
from netbend.choices import NonFinite, Phase, Space, Stereo, choose_fields
from netbend.errors import RenderError, SoundError
from netbend.latents.path import latent_path
from netbend.latents.walk import on_both_sides, walk
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.capabilities import audio_output
from netbend.recipe import Clusters, Recipe, recipe_to_data
from netbend.recipe.animation import bind_recipe, is_animated
from netbend.render.scratch import Beside, scratch
from netbend.render.stream import Listening, SoundStream, chunk_time, sing
from netbend.sound.excerpt import excerpt
from netbend.sound.files import SoundReader
from netbend.sound.formats import BLOCK, Samples, format_of
from netbend.sound.limiter import CEILING, Limiter
from netbend.sound.loudness import HEARD, SILENT, LoudnessMeter
from netbend.sound.resampling import Resampling
from netbend.sound.writer import SoundWriter

Report = Callable[[int], None]
LONGEST_COMMENT = 2000  # characters: libsndfile loses longer ones of WAV without a word
MOVING_OVERLAP, MOVING_CONTEXT = 16, 80  # frames of 128: 32 are left from one chunk to the next
LOWEST_CEILING = -60.0  # dB
WIDTH = 0.3  # of songs: channels correlate by 0.94, and lose 0.3 dB where they are added up
MOST_GAIN = 60.0  # dB that are made up for: beyond, there is nothing to be heard but noise


@dataclass(frozen=True)
class Mixing:
    """What becomes of a bent sound.

    mix: 0 gives the source back, exactly; 1 the bent sound alone.
    keep_loudness: as loud as the source, whatever the bends do. volume: dB on top.
    ceiling: dB that no true peak exceeds, see `Limiter`; None limits nothing.
    """

    mix: float = 1.0
    keep_loudness: bool = True
    volume: float = 0.0
    ceiling: float | None = CEILING

    def __post_init__(self) -> None:
        if not 0 <= self.mix <= 1:
            raise RenderError(f"--mix {self.mix}: expected 0 (the source) to 1 (the bent sound)")
        if not -120 <= self.volume <= 120:
            raise RenderError(f"--volume {self.volume}: expected decibels, -6 for half the amplitude")
        if self.ceiling is not None and not LOWEST_CEILING <= self.ceiling <= 0:
            raise RenderError(f"--ceiling {self.ceiling}: expected {LOWEST_CEILING:g} to 0 dB of full scale")

    def limiter(self, sample_rate: int, channels: int) -> Limiter:
        """What all goes through in the end. A source that is given back, exactly, is not touched by it."""
        if self.ceiling is None or (self.mix == 0 and self.volume <= 0):
            return Limiter(sample_rate, channels, inf)
        return Limiter(sample_rate, channels, self.ceiling)


@dataclass(frozen=True)
class SoundJob:
    """How to bend sound files. recipe: None leaves them unbent. seed: of its random selections."""

    model: Model
    listening: Listening = Listening()
    mixing: Mixing = Mixing()
    recipe: Recipe | None = None
    seed: int | None = None
    clusters: Clusters | None = None
    nonfinite: NonFinite = NonFinite.ERROR

    def __post_init__(self) -> None:
        choose_fields(self, nonfinite=NonFinite)

    def bent(self, recipe: Recipe, seed: int, clusters: Clusters | None = None) -> "SoundJob":
        """The same, bent by a recipe. Raises RecipeError if it does not fit the model."""
        if not is_animated(recipe):  # what moves may need the length of a sound that is not known yet
            resolve(recipe, self.model, seed=seed, clusters=clusters)
        return replace(self, recipe=recipe, seed=seed, clusters=clusters)

    def plan(self, seconds: float, source: Path | None = None) -> Plan:
        """What is done to a sound of that length. source: followed by what follows the soundtrack."""
        if self.recipe is None:
            return Plan(())
        soundtrack = None if self.recipe.soundtrack else source
        return resolve(
            self.recipe,
            self.model,
            seed=self.seed,
            clusters=self.clusters,
            seconds=seconds,
            soundtrack=soundtrack,
        )

    def plans(self, channels: int, seconds: float, source: Path | None = None) -> Sequence[Plan]:
        """A plan for each channel: one and the same, or drawn from the seeds from `seed` on."""
        if self.recipe is None or self.listening.stereo is not Stereo.PER_CHANNEL:
            return [self.plan(seconds, source)] * channels
        first = self.recipe.seed_of_draws(self.seed)
        return [replace(self, seed=first + channel).plan(seconds, source) for channel in range(channels)]

    def comment(self, **given: object) -> str:
        """What the result was made from, as JSON for the file's comment."""
        made_with = {
            "netbend": __version__,
            "model": self.model.name,
            "model_hash": self.model.hash,
            "recipe": None if self.recipe is None else recipe_to_data(self.recipe),
            "bend_seed": self.seed,
            **asdict(self.listening),
            **asdict(self.mixing),
            **given,
        }
        text = json.dumps(made_with, separators=(",", ":"))
        if len(text) > LONGEST_COMMENT:
            text = json.dumps({**made_with, "recipe": "too long to be kept here"}, separators=(",", ":"))
        return text

    def write(
        self,
        source: Path,
        out: Path,
        report: Report = lambda _: None,
        *,
        overwrite: bool = True,
        start: float = 0.0,
        end: float | None = None,
    ) -> int:
        """Bend one file into another. Gives the number of samples that were clipped.

        Args:
            source: The sound to bend.
            out: The file to write, in the format that it ends in, at the rate that `written_rate` says.
            report: Called with the number of frames that went through.
            overwrite: Replace a file that is there.
            start: Seconds of the source that are left out before the part to bend.
            end: Seconds at which that part ends; None for the end of the source.

        Raises:
            SoundError: For a file that cannot be read or written; then nothing is left of it.
        """
        given: dict[str, object] = {} if start == 0 and end is None else {"start": start, "end": end}
        with excerpt(source, start, end) as part, SoundReader(part) as reader, ExitStack() as stack:
            channels, rate = reader.channels, reader.sample_rate
            plans = self.plans(reader.channels, reader.seconds, part)
            writer = self._writer(reader, out, overwrite, **given)
            stack.enter_context(writer)  # first: what cannot be written is refused before the work
            waiting = stack.enter_context(scratch(out, channels))
            meter = LoudnessMeter(rate, channels, HEARD)
            for dry, wet in self._bent(reader, plans, report):
                waiting.write(wet)
                if self.mixing.keep_loudness:
                    meter.push(dry, wet)
            meter.flush()
            dry_gain, wet_gain = self._gains(meter)
            limiter = self.mixing.limiter(rate, channels)
            with SoundReader(part) as again:
                for dry in again.blocks():
                    wet = waiting.read(dry.shape[1])
                    if wet.shape != dry.shape:
                        raise SoundError(f"{source}: changed while it was read; wait until it is finished")
                    writer.write(limiter.push(dry_gain * dry + wet_gain * wet))
            writer.write(limiter.flush())
        return writer.clipped

    def check(self, source: Path, out: Path) -> None:
        """Find out whether a file's result can be made and written; nothing is.

        Raises SoundError, and RenderError for channels that have no middle and sides.
        """
        with SoundReader(source) as reader:
            SoundStream(self.model, channels=reader.channels, listening=self.listening)
            self._writer(reader, out, overwrite=True).check()

    def _writer(self, reader: SoundReader, out: Path, overwrite: bool, **given: object) -> SoundWriter:
        """Of the rate and channels of the source, and of its kind of samples if the format has such."""
        subtype = reader.subtype if reader.format == format_of(out) else None
        comment = self.comment(source=reader.path.name, **given)
        return SoundWriter(
            out, reader.sample_rate, reader.channels, subtype, comment, reader.frames, overwrite=overwrite
        )

    def write_song(
        self,
        seed: int | None,
        out: Path,
        seconds: float,
        pace: float,
        truncation: float | None = None,
        *,
        width: float = WIDTH,
        overwrite: bool = True,
    ) -> int:
        """Let the network sing by itself, in stereo. Gives the number of samples that were clipped.

        seed: of the latent at which a walk begins, `pace` seconds from one latent to the next; None for
        the latent of the recipe, over time. truncation: instead of the recipe's; 1 if there is none.
        width: how far left and right are from that latent, 0 not at all to 1 as far as another is from 0.
        """
        SynthesisOptions(truncation_psi=truncation)  # refuses what is no truncation
        if not 0 <= width <= 1:
            raise RenderError(f"--stereo-width {width}: expected 0 (both channels alike) to 1")
        rate = audio_output(self.model).spectrum.sample_rate
        left = round(seconds * rate)
        recipe = bind_recipe(self.recipe or Recipe(()), seconds)
        plan = self.plan(seconds)
        listening = _moving(self.listening) if is_animated(recipe) else self.listening
        middle = self._along(recipe, listening) if seed is None else self._walk(seed, pace, listening)
        aside = self._walk(seed or 0, pace, listening, voice=1)
        latents = (
            replace(one, values=on_both_sides(one.values, other.values, width), seeds=one.seeds * 2)
            for one, other in zip(middle, aside, strict=False)  # endless
        )
        psi = truncation if truncation is not None else recipe.truncation
        sung = sing(self.model, plan, latents, SynthesisOptions(), listening, self.nonfinite, psi)
        made_with = {"seed": seed, "pace": pace, "truncation": truncation, "width": width}
        comment = self.comment(**made_with, phase=Phase.GRIFFIN_LIM, mix=1, keep_loudness=False, detail=0)
        limiter = self.mixing.limiter(rate, 2)
        with SoundWriter(out, rate, 2, comment=comment, overwrite=overwrite) as writer:
            while left > 0:
                samples = next(sung)[:, :left]
                writer.write(limiter.push(samples * np.float32(10 ** (self.mixing.volume / 20))))
                left -= samples.shape[1]
            writer.write(limiter.flush())
        return writer.clipped

    def _walk(self, seed: int, pace: float, listening: Listening, voice: int = 0) -> Iterator[Latents]:
        (first,) = self.model.latents([seed]).values
        cutting, spectrum = listening.cutting(self.model), audio_output(self.model).spectrum
        steps = walk(seed, len(first), cutting.step * spectrum.hop / spectrum.sample_rate / pace, voice)
        return (Latents(Space.Z, z, (seed,)) for z in steps)

    def _along(self, recipe: Recipe, listening: Listening) -> Iterator[Latents]:
        """The latents of a recipe, one for each chunk."""
        if recipe.latent is None:
            raise RenderError("the recipe has no `latent:` to sing along; name seeds with --seeds")
        path = latent_path(recipe.latent, self.model, recipe.folder)
        cutting = listening.cutting(self.model)
        return (path.at([chunk_time(self.model, cutting, number)]) for number in count())

    def _bent(
        self, reader: SoundReader, plans: Sequence[Plan], report: Report
    ) -> Iterator[tuple[Samples, Samples]]:
        """The source and, sample by sample beside it, what came of it."""
        channels, rate = reader.channels, audio_output(self.model).spectrum.sample_rate
        listening = _moving(self.listening) if any(plan.moving for plan in plans) else self.listening
        stream = SoundStream(self.model, plans, channels, listening, self.nonfinite, ceiling=None)
        inward, outward = (
            Resampling(reader.sample_rate, rate, channels),
            Resampling(rate, reader.sample_rate, channels),
        )
        pairs = Beside(channels)
        for block in reader.blocks(BLOCK * 8 // max(channels, 2)):  # many channels in no more memory
            yield pairs.push(block, outward.push(stream.push(inward.push(block))))
            report(block.shape[1])
        rest = [outward.push(stream.push(inward.flush())), outward.push(stream.flush()), outward.flush()]
        yield pairs.finish(np.concatenate(rest, axis=1))

    def _gains(self, meter: LoudnessMeter) -> tuple[float, float]:
        """Factors for source and bent sound."""
        mixing = self.mixing
        dry, wet = 1 - mixing.mix, mixing.mix
        overall = 10 ** (mixing.volume / 20)
        if mixing.keep_loudness and wet:
            wanted = meter.loudness(1, 0)
            wet *= _ratio(wanted, meter.loudness(0, 1))
            overall *= _ratio(wanted, meter.loudness(dry, wet))
        return dry * overall, wet * overall


def _moving(listening: Listening) -> Listening:
    """Shorter chunks, so that what moves is looked at about every fifth of a second."""
    return replace(listening, overlap=MOVING_OVERLAP, context=MOVING_CONTEXT)


def _ratio(wanted: float, found: float) -> float:
    """The factor from one loudness to another; 1 where either is silence."""
    if SILENT in (wanted, found):
        return 1.0
    return float(10 ** (np.clip(wanted - found, -MOST_GAIN, MOST_GAIN) / 20))
