"""Draws a model's own pictures, made smaller, with the w of each, to train an encoder with.

    python scripts/train/samples.py --model photo-faces --out out/samples --count 12000

Stop it as you like: the same command goes on behind the last shard. Shards can be read meanwhile.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import openvino
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.atomic import write_atomic
from netbend.errors import NetbendError
from netbend.models.catalog import load_model
from netbend.models.seeding import standard_normal
from netbend.models.styled import StyledModel

SHARD = 64  # samples
LEAST_PSI = 0.5  # truncation is drawn from here to 1
FIRST_SEED = 1_000_000  # far from the seeds that people and tests take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="photo-faces")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--size", type=int, default=256, help="side of the pictures kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(options.model, device="cpu")
    small = compiled(Small(model, options.size), model.generator.w_mean[None])
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(-(-options.count // SHARD)):
        shard = options.out / f"{number:05d}.safetensors"
        if shard.exists():
            continue
        began = time.monotonic()
        w = drawn_w(model, number)
        pictures = torch.cat([as_bytes(small(one)) for one in w.split(1)])
        write_atomic(shard, save({"pictures": pictures, "w": w.half()}), NetbendError, overwrite=False)
        print(f"{shard}: {(time.monotonic() - began) / SHARD:.2f} s a sample", flush=True)


@torch.no_grad()
def drawn_w(model: StyledModel, shard: int) -> Tensor:
    """The w of a shard `(SHARD, w_dim)`, each truncated by a psi of its own."""
    first = FIRST_SEED + shard * SHARD
    z = standard_normal(range(first, first + SHARD), model.generator.architecture.z_dim)
    psi = LEAST_PSI + (1 - LEAST_PSI) * torch.rand(SHARD, 1, generator=torch.Generator().manual_seed(first))
    return model.generator.w_mean.lerp(model.generator.mapping(z), psi)


class Small(nn.Module):
    """w `(1, w_dim)` to the picture, averaged down to `(1, C, size, size)`."""

    def __init__(self, model: StyledModel, size: int):
        super().__init__()
        self.synthesis = model.generator.synthesis
        self.vectors = model.style_count
        self.halvings = model.generator.architecture.size // size

    def forward(self, w: Tensor) -> Tensor:
        image = self.synthesis(w[:, None].expand(-1, self.vectors, -1), self.synthesis.constant_noise())
        return F.avg_pool2d(image, self.halvings)


def compiled(small: Small, w: Tensor) -> Callable[[Tensor], Tensor]:
    """OpenVINO computes it in bf16 in two fifths of torch's time, 0.7 of 255 levels away."""
    with torch.no_grad():
        network = openvino.convert_model(small, example_input=w)
    settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    network = openvino.Core().compile_model(network, "CPU", settings)
    return lambda w: torch.from_numpy(network(w.numpy())[0].copy())


def as_bytes(image: Tensor) -> Tensor:
    return ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).contiguous()


if __name__ == "__main__":
    main()
