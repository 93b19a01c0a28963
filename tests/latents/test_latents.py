"""Seeds as people type them, and latents in files of other people."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from netbend.choices import NoiseMode, Space
from netbend.errors import LatentError
from netbend.latents.file import load_latents
from netbend.latents.seeds import parse_seeds
from netbend.models.base import Latents, Model, SynthesisOptions


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", [3]), ("0-3", [0, 1, 2, 3]), ("7, 1-2,5", [7, 1, 2, 5]), ("4-4", [4])]
)
def test_seeds_are_numbers_and_ranges(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1,,2", "1.5", "0-99999999999", "²"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(LatentError, match="seeds"):
        parse_seeds(text)


def test_seeds_give_the_z_of_nvidias_tools(model: Model) -> None:
    latents = model.latents([0, 85])
    assert latents.space is Space.Z
    np.testing.assert_array_equal(
        latents.values[1].numpy(), np.random.RandomState(85).randn(1, 16)[0].astype(np.float32)
    )
    with pytest.raises(LatentError, match="seed -1"):
        model.latents([-1])


def save_npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_a_file_names_the_space_by_its_key(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)
    for key, space in [("z", Space.Z), ("w", Space.W)]:
        latents = load_latents(save_npz(tmp_path / f"{key}.npz", **{key: values}))
        assert latents.space is space
        np.testing.assert_array_equal(latents.values.numpy(), values)
    save_file({"w": torch.from_numpy(values)}, tmp_path / "w.safetensors")
    assert load_latents(tmp_path / "w.safetensors").space is Space.W


def test_three_dimensions_are_w_plus(tmp_path: Path) -> None:
    latents = load_latents(save_npz(tmp_path / "projected_w.npz", w=np.zeros((1, 6, 16), np.float32)))
    assert latents.space is Space.W_PLUS
    assert latents.values.shape == (1, 6, 16)


def test_a_projectors_pt_file_is_read(tmp_path: Path) -> None:
    torch.save(
        {
            "one.png": {
                "img": torch.zeros(1, 3, 8, 8),
                "latent": torch.ones(16),
                "noise": [torch.zeros(1, 1, 4, 4)],
            },
            "two.png": {"img": torch.zeros(1, 3, 8, 8), "latent": torch.zeros(16), "noise": []},
        },
        tmp_path / "projected.pt",
    )
    latents = load_latents(tmp_path / "projected.pt")
    assert latents.space is Space.W
    assert latents.values.tolist() == [[1.0] * 16, [0.0] * 16]


def test_an_array_without_a_key_needs_a_space(tmp_path: Path) -> None:
    np.save(tmp_path / "latent.npy", np.zeros((3, 16)))
    with pytest.raises(LatentError, match="z or w"):
        load_latents(tmp_path / "some.npy") if (tmp_path / "latent.npy").rename(
            tmp_path / "some.npy"
        ) else None
    assert load_latents(tmp_path / "some.npy", Space.Z).values.shape == (3, 16)


def test_pickles_in_arrays_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(LatentError, match=r"evil\.npy: not a readable array"):
        load_latents(tmp_path / "evil.npy")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"w": np.full((1, 16), np.nan)}, "NaN or infinity"),
        ({"other": np.zeros(3), "more": np.zeros(3)}, "no array named"),
        ({"w": np.zeros((1, 2, 3, 4))}, "expected"),
        ({"z": np.zeros((1, 16)), "w": np.zeros((1, 16))}, "say which with --space"),
    ],
)
def test_unsuitable_arrays_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(LatentError, match=message):
        load_latents(save_npz(tmp_path / "latents.npz", **arrays))


def test_a_file_of_another_kind_is_told_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(LatentError, match=r"face\.png: not a file of arrays; expected \.npz, \.npy, "):
        load_latents(tmp_path / "face.png")


def test_a_missing_or_truncated_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LatentError, match="no such file"):
        load_latents(tmp_path / "gone.npz")
    path = save_npz(tmp_path / "latents.npz", w=np.zeros((1, 16)))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(LatentError, match="not a readable array file"):
        load_latents(path)


def test_z_w_and_w_plus_of_one_point_give_one_picture(model: Model) -> None:
    z = model.latents([4])
    w = model.generator.mapping(z.values)
    w_plus = w[:, None].repeat(1, model.generator.architecture.latent_count, 1)
    options = SynthesisOptions(truncation_psi=0.6)
    expected = model.generate(z, options)
    torch.testing.assert_close(model.generate(Latents(Space.W, w, (4,)), options), expected)
    torch.testing.assert_close(model.generate(Latents(Space.W_PLUS, w_plus, (4,)), options), expected)


def test_latents_of_another_shape_are_refused(model: Model) -> None:
    with pytest.raises(LatentError, match=r"a w latent of shape \(9,\): tiny takes \(16,\)"):
        model.generate(Latents(Space.W, torch.zeros(1, 9), (0,)))


def test_random_noise_follows_from_the_latents_seed(model: Model) -> None:
    def generate(seed: int, mode: NoiseMode):
        return model.generate(
            Latents(Space.Z, model.latents([1]).values, (seed,)), SynthesisOptions(noise=mode)
        )

    assert torch.equal(generate(1, NoiseMode.RANDOM), generate(1, NoiseMode.RANDOM))
    assert not torch.equal(generate(1, NoiseMode.RANDOM), generate(2, NoiseMode.RANDOM))
    assert torch.equal(generate(1, NoiseMode.CONSTANT), generate(2, NoiseMode.CONSTANT))
    assert not torch.equal(generate(1, NoiseMode.NONE), generate(1, NoiseMode.CONSTANT))


def test_style_mixing_takes_some_layers_from_another_latent(model: Model) -> None:
    options = SynthesisOptions(truncation_psi=0.7)
    mixed = model.mix_styles(model.latents([1, 2]), model.latents([3]), [2, 3], options)
    own, donor = model.w_plus(model.latents([1, 2]), options), model.w_plus(model.latents([3]), options)
    assert mixed.space is Space.W_PLUS
    assert torch.equal(mixed.values[:, [2, 3]], donor[:, [2, 3]].expand(2, 2, 16))
    assert torch.equal(mixed.values[:, [0, 1, 4, 5]], own[:, [0, 1, 4, 5]])
    with pytest.raises(LatentError, match="style mixing at layer 6: tiny has styles 0-5"):
        model.mix_styles(model.latents([1]), model.latents([3]), [6], options)
    with pytest.raises(LatentError, match="styles of 2 latents for 3: expected one, or one for each"):
        model.mix_styles(model.latents([1, 2, 3]), model.latents([4, 5]), [1], options)
