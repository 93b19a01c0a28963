"""What a step of training does to both networks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from netbend.models.recording import go_on
from netbend.models.stylegan2.discriminator import Discriminator
from netbend.models.stylegan2.equalized import channels_last
from netbend.models.stylegan2.network import Generator
from netbend.models.stylegan2.training.augment import AdaptiveProbability, augment
from netbend.models.stylegan2.training.images import batches
from netbend.models.stylegan2.training.losses import (
    PathLength,
    discriminator_loss,
    generator_loss,
    r1_penalty,
)
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.start import Start, grow_discriminator, grow_generator

W_MEAN_STEP = 0.005


class Steps:
    """Both networks with their optimizers, and what improves them.

    `losses` are tensors that lie where the networks do: to look at one waits for the device.
    """

    def __init__(
        self, images: Tensor, settings: Settings, fabric: Fabric, batch: int, start: Start | None = None
    ):
        """
        images: uint8 `(N, 3, size, size)`. batch: pictures in a step on this device.
        start: networks to go on from.
        """
        self.settings, self.fabric, self.batch = settings, fabric, batch
        self.random = torch.Generator(fabric.device).manual_seed(settings.seed * 1000 + fabric.global_rank)
        torch.manual_seed(settings.seed)
        architecture = settings.architecture()
        self.generator = Generator(architecture)
        self.discriminator = Discriminator(architecture.features)
        if start is not None:
            grow_generator(self.generator, start.generator)
        if start is not None and start.discriminator is not None:
            grow_discriminator(self.discriminator, start.discriminator)
        self.generator = channels_last(self.generator.to(fabric.device))
        self.discriminator = channels_last(self.discriminator.to(fabric.device))
        self.averaged = deepcopy(self.generator).eval().requires_grad_(False)
        path_length_interval = settings.path_length_interval if settings.path_length_weight else 0
        self.generator_optimizer = self._optimizer(self.generator, path_length_interval)
        self.discriminator_optimizer = self._optimizer(self.discriminator, settings.r1_interval)
        self.augmentation = AdaptiveProbability(
            value=settings.fixed_augmentation() or 0.0, device=fabric.device
        )
        self.path_length = PathLength(fabric.device)
        self.losses: dict[str, Tensor] = {}
        self._generator_learns = True
        self._prepare(images)

    def _prepare(self, images: Tensor) -> None:
        """Set up networks and data for the device."""
        fabric = self.fabric
        shuffle = torch.Generator().manual_seed(self.settings.seed * 1000 + fabric.global_rank)
        self._batches: Iterator[Tensor] = batches(images, self.batch, shuffle, self.settings.mirror)
        self._mapping = fabric.setup_module(self.generator.mapping)
        self._synthesis = fabric.setup_module(self.generator.synthesis)
        self._discriminator = fabric.setup_module(self.discriminator)
        self.generator_optimizer = fabric.setup_optimizers(self.generator_optimizer)
        self.discriminator_optimizer = fabric.setup_optimizers(self.discriminator_optimizer)

    def _optimizer(self, module: nn.Module, interval: int) -> Any:
        # A penalty every `interval` steps adds a step's worth of updates: slow down to match (section B).
        ratio = interval / (interval + 1) if interval else 1.0
        rate = self.settings.learning_rate * ratio
        return self._adam(module, lr=rate, betas=(0.0, 0.99**ratio), eps=1e-8, full_rate=rate)

    def _adam(self, module: nn.Module, full_rate: float, **options: Any) -> Any:
        optimizer = torch.optim.Adam(module.parameters(), **options)
        optimizer.param_groups[0]["full_rate"] = full_rate
        return optimizer

    def set_rates(self, generator: float, discriminator: float) -> None:
        """Shares of the learning rate that the networks learn at from now on; 0 leaves one as it is."""
        self._generator_learns = generator > 0
        shares = ((self.generator_optimizer, generator), (self.discriminator_optimizer, discriminator))
        for optimizer, share in shares:
            group = optimizer.param_groups[0]
            self._set_rate(group, share * group["full_rate"])

    def _set_rate(self, group: dict[str, Any], rate: float) -> None:
        group["lr"] = rate

    def step(self, number: int, keep: float) -> None:
        """Improve both networks. number: of the step; keep: share of the average that stays."""
        settings = self.settings
        self._next_batch()
        if self._generator_learns:
            self._do(self._train_generator)
            if settings.path_length_weight and number % settings.path_length_interval == 0:
                self._do(self._penalize_path_length)
        self._do(self._train_discriminator)
        if number % settings.r1_interval == 0:
            self._do(self._penalize_gradient)
        if self._generator_learns:
            self._average(keep)

    def _do(self, part: Callable[[], None]) -> None:
        part()

    def _next_batch(self) -> None:
        self._real = next(self._batches).to(self.fabric.device, memory_format=torch.channels_last)

    def _reals(self) -> Tensor:
        return self._real

    def _train_generator(self) -> None:
        self.discriminator.requires_grad_(False)
        with self._unsynchronized():
            with self._autocast():
                loss = generator_loss(self._judge(self._augmented(self._fake())))
            self.fabric.backward(loss)
        self.discriminator.requires_grad_(True)
        self.generator_optimizer.step()
        self.generator_optimizer.zero_grad()
        self.losses["generator"] = loss.detach()

    def _unsynchronized(self) -> AbstractContextManager[Any]:
        """The discriminator only passes gradients on: its own are not wanted by other devices."""
        return self.fabric.no_backward_sync(self._discriminator)

    def _penalize_path_length(self) -> None:
        w = self._w(max(1, self.batch // 2))
        images = self._draw(w, self._noise(len(w)), exactly=True)
        penalty = self.path_length.penalty(images, w, self.random)
        weight = self.settings.path_length_weight * self.settings.path_length_interval
        self.fabric.backward(penalty * weight + 0 * images.sum())
        self.generator_optimizer.step()
        self.generator_optimizer.zero_grad()
        self.losses["path_length"] = penalty.detach()

    def _train_discriminator(self) -> None:
        with self._autocast():
            with torch.no_grad():
                fake = self._fake()
            fake_logits = self._judge(self._augmented(fake))
            real_logits = self._judge(self._augmented(self._reals()))
            loss = discriminator_loss(real_logits, fake_logits)
        self.fabric.backward(loss)
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad()
        if self.settings.fixed_augmentation() is None:
            mean_sign: Any = self.fabric.all_reduce(real_logits.detach().sign().mean())
            self.augmentation.update(mean_sign, self.batch * self.fabric.world_size)
        self.losses["discriminator"] = loss.detach()

    def _penalize_gradient(self) -> None:
        images = self._augmented(self._reals()).detach().requires_grad_(True)
        logits = self._judge(images, exactly=True)
        penalty = r1_penalty(logits, images)
        weight = self.settings.gradient_penalty() / 2 * self.settings.r1_interval
        # Several devices wait for every parameter's gradient; the last bias has none in the penalty.
        self.fabric.backward(penalty * weight + 0 * logits.sum())
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad()
        self.losses["r1"] = penalty.detach()

    def _autocast(self) -> torch.autocast:
        """Losses compute in bfloat16 if asked; penalties, whose gradients are small, never do."""
        return torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.settings.bf16)

    def _fake(self) -> Tensor:
        w = self._w(self.batch)
        return self._draw(w, self._noise(len(w)))

    def _draw(self, w: Tensor, noise: list[Tensor], exactly: bool = False) -> Tensor:  # noqa: ARG002
        """Images of w+. exactly: in float32, and to be differentiated twice."""
        images: Tensor = self._synthesis(w, noise)
        return images

    def _judge(self, images: Tensor, exactly: bool = False) -> Tensor:  # noqa: ARG002
        """Logits of images. exactly: in float32, and to be differentiated twice."""
        logits: Tensor = self._discriminator(images)
        return logits

    def _map(self, z: Tensor) -> Tensor:
        w: Tensor = self._mapping(z)
        return w.float()

    def _w(self, count: int) -> Tensor:
        """Latents of new z, some of them crossed over from a second one at a random layer."""
        device, latent_count = self.fabric.device, self.generator.architecture.latent_count
        z = torch.randn(2, count, self.generator.architecture.z_dim, generator=self.random, device=device)
        first, second = self._map(z.flatten(0, 1)).chunk(2)
        self.generator.w_mean.lerp_(first.detach().mean(dim=0), W_MEAN_STEP)
        crossover = torch.randint(1, latent_count, (count, 1), generator=self.random, device=device)
        mixed = torch.rand(count, 1, generator=self.random, device=device) < self.settings.style_mixing
        swapped = mixed & (torch.arange(latent_count, device=device) >= crossover)
        return torch.where(swapped[:, :, None], second[:, None], first[:, None])

    def _noise(self, count: int) -> list[Tensor]:
        architecture = self.generator.architecture
        sizes = [architecture.resolution(layer) for layer in range(architecture.layer_count)]
        return [
            torch.randn(count, 1, size, size, generator=self.random, device=self.fabric.device)
            for size in sizes
        ]

    def _augmented(self, images: Tensor) -> Tensor:
        changed = augment(images, self._probability(), self.random)
        return changed.contiguous(memory_format=torch.channels_last)

    def _probability(self) -> float | Tensor:
        return self.augmentation.value.item()

    @torch.no_grad()
    def _average(self, keep: float) -> None:
        for average, current in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(current, 1 - keep)
        self.averaged.w_mean.copy_(self.generator.w_mean)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "augmentation": [self.augmentation.value.item(), self.augmentation.overfitting.item()],
            "path_length": self.path_length.mean.item(),
            "random": self.random.get_state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.generator.load_state_dict(state["generator"])
        self.averaged.load_state_dict(state["averaged"])
        self.discriminator.load_state_dict(state["discriminator"])
        for name in ("generator_optimizer", "discriminator_optimizer"):
            self._load_optimizer(getattr(self, name), state[name])
        self.augmentation.value.fill_(state["augmentation"][0])
        self.augmentation.overfitting.fill_(state["augmentation"][1])
        self.path_length.mean.fill_(state["path_length"])
        go_on(self.random, state["random"])

    def _load_optimizer(self, optimizer: Any, state: dict[str, Any]) -> None:
        """What was learnt of the weights; rates and options are those of this run on this device."""
        groups = [
            {**new, "params": old["params"]}
            for new, old in zip(optimizer.state_dict()["param_groups"], state["param_groups"], strict=True)
        ]
        optimizer.load_state_dict({**state, "param_groups": groups})
