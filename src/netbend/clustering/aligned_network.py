"""The metric network in the form that a GPU is fast at: the same function, and the same training.

Groups become zeros in whole kernels, 50 and 12 channels become 56 and 16 of which the added ones stay 0,
and the convolution of single maps becomes a product of their 3x3 windows. To shuffle channels is to have
the weights of the depthwise kernel stand elsewhere.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.clustering.metric_network import MAP_RANGE, MetricNetwork, ShuffleUnit

EVEN = 8  # channels that tensor cores take at once
WINDOW = 3
KEPT = "kept_"  # which numbers of a kernel are those of the network's


class AlignedUnit(nn.Module):
    """A ShuffleUnit of whole, wider kernels."""

    def __init__(self, unit: ShuffleUnit):
        super().__init__()
        width, narrow = even(unit.squeeze.in_channels), even(unit.squeeze.out_channels)
        self.squeeze = nn.Conv2d(width, narrow, 1, bias=False)
        self.squeeze_norm = nn.BatchNorm2d(narrow)
        self.depthwise = nn.Conv2d(narrow, narrow, WINDOW, stride=2, padding=1, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(narrow)
        self.expand = nn.Conv2d(narrow, width, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(width)

    def forward(self, maps: Tensor) -> Tensor:
        """`(N, 56, H, W)` to `(N, 56, ceil(H / 2), ceil(W / 2))`."""
        inner = F.relu(self.squeeze_norm(self.squeeze(maps)))
        inner = self.depthwise_norm(self.depthwise(inner))
        inner = self.expand_norm(self.expand(inner))
        return F.relu(inner + F.avg_pool2d(maps, 3, stride=2, padding=1))


class AlignedNetwork(nn.Module):
    """A MetricNetwork, with parameters of the same names, in the form of this module."""

    def __init__(self, network: MetricNetwork):
        super().__init__()
        self.width, self.clip = network.stem.out_channels, network.clip
        self.stem = nn.Linear(even(WINDOW**2), even(self.width), bias=False)
        self.stem_norm = nn.BatchNorm2d(even(self.width))
        self.units = nn.Sequential(*map(AlignedUnit, network.units))  # type: ignore[arg-type]
        self.bottleneck = nn.Linear(network.bottleneck.in_features, network.bottleneck.out_features)
        self.classes = nn.Linear(network.classes.in_features, network.classes.out_features)
        self._shapes = {name: values.shape for name, values in network.state_dict().items()}
        self._places = {name: self._place(name, network) for name in self._shapes}
        self.load_state_dict(self.aligned(network.state_dict()))
        for name, kernel in self._grouped():
            ones = self._spread(name, torch.ones(self._shapes[name]), kernel.shape)
            self.register_buffer(KEPT + name.replace(".", "_"), ones, persistent=False)

    def embed(self, maps: Tensor) -> Tensor:
        """Feature vectors `(N, 10)` of maps `(N, 1, H, W)`."""
        maps = maps.clamp(*MAP_RANGE) if self.clip else maps
        stem = self.stem(windows(maps, self.stem.in_features)).permute(0, 3, 1, 2)
        small = self.units(F.relu(self.stem_norm(stem)))[:, : self.width]
        with torch.autocast("cuda", enabled=False):
            return self.bottleneck(small.flatten(1).to(self.bottleneck.weight.dtype))

    def forward(self, maps: Tensor) -> Tensor:
        """Logits `(N, features)` of maps `(N, 1, H, W)`."""
        vectors = self.embed(maps)
        with torch.autocast("cuda", enabled=False):
            return self.classes(vectors)

    def keep_zeros(self) -> None:
        """Take from the gradients what belongs to no weight of the network."""
        for name, kernel in self._grouped():
            if kernel.grad is not None:
                kernel.grad.mul_(self.get_buffer(KEPT + name.replace(".", "_")))

    def _grouped(self) -> list[tuple[str, nn.Parameter]]:
        """The kernels with zeros between groups. Other zeros have no gradient."""
        return [(name, each) for name, each in self.named_parameters() if each.ndim == 4]

    def aligned(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What belongs to each parameter, or stands for it, from the network's form into this one."""
        own = dict(self.state_dict())
        return {name: self._spread(name, each, own[name].shape) for name, each in values.items()}

    def plain(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same back into the network's form."""
        return {
            name: each.flatten()[self._places[name].to(each.device)].reshape(self._shapes[name])
            for name, each in values.items()
        }

    def _spread(self, name: str, values: Tensor, shape: torch.Size) -> Tensor:
        spread = torch.zeros(shape.numel(), dtype=values.dtype, device=values.device)
        spread[self._places[name].to(values.device)] = values.flatten()
        return spread.reshape(shape)

    def _place(self, name: str, network: MetricNetwork) -> Tensor:
        """Where in the aligned tensor each number of a plain one stands, both laid out flat."""
        shape, own = self._shapes[name], dict(self.state_dict())[name].shape
        owner = name.rpartition(".")[0]
        where = torch.arange(own.numel()).reshape(own)
        if name.startswith(("bottleneck", "classes")) or not shape:
            return where.flatten()
        if owner == "stem":
            return where[: shape[0], : WINDOW**2].flatten()
        if len(shape) == 1:  # of a norm
            return where[: shape[0]].flatten()
        convolution = network.get_submodule(owner)
        inputs = inputs_of(convolution)  # type: ignore[arg-type]
        if owner.endswith("depthwise"):
            unit = network.get_submodule(owner.rpartition(".")[0])
            inputs = shuffled(len(inputs), unit.groups)[inputs]  # type: ignore[arg-type]
        return where[torch.arange(shape[0])[:, None], inputs].flatten()


def even(channels: int) -> int:
    """So many channels or a few more: a multiple of 8."""
    return -(-channels // EVEN) * EVEN


def windows(maps: Tensor, size: int) -> Tensor:
    """The 3x3 window around each position of maps `(N, 1, H, W)`, zeros outside: `(N, H, W, size)`."""
    around = F.pad(maps[:, 0], (1, 1, 1, 1)).unfold(1, WINDOW, 1).unfold(2, WINDOW, 1).flatten(3)
    return F.pad(around, (0, size - WINDOW**2))


def inputs_of(convolution: nn.Conv2d) -> Tensor:
    """The input channels `(O, I / groups)` that each output of a grouped convolution sees."""
    outputs, each = convolution.weight.shape[:2]
    first = torch.arange(outputs) // (outputs // convolution.groups) * each
    return first[:, None] + torch.arange(each)


def shuffled(channels: int, groups: int) -> Tensor:
    """Which channel stands where after ShuffleNet's shuffle."""
    return F.channel_shuffle(torch.arange(channels)[None, :, None, None], groups).flatten()
