"""Reads what `samples.py` draws."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

HELD_OUT = 2  # shards at the beginning that nothing is trained with


class Shards:
    """Samples so far: pictures in bytes `(N, C, size, size)`, and their w `(N, w_dim)`."""

    def __init__(self, folder: Path, size: int, held_out: bool = False):
        self.folder, self.size, self.held_out = folder, size, held_out
        self.read: list[Path] = []
        self.pictures, self.w = torch.empty(0, dtype=torch.uint8), torch.empty(0)
        self.read_on()

    def __len__(self) -> int:
        return len(self.w)

    def read_on(self) -> None:
        """Read the shards that came meanwhile."""
        every = sorted(self.folder.glob("*.safetensors"))
        wanted = every[:HELD_OUT] if self.held_out else every[HELD_OUT:]
        for path in wanted[len(self.read) :]:
            shard = load_file(path)
            small = [F.avg_pool2d(one.float(), one.shape[-1] // self.size) for one in shard["pictures"]]
            pictures = torch.stack(small).round().byte()
            self.pictures = torch.cat([self.pictures, pictures]) if len(self.w) else pictures
            self.w = torch.cat([self.w, shard["w"].float()]) if len(self.w) else shard["w"].float()
            self.read.append(path)
