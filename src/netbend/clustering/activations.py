"""Activation maps of a model's layers: watched while it runs, or kept on disk."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netbend.atomic import write_atomic
from netbend.bending import Bendable, Layer
from netbend.bending.eager import eagerly
from netbend.errors import ClusterError

Run = Callable[[Sequence[int]], object]
"""Makes the network generate from the latents of some seeds."""

MOST_WATCHED_BYTES = 64 * 2**20
MOST_BATCH = 32
LARGEST_FLOAT16 = 65504.0


Reduce = Callable[[Tensor], Tensor]
"""Makes of maps `(N, F, ...)` what is to be kept of them."""


def whole(maps: Tensor) -> Tensor:
    """Keep maps as they are."""
    return maps


@contextmanager
def watched(model: Bendable, layers: Sequence[Layer], reduce: Reduce = whole) -> Iterator[dict[str, Tensor]]:
    """Within the block, the maps `(N, F, ...)` that each layer put out last, by its name.

    reduce: done at once, so that large maps of many layers need not be held at the same time.
    """
    maps: dict[str, Tensor] = {}

    def watcher(layer: Layer) -> Callable[[Any, Any, Tensor], None]:
        return lambda _module, _inputs, output: maps.__setitem__(layer.name, reduce(layer.arranged(output)))

    handles = [
        model.network.get_submodule(layer.module).register_forward_hook(watcher(layer)) for layer in layers
    ]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def sampled_maps(
    model: Bendable, layers: Sequence[Layer], run: Run, seeds: Sequence[int], reduce: Reduce = whole
) -> Iterator[dict[str, Tensor]]:
    """Maps `(N, F, ...)` of the layers, by name, for all seeds: a batch that fits the memory at a time.

    reduce: see `watched`.
    """
    sample_bytes = sum(4 * prod(layer.shape) for layer in layers)
    batch = max(1, min(MOST_BATCH, MOST_WATCHED_BYTES // sample_bytes))
    with watched(model, layers, reduce) as maps, torch.no_grad():
        for start in range(0, len(seeds), batch):
            with eagerly():
                run(seeds[start : start + batch])
            if missing := [str(layer) for layer in layers if layer.name not in maps]:
                raise ClusterError(f"{missing[0]}: the network ran without it; choose other layers")
            yield {layer.name: maps[layer.name] for layer in layers}
            maps.clear()


def _within_float16(model: Bendable, layer: Layer, run: Run, seeds: Sequence[int]) -> Iterator[Tensor]:
    """The maps of one layer for all seeds, a batch at a time, in float32 but no larger than float16 holds."""
    for maps in sampled_maps(model, [layer], run, seeds):
        yield maps[layer.name].float().clamp(-LARGEST_FLOAT16, LARGEST_FLOAT16)


class ActivationsOnDevice:
    """The maps of one layer for many samples: a float16 array `(S, F, H, W)` in a device's memory."""

    def __init__(self, layer: Layer, samples: int, device: torch.device):
        self.layer = layer
        self.shape = (samples, layer.features, layer.height, layer.width)
        self.device = device
        self._stored = torch.empty(0, device=device)

    def collect(
        self,
        model: Bendable,
        run: Run,
        seeds: Sequence[int],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Run the model on the seeds and keep the maps. progress: called with the number that are there."""
        self._stored = torch.empty(self.shape, dtype=torch.float16, device=self.device)
        done = 0
        for values in _within_float16(model, self.layer, run, seeds):
            self._stored[done : done + len(values)] = values
            done += len(values)
            progress(done)

    def samples(self, first: int, last: int) -> Tensor:
        """Maps `(last - first, F, H, W)` in float32."""
        return self._stored[first:last].float()

    def single_maps(self, indices: Tensor) -> Tensor:
        """Single maps `(N, 1, H, W)` in float32. indices: sample * F + feature."""
        return self._stored.flatten(0, 1)[indices][:, None].float()

    def remove(self) -> None:
        """Give their memory back."""
        self._stored = torch.empty(0, device=self.device)


class ActivationSet:
    """The maps of one layer for many samples: a float16 array `(S, F, H, W)` on disk."""

    device = torch.device("cpu")

    def __init__(self, path: Path, layer: Layer, samples: int):
        """path: of an `.npy` file, there or yet to be collected."""
        self.path = path
        self.layer = layer
        self.shape = (samples, layer.features, layer.height, layer.width)
        self._done = path.with_suffix(".done.json")

    @property
    def bytes(self) -> int:
        """What it takes on disk."""
        return 2 * int(np.prod(self.shape))

    def collect(
        self,
        model: Bendable,
        run: Run,
        seeds: Sequence[int],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Run the model on the seeds and keep the maps; goes on where it was interrupted.

        progress: called with the number of samples that are there.
        Raises ClusterError if the disk is too small, before anything is written.
        """
        done = json.loads(self._done.read_text()) if self._done.exists() and self.path.exists() else 0
        if not done:
            refuse_full_disk(self.path.parent, self.bytes)
        mode = "r+" if done else "w+"
        stored = np.lib.format.open_memmap(self.path, mode, np.float16, self.shape)
        for values in _within_float16(model, self.layer, run, seeds[done:]):
            stored[done : done + len(values)] = values.cpu().numpy()
            stored.flush()
            done += len(values)
            write_atomic(self._done, json.dumps(done).encode(), ClusterError, overwrite=True)
            progress(done)
        progress(done)

    def samples(self, first: int, last: int) -> Tensor:
        """Maps `(last - first, F, H, W)` in float32."""
        return torch.from_numpy(self._stored()[first:last].astype(np.float32))

    def single_maps(self, indices: Tensor) -> Tensor:
        """Single maps `(N, 1, H, W)` in float32. indices: sample * F + feature."""
        flat = self._stored().reshape(-1, *self.shape[2:])
        return torch.from_numpy(flat[indices.numpy()].astype(np.float32))[:, None]

    def _stored(self) -> Any:
        return np.load(self.path, mmap_mode="r")

    def remove(self) -> None:
        """Take it off the disk."""
        self.path.unlink(missing_ok=True)
        self._done.unlink(missing_ok=True)


Activations = ActivationSet | ActivationsOnDevice


def fits_memory(byte_count: int, device: torch.device) -> bool:
    """Whether a GPU has twice as much memory free."""
    return device.type == "cuda" and 2 * byte_count < torch.cuda.mem_get_info(device)[0]


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raise ClusterError if a folder's disk has less room than needed, in bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ClusterError(
            f"{folder}: the activation maps take {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB "
            f"left; name another --work, fewer --samples, or fewer --layers"
        )
