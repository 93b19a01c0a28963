"""Whatever tools wrap a generator in, it is found; what is none, or of another kind, is named."""

import argparse
import datetime
import importlib.util
import pickle
import re
import sys
import types
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from netbend.errors import CheckpointError
from netbend.models.base import SynthesisOptions
from netbend.models.catalog import describe, load_model
from netbend.models.stylegan2.checkpoint import load_generator, save_generator
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.pictures import to_pictures

spec = importlib.util.spec_from_file_location("foreign", Path(__file__).with_name("foreign.py"))
foreign = importlib.util.module_from_spec(spec)
spec.loader.exec_module(foreign)

ROOT = Path(__file__).parents[3]


class Setting:
    """A generator in both layouts, where to write it, and whether the file holds its mean of w."""

    def __init__(self, generator: Generator, path: Path, monkeypatch: pytest.MonkeyPatch):
        self.generator, self.path, self.monkeypatch = generator, path, monkeypatch
        self.rosinality = foreign.rosinality_layout(generator)
        self.nvidia = foreign.nvidia_layout(generator)
        self.mean = generator.w_mean.clone()
        self.layers = generator.architecture.latent_count

    def stand_in(self, module: str, name: str, base: type = object, **members: Any) -> type:
        """A class of a tool that is not installed, as pickles name it."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            known = ".".join(parts[:length])
            if known not in sys.modules:
                self.monkeypatch.setitem(sys.modules, known, types.ModuleType(known))
        made = type(name, (base,), {"__module__": module, "__qualname__": name, **members})
        self.monkeypatch.setattr(sys.modules[module], name, made, raising=False)
        return made


def prefixed(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in weights.items()}


CONTAINERS: dict[str, tuple[Callable[[Setting], object], bool]] = {}


def container(name: str, *, mean: bool = False) -> Callable[[Callable[[Setting], object]], Any]:
    """name: as docs/checkpoints.md has it. mean: whether the mean of w is in the file."""

    def register(make: Callable[[Setting], object]) -> Callable[[Setting], object]:
        CONTAINERS[name] = make, mean
        return make

    return register


@container("rosinality's training run", mean=True)
def training(s: Setting) -> None:
    foreign.save_rosinality(s.path, s.generator)


@container("the same in the format of torch before 1.6", mean=True)
def older_torch(s: Setting) -> None:
    foreign.save_rosinality(s.path, s.generator, legacy=True)


@container("a converted generator", mean=True)
def converted(s: Setting) -> None:
    torch.save({"g_ema": s.rosinality, "latent_avg": s.mean}, s.path)


@container("the generator that was trained, without its average")
def g_alone(s: Setting) -> None:
    torch.save({"g": s.rosinality, "d": {"convs.0.0.weight": torch.ones(2, 2)}}, s.path)


@container("a bare state dict")
def bare(s: Setting) -> None:
    torch.save(OrderedDict(s.rosinality), s.path)


@container("a bare state dict with its mean", mean=True)
def bare_with_mean(s: Setting) -> None:
    torch.save({**s.rosinality, "latent_avg": s.mean[None], "step": torch.tensor(5)}, s.path)


@container("`state_dict`, `model`, `params` or any other key")
def any_key(s: Setting) -> None:
    torch.save({"epoch": 3, "weights": {"of": {"the": s.rosinality}}}, s.path)


@container("DataParallel's `module.`", mean=True)
def data_parallel(s: Setting) -> None:
    torch.save({"g_ema": prefixed("module.", s.rosinality), "latent_avg": s.mean}, s.path)


@container("a Lightning checkpoint", mean=True)
def lightning(s: Setting) -> None:
    callback = s.stand_in("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
    attributes = s.stand_in("pytorch_lightning.utilities.parsing", "AttributeDict", dict)
    state = {
        **prefixed("generator.", {name: tensor + 1 for name, tensor in s.rosinality.items()}),
        **prefixed("generator_ema.", s.rosinality),
        **prefixed("discriminator.", {"convs.0.0.weight": torch.ones(2, 2)}),
        "latent_avg": s.mean,
    }
    extras = {"callbacks": {callback: {"best": torch.tensor(1.0)}}, "hyper_parameters": attributes(lr=0.002)}
    moments = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.ones(2)}}, "param_groups": []}
    torch.save({"epoch": 1, "state_dict": state, "optimizer_states": [moments], **extras}, s.path)


@container("pSp, e4e and ReStyle", mean=True)
def encoders(s: Setting) -> None:
    state = {"encoder.input_layer.0.weight": torch.ones(4, 3, 3, 3), **prefixed("decoder.", s.rosinality)}
    options = argparse.Namespace(exp_dir="out", stylegan_size=16, encoder_type="GradualStyleEncoder")
    mean = s.mean.repeat(s.layers, 1)
    torch.save({"state_dict": state, "latent_avg": mean, "opts": vars(options), "args": options}, s.path)


@container("StyleGAN-NADA", mean=True)
def adapted(s: Setting) -> None:
    optimizer = {"state": {}, "param_groups": [{"lr": 0.002, "betas": (0.0, 0.99)}]}
    torch.save({"g_ema": s.rosinality, "g_optim": optimizer, "latent_avg": s.mean}, s.path)


@container("a network of rosinality's code saved whole")
def whole_network(s: Setting) -> None:
    part = s.stand_in("model", "StyledConv", nn.Module)
    root = s.stand_in("model", "Generator", nn.Module)()
    for path, value in s.rosinality.items():
        *parents, leaf = path.split(".")
        owner = root
        for name in parents:
            if name not in owner._modules:
                owner.add_module(name, part() if len(parents) > 1 else nn.Sequential())
            owner = owner._modules[name]
        owner.register_buffer(leaf, value)
    torch.save(root, s.path)


@container("NVIDIA's pickles, `.pkl`", mean=True)
def nvidia_pickle(s: Setting) -> None:
    foreign.save_nvidia(s.path, foreign.nvidia_module(s.generator), s.monkeypatch)


@container("NVIDIA's networks saved by torch, `.pt`", mean=True)
def nvidia_torch(s: Setting) -> None:
    foreign.stand_in_for_persistence(s.monkeypatch)
    torch.save({"G": None, "D": None, "G_ema": foreign.nvidia_module(s.generator)}, s.path)


@container("PTI and other tuning: a network saved whole", mean=True)
def tuned(s: Setting) -> None:
    foreign.stand_in_for_persistence(s.monkeypatch, "pti.torch_utils.persistence")
    torch.save(foreign.nvidia_module(s.generator), s.path)


@container("a state dict with NVIDIA's names", mean=True)
def nvidia_bare(s: Setting) -> None:
    torch.save(s.nvidia, s.path)


@container("`G_ema` as a state dict", mean=True)
def nvidia_average(s: Setting) -> None:
    others = {name: tensor + 1 for name, tensor in s.nvidia.items()}
    torch.save({"G": others, "G_ema": prefixed("module.", s.nvidia)}, s.path)


@container("mapping and synthesis apart", mean=True)
def in_two_parts(s: Setting) -> None:
    parts = {
        part: {name.partition(".")[2]: value for name, value in s.nvidia.items() if name.startswith(part)}
        for part in ("mapping", "synthesis")
    }
    torch.save({"G_ema": parts}, s.path)


@container("`.safetensors` with the names of either", mean=True)
def safetensors(s: Setting) -> None:
    weights = {f"g_ema.{name}": tensor.contiguous() for name, tensor in s.rosinality.items()}
    save_file({**weights, "latent_avg": s.mean}, s.path)


@container("records of training beside it", mean=True)
def records(s: Setting) -> None:
    easy = s.stand_in("dnnlib.util", "EasyDict", dict)
    other = s.stand_in("easydict", "EasyDict", dict)
    config = s.stand_in("omegaconf.dictconfig", "DictConfig")()
    beside = {
        "fid": np.float64(7.5),
        "step": np.int64(3),
        "curve": np.arange(6, dtype=np.float32),
        "when": datetime.datetime(2022, 1, 1),
        "took": datetime.timedelta(seconds=3),
        "out": Path("out"),
        "opts": argparse.Namespace(size=16, paths=[Path("a")]),
        "kwargs": easy(resolution=16),
        "config": other(lr=0.1),
        "hydra": config,
        "seen": {1, 2},
        "counts": defaultdict(list, a=[1]),
        "size": torch.Size([3, 4]),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "random": torch.get_rng_state(),
        "weight": nn.Parameter(torch.ones(2)),
    }
    torch.save({"g_ema": s.rosinality, "latent_avg": s.mean, **beside}, s.path)


@container("views, columns first, of shared storage", mean=True)
def views(s: Setting) -> None:
    def view(tensor: Tensor) -> Tensor:
        """The same numbers within a larger storage, in another order."""
        wide = torch.zeros(*tensor.shape[:-1], tensor.shape[-1] + 3) if tensor.ndim else torch.zeros(3)
        if not tensor.ndim:
            wide[1] = tensor
            return wide[1]
        turned = wide.transpose(0, -1).contiguous().transpose(0, -1)
        turned[..., 1 : 1 + tensor.shape[-1]] = tensor
        return turned[..., 1 : 1 + tensor.shape[-1]]

    weights = {name: view(tensor) for name, tensor in s.rosinality.items()}
    assert not weights["convs.0.conv.weight"].is_contiguous()
    torch.save({"g_ema": weights, "g": weights, "latent_avg": s.mean}, s.path)


@container("double precision", mean=True)
def double(s: Setting) -> None:
    torch.save({"g_ema": {k: v.double() for k, v in s.rosinality.items()}, "latent_avg": s.mean}, s.path)


@pytest.fixture
def setting(generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    return Setting(generator, tmp_path / "model", monkeypatch)


def picture(generator: Generator, truncation: float = 0.7) -> Tensor:
    z = torch.randn(2, generator.architecture.z_dim, generator=torch.Generator().manual_seed(9))
    return generator.synthesis(generator.w_plus(z, truncation), generator.synthesis.constant_noise())


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_generator_is_found_in(name: str, setting: Setting) -> None:
    make, has_mean = CONTAINERS[name]
    make(setting)
    expected = setting.generator
    if not has_mean:
        expected.w_mean.copy_(expected.sampled_w_mean())
    found = load_generator(setting.path)
    assert found.architecture == expected.architecture
    assert torch.equal(picture(found), picture(expected))
    report = describe(setting.path)
    assert (report.reason, report.architecture) == (None, expected.architecture)
    assert report.mean_of_w.startswith("in the file" if has_mean else "sampled")


def test_the_table_of_the_docs_has_these_containers_and_no_others() -> None:
    text = (ROOT / "docs" / "checkpoints.md").read_text(encoding="utf-8")
    table = text.partition("| written by |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| ([^|]+?) \|", table, re.M) == list(CONTAINERS)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_pickles_of_every_protocol_are_read(protocol: int, setting: Setting) -> None:
    foreign.save_nvidia(setting.path, foreign.nvidia_module(setting.generator), setting.monkeypatch, protocol)
    assert torch.equal(picture(load_generator(setting.path)), picture(setting.generator))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 0.02), (torch.bfloat16, 0.2)])
def test_half_precision_is_read_as_it_is(dtype: torch.dtype, tolerance: float, setting: Setting) -> None:
    weights = {name: tensor.to(dtype) for name, tensor in setting.rosinality.items()}
    torch.save({"g_ema": weights, "latent_avg": setting.mean.to(dtype)}, setting.path)
    found, expected = picture(load_generator(setting.path)), picture(setting.generator)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=tolerance * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("key", ["g_ema", "G_ema", "g", "G"])
def test_averages_come_before_what_they_are_averages_of(key: str, setting: Setting) -> None:
    order = ["g_ema", "G_ema", "g", "G", "zzz"]
    others = {name: tensor + 1 for name, tensor in setting.rosinality.items()}
    tree = dict.fromkeys(order[order.index(key) + 1 :], others) | {key: setting.rosinality}
    torch.save({**tree, "latent_avg": setting.mean}, setting.path)
    assert torch.equal(picture(load_generator(setting.path)), picture(setting.generator))
    assert describe(setting.path).generator == key


def test_of_two_generators_none_is_guessed(setting: Setting) -> None:
    torch.save({"frozen": setting.rosinality, "tuned": setting.rosinality}, setting.path)
    message = "two generators, `frozen` and `tuned`; save the one that is meant as `g_ema`"
    with pytest.raises(CheckpointError, match=message):
        load_generator(setting.path)


@pytest.mark.parametrize("features", [(8, 4), (12, 10, 8, 6, 4), (16, 16, 2)])
@pytest.mark.parametrize("depth", [1, 8])
def test_sizes_widths_and_depths_are_read_from_the_shapes(
    features: tuple[int, ...], depth: int, tmp_path: Path
) -> None:
    generator = Generator(Architecture(features, z_dim=6, w_dim=6, mapping_depth=depth)).requires_grad_(False)
    foreign.save_rosinality(tmp_path / "model.pt", generator)
    assert torch.equal(picture(load_generator(tmp_path / "model.pt")), picture(generator))


@pytest.mark.parametrize("shape", [(16,), (1, 16), (1, 1, 16), (6, 16), (1, 6, 16)])
def test_the_mean_of_w_has_any_shape_that_tools_give_it(shape: tuple[int, ...], setting: Setting) -> None:
    torch.save({"g_ema": setting.rosinality, "latent_avg": setting.mean.expand(shape).clone()}, setting.path)
    assert torch.equal(load_generator(setting.path).w_mean, setting.mean)


def test_layers_may_have_means_of_their_own(setting: Setting, tmp_path: Path) -> None:
    means = torch.randn(6, 16)
    torch.save({"g_ema": setting.rosinality, "latent_avg": means}, setting.path)
    model = load_model(setting.path, "cpu")
    mean_picture = model.generate(model.latents([5]), SynthesisOptions(0.0))
    w_plus = model.generator.synthesis(means[None], model.generator.synthesis.constant_noise())
    torch.testing.assert_close(mean_picture, w_plus)
    assert model.mean_latent().values.shape == (1, 6, 16)
    assert describe(setting.path).mean_of_w == "in the file, one for each layer"
    save_generator(tmp_path / "ours.safetensors", model.generator)
    assert torch.equal(load_generator(tmp_path / "ours.safetensors").w_mean, means)


@pytest.mark.parametrize("shape", [(17,), (5, 16), (1000, 16), (16, 6)])
def test_other_means_are_refused(shape: tuple[int, ...], setting: Setting) -> None:
    torch.save({"g_ema": setting.rosinality, "latent_avg": torch.zeros(shape)}, setting.path)
    with pytest.raises(
        CheckpointError, match=r"the mean of w has the shape .*, expected \(16,\) or \(6, 16\)"
    ):
        load_generator(setting.path)


OTHERS: dict[str, tuple[Callable[[Setting], object], str]] = {
    "four channels": (
        lambda s: torch.save({"g_ema": foreign.rosinality_layout(tiny(channels=4))}, s.path),
        r"a generator of 4 channels \(RGB and alpha\).*those of 1 or 3 can be used",
    ),
    "four channels of ours": (
        lambda s: save_generator(s.path, tiny(channels=4)),
        "a generator of 4 channels",
    ),
    "not square": (
        lambda s: torch.save({"g_ema": {**s.rosinality, "input.input": torch.ones(1, 12, 4, 2)}}, s.path),
        "begins with maps of 4x2 and is not square",
    ),
    "not square of NVIDIA's": (
        lambda s: torch.save({**s.nvidia, "synthesis.b4.const": torch.ones(12, 4, 6)}, s.path),
        "begins with maps of 4x6 and is not square",
    ),
    "classes": (
        lambda s: torch.save({"G_ema": {**s.nvidia, "mapping.embed.weight": torch.ones(16, 10)}}, s.path),
        "a class-conditional generator of 10 classes.*trained without labels can be used",
    ),
    "StyleGAN3": (
        lambda s: torch.save({"G_ema": {"synthesis.input.freqs": torch.ones(2)}}, s.path),
        "a StyleGAN3; netbend reads StyleGAN2",
    ),
    "StyleGAN-XL": (
        lambda s: torch.save(
            {"G_ema": {"mapping.embed_proj.weight": torch.ones(2), "synthesis.input.freqs": torch.ones(2)}},
            s.path,
        ),
        "a StyleGAN-XL; netbend reads StyleGAN2",
    ),
    "lucidrains": (
        lambda s: torch.save({"GAN": {"S.net.0.weight": torch.ones(2, 2)}, "version": "1.8"}, s.path),
        "a generator of lucidrains' stylegan2-pytorch",
    ),
    "StyleGAN": (
        lambda s: torch.save({"g_running": {"generator.progression.0.conv1.1.bias": torch.ones(2)}}, s.path),
        "a StyleGAN of the first kind",
    ),
    "MMGeneration": (
        lambda s: torch.save({"state_dict": {"generator_ema.style_mapping.1.weight": torch.ones(2)}}, s.path),
        "in the names of MMGeneration",
    ),
    "GFPGAN": (
        lambda s: torch.save({"params_ema": {"stylegan_decoder.style_mlp.1.weight": torch.ones(2)}}, s.path),
        "restores faces",
    ),
    "a diffusion model": (
        lambda s: save_file({"model.diffusion_model.out.2.bias": torch.ones(2)}, s.path),
        "a diffusion model",
    ),
    "a network of another kind": (
        lambda s: torch.save(nn.DataParallel(nn.Linear(2, 2)), s.path),
        "no network that netbend knows, found a `DataParallel`; tried stylegan2 .expected rosinality's",
    ),
    "latents": (
        lambda s: torch.save({"a.png": {"latent": torch.ones(6, 16)}}, s.path),
        "no generator, but latents; `--latents` takes it",
    ),
    "directions": (
        lambda s: torch.save({"eigvec": torch.eye(16)}, s.path),
        "no generator, but directions; `netbend directions --of` takes it",
    ),
    "a discriminator": (
        lambda s: torch.save({"d": {"convs.0.0.weight": torch.ones(2)}}, s.path),
        "no network that netbend knows, found d; tried stylegan2",
    ),
}


def tiny(**rest: Any) -> Generator:
    return Generator(Architecture((12, 10), z_dim=16, w_dim=16, mapping_depth=1, **rest)).requires_grad_(
        False
    )


@pytest.mark.parametrize("name", OTHERS)
def test_what_cannot_be_played_is_named_by_inspect_and_by_loading_alike(name: str, setting: Setting) -> None:
    make, message = OTHERS[name]
    make(setting)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(setting.path, "cpu")
    assert str(caught.value) == f"{setting.path}: {describe(setting.path).reason}"
    assert str(caught.value).isprintable()


def test_what_inspect_says_can_be_used_gives_pictures(setting: Setting) -> None:
    grey = tiny(channels=1)
    foreign.save_rosinality(setting.path, grey)
    assert describe(setting.path).reason is None
    model = load_model(setting.path, "cpu")
    assert isinstance(model, StyleGAN2)
    (made,) = to_pictures(model.generate(model.latents([0])))
    assert made.size == (8, 8)


def test_a_file_is_hashed_and_read_from_one_handle(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what was hashed and what is played could be two files."""
    import netbend.models.catalog as catalog

    save_generator(setting.path, setting.generator)
    times: list[Path] = []
    read = catalog.read_content
    monkeypatch.setattr(catalog, "read_content", lambda path: times.append(path) or read(path))
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("opened again"))
    load_model(setting.path, "cpu")
    assert times == [setting.path]


def test_python_2_wrote_text_as_bytes(setting: Setting) -> None:
    """Names as short byte strings, and arrays' numbers as text."""
    array = np.arange(3, dtype=np.float32)
    name, raw = b"U\x01w", b"U" + bytes([array.nbytes]) + array.tobytes()
    kind = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    state = b"(K\x01(K\x03t" + kind + b"\x89" + raw + b"tb"
    setting.path.write_bytes(b"\x80\x02}" + name + made + state + b"s.")
    from netbend.models.weights import read_tensors

    assert read_tensors(setting.path)["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "i8", "u2", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_numpy_are_read_from_pickles(
    protocol: int, dtype: str, order: str, setting: Setting
) -> None:
    from netbend.models.weights import read_tensors

    values = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype, order=order)
    setting.path.write_bytes(pickle.dumps({"w": values, "one": values[1, 1]}, protocol))
    tree = read_tensors(setting.path)
    np.testing.assert_array_equal(tree["w"].numpy(), values)
    assert tree["one"] == values[1, 1]
