"""Pictures made again and again while their recipe changes: what comes before the change is kept."""

from collections.abc import Hashable
from dataclasses import dataclass

from PIL import Image

from netbend.bending import Layer, PlannedBend, bend
from netbend.bending.prefix import Prefix
from netbend.engine.batch import MAX_KEPT, after_prefix, masks_of
from netbend.engine.still import Still
from netbend.pictures import beside, to_pictures

MAX_UNBENT = 64  # pictures


@dataclass(frozen=True)
class _Kept:
    """What is computed before the first layer that was bent. held: the bends that are in it."""

    prefix: Prefix
    held: list[PlannedBend]


class PictureCache:
    """Makes pictures of stills of one picture each; what is before the bends is computed once a latent.

        again = PictureCache()
        again.picture(still)
        again.picture(job_of_the_changed_recipe)     # from the first bent layer on

    The same pixels as `Still.picture` makes.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._unbent: dict[Hashable, Image.Image] = {}

    def picture(self, still: Still) -> Image.Image:
        key = _key(still)
        bent = self._bent(still, key)
        if not still.compare:
            return bent
        if key not in self._unbent:
            (self._unbent[key],) = to_pictures(still.model.generate(still.latents, still.play))
            while len(self._unbent) > MAX_UNBENT:
                del self._unbent[next(iter(self._unbent))]
        return beside(self._unbent[key], bent)

    def _bent(self, still: Still, key: Hashable) -> Image.Image:
        kept = self._kept.get(key)
        if kept is not None and _same(kept.held, [b for b in still.plan.bends if kept.prefix.holds(b.layer)]):
            return after_prefix(kept.prefix, still)
        prefix = Prefix(still.model.network, _layers(still))
        with bend(still.model, still.plan, nonfinite=still.nonfinite), prefix.recorded():
            (picture,) = to_pictures(still.model.generate(still.latents, still.play))
        self._kept.pop(key, None)
        if still.plan.bends:
            self._kept[key] = _Kept(prefix, [b for b in still.plan.bends if prefix.holds(b.layer)])
        while sum(each.prefix.bytes for each in self._kept.values()) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]  # the oldest
        return picture


def _key(still: Still) -> Hashable:
    """The same for stills whose networks begin with the same."""
    latents = still.latents
    values = latents.values.cpu().numpy().tobytes(), latents.space, latents.seeds, latents.chosen
    noise = tuple(maps.cpu().numpy().tobytes() for maps in latents.noise_maps or ())
    return id(still.model), values, noise, still.play


def _layers(still: Still) -> list[Layer]:
    return [bend.layer for bend in still.plan.bends]


def _same(some: list[PlannedBend], others: list[PlannedBend]) -> bool:
    return some == others and masks_of(some) == masks_of(others)
