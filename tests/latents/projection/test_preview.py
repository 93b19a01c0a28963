"""Previews of large models, which L-BFGS descends through."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from netbend.choices import Optimizer, Perceptual, Space
from netbend.errors import CheckpointError
from netbend.latents.projection import network as networks
from netbend.latents.projection.losses import pixel_loss
from netbend.latents.projection.network import previewed
from netbend.latents.projection.picture import enlarged
from netbend.latents.projection.preview import KIND, Architecture, Head, Preview, load_head, shipped_head
from netbend.latents.projection.project import project
from netbend.latents.projection.quick import QuickSearch
from netbend.latents.projection.settings import Settings
from netbend.models.base import SynthesisOptions
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.mobilestylegan.network import Architecture as Mobile
from netbend.models.mobilestylegan.network import Generator
from netbend.models.native import save_network

LBFGS = Settings(optimizer=Optimizer.LBFGS, steps=15, perceptual=Perceptual.PIXEL)


@pytest.fixture
def mobile() -> MobileStyleGAN:
    """Pictures of 64x64 within black and white."""
    torch.manual_seed(0)
    generator = Generator(Mobile((16, 16, 16, 8), z_dim=8, w_dim=8, mapping_depth=2))
    strengthen(generator, 0.3)
    generator.w_mean.copy_(generator.sampled_w_mean())
    return MobileStyleGAN(generator, "tiny", "0" * 64)


def strengthen(network: nn.Module, by: float) -> None:
    """Draw everything anew, so strongly that pictures depend on it: noise too."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(False).normal_(std=0.5 if name.endswith(("bias", "strength")) else by)


def head(width: int = 6, depth: int = 2) -> Head:
    torch.manual_seed(1)
    made = Head(Architecture(1, 16, 8, 3, "0" * 64, width, depth))
    strengthen(made, 0.3)
    return made


def test_maps_after_some_doublings_are_those_of_the_layer(mobile: MobileStyleGAN) -> None:
    synthesis, w = mobile.network, mobile.w_plus(mobile.latents([1, 2]))
    kept = {}
    for number in (0, 2, 4, 6):
        synthesis.layers[number].register_forward_hook(
            lambda _layer, _inputs, maps, number=number: kept.update({number: maps.clone()})
        )
    synthesis(w, synthesis.constant_noise())
    whole = dict(kept)
    for number, maps in whole.items():
        kept.clear()
        found = synthesis.maps(w, synthesis.constant_noise(), number // 2)
        assert torch.equal(found, maps)
        assert max(kept) == number  # nothing behind it ran


@pytest.mark.parametrize(("width", "depth"), [(6, 1), (6, 2), (4, 3)])
def test_it_draws_four_times_as_many_pixels_as_the_maps_have(
    mobile: MobileStyleGAN, width: int, depth: int
) -> None:
    preview = Preview(mobile.network, head(width, depth))
    w = mobile.w_plus(mobile.latents([1, 2, 3]))
    pictures = preview(w, mobile.network.constant_noise())
    assert pictures.shape == (3, 3, preview.size, preview.size) == (3, 3, 16, 16)
    alone = preview(w[1:2], mobile.network.constant_noise())
    torch.testing.assert_close(alone, pictures[1:2], atol=1e-5, rtol=1e-4)
    changed = w.clone()
    changed[:, -1] += 1  # every vector is seen, that of the picture itself too
    assert not torch.allclose(preview(changed, mobile.network.constant_noise()), pictures, atol=1e-3)


def test_a_file_gives_a_head_back(tmp_path: Path) -> None:
    path, made = tmp_path / "preview.safetensors", head()
    save_network(path, made, KIND, made.architecture)
    again = load_head(path)
    assert again.architecture == made.architecture
    for name, values in made.state_dict().items():
        assert torch.equal(again.state_dict()[name], values)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"preview\.safetensors"):
        load_head(path)


def test_other_models_have_none(mobile: MobileStyleGAN) -> None:
    assert shipped_head(mobile.hash) is None
    assert previewed(mobile) is None


@pytest.mark.parametrize("space", [Space.W, Space.W_PLUS])
def test_a_search_comes_near_what_the_preview_shows(
    mobile: MobileStyleGAN, monkeypatch: pytest.MonkeyPatch, space: Space
) -> None:
    """Targets that a preview draws of other w: what the search finds is previewed as them."""
    made = head()
    monkeypatch.setattr(networks, "shipped_head", lambda _: made)
    found_preview = previewed(mobile)
    assert found_preview is not None
    preview, noise = found_preview[0], mobile.network.constant_noise()
    w = mobile.w_plus(mobile.latents([3, 4]), SynthesisOptions(truncation_psi=0.8))
    small = preview(w, noise)
    targets = torch.nn.functional.interpolate(small, scale_factor=4.0)
    seen = []
    found = project(mobile, targets, replace(LBFGS, space=space), lambda told: seen.append(told.images))
    assert found.latents.space is space
    assert {tuple(images.shape) for images in seen} == {(2, 3, 16, 16)}
    assert enlarged(seen[0], targets).shape == targets.shape
    mean = preview(mobile.generator.central_w.expand(2, mobile.style_count, -1), noise)
    ours = preview(mobile.w_plus(found.latents), noise)
    assert (pixel_loss(ours, small) < pixel_loss(mean, small) / 4).all()
    assert torch.equal(found.images, mobile.generate(found.latents))  # the model's own pictures


def test_what_begins_apart_is_never_moved_as_one(
    mobile: MobileStyleGAN, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netbend.latents.projection import quick

    apart = mobile.generator.central_w + torch.linspace(-1, 1, mobile.style_count)[None, :, None]
    monkeypatch.setattr(quick, "start_of", lambda *_, **__: apart.expand(1, -1, 8).clone())
    search = QuickSearch(mobile, torch.zeros(1, 3, 64, 64), LBFGS, 10)
    torch.testing.assert_close(search.found().values, apart.expand(1, -1, 8), atol=1e-4, rtol=1e-3)
    search.step(0)
    search.step(1)
    assert (search.search.trial - search.search.point).std(dim=1).max() > 1e-4
