"""A bent run needs nothing from the processor's memory, and waits for nothing: so it can be a CUDA graph.

Run on the `meta` device, where there are no numbers to wait for, this is seen without a GPU.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from netbend.bending import bend, insert
from netbend.choices import NoiseMode
from netbend.errors import NonFiniteError
from netbend.models.base import Model
from netbend.models.dcgan import network as dcgan
from netbend.models.dcgan.model import DCGAN
from netbend.models.mobilestylegan import network as mobilestylegan
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.spectrogram_vae import network as spectrogram_vae
from netbend.models.spectrogram_vae.model import SpectrogramModel
from netbend.models.stylegan2 import fused
from netbend.models.stylegan2 import network as stylegan2
from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import All, Bend, Random, Recipe
from netbend.transforms import build_transform

TRANSFORMS = {
    "rotate": [20],
    "multiply": [1.3],
    "dilate": [2],
    "threshold": [0.5],
    "flip-h": [],
    "invert": [],
    "clamp": [],
    "quantize": [0.5],
    "blur": [1.5],
    "sobel": [],
    "fft-filter": [0.1, 0.6],
    "normalize": [],
    "noise": [0.3],
    "roll": [0.3, 0.2],
    "shuffle": [],
}

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


Run = Callable[[], Tensor]


def styled(device: str) -> tuple[Model, Run]:
    architecture = stylegan2.Architecture((16, 12, 8, 8), z_dim=8, w_dim=8, mapping_depth=2)
    return _styled(StyleGAN2(stylegan2.Generator(architecture)), device)


def distilled(device: str) -> tuple[Model, Run]:
    architecture = mobilestylegan.Architecture((16, 12, 8), z_dim=8, w_dim=8, mapping_depth=2)
    return _styled(MobileStyleGAN(mobilestylegan.Generator(architecture)), device)


def _styled(model: StyleGAN2 | MobileStyleGAN, device: str) -> tuple[Model, Run]:
    model.network.to(device)
    w = torch.ones(2, model.style_count, 8, device=device)
    noise = model._noise(model.latents([0, 1]), NoiseMode.CONSTANT)
    return model, lambda: model.network(w, noise)


def convolved(device: str) -> tuple[Model, Run]:
    model = DCGAN(dcgan.Generator(dcgan.Architecture((8, 6), z_dim=3)))
    model.network.to(device)
    latents = torch.ones(2, 3, device=device)
    return model, lambda: model.network(latents)


def sounding(device: str) -> tuple[Model, Run]:
    architecture = spectrogram_vae.Architecture.of_width(1 / 32, latent_dim=16)
    model = SpectrogramModel(spectrogram_vae.SpectrogramVAE(architecture))
    model.network.to(device)
    latents = torch.ones(2, 16, device=device)
    return model, lambda: model.network(latents)


every_family = pytest.mark.parametrize("family", [styled, distilled, convolved, sounding])


def everything(model: Model) -> Recipe:
    """Every kind of transform, on all features and on some, at every numbered layer."""
    numbers = [layer.number for layer in model.layers if layer.number is not None]
    kinds = [build_transform(name, params) for name, params in TRANSFORMS.items()]
    features = (All(), Random(0.5))
    return Recipe(
        bends=tuple(Bend(n, kind, selection) for n in numbers for kind in kinds for selection in features)
    )


class Sent(TorchDispatchMode):
    """Notes the operations that have to do with the processor's own memory."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        results = result if isinstance(result, tuple | list) else [result]
        tensors = [value for value in (*args, *results) if isinstance(value, Tensor)]
        if any(tensor.device.type == "cpu" for tensor in tensors):
            self.names.append(str(func))
        return result


@pytest.mark.parametrize("as_on_a_gpu", [False, True])
@every_family
def test_nothing_is_sent_and_nothing_is_waited_for(
    family: Any, as_on_a_gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "suits", lambda _: as_on_a_gpu)
    monkeypatch.setattr(insert, "is_captured", lambda _: True)
    monkeypatch.setattr(insert, "all_finite", lambda _: True)
    model, run = family("meta")
    entered = bend(model, everything(model))
    with torch.no_grad(), entered:
        run()  # what is made once is made
        with Sent() as sent:
            run()
        entered._watch.forget()
    assert sent.names == []


def test_what_overflowsis_captured_is_told_when_the_block_ends(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insert, "is_captured", lambda _: True)
    big = Recipe(bends=(Bend(1, build_transform("multiply", [3e38])),) * 2)
    entered = bend(model, big)
    entered.__enter__()
    model.generate(model.latents([0]))
    with pytest.raises(NonFiniteError, match="made"):
        entered.__exit__(None, None, None)


@needs_gpu
@every_family
def test_a_bent_run_can_be_captured_and_replayed(family: Any) -> None:
    model, run = family("cuda")
    with torch.no_grad(), bend(model, everything(model)):
        expected = run()  # warms up, too
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            captured = run()
        captured.zero_()
        graph.replay()
        torch.testing.assert_close(captured, expected)
