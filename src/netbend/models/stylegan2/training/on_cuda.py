"""Steps of training on one GPU: recorded as CUDA graphs, on data that lies there."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from netbend.models.recording import Recording
from netbend.models.stylegan2.training.images import shuffled
from netbend.models.stylegan2.training.networks import judge, synthesize
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.start import Start
from netbend.models.stylegan2.training.steps import Steps

SHARE_OF_MEMORY = 0.5  # of the GPU's, that pictures may take


class StepsOnCuda(Steps):
    """The same steps by faster operations. Each part is recorded, and replayed from then on.

    Nothing waits for the GPU; what changes from step to step lies in tensors at fixed places.
    """

    def __init__(
        self,
        images: Tensor,
        settings: Settings,
        fabric: Fabric,
        batch: int,
        start: Start | None = None,
        record: bool = True,
    ):
        """record: whether steps are recorded."""
        self._record = record
        self._recordings: dict[str, Recording] = {}
        super().__init__(images, settings, fabric, batch, start)

    def _prepare(self, images: Tensor) -> None:
        device = self.fabric.device
        shuffle = torch.Generator().manual_seed(self.settings.seed * 1000)
        self._stays = device.type != "cuda" or images.nbytes < SHARE_OF_MEMORY * torch.cuda.mem_get_info()[0]
        self._images = images.to(device) if self._stays else images
        self._orders = shuffled(len(images), self.batch, shuffle, self._images.device)
        self._shown = torch.empty(self.batch, *images.shape[1:], dtype=torch.uint8, device=device)
        self._share = torch.zeros((), device=device)
        self._stream = torch.cuda.Stream() if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def _adam(self, module: nn.Module, full_rate: float, **options: Any) -> Any:
        device = self.fabric.device
        options = {**options, "fused": True, "capturable": device.type == "cuda"}
        return super()._adam(module, full_rate, **{**options, "lr": torch.tensor(full_rate, device=device)})

    def _set_rate(self, group: dict[str, Any], rate: float) -> None:
        group["lr"].fill_(rate)

    def step(self, number: int, keep: float) -> None:
        if self._stream is None:
            super().step(number, keep)
            return
        usual = torch.cuda.current_stream()
        self._stream.wait_stream(usual)
        with torch.cuda.stream(self._stream):
            super().step(number, keep)
        usual.wait_stream(self._stream)

    def _next_batch(self) -> None:
        chosen = next(self._orders)
        if self._stays:
            torch.index_select(self._images, 0, chosen, out=self._shown)
        else:
            self._shown.copy_(self._images[chosen].pin_memory(), non_blocking=True)

    def _reals(self) -> Tensor:
        batch = self._shown.float() / 127.5 - 1
        if not self.settings.mirror:
            return batch
        flipped = torch.rand(self.batch, 1, 1, 1, generator=self.random, device=batch.device) < 0.5
        return torch.where(flipped, batch.flip(3), batch)

    def _do(self, part: Callable[[], None]) -> None:
        if not self._record or self._stream is None:
            part()
            return
        name = part.__name__
        if name not in self._recordings:
            self._recordings[name] = Recording(part, self.random, self._stream, self._pool)
        self._recordings[name]()

    def _unsynchronized(self) -> AbstractContextManager[Any]:
        return nullcontext()

    @property
    def _precision(self) -> torch.dtype:
        return torch.bfloat16 if self.settings.bf16 else torch.float32

    def _draw(self, w: Tensor, noise: list[Tensor], exactly: bool = False) -> Tensor:
        precision = torch.float32 if exactly else self._precision
        return synthesize(self.generator.synthesis, w, noise, precision)

    def _judge(self, images: Tensor, exactly: bool = False) -> Tensor:
        return judge(self.discriminator, images, torch.float32 if exactly else self._precision)

    def _map(self, z: Tensor) -> Tensor:
        w: Tensor = self.generator.mapping(z)
        return w

    def _autocast(self) -> torch.autocast:
        """Precisions are chosen map by map."""
        return torch.autocast(self.fabric.device.type, enabled=False)

    def _probability(self) -> float | Tensor:
        fixed = self.settings.fixed_augmentation()
        return self.augmentation.value.float() if fixed is None else fixed

    @torch.no_grad()
    def _average(self, keep: float) -> None:
        self._share.fill_(1 - keep)
        self._do(self._move_average)

    @torch.no_grad()
    def _move_average(self) -> None:
        averages: list[Tensor] = list(self.averaged.parameters())
        current: list[Tensor] = list(self.generator.parameters())
        differences = torch._foreach_sub(current, averages)
        torch._foreach_mul_(differences, self._share)
        torch._foreach_add_(averages, differences)
        self.averaged.w_mean.copy_(self.generator.w_mean)
