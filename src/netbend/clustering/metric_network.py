"""The paper's metric network: which feature made this map? (section 4.1)."""

from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 50  # channels of every convolutional block
GROUPS = 2
BOTTLENECK = 10  # numbers in a feature vector
LEAST_SIDE = 4  # of the maps that are flattened
MAP_RANGE = (-1.0, 1.0)  # section 5: maps are treated as "1-channel images in the range -1 to 1"
CACHED_POSITIONS = 2**15  # times 50 channels of four bytes: 6 MB
MAX_POSITIONS = 2**21  # on a GPU: 0.4 GB


def depth_for(height: int, width: int) -> int:
    """ShuffleNet units for maps of a size: each halves them, until the smaller side is near 4.

    Gives the depths of tables 1 and 2: 1 for 8x8, 2 for 16x16 and 17x65, 8 for 1024x1024.
    """
    return max(0, int(log2(min(height, width) / LEAST_SIDE)))


class ShuffleUnit(nn.Module):
    """A residual block of ShuffleNet (Zhang et al. 2018, figure 2) that halves its maps.

    Grouped 1x1 convolution, channel shuffle, depthwise 3x3 with stride 2, grouped 1x1; the
    shortcut is average pooling. Both are added, since the width stays as it is.
    """

    def __init__(self, width: int = WIDTH, groups: int = GROUPS):
        super().__init__()
        narrow = width // 4 // groups * groups
        self.groups = groups
        self.squeeze = nn.Conv2d(width, narrow, 1, groups=groups, bias=False)
        self.squeeze_norm = nn.BatchNorm2d(narrow)
        self.depthwise = nn.Conv2d(narrow, narrow, 3, stride=2, padding=1, groups=narrow, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(narrow)
        self.expand = nn.Conv2d(narrow, width, 1, groups=groups, bias=False)
        self.expand_norm = nn.BatchNorm2d(width)

    def forward(self, maps: Tensor) -> Tensor:
        """`(N, width, H, W)` to `(N, width, ceil(H / 2), ceil(W / 2))`."""
        inner = F.relu(self.squeeze_norm(pointwise(self.squeeze, maps)))
        inner = F.channel_shuffle(inner, self.groups)
        inner = self.depthwise_norm(self.depthwise(inner))
        inner = self.expand_norm(pointwise(self.expand, inner))
        return F.relu(inner + F.avg_pool2d(maps, 3, stride=2, padding=1))


def pointwise(convolution: nn.Conv2d, maps: Tensor) -> Tensor:
    """A grouped 1x1 convolution; on a GPU a whole one with zeros between groups, which is faster."""
    if not maps.is_cuda:
        return convolution(maps)
    return F.conv2d(maps, whole_kernel(convolution.weight, convolution.groups))


def whole_kernel(kernel: Tensor, groups: int) -> Tensor:
    """The kernel `(O, I, H, W)` of a whole convolution out of a grouped one's, `(O, I / groups, H, W)`."""
    same_group = torch.eye(groups, device=kernel.device, dtype=kernel.dtype)
    blocks = torch.einsum("goihw,gk->gokihw", kernel.reshape(groups, -1, *kernel.shape[1:]), same_group)
    return blocks.flatten(2, 3).flatten(0, 1)


class MetricNetwork(nn.Module):
    """Classifies single maps of a layer by the feature that made them, through a bottleneck of 10.

    The vector in the bottleneck is the feature vector: near for maps that look alike.
    """

    def __init__(self, features: int, height: int, width: int, *, clip: bool = True):
        """features, height, width: of the layer's maps; they give the depth.

        clip: maps to MAP_RANGE before anything else; networks of netbend before this took them whole.
        """
        super().__init__()
        self.clip = clip
        self.stem = nn.Conv2d(1, WIDTH, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(WIDTH)
        self.units = nn.Sequential(*(ShuffleUnit() for _ in range(depth_for(height, width))))
        for _ in self.units:
            height, width = (height + 1) // 2, (width + 1) // 2
        self.bottleneck = nn.Linear(WIDTH * height * width, BOTTLENECK)
        self.classes = nn.Linear(BOTTLENECK, features)

    def embed(self, maps: Tensor) -> Tensor:
        """Feature vectors `(N, 10)` of maps `(N, 1, H, W)`."""
        maps = maps.clamp(*MAP_RANGE) if self.clip else maps
        stem = self.stem(maps).contiguous(memory_format=torch.channels_last)
        small = self.units(F.relu(self.stem_norm(stem))).flatten(1)
        with torch.autocast("cuda", enabled=False):
            return self.bottleneck(small.to(self.bottleneck.weight.dtype))

    def forward(self, maps: Tensor) -> Tensor:
        """Logits `(N, features)` of maps `(N, 1, H, W)`."""
        vectors = self.embed(maps)
        with torch.autocast("cuda", enabled=False):
            return self.classes(vectors)


@torch.no_grad()
def embed_all(network: MetricNetwork, maps: Tensor, batch: int | None = None) -> Tensor:
    """Feature vectors `(S, F, 10)` of maps `(S, F, H, W)` of S samples.

    batch: maps at once; by default as many as a processor's cache, or a GPU's memory, holds the channels of.
    """
    most = CACHED_POSITIONS if maps.device.type == "cpu" else MAX_POSITIONS
    batch = batch or max(1, most // (maps.shape[2] * maps.shape[3]))
    flat = maps.reshape(-1, 1, *maps.shape[2:])
    vectors = torch.cat([network.embed(part.float()) for part in torch.split(flat, batch)])
    return vectors.reshape(*maps.shape[:2], BOTTLENECK)
