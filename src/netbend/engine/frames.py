"""A film's frames: each a function of model, plan, latent and time, whatever came before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from PIL import Image
from torch import Tensor

from netbend.bending import Plan, bend
from netbend.bending.prefix import Prefix
from netbend.choices import NonFinite, choose_fields
from netbend.engine.bound import Bound
from netbend.errors import RenderError
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.capabilities import image_output
from netbend.motion import Curve, Number, value_at
from netbend.pictures import beside, to_pictures

PIXELS_AT_ONCE = 2**16  # more gains nothing
LARGEST_GROUP = 16
FPS = 30.0  # of films of which nothing else is said
PREFIX_BYTES = 2**30  # of maps that are kept because they do not change


class Path(Protocol):
    """Latents over time."""

    @property
    def still(self) -> bool: ...

    def at(self, times: Sequence[float]) -> Latents: ...


@dataclass(frozen=True)
class Film:
    """Frames of a model that a plan bends, while latents, bends and truncation move.

    length: number of frames. truncation: instead of that of `options`. compare: the unbent picture at the
    left of the bent.

    A network may round a batch differently than a single sample. On a CPU frames are therefore made one by
    one, and are to the bit the pictures that are rendered by themselves. On other devices they are made in
    groups, always the same ones, so that a frame made by itself has the very pixels it has in the film.
    """

    model: Model
    plan: Plan
    path: Path
    length: int
    fps: float = 30.0
    options: SynthesisOptions = SynthesisOptions()
    truncation: Number | None = None
    compare: bool = False
    nonfinite: NonFinite = NonFinite.ERROR

    def __post_init__(self) -> None:
        choose_fields(self, nonfinite=NonFinite)
        if self.length < 1:
            raise RenderError(f"a film of {self.length} frames; give it more --seconds")

    @classmethod
    def of(cls, bound: Bound) -> "Film":
        """The frames of a request. Raises RenderError for one of no frame."""
        fps = bound.request.fps or FPS
        length = round(bound.seconds * fps)
        if length < 1:
            raise RenderError(f"{bound.seconds:g} seconds at {fps:g} frames a second are no frame")
        options, nonfinite = bound.request.options, NonFinite(bound.request.options.nonfinite)
        psi = value_at(bound.truncation, 0.0)
        return cls(
            bound.model,
            bound.plan,
            bound.paths[0],
            length,
            fps,
            replace(options, truncation_psi=psi),
            bound.truncation,
            bound.request.compare,
            nonfinite,
        )

    def __len__(self) -> int:
        return self.length

    @property
    def seconds(self) -> float:
        return self.length / self.fps

    def time(self, frame: int) -> float:
        """Seconds at which a frame is shown."""
        return frame / self.fps

    @property
    def still(self) -> bool:
        """Whether all its frames are the same."""
        return self.path.still and not isinstance(self.truncation, Curve) and not self.plan.moving

    @property
    def group(self) -> int:
        """How many frames are made at once."""
        if self._device == "cpu":
            return 1
        output = image_output(self.model)
        return max(1, min(LARGEST_GROUP, PIXELS_AT_ONCE // (output.height * output.width)))

    @property
    def _device(self) -> str:
        return next(self.model.network.parameters()).device.type

    def frame(self, index: int) -> Image.Image:
        """One frame by itself. Raises RenderError if the film has no such frame."""
        if not 0 <= index < self.length:
            raise RenderError(f"frame {index}: the film has the frames 0-{self.length - 1}")
        return self._grouped(index // self.group)[index % self.group]

    def frames(self, first: int = 0, end: int | None = None) -> Iterator[Image.Image]:
        """The frames from `first` up to, without it, `end`; to the last if that is None."""
        end = self.length if end is None else min(end, self.length)
        for group in range(first // self.group, -(-end // self.group)):
            start = group * self.group
            yield from self._grouped(group)[max(0, first - start) : end - start]

    def _grouped(self, group: int) -> list[Image.Image]:
        # The last group goes on after the film's end: everything is defined at all times.
        times = [self.time(group * self.group + step) for step in range(self.group)]
        bent = to_pictures(self._run(times, [self.plan.at(time) for time in times]))
        if not self.compare:
            return bent
        unbent = self._unbent or to_pictures(self._run(times, [Plan(())]))
        return [beside(*pair) for pair in zip(unbent, bent, strict=True)]

    @cached_property
    def _unbent(self) -> list[Image.Image] | None:
        """The unbent pictures of every group, if nothing but bends moves."""
        if not self.path.still or isinstance(self.truncation, Curve):
            return None
        return self.group * to_pictures(self._run([0.0], [Plan(())]))

    def _run(self, times: Sequence[float], plans: Sequence[Plan]) -> Tensor:
        """Images for some times; a plan for each, or one for all."""
        latents = self.path.at(times)
        if isinstance(self.truncation, Curve):  # a batch has one truncation
            latents = self.model.truncated(latents, [self._options(time) for time in times])
            return self._generate(
                latents, replace(self.options, truncation_psi=1.0, truncation_cutoff=None), plans
            )
        if self._prefix is None or not plans[0].bends:
            return self._generate(latents, self._options(0), plans)
        holds = self._prefix.holds
        rest = [Plan(tuple(bend for bend in plan.bends if not holds(bend.layer))) for plan in plans]
        with self._prefix.replayed(len(latents)):
            return self._generate(latents, self._options(0), rest)

    def _generate(self, latents: Latents, options: SynthesisOptions, plans: Sequence[Plan]) -> Tensor:
        with bend(self.model, plans, nonfinite=self.nonfinite):
            return self.model.generate(latents, options)

    def _options(self, time: float) -> SynthesisOptions:
        if self.truncation is None:
            return self.options
        return replace(self.options, truncation_psi=value_at(self.truncation, time))

    @cached_property
    def _prefix(self) -> Prefix | None:
        """What comes before the first moving bend, if nothing else moves."""
        moving = [self.plan.bends[place].layer for place in self.plan.moving]
        if not self.path.still or isinstance(self.truncation, Curve) or not moving:
            return None
        if self._device == "cuda":  # whole runs are replayed there sooner, see `bending.run`
            return None
        prefix = Prefix(self.model.network, moving)
        with bend(self.model, self.plan, nonfinite=self.nonfinite), prefix.recorded():
            self.model.generate(self.path.at([0.0]), self._options(0))
        return prefix if prefix.bytes * self.group <= PREFIX_BYTES else None
