"""One bend: what it needs on a device, and what it makes of maps."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from netbend.bending.features import put, take
from netbend.bending.guard import BEFORE, all_finite, check, replaced, report
from netbend.bending.plan import PlannedBend
from netbend.choices import NonFinite, choose
from netbend.errors import ModelError, NonFiniteError
from netbend.transforms import on_gpu


class Insertion:
    """A planned bend, and on each device what it needs there beside the maps."""

    def __init__(self, planned: PlannedBend):
        self.planned = planned
        self._there: dict[torch.device, There] = {}
        self.tables: dict[tuple[torch.device, torch.dtype], object] = {}  # kept: graphs read them

    def prepared(self, maps: Tensor) -> "There":
        """What it needs beside such maps, brought there before the first of them is bent."""
        there, kind = self.on(maps.device), (maps.device, maps.dtype)
        if there.recorded and self._moves(maps.device):
            raise ModelError(f"{self.planned}: cannot be recorded for other numbers than its own")
        if kind not in self.tables:
            taken = self.planned.as_taken(maps)
            self.tables[kind] = self.planned.transform.prepare(taken, self.planned.indices)
        return there

    def work(self, device: torch.device) -> on_gpu.Work | None:
        """What a kernel does for it, if one does."""
        planned = self.planned
        if not self._moves(device) or not planned.indices or planned.mix == 0:
            return None
        there = self.on(device)
        chosen = None if len(planned.indices) == planned.layer.features else there.chosen
        seen = None if planned.stays_finite else there.seen
        return on_gpu.Work(self._kernel or "", there.numbers, planned.mix != 1, chosen, seen)

    def on(self, device: torch.device) -> "There":
        """What it needs on a device."""
        if device not in self._there:
            self._there[device] = self._bring(device)
        return self._there[device]

    @torch.inference_mode(False)  # what is kept may be wanted where gradients are
    def _bring(self, device: torch.device) -> "There":
        planned = self.planned
        features = torch.tensor(planned.indices, dtype=torch.int64)
        chosen = torch.zeros(planned.layer.features, dtype=torch.uint8)
        chosen[features] = 1
        return There(
            features.to(device),
            chosen.to(device),
            None if planned.mask is None else planned.mask.to(device),
            torch.tensor(self.numbers(device), dtype=torch.float64, device=device),
            torch.zeros(2, device=device),
        )

    @contextmanager
    def recorded(self, numbers: Tensor) -> Iterator[None]:
        """Within the block its numbers are read from there, where later others may be put."""
        device = numbers.device
        before = self.on(device)
        seen = torch.zeros_like(before.seen)
        self._there[device] = replace(before, numbers=numbers, seen=seen, recorded=True)
        try:
            yield
        finally:
            self._there[device] = before

    def numbers(self, device: torch.device) -> tuple[float, ...]:
        """The mix, then the numbers of the transform: what may move without anything being made anew."""
        numbers = (self.planned.mix, *(self._of_transform if self._moves(device) else ()))
        return (*numbers, 0.0) if len(numbers) % 2 else numbers  # each begins at a multiple of 16 bytes

    def structure(self, device: torch.device) -> Hashable:
        """All but its numbers, but for what a mix of 0 or 1 saves."""
        planned = self.planned
        transform = type(planned.transform) if self._moves(device) else planned.transform
        mix = planned.mix if planned.mix in (0, 1) else None
        return planned.layer, transform, planned.indices, mix, id(planned.mask)

    def _moves(self, device: torch.device) -> bool:
        """Whether the numbers of its transform are read from the memory of a device."""
        planned = self.planned
        return planned.mask is None and self._kernel is not None and on_gpu.has_triton(device)

    @cached_property
    def _kernel(self) -> str | None:
        """The kernel that does its transform; those that need neighbours know height and width alone."""
        kernel = self.planned.transform.kernel
        return kernel if kernel in on_gpu.POINTWISE or self.planned.layer.spatial == "HW" else None

    @cached_property
    def _of_transform(self) -> tuple[float, ...]:
        layer = self.planned.layer
        return self.planned.transform.numbers(layer.height, layer.width)


def reads_numbers(device: torch.device) -> bool:
    """Whether the mix is read from the memory of a device, where another may be put."""
    return device.type != "cpu"


@dataclass(frozen=True)
class There:
    """On a device: the features to bend, a byte for each of the layer's, the mask, `Insertion.numbers` in
    float64, and where what bends see of their maps is noted. recorded: whether numbers may become others."""

    features: Tensor
    chosen: Tensor
    mask: Tensor | None
    numbers: Tensor
    seen: Tensor
    recorded: bool = False


Guard = Callable[[PlannedBend, Tensor, Tensor], Tensor]


def apply(planned: PlannedBend, maps: Tensor, policy: NonFinite | str = NonFinite.ERROR) -> Tensor:
    """Bend activations of the layer's axes; features that were not selected pass through untouched."""
    policy = choose(NonFinite, policy, "policy")

    def guard(planned: PlannedBend, unbent: Tensor, bent: Tensor) -> Tensor:
        if policy is NonFinite.REPLACE:
            return replaced(bent)
        try:
            check(bent, lambda: culprit(planned, unbent))
        except NonFiniteError as error:
            report(str(error), policy)
        return bent

    layer = planned.layer
    bent = bend_maps(Insertion(planned), layer.arranged(maps), guard, policy is NonFinite.REPLACE)
    return layer.restored(bent)


def bend_maps(insertion: Insertion, maps: Tensor, guard: Guard, replacing: bool) -> Tensor:
    """Bend maps `(N, F, ...)`, as `Layer.arranged` gives them."""
    planned = insertion.planned
    if not planned.indices or planned.mix == 0:
        return maps
    there = insertion.prepared(maps)
    everything = len(planned.indices) == maps.shape[1]
    unbent = maps if everything else take(maps, there.features)
    transformed = planned.transformed(unbent)
    if replacing and (planned.mix != 1 or there.mask is not None):
        transformed = replaced(transformed)  # infinity times a weight of 0 is NaN
    bent = guard(planned, unbent, _blend(unbent, transformed, planned, there))
    return bent if everything else put(maps, there.features, bent)


def _blend(unbent: Tensor, bent: Tensor, planned: PlannedBend, there: There) -> Tensor:
    moving = reads_numbers(unbent.device)
    if there.mask is None:
        if planned.mix == 1:
            return bent
        return _mixed(unbent, bent, there.numbers[:1]) if moving else unbent.lerp(bent, planned.mix)
    size = (1, *unbent.shape[2:])[-2:]  # of sequences one row
    if there.mask.shape != size:
        raise ModelError(f"{planned.layer}: a mask for {tuple(there.mask.shape)}, but maps of {tuple(size)}")
    weight = (there.numbers[0].float() if moving else planned.mix) * there.mask
    return unbent.lerp(bent, weight.to(unbent.dtype))


def _mixed(unbent: Tensor, bent: Tensor, mix: Tensor) -> Tensor:
    """As with a number of Python's: in float32 or finer, rounded once. mix: `(1,)`, float64."""
    precision = torch.promote_types(unbent.dtype, torch.float32)
    mixed = unbent.to(precision).lerp(bent.to(precision), mix.to(precision))
    return mixed.to(unbent.dtype)


def culprit(planned: PlannedBend, unbent: Tensor) -> str:
    return str(planned) if all_finite(unbent) else f"{BEFORE}{planned} was reached,"
