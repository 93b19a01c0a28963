"""The bends of one layer's activations, called with each of its outputs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from netbend.bending.entered import sample_that_runs
from netbend.bending.hooks import Hook, is_idle
from netbend.bending.insertion import Insertion, bend_maps
from netbend.errors import ModelError
from netbend.transforms import on_gpu
from netbend.transforms.planes import has_gradients

if TYPE_CHECKING:
    from netbend.bending.insert import bend


class LayerHook(Hook):
    """The bends of one layer, called with each of its outputs."""

    def __init__(self, module: str, bends: Sequence[Sequence[Insertion]], owner: "bend"):
        self.module = module
        self.bends = bends
        self.owner = owner
        self._ran = [False]  # shared with copies

    @property
    def ran(self) -> bool:
        """Whether it was called, or a copy of it."""
        return self._ran[0]

    def note_run(self) -> None:
        """Have been called."""
        self._ran[0] = True

    def check_that_it_ran(self) -> None:
        if not self.ran:
            planned = self.bends[0][0].planned
            raise ModelError(
                f"{planned}: not bent: its module {planned.layer.module!r} never ran in the block. The "
                f"network does not reach it with such inputs, calls its `forward` by itself or keeps its "
                f"result; or what ran is a copy of the network that was made before the block, or ran in "
                f"another thread"
            )

    def offer(self, device: torch.device, precision: torch.dtype) -> on_gpu.Work | None:
        """Its bend, if a layer may do that itself while it makes its maps. Then it says so by `taken`."""
        if len(self.bends) != 1 or len(self.bends[0]) != 1 or self.owner.noting is None:
            return None
        return self.bends[0][0].work(device) if precision in on_gpu.PRECISIONS else None

    def taken(self, maps: Tensor) -> None:
        """Note that maps are bent already."""
        maps.bent_by = self  # type: ignore[attr-defined]

    def __call__(self, _module: nn.Module, _inputs: Any, maps: Any) -> Tensor:
        if not self.acts:
            return maps
        self.refuse_vmap(maps)
        self.note_run()
        if getattr(maps, "bent_by", None) is self:
            self._note(self.bends[0][0], self.bends[0][0].work(maps.device))
            return maps
        layer = self.bends[0][0].planned.layer
        if not layer.suits(maps):
            shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
            expected = ", ".join(str(layer.features) if axis == "C" else axis for axis in layer.axes)
            raise ModelError(f"{layer}: expected maps (N, {expected}), the network gave {shape}")
        maps = layer.arranged(maps)
        for states in self.bends:
            maps = self._apply(states, maps)
        return layer.restored(maps)

    def _apply(self, states: Sequence[Insertion], maps: Tensor) -> Tensor:
        if len(states) == 1:
            return self._bend(states[0], maps)
        if (sample := sample_that_runs()) is not None:
            return self._bend(states[sample], maps)
        if len(states) != len(maps):
            raise ModelError(f"{states[0].planned}: {len(states)} plans for a batch of {len(maps)} samples")
        samples = torch.split(maps, 1)
        return torch.cat([self._bend(*pair) for pair in zip(states, samples, strict=True)])

    def _bend(self, insertion: Insertion, maps: Tensor) -> Tensor:
        owner = self.owner
        work = None if owner.noting is None or has_gradients(maps) else insertion.work(maps.device)
        if work is None or not on_gpu.suits(maps):
            return bend_maps(insertion, maps, owner.guard, owner.replacing)
        bent = on_gpu.bend(maps, work)
        self._note(insertion, work)
        return bent

    def _note(self, insertion: Insertion, work: on_gpu.Work | None) -> None:
        if self.owner.noting is not None and work is not None and work.seen is not None:
            self.owner.noting(insertion.planned, work.seen)


def offered(module: nn.Module) -> LayerHook | None:
    """The one hook of a module that acts in this thread, if it is that of a bend."""
    hooks = [hook for hook in tuple(module._forward_hooks.values()) if not is_idle(hook)]
    return hooks[0] if len(hooks) == 1 and isinstance(hooks[0], LayerHook) else None
