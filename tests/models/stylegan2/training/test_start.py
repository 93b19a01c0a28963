"""Runs that start from a model: what is kept of it, what grows, how gently it is taken further."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from netbend.errors import DataError, ModelError
from netbend.models.stylegan2.checkpoint import load_generator, save_generator
from netbend.models.stylegan2.discriminator import Discriminator
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.models.stylegan2.resampling import upsample_twice
from netbend.models.stylegan2.training.loop import Trainer
from netbend.models.stylegan2.training.pace import Pace
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.start import (
    Start,
    grow_discriminator,
    grow_generator,
    grown_architecture,
    load_discriminator,
    load_start,
)

SMALL = Architecture((8, 8, 6), z_dim=8, w_dim=8, mapping_depth=2, clamp=64.0)


def generator(architecture: Architecture = SMALL) -> Generator:
    torch.manual_seed(0)
    network = Generator(architecture)
    network.w_mean.normal_()
    for layer in network.synthesis.layers:
        layer.noise_strength.data.fill_(0.3)
    return network


def trainer(folder: Path, start: Start | None, **changes: object) -> Trainer:
    given = {"size": 16, "batch": 4, "kimg": 0.02, "augment": "none", "snapshot_kimg": 1000.0, **changes}
    settings = Settings(feature_base=64, feature_max=8, z_dim=8, w_dim=8, mapping_depth=2, **given)
    if start is not None:
        settings = settings.starting_from(start.name, start.generator.architecture)
    folder.mkdir(exist_ok=True)
    random = torch.Generator().manual_seed(0)
    size = settings.size
    images = torch.randint(0, 256, (12, 3, size, size), dtype=torch.uint8, generator=random)
    return Trainer(images, settings, folder, Fabric(accelerator="cpu", devices=1), start)


@pytest.mark.parametrize("means", [1, 6])
@torch.no_grad()
def test_a_grown_generator_draws_the_same_pictures_larger(means: int) -> None:
    small = generator()
    if means > 1:
        small.w_mean = torch.randn(means, 8)
    architecture = grown_architecture(SMALL, 64, feature_base=256, feature_max=6)
    assert architecture == Architecture((8, 8, 6, 6, 4), z_dim=8, w_dim=8, mapping_depth=2, clamp=64.0)
    large = Generator(architecture)
    grow_generator(large, small)
    z = torch.randn(3, 8)
    for psi in (1.0, 0.5):
        pictures = small.synthesis(small.w_plus(z, psi), small.synthesis.constant_noise())
        grown = large.synthesis(large.w_plus(z, psi), large.synthesis.constant_noise())
        torch.testing.assert_close(grown, upsample_twice(upsample_twice(pictures)))


def test_what_grew_learns(tmp_path: Path) -> None:
    run = trainer(tmp_path / "run", Start("small", generator()), size=32, warm_up=1)
    run.pace.alone = False
    before = {name: value.clone() for name, value in run.steps.generator.named_parameters()}
    run.run()
    for name, value in run.steps.generator.named_parameters():
        assert not torch.equal(value, before[name]), name


@torch.no_grad()
def test_a_grown_discriminator_keeps_the_blocks_behind_its_new_ones() -> None:
    torch.manual_seed(0)
    small, large = Discriminator((8, 8, 6)), Discriminator((8, 8, 6, 4))
    grow_discriminator(large, small)
    maps = torch.randn(4, 6, 16, 16)

    def behind(network: Discriminator, further: int) -> Tensor:
        network.from_rgb, network.blocks = torch.nn.Identity(), network.blocks[further:]
        return network(torch.nn.functional.leaky_relu(maps))

    torch.testing.assert_close(behind(large, 1), behind(small, 0))


def test_a_run_starts_from_another_runs_folder_with_its_discriminator(tmp_path: Path) -> None:
    first = trainer(tmp_path / "first", None)
    first.run()
    start = load_start(str(tmp_path / "first"))
    assert start.discriminator is not None
    assert start.judges(16)
    assert not start.judges(32)
    second = trainer(tmp_path / "second", start, warm_up=10)
    assert not second.pace.alone
    for name, value in first.steps.averaged.state_dict().items():
        assert torch.equal(second.steps.generator.state_dict()[name], value), name
    for name, value in first.steps.discriminator.state_dict().items():
        torch.testing.assert_close(second.steps.discriminator.state_dict()[name], value.half().float())
    grown = trainer(tmp_path / "grown", start, size=32)
    assert grown.pace.alone  # its first block is new
    grown.run()
    assert load_generator(tmp_path / "grown" / "model.safetensors").architecture.size == 32


def test_a_model_by_name_starts_without_a_discriminator() -> None:
    start = load_start("faces")
    assert start.name.startswith("faces ")
    assert start.discriminator is None
    assert start.generator.architecture.size == 64


def test_what_cannot_be_started_from_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"--from .*empty: no model\.safetensors in that folder"):
        load_start(str(tmp_path / "empty"))
    with pytest.raises(ModelError, match="--from music: a model of another kind"):
        load_start("music")
    with pytest.raises(DataError, match="--size 8: the model to start from draws 16x16 already"):
        grown_architecture(SMALL, 8, 64, 8)
    grey = Architecture((8, 8, 6), channels=1)
    with pytest.raises(DataError, match="pictures of 1 channel, expected 3"):
        grown_architecture(grey, 16, 64, 8)


def test_the_first_steps_of_a_warm_up_shake_nothing(tmp_path: Path) -> None:
    """Adam's first steps are as long as the rate allows, whichever way they go."""
    save_generator(tmp_path / "model.safetensors", generator())
    z = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))

    def moved(warm_up: int) -> float:
        start = load_start(str(tmp_path / "model.safetensors"))
        run = trainer(tmp_path / f"run{warm_up}", start, warm_up=warm_up, kimg=0.04)
        run.pace.alone = run.pace.easing = False
        run.pace.share = 1.0
        before = run.steps.generator(z).detach()
        run.run()
        return (run.steps.generator(z) - before).square().mean().sqrt().item()

    assert moved(500) < 0.1 * moved(0)


def test_a_new_discriminator_learns_alone_until_it_can_tell_and_the_generator_begins_slowly() -> None:
    pace = Pace(warm_up=10, new_discriminator=True)

    def go(steps: int, loss: float) -> None:
        for _ in range(steps):
            pace.step()
            pace.see(loss, 1)

    assert pace.rates() == (0.0, 1.0)
    go(90, 0.2)
    assert pace.rates() == (0.0, 1.0)  # not long enough to be sure
    go(10, 0.2)
    assert pace.rates() == (pytest.approx(0.1 / 10), 1.0)
    go(100, 0.5)
    faster = pace.rates()[0]
    assert 0.1 < faster < 0.15
    go(300, 1.38)
    assert pace.rates()[0] < faster
    go(3000, 0.6)
    assert pace.rates() == (1.0, 1.0)
    assert pace.settled
    assert Pace(warm_up=10).rates() == (0.1, 0.1)
    assert Pace().rates() == (1.0, 1.0)


def test_a_run_that_was_interrupted_goes_on_at_its_pace(tmp_path: Path) -> None:
    run = trainer(tmp_path / "run", Start("small", generator()), size=32)
    run.run()
    again = trainer(tmp_path / "run", Start("small", generator()), size=32)
    again.resume()
    assert again.pace.state() == run.pace.state()
    assert again.pace.alone_for == 5


def test_a_discriminators_file_is_no_model(tmp_path: Path) -> None:
    trainer(tmp_path / "run", None, kimg=0.004).run()
    assert len(load_discriminator(tmp_path / "run" / "discriminator.safetensors").blocks) == 2
    with pytest.raises(Exception, match="netbend wrote it, but as a `stylegan2-discriminator`"):
        load_start(str(tmp_path / "run" / "discriminator.safetensors"))
