"""Checkpoints of three layouts give the same generator."""

import importlib.util
import json
import struct
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netbend.errors import CheckpointError
from netbend.models.catalog import describe
from netbend.models.stylegan2.checkpoint import load_generator, save_generator
from netbend.models.stylegan2.network import Architecture, Generator

spec = importlib.util.spec_from_file_location("foreign", Path(__file__).with_name("foreign.py"))
foreign = importlib.util.module_from_spec(spec)
spec.loader.exec_module(foreign)


def picture(generator: Generator) -> Tensor:
    z = torch.randn(2, generator.architecture.z_dim, generator=torch.Generator().manual_seed(9))
    w = generator.w_plus(z, truncation=0.7)
    return generator.synthesis(w, generator.synthesis.constant_noise())


def same(a: Generator, b: Generator) -> None:
    assert a.architecture == b.architecture
    assert torch.equal(picture(a), picture(b))


def test_ours_survives_the_disk(generator: Generator, tmp_path: Path) -> None:
    save_generator(tmp_path / "model.safetensors", generator)
    same(load_generator(tmp_path / "model.safetensors"), generator)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_half_precision_halves_the_file_and_nearly_keeps_the_picture(
    generator: Generator, tmp_path: Path
) -> None:
    save_generator(tmp_path / "whole", generator)
    save_generator(tmp_path / "half", generator, dtype=torch.float16)
    whole, half = picture(generator), picture(load_generator(tmp_path / "half"))
    assert (whole - half).abs().max() < 0.01 * (whole.max() - whole.min())
    assert (tmp_path / "half").stat().st_size < 0.6 * (tmp_path / "whole").stat().st_size


@pytest.mark.parametrize("legacy", [False, True])
def test_rosinalitys_layout_is_read_from_both_kinds_of_torch_files(
    generator: Generator, tmp_path: Path, legacy: bool
) -> None:
    foreign.save_rosinality(tmp_path / "550000.pt", generator, legacy=legacy)
    same(load_generator(tmp_path / "550000.pt"), generator)


def test_a_missing_mean_of_w_is_sampled(generator: Generator, tmp_path: Path) -> None:
    foreign.save_rosinality(tmp_path / "model.pt", generator, average=False)
    loaded = load_generator(tmp_path / "model.pt")
    z = torch.randn(20000, 16)
    torch.testing.assert_close(loaded.w_mean, generator.mapping(z).mean(dim=0), atol=0.05, rtol=0)
    assert torch.equal(loaded.w_mean, load_generator(tmp_path / "model.pt").w_mean)


def test_missing_noise_is_drawn_the_same_each_time(generator: Generator, tmp_path: Path) -> None:
    layout = {k: v for k, v in foreign.rosinality_layout(generator).items() if not k.startswith("noises")}
    torch.save({"g_ema": layout, "latent_avg": generator.w_mean}, tmp_path / "model.pt")
    assert torch.equal(
        picture(load_generator(tmp_path / "model.pt")), picture(load_generator(tmp_path / "model.pt"))
    )


@pytest.mark.parametrize(("clamp", "protocol"), [(None, 4), (256.0, 2), (0.5, 5)])
def test_nvidias_layout_is_read_without_running_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clamp: float | None, protocol: int
) -> None:
    torch.manual_seed(0)
    generator = Generator(Architecture((6, 5, 4), 8, 8, 2, clamp=clamp)).requires_grad_(False)
    generator.w_mean.normal_()
    monkeypatch.chdir(tmp_path)
    module = foreign.nvidia_module(generator, source="open('canary', 'w')")
    foreign.save_nvidia(tmp_path / "network.pkl", module, monkeypatch, protocol)
    same(load_generator(tmp_path / "network.pkl"), generator)
    assert not (tmp_path / "canary").exists()


def test_layouts_are_told_apart_by_content_not_by_name(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_generator(tmp_path / "a.pkl", generator)
    foreign.save_rosinality(tmp_path / "b.safetensors", generator)
    foreign.save_nvidia(tmp_path / "c.pt", foreign.nvidia_module(generator), monkeypatch)
    layouts = [describe(tmp_path / name).layout for name in ("a.pkl", "b.safetensors", "c.pt")]
    assert layouts == ["netbend", "rosinality", "NVIDIA"]


def test_a_report_says_what_is_inside(generator: Generator, tmp_path: Path) -> None:
    foreign.save_rosinality(tmp_path / "model.pt", generator)
    report = describe(tmp_path / "model.pt")
    assert report.architecture == generator.architecture
    assert report.parameters == sum(tensor.numel() for tensor in generator.state_dict().values())
    assert set(report.entries) >= {"g_ema", "args", "latent_avg"}
    lines = dict(report.lines())
    assert lines["network"] == "StyleGAN2, 16x16, 3 channels"
    assert lines["verdict"].startswith("can be used")


def drop(key: str):
    def change(layout: dict[str, Tensor]) -> None:
        del layout[key]

    return change


def put(key: str, value: Tensor):
    def change(layout: dict[str, Tensor]) -> None:
        layout[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("convs.1.activate.bias"), r"weights synthesis.layers.2.bias are missing"),
        (drop("style.1.weight"), "not a StyleGAN2 generator of rosinality's layout in `g_ema`"),
        (
            put("convs.0.activate.bias", torch.zeros(99)),
            r"layers.1.bias has the shape \(99,\), expected \(10,\)",
        ),
        (put("convs.0.conv.blur.kernel", torch.ones(4, 4)), r"not the filter \[1, 3, 3, 1\]"),
        (put("surprise.weight", torch.zeros(1)), "surprise.weight in `g_ema` is not known"),
        (put("convs.0.activate.bias", torch.full((10,), torch.nan)), "NaN or infinity among its weights"),
    ],
)
def test_what_does_not_fit_is_named(
    generator: Generator, tmp_path: Path, change: object, message: str
) -> None:
    layout = foreign.rosinality_layout(generator)
    change(layout)
    torch.save({"g_ema": layout}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=message):
        load_generator(tmp_path / "model.pt")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [({"c_dim": 10}, "class-conditional"), ({"_init_kwargs": {"c_dim": 3}}, "class-conditional")],
)
def test_unsupported_variants_of_nvidias_are_named(
    generator: Generator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    attributes: dict[str, object],
    message: str,
) -> None:
    foreign.save_nvidia(tmp_path / "n.pkl", foreign.nvidia_module(generator, **attributes), monkeypatch)
    with pytest.raises(CheckpointError, match=message):
        load_generator(tmp_path / "n.pkl")


def test_other_torch_files_are_not_generators(tmp_path: Path) -> None:
    torch.save({"state_dict": {"x": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="no StyleGAN2 generator in it, found state_dict"):
        load_generator(tmp_path / "other.pt")


@pytest.mark.parametrize(
    "architecture",
    [
        '{"features": "many"}',
        '{"features": [0, 4]}',
        '{"features": [4, 4], "clamp": "x"}',
        "[]",
        '{"features": [true, 2]}',
    ],
)
def test_a_damaged_architecture_in_the_header_is_an_error(tmp_path: Path, architecture: str) -> None:
    content = '{"kind": "stylegan2", "architecture": ' + architecture + "}"
    header = json.dumps({"__metadata__": {"netbend": content}})
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header.encode())
    with pytest.raises(CheckpointError, match="architecture"):
        load_generator(tmp_path / "m.safetensors")


def test_saving_over_a_file_is_refused_unless_asked(generator: Generator, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(CheckpointError, match="exists already"):
        save_generator(tmp_path / "mine", generator, overwrite=False)
    assert (tmp_path / "mine").read_text() == "keep"
