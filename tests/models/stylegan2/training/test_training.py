"""The trainer: what it optimizes, that it goes on where it stopped, what it refuses."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor

from netbend.errors import DataError
from netbend.models.stylegan2.checkpoint import load_generator
from netbend.models.stylegan2.training.augment import AdaptiveProbability, augment
from netbend.models.stylegan2.training.images import batches, load_images
from netbend.models.stylegan2.training.loop import Trainer
from netbend.models.stylegan2.training.losses import PathLength, r1_penalty
from netbend.models.stylegan2.training.settings import Settings

TINY = {
    "size": 16,
    "feature_base": 64,
    "feature_max": 8,
    "z_dim": 8,
    "w_dim": 8,
    "mapping_depth": 2,
    "batch": 4,
    "r1_interval": 2,
    "snapshot_kimg": 0.008,
    "augment": "none",
}


def random_images(count: int = 12, size: int = 16) -> Tensor:
    return torch.randint(
        0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def trainer(folder: Path, **changes: object) -> Trainer:
    settings = Settings(**{**TINY, "kimg": 0.016, **changes})
    folder.mkdir(exist_ok=True)
    return Trainer(random_images(), settings, folder, Fabric(accelerator="cpu", devices=1))


def weights(run: Trainer) -> Tensor:
    return torch.cat([parameter.flatten() for parameter in run.steps.generator.parameters()])


def test_a_run_leaves_a_model_samples_a_log_and_a_checkpoint(tmp_path: Path) -> None:
    run = trainer(tmp_path / "run")
    before = weights(run).clone()
    kimg = []
    run.run(lambda progress: kimg.append(progress.kimg))
    assert kimg == [0.004, 0.008, 0.012, 0.016]
    assert not torch.equal(weights(run), before)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "checkpoint.pt",
        "discriminator.safetensors",
        "log.jsonl",
        "model.safetensors",
        "samples",
        "snapshots",
    }
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["kimg"] for line in lines] == [0.008, 0.016]
    assert {"generator", "discriminator", "r1"} <= lines[0].keys()
    generator = load_generator(tmp_path / "run" / "model.safetensors")
    assert generator.architecture == run.settings.architecture()


def test_an_interrupted_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def stop(_progress: object) -> None:
        raise KeyboardInterrupt

    run = trainer(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run.run(stop)
    again = trainer(tmp_path / "run")
    again.resume()
    assert again.images_seen == run.images_seen == 4
    assert torch.equal(weights(again), weights(run))
    momentum = [
        state["exp_avg_sq"] for state in again.steps.generator_optimizer.state_dict()["state"].values()
    ]
    assert any(value.any() for value in momentum)
    again.run()
    assert again.images_seen == 16


@pytest.mark.parametrize(
    "changes", [{"bf16": True}, {"augment": "ada"}, {"path_length_weight": 2.0}, {"mirror": True}]
)
def test_every_option_trains_to_finite_weights(tmp_path: Path, changes: dict[str, object]) -> None:
    run = trainer(tmp_path / "run", **changes)
    run.run()
    assert weights(run).isfinite().all()


def test_training_learns_a_colour(tmp_path: Path) -> None:
    """A set of one colour is learnt in a few hundred steps: losses and their signs are right."""
    red = torch.tensor([250, 10, 10], dtype=torch.uint8)[None, :, None, None].expand(8, 3, 8, 8).contiguous()
    settings = Settings(
        **{**TINY, "size": 8, "kimg": 2.0, "batch": 8, "snapshot_kimg": 1000, "learning_rate": 0.01}
    )
    run = Trainer(red, settings, tmp_path, Fabric(accelerator="cpu", devices=1))
    run.run()
    with torch.no_grad():
        drawn = run.steps.averaged(run.sample_z).mean(dim=(0, 2, 3))
    assert drawn[0] > 0.4
    assert drawn[1] < -0.4
    assert drawn[2] < -0.4


def test_the_gradient_penalty_is_the_squared_norm() -> None:
    images = torch.randn(3, 3, 4, 4, requires_grad=True)
    slope = torch.randn(3, 4, 4)
    penalty = r1_penalty((images * slope).sum(dim=(1, 2, 3)), images)
    torch.testing.assert_close(penalty, slope.square().sum())


def test_the_path_length_penalty_measures_against_its_own_mean() -> None:
    w = torch.randn(2, 3, 5, requires_grad=True)
    images = w.sum(dim=(1, 2))[:, None, None, None].expand(2, 3, 4, 4)
    path_length = PathLength()
    penalty = path_length.penalty(images, w, torch.Generator().manual_seed(0))
    assert penalty.item() > 0
    assert path_length.mean > 0


def test_no_augmentation_leaves_images_alone_and_some_changes_them_differentiably() -> None:
    images = torch.rand(6, 3, 16, 16, requires_grad=True)
    assert augment(images, 0.0, torch.Generator()) is images
    changed = augment(images, 0.8, torch.Generator().manual_seed(1))
    assert changed.shape == images.shape
    assert not torch.equal(changed, images)
    changed.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_the_adaptive_probability_rises_while_the_discriminator_is_sure() -> None:
    adaptive = AdaptiveProbability(kimg_to_one=0.1)
    for _ in range(300):
        adaptive.update(torch.tensor(1.0), 8)
    assert adaptive.value == 0.8
    for _ in range(300):
        adaptive.update(torch.tensor(-1.0), 8)
    assert adaptive.value == 0.0


def write_pictures(folder: Path) -> None:
    (folder / "deeper").mkdir(parents=True)
    for index, name in enumerate(["a.png", "deeper/b.jpg", "c.webp"]):
        Image.new("RGB", (40 + index, 30), (200, 100, index)).save(folder / name)
    (folder / "notes.txt").write_text("not a picture")


def test_pictures_are_read_from_folders_and_zips(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    write_pictures(folder)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for path in folder.rglob("*.*"):
            archive.write(path, path.relative_to(folder))
    from_folder, from_zip = load_images(folder, 16), load_images(tmp_path / "pictures.zip", 16)
    assert from_folder.shape == (3, 3, 16, 16)
    assert from_folder.float().mean(dim=(0, 2, 3))[0].item() == pytest.approx(200, abs=2)
    assert sorted(from_folder.flatten().tolist()) == sorted(from_zip.flatten().tolist())


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures")
    (tmp_path / "pictures" / "broken.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(DataError, match=r"broken\.png: not a readable picture"):
        load_images(tmp_path / "pictures", 16)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures found"):
        load_images(tmp_path, 16)
    with pytest.raises(DataError, match="no such file"):
        load_images(tmp_path / "nowhere", 16)


def test_batches_show_every_picture_once_a_pass_and_never_end() -> None:
    images = torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(6, 3, 2, 2)
    stream = batches(images, 3, torch.Generator().manual_seed(0), mirror=False)
    one_pass = torch.cat([next(stream), next(stream)])
    values = ((one_pass[:, 0, 0, 0] + 1) * 127.5).round().int()
    assert sorted(values.tolist()) == list(range(6))
    assert next(stream).shape == (3, 3, 2, 2)
    few = batches(images[:2], 5, torch.Generator().manual_seed(0), mirror=True)
    assert next(few).shape == (5, 3, 2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 48}, "--size 48: expected a power of two"),
        ({"kimg": 0}, "--kimg 0: expected a number above 0"),
        ({"augment": "lots"}, "--augment lots: expected none, ada or a probability"),
        ({"augment": "nan"}, "--augment nan"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Settings(**change)


def test_settings_survive_the_disk(tmp_path: Path) -> None:
    settings = Settings(**TINY)
    settings.save(tmp_path / "settings.json")
    loaded = Settings.load(tmp_path / "settings.json")
    assert loaded == settings
    assert loaded.difference(Settings(**{**TINY, "batch": 9})) == ["batch"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"sized": 3}', "`sized` is not known"),
        ("[1]", "settings of such"),
        ("3", "settings of such"),
        ("{", "se"),
    ],
)
def test_what_are_no_settings_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(DataError, match=message) as raised:
        Settings.load(tmp_path / "settings.json")
    assert "__init__" not in str(raised.value)


def test_the_random_stream_of_a_batch_does_not_depend_on_numpy_or_torch_state() -> None:
    def first() -> Tensor:
        return next(batches(random_images(), 4, torch.Generator().manual_seed(7), mirror=True))

    expected = first()
    torch.manual_seed(123)
    np.random.seed(5)
    assert torch.equal(first(), expected)
