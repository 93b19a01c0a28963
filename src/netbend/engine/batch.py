"""Pictures of many recipes on one latent: what none of them changes is computed once."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

from PIL import Image

from netbend.bending import Layer, Plan, PlannedBend, bend
from netbend.bending.prefix import Prefix
from netbend.engine.still import Still
from netbend.pictures import to_pictures

Rendered = Iterable[tuple[int, Image.Image]]

MAX_KEPT = 2**30  # bytes of maps that are kept for the next picture


def render_batch(stills: Sequence[Still]) -> Iterator[tuple[int, Image.Image]]:
    """Make the pictures of stills of one picture each, and say whose each is by its place in the list.

    The same pixels as `Still.picture` makes, in another order: stills of one model, latent and way of
    playing that bend the same layers share what comes before the first layer in which they differ.
    """
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, still in enumerate(stills):
        groups[_shared(still, place)].append(place)
    for places in groups.values():
        yield from zip(places, _of_one_kind([stills[place] for place in places]), strict=True)


def _shared(still: Still, place: int) -> Hashable:
    """The same for stills that can share what they compute."""
    if still.compare or not still.plan.bends:
        return place
    values = still.latents.values.numpy().tobytes(), still.latents.space, still.latents.seeds
    layers = frozenset(bend.layer.name for bend in still.plan.bends)
    return id(still.model), values, id(still.latents.noise_maps), still.options, still.nonfinite, layers


def _of_one_kind(stills: Sequence[Still]) -> Iterator[Image.Image]:
    first = stills[0]
    changing = changing_layers([still.plan.bends for still in stills])
    on_gpu = next(first.model.network.parameters()).device.type == "cuda"
    if len(stills) == 1 or not changing or on_gpu:  # whole runs are replayed there, see `bending.run`
        yield from (still.picture() for still in stills)
        return
    prefix = Prefix(first.model.network, changing)
    with bend(first.model, first.plan, nonfinite=first.nonfinite), prefix.recorded():
        (picture,) = to_pictures(first.model.generate(first.latents, first.options))
    yield picture
    too_large = prefix.bytes > MAX_KEPT
    for still in stills[1:]:
        yield still.picture() if too_large else after_prefix(prefix, still)


def after_prefix(prefix: Prefix, still: Still) -> Image.Image:
    """The bent picture of a still, given what comes before the layers that change."""
    rest = Plan(tuple(bend for bend in still.plan.bends if not prefix.holds(bend.layer)))
    with bend(still.model, rest, nonfinite=still.nonfinite), prefix.replayed():
        (picture,) = to_pictures(still.model.generate(still.latents, still.options))
    return picture


def changing_layers(plans: Sequence[Sequence[PlannedBend]]) -> list[Layer]:
    """The layers at which not all plans have the same bends."""
    of_layer: dict[str, list[list[PlannedBend]]] = {}
    layers = {bend.layer.name: bend.layer for bends in plans for bend in bends}
    for name in layers:
        of_layer[name] = [[bend for bend in bends if bend.layer.name == name] for bends in plans]
    return [
        layers[name]
        for name, bends in of_layer.items()
        if any(mine != bends[0] or masks_of(mine) != masks_of(bends[0]) for mine in bends)
    ]


def masks_of(bends: Sequence[PlannedBend]) -> list[bytes | None]:
    """The bytes of each bend's mask, None without one, by which masks are compared."""
    return [None if bend.mask is None else bend.mask.numpy().tobytes() for bend in bends]
