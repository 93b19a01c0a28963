"""Pictures of many recipes on one latent: what none of them changes is computed once."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

from PIL import Image

from netbend.bending import Layer, Plan, PlannedBend, bend
from netbend.bending.prefix import Prefix
from netbend.pictures import to_pictures
from netbend.render.job import Job

Rendered = Iterable[tuple[int, Image.Image]]

MOST_KEPT = 2**30  # bytes of maps that are kept for the next picture


def pictures_together(jobs: Sequence[Job]) -> Iterator[tuple[int, Image.Image]]:
    """Make the pictures of jobs of one picture each, and say whose each is by its place in the list.

    The same pixels as `Job.picture` makes, in another order: jobs of one model, latent and way of
    playing that bend the same layers share what comes before the first layer in which they differ.
    """
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, job in enumerate(jobs):
        groups[_shared(job, place)].append(place)
    for places in groups.values():
        yield from zip(places, _of_one_kind([jobs[place] for place in places]), strict=True)


def _shared(job: Job, place: int) -> Hashable:
    """The same for jobs that can share what they compute."""
    if job.compare or not job.plan.bends:
        return place
    values = job.latents.values.numpy().tobytes(), job.latents.space, job.latents.seeds
    layers = frozenset(bend.layer.name for bend in job.plan.bends)
    return id(job.model), values, id(job.latents.noise_maps), job.play, job.nonfinite, layers


def _of_one_kind(jobs: Sequence[Job]) -> Iterator[Image.Image]:
    first = jobs[0]
    changing = _changing([job.plan for job in jobs])
    on_gpu = next(first.model.network.parameters()).device.type == "cuda"
    if len(jobs) == 1 or not changing or on_gpu:  # whole runs are replayed there, see `bending.run`
        yield from (job.picture() for job in jobs)
        return
    prefix = Prefix(first.model.network, changing)
    with bend(first.model, first.plan, nonfinite=first.nonfinite), prefix.recorded():
        (picture,) = to_pictures(first.model.generate(first.latents, first.play))
    yield picture
    too_large = prefix.bytes > MOST_KEPT
    for job in jobs[1:]:
        yield job.picture() if too_large else after_prefix(prefix, job)


def after_prefix(prefix: Prefix, job: Job) -> Image.Image:
    """The bent picture of a job, given what comes before the layers that change."""
    rest = Plan(tuple(bend for bend in job.plan.bends if not prefix.holds(bend.layer)))
    with bend(job.model, rest, nonfinite=job.nonfinite), prefix.replayed():
        (picture,) = to_pictures(job.model.generate(job.latents, job.play))
    return picture


def _changing(plans: Sequence[Plan]) -> list[Layer]:
    """The layers whose bends are not the same in all plans."""
    of_layer: dict[str, list[list[PlannedBend]]] = {}
    layers = {bend.layer.name: bend.layer for plan in plans for bend in plan.bends}
    for name in layers:
        of_layer[name] = [[bend for bend in plan.bends if bend.layer.name == name] for plan in plans]
    return [
        layers[name]
        for name, bends in of_layer.items()
        if any(mine != bends[0] or masks_of(mine) != masks_of(bends[0]) for mine in bends)
    ]


def masks_of(bends: Sequence[PlannedBend]) -> list[bytes | None]:
    """The bytes of each bend's mask, None without one, by which masks are compared."""
    return [None if bend.mask is None else bend.mask.numpy().tobytes() for bend in bends]
