"""What a network computes before the first layer that changes, kept from one picture to the next."""

from collections.abc import Hashable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from PIL import Image

from netbend.bending import Layer, Plan, PlannedBend, bend
from netbend.bending.prefix import Prefix
from netbend.engine.batch import MAX_KEPT, changing_layers, masks_of
from netbend.engine.still import Still
from netbend.pictures import beside, to_pictures

MAX_UNBENT = 64  # pictures


@dataclass(frozen=True)
class _Kept:
    """What comes before some layers. held: the bends that are in it."""

    prefix: Prefix
    held: list[PlannedBend]

    def serves(self, still: Still) -> bool:
        return _same(self.held, _held(self.prefix, still))


@dataclass
class _OfLatent:
    """All that is kept of one latent. last: the bends of its last picture."""

    kept: list[_Kept] = field(default_factory=list)
    last: tuple[PlannedBend, ...] = ()


class PrefixCache:
    """Makes pictures of stills of one picture each; what does not change is computed once a latent.

        cache = PrefixCache()
        cache.picture(still)
        cache.picture(still_of_the_changed_recipe)     # from the first bend on
        cache.picture(still_changed_there_again)       # from the layer that changes on

    The same pixels as `Still.picture` makes.
    """

    def __init__(self) -> None:
        self._latents: dict[Hashable, _OfLatent] = {}  # the one that was used last at the end
        self._unbent: dict[Hashable, Image.Image] = {}

    @property
    def bytes(self) -> int:
        """Memory that is held by activations."""
        return sum(kept.prefix.bytes for of_latent in self._latents.values() for kept in of_latent.kept)

    def picture(self, still: Still) -> Image.Image:
        """The picture of a still of one. Raises NonFiniteError."""
        key = _key(still)
        bent = self._bent(still, key)
        if not still.compare:
            return bent
        if key not in self._unbent:
            (self._unbent[key],) = to_pictures(still.model.generate(still.latents, still.options))
            while len(self._unbent) > MAX_UNBENT:
                del self._unbent[next(iter(self._unbent))]
        return beside(self._unbent[key], bent)

    def _bent(self, still: Still, key: Hashable) -> Image.Image:
        of_latent = self._latents.pop(key, None) or _OfLatent()
        of_latent.kept = [kept for kept in of_latent.kept if kept.serves(still)]
        deepest = max(of_latent.kept, key=lambda kept: kept.prefix.calls, default=None)
        changing = _layers(still.plan.bends)
        if deepest is not None:  # then there was a picture before
            changing = changing_layers([of_latent.last, still.plan.bends])
        if not changing or (deepest is not None and deepest.prefix.is_before(changing)):
            return self._made(still, key, of_latent, deepest)
        new = Prefix(still.model.network, changing)
        picture = self._made(still, key, of_latent, deepest, new)
        of_latent.kept.append(_Kept(new, _held(new, still)))
        self._forget()
        return picture

    def _made(
        self, still: Still, key: Hashable, of_latent: _OfLatent, kept: _Kept | None, new: Prefix | None = None
    ) -> Image.Image:
        """The picture, after what is kept. new: what is to be kept of it."""
        rest = still.plan
        if kept is not None:
            rest = Plan(tuple(bend for bend in rest.bends if not kept.prefix.holds(bend.layer)))
        with ExitStack() as stack:
            stack.enter_context(bend(still.model, rest, nonfinite=still.nonfinite))
            if kept is not None:
                stack.enter_context(kept.prefix.replayed())
            if new is not None:
                stack.enter_context(new.recorded())
            (picture,) = to_pictures(still.model.generate(still.latents, still.options))
        of_latent.last = still.plan.bends
        self._latents[key] = of_latent
        return picture

    def _forget(self) -> None:
        """Give back memory: of the latents that were used longest ago, and of the oldest of a latent."""
        while self.bytes > MAX_KEPT:
            key, oldest = next(iter(self._latents.items()))
            del oldest.kept[:1]
            if not oldest.kept:
                del self._latents[key]


def _key(still: Still) -> Hashable:
    """The same for stills whose networks begin with the same."""
    latents = still.latents
    values = latents.values.cpu().numpy().tobytes(), latents.space, latents.seeds, latents.chosen
    noise = tuple(maps.cpu().numpy().tobytes() for maps in latents.noise_maps or ())
    return id(still.model), values, noise, still.options


def _layers(bends: Iterable[PlannedBend]) -> list[Layer]:
    return [bend.layer for bend in bends]


def _held(prefix: Prefix, still: Still) -> list[PlannedBend]:
    return [bend for bend in still.plan.bends if prefix.holds(bend.layer)]


def _same(some: list[PlannedBend], others: list[PlannedBend]) -> bool:
    return some == others and masks_of(some) == masks_of(others)
