"""Latents as other tools keep them: what they are is read from keys, shapes and the model that plays them."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from netbend.choices import Space
from netbend.errors import LatentError
from netbend.latents.file import load_latents, load_latents_for
from netbend.models.base import Latents, Model

LAYERS, WIDTH = 6, 16  # of the tiny model
ROOT = Path(__file__).parents[2]


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


W, WS, W_PLUS, WS_PLUS = numbers(WIDTH), numbers(3, WIDTH), numbers(LAYERS, WIDTH), numbers(3, LAYERS, WIDTH)


def noise(count: int = 1) -> list[Tensor]:
    return [numbers(count, 1, side, side) for side in (4, 8, 8, 16, 16)]


def arrays(**held: Tensor) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **{key: value.numpy() for key, value in held.items()})


def array(values: Tensor, name: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        np.save(path.with_name(name), values.numpy())
        return path.with_name(name)

    return write


def torch_file(tree: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(tree, path)


def pickled(tree: Any) -> Callable[[Path], int]:
    return lambda path: path.write_bytes(pickle.dumps(tree))


def objects(tree: Any) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        np.save(path.with_suffix(".npy"), tree, allow_pickle=True)
        return path.with_suffix(".npy")

    return write


PICTURE = torch.zeros(3, 16, 16)
BOTH = {"a.png": {"img": PICTURE, "latent": W_PLUS}, "b.png": {"img": PICTURE, "latent": W_PLUS + 1}}

# Name in docs/latents.md: how the file is written, and which latents it holds.
FILES: dict[str, tuple[Callable[[Path], Any], Space, Tensor]] = {
    "`z` `(N, D)`": (arrays(z=WS), Space.Z, WS),
    "`w` `(N, D)`": (arrays(w=WS), Space.W, WS),
    "`w`, `ws`, `dlatents`, `projected_w` `(N, L, D)`": (arrays(dlatents=WS_PLUS), Space.W_PLUS, WS_PLUS),
    "NVIDIA's `projected_w.npz`, `w` `(1, L, D)`": (arrays(w=W_PLUS[None]), Space.W_PLUS, W_PLUS[None]),
    "`w.npy` `(L, D)`": (array(W_PLUS, "w.npy"), Space.W_PLUS, W_PLUS[None]),
    "`w+`, `w_plus` `(L, D)`": (arrays(w_plus=W_PLUS), Space.W_PLUS, W_PLUS[None]),
    "`w` `(N, 1, D)`": (arrays(w=WS[:, None]), Space.W, WS),
    "`latents`, `latent_codes` `(N, L, D)`": (arrays(latent_codes=WS_PLUS), Space.W_PLUS, WS_PLUS),
    "rosinality's projector, `{file: {img, latent (D), noise}}`": (
        torch_file({"a.png": {"img": PICTURE, "latent": W, "noise": []}}),
        Space.W,
        W[None],
    ),
    "the same with `latent` `(L, D)`": (torch_file({"a.png": BOTH["a.png"]}), Space.W_PLUS, W_PLUS[None]),
    "the same of several pictures": (torch_file(BOTH), Space.W_PLUS, torch.stack([W_PLUS, W_PLUS + 1])),
    "e4e's `latents.pt`, a tensor `(N, L, D)`": (torch_file(WS_PLUS), Space.W_PLUS, WS_PLUS),
    "ReStyle's `latents.npy`, `{file: [latents]}`": (
        objects({"a.png": [W_PLUS.numpy(), W_PLUS.numpy() + 1]}),
        Space.W_PLUS,
        torch.stack([W_PLUS, W_PLUS + 1]),
    ),
    "a list of tensors": (
        torch_file({"ws": [W_PLUS, W_PLUS + 1]}),
        Space.W_PLUS,
        torch.stack([W_PLUS, W_PLUS + 1]),
    ),
    "PTI's embeddings, a tensor `(1, L, D)`": (torch_file(W_PLUS[None]), Space.W_PLUS, W_PLUS[None]),
    "arrays by the names of pictures": (
        arrays(**{"a.png": W_PLUS, "b.png": W_PLUS + 1}),
        Space.W_PLUS,
        torch.stack([W_PLUS, W_PLUS + 1]),
    ),
    "a pickle of numpy's arrays": (pickled({"w": W_PLUS[None].numpy()}), Space.W_PLUS, W_PLUS[None]),
    "`.safetensors` with any of these keys": (
        lambda path: save_file({"ws": WS_PLUS}, path),
        Space.W_PLUS,
        WS_PLUS,
    ),
}


def written(make: Callable[[Path], Any], path: Path) -> Path:
    made = make(path)
    if isinstance(made, Path):
        return made
    return path if path.exists() else path.with_name(path.name + ".npz")


@pytest.mark.parametrize("name", FILES)
def test_latents_are_read_from(name: str, model: Model, tmp_path: Path) -> None:
    make, space, values = FILES[name]
    latents = load_latents_for(model, written(make, tmp_path / "file"))
    assert latents.space is space
    torch.testing.assert_close(latents.values, values, atol=0, rtol=0)


def test_the_table_of_the_docs_has_these_files_and_no_others() -> None:
    text = (ROOT / "docs" / "latents.md").read_text(encoding="utf-8")
    table = text.partition("| file |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (.+?) \|", table, re.M) == list(FILES)


@pytest.mark.parametrize("key", ["noise", "noises"])
def test_noise_maps_of_one_picture_come_along(key: str, model: Model, tmp_path: Path) -> None:
    maps = noise()
    torch.save({"a.png": {"img": PICTURE, "latent": W_PLUS, key: maps}}, tmp_path / "me.pt")
    latents = load_latents_for(model, tmp_path / "me.pt")
    assert latents.space is Space.W_PLUS
    assert all(torch.equal(found, given) for found, given in zip(latents.noise_maps or (), maps, strict=True))
    drawn = model.generate(latents)
    assert not torch.equal(drawn, model.generate(Latents(Space.W_PLUS, W_PLUS[None], (0,))))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_noise_maps_of_any_rank_come_along(shape: tuple[int, ...], model: Model, tmp_path: Path) -> None:
    maps = [given[0, 0].expand(*shape, *given.shape[2:]).clone() for given in noise()]
    torch.save({"latent": W_PLUS, "noises": maps}, tmp_path / "me.pt")
    assert [len(found) for found in load_latents_for(model, tmp_path / "me.pt").noise_maps or ()] == [1] * 5


def test_every_picture_has_its_own_noise(model: Model, tmp_path: Path) -> None:
    first, second = noise(), [maps + 1 for maps in noise()]
    tree = {"a": {"latent": W, "noise": first}, "b": {"latent": W, "noise": second}}
    torch.save(tree, tmp_path / "two.pt")
    found = load_latents_for(model, tmp_path / "two.pt").noise_maps
    assert found is not None
    assert torch.equal(found[3], torch.cat([first[3], second[3]]))


def test_noise_of_the_whole_file_is_that_of_each_picture(model: Model, tmp_path: Path) -> None:
    torch.save({"noises": noise(2), **BOTH}, tmp_path / "each.pt")
    assert torch.equal(load_latents_for(model, tmp_path / "each.pt").noise_maps[4], noise(2)[4])
    torch.save({"noises": noise(), **BOTH}, tmp_path / "one.pt")
    assert torch.equal(
        load_latents_for(model, tmp_path / "one.pt").noise_maps[4], noise()[4].repeat(2, 1, 1, 1)
    )


def test_noise_beside_some_pictures_alone_is_left_and_said(model: Model, tmp_path: Path) -> None:
    torch.save({"a": {"latent": W, "noise": noise()}, "b": {"latent": W}}, tmp_path / "two.pt")
    with pytest.warns(UserWarning, match="two > b > latent: no noise maps beside it, as beside others"):
        assert load_latents_for(model, tmp_path / "two.pt").noise_maps is None


@pytest.mark.parametrize(
    ("values", "question"),
    [
        (W_PLUS, r"is the array \(6, 16\) z or w or w\+\? Say --space z or --space w or --space w\+"),
        (WS, r"is the array \(3, 16\) z or w\? Say --space z or --space w$"),
        (W, r"is the array \(16,\) z or w\? Say --space z or --space w$"),
    ],
)
@pytest.mark.parametrize("key", ["latents", "me"])
def test_all_that_it_may_be_is_offered(
    key: str, values: Tensor, question: str, model: Model, tmp_path: Path
) -> None:
    np.savez(tmp_path / "me.npz", **{key: values.numpy()})
    with pytest.raises(LatentError, match=question):
        load_latents_for(model, tmp_path / "me.npz")


@pytest.mark.parametrize(("space", "count"), [(Space.Z, 6), (Space.W, 6), (Space.W_PLUS, 1)])
@pytest.mark.parametrize("key", ["latents", "w", "latent"])
def test_what_one_says_is_done(key: str, space: Space, count: int, model: Model, tmp_path: Path) -> None:
    np.savez(tmp_path / "me.npz", **{key: W_PLUS.numpy()})
    latents = load_latents_for(model, tmp_path / "me.npz", space)
    assert (latents.space, len(latents)) == (space, count)


def test_many_layers_are_w_plus_where_one_says_w_and_never_z(model: Model, tmp_path: Path) -> None:
    np.savez(tmp_path / "me.npz", w=WS_PLUS.numpy())
    assert load_latents_for(model, tmp_path / "me.npz", Space.W).space is Space.W_PLUS
    with pytest.raises(LatentError, match=r"expected latents of z, .*found \(3, 6, 16\)"):
        load_latents_for(model, tmp_path / "me.npz", Space.Z)


@pytest.mark.parametrize("key", ["ws", "W", "projected_w", "w_pivot", "latent_w", "W_Plus", "wp"])
def test_names_of_keys_are_read_in_any_case(key: str, model: Model, tmp_path: Path) -> None:
    torch.save({key: W_PLUS[None], "psnr": 30.5, "args": {"steps": 3}}, tmp_path / "me.pt")
    latents = load_latents_for(model, tmp_path / "me.pt")
    assert (latents.space, len(latents)) == (Space.W_PLUS, 1)


def test_dimensions_decide_where_z_and_w_differ(tmp_path: Path) -> None:
    from netbend.models.stylegan2.model import StyleGAN2
    from netbend.models.stylegan2.network import Architecture, Generator

    other = StyleGAN2(Generator(Architecture((4, 4), z_dim=5, w_dim=7, mapping_depth=1)), "other")
    for width, space in ((5, Space.Z), (7, Space.W)):
        np.save(tmp_path / "me.npy", np.zeros((2, width)))
        assert load_latents_for(other, tmp_path / "me.npy").space is space


def test_without_a_model_latent_of_two_dimensions_is_one_picture(tmp_path: Path) -> None:
    torch.save({"a.png": {"latent": W_PLUS, "noise": noise()}}, tmp_path / "me.pt")
    latents = load_latents(tmp_path / "me.pt")
    assert (latents.space, latents.values.shape) == (Space.W_PLUS, (1, LAYERS, WIDTH))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"w": torch.zeros(1, 9)}, r"a w latent of shape \(9,\): tiny takes \(16,\)"),
        ({"w": torch.zeros(1, 7, 16)}, r"a w\+ latent of shape \(7, 16\): tiny takes \(6, 16\)"),
        ({"w": torch.zeros(2, 2, 6, 16)}, r"expected latents, \(N, dimensions\) or .*found \(2, 2, 6, 16\)"),
        ({"latent": W, "noise": [torch.zeros(1, 1, 4, 4)]}, "noise maps of 4x4: tiny takes 4x4, 8x8, 8x8"),
        ({"latent": W, "noise": [torch.full((1, 1, 4, 4), torch.nan)]}, "noise maps are finite numbers"),
        ({"a": torch.zeros(3), "b": torch.zeros(4)}, r"no array named z, w, .*, found a \(3,\), b \(4,\)"),
        ({"w": [torch.zeros(16), torch.zeros(9)]}, r"arrays of different shapes, \(1, 16\), \(1, 9\)"),
        ({}, "found nothing"),
    ],
)
def test_what_does_not_fit_is_named(tree: Any, message: str, model: Model, tmp_path: Path) -> None:
    torch.save(tree, tmp_path / "me.pt")
    with pytest.raises(LatentError, match=message) as caught:
        load_latents_for(model, tmp_path / "me.pt")
    assert str(caught.value).startswith(f"latents {tmp_path / 'me.pt'}: ")


def test_a_refused_file_is_refused_as_latents(model: Model, tmp_path: Path) -> None:
    (tmp_path / "me.pt").write_bytes(b"cos\nsystem\n(S'touch canary'\ntR.")
    with pytest.raises(LatentError, match=r"me\.pt: asks for `os\.system`; refused, nothing was run"):
        load_latents_for(model, tmp_path / "me.pt")
