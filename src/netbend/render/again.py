"""Pictures made again and again while their recipe changes."""

from collections.abc import Hashable
from dataclasses import dataclass

from PIL import Image

from netbend.bending import Layer, PlannedBend, bend
from netbend.bending.prefix import Prefix
from netbend.pictures import beside, to_pictures
from netbend.render.job import Job
from netbend.render.together import MOST_KEPT, after_prefix, masks_of

MAX_UNBENT = 64  # pictures


@dataclass(frozen=True)
class _Kept:
    """What is computed before the first layer that was bent. held: the bends that are in it."""

    prefix: Prefix
    held: list[PlannedBend]


class Rerender:
    """Makes pictures of jobs of one picture each; what is before the bends is computed once a latent.

        again = Rerender()
        again.picture(job)
        again.picture(job_of_the_changed_recipe)     # from the first bent layer on

    The same pixels as `Job.picture` makes.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._unbent: dict[Hashable, Image.Image] = {}

    def picture(self, job: Job) -> Image.Image:
        key = _key(job)
        bent = self._bent(job, key)
        if not job.compare:
            return bent
        if key not in self._unbent:
            (self._unbent[key],) = to_pictures(job.model.generate(job.latents, job.play))
            while len(self._unbent) > MAX_UNBENT:
                del self._unbent[next(iter(self._unbent))]
        return beside(self._unbent[key], bent)

    def _bent(self, job: Job, key: Hashable) -> Image.Image:
        kept = self._kept.get(key)
        if kept is not None and _same(kept.held, [b for b in job.plan.bends if kept.prefix.holds(b.layer)]):
            return after_prefix(kept.prefix, job)
        prefix = Prefix(job.model.network, _layers(job))
        with bend(job.model, job.plan, nonfinite=job.nonfinite), prefix.recorded():
            (picture,) = to_pictures(job.model.generate(job.latents, job.play))
        self._kept.pop(key, None)
        if job.plan.bends:
            self._kept[key] = _Kept(prefix, [b for b in job.plan.bends if prefix.holds(b.layer)])
        while sum(each.prefix.bytes for each in self._kept.values()) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]  # the oldest
        return picture


def _key(job: Job) -> Hashable:
    """The same for jobs whose networks begin with the same."""
    latents = job.latents
    values = latents.values.cpu().numpy().tobytes(), latents.space, latents.seeds, latents.chosen
    noise = tuple(maps.cpu().numpy().tobytes() for maps in latents.noise_maps or ())
    return id(job.model), values, noise, job.play


def _layers(job: Job) -> list[Layer]:
    return [bend.layer for bend in job.plan.bends]


def _same(some: list[PlannedBend], others: list[PlannedBend]) -> bool:
    return some == others and masks_of(some) == masks_of(others)
