"""Masks: bending only where they are white."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netbend.bending import bend
from netbend.bending.mask import load_mask
from netbend.errors import RecipeError
from netbend.models.base import Model
from netbend.recipe import load_recipe


def half_white(path: Path, mode: str = "L") -> Path:
    picture = Image.new("L", (32, 32), 0)
    picture.paste(255, (0, 0, 16, 32))
    picture.convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_a_mask_is_resized_to_the_layer(tmp_path: Path, mode: str) -> None:
    mask = load_mask(half_white(tmp_path / "half.png", mode), (8, 4), "here")
    assert mask.shape == (8, 4)
    assert torch.equal(mask, torch.tensor([1.0, 1.0, 0.0, 0.0]).expand(8, 4))


def test_bending_happens_only_where_the_mask_is_white(model: Model, tmp_path: Path) -> None:
    half_white(tmp_path / "half.png")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("bends:\n  - {layer: 2, transform: ablate, mask: half.png}\n")
    seen = []
    layer = next(layer for layer in model.layers if layer.number == 2)
    latents = model.latents([0])
    with bend(model, load_recipe(recipe)):
        model.network.get_submodule(layer.module).register_forward_hook(lambda _m, _i, out: seen.append(out))
        model.generate(latents)
    assert not seen[0][..., :4].any()
    assert seen[0][..., 4:].any()


def test_a_missing_mask_names_the_line_of_the_recipe(model: Model, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("bends:\n  - layer: 2\n    transform: ablate\n    mask: gone.png\n")
    with pytest.raises(RecipeError, match=r"recipe.yaml:4:11: mask .*gone.png: no such file"):
        bend(model, load_recipe(recipe))


def test_a_damaged_mask_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    with pytest.raises(RecipeError, match="not a readable picture"):
        load_mask(tmp_path / "mask.png", (4, 4), "here")


def test_a_mask_of_sixteen_bits_keeps_its_greys(tmp_path: Path) -> None:
    grey = np.array([[0, 300], [32768, 65535]], dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    mask = load_mask(tmp_path / "deep.png", (2, 2), "here")
    assert torch.allclose(mask, torch.tensor([[0.0, 1 / 255], [128 / 255, 1.0]]))
    Image.fromarray(grey.astype(np.float32)).save(tmp_path / "float.tiff")
    assert torch.allclose(load_mask(tmp_path / "float.tiff", (2, 2), "here"), mask)
    Image.fromarray(np.array([[-1.0, 1.0]], dtype=np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(RecipeError, match=r"^here: mask .*float.tiff: numbers from -1 to 1; expected 0 to 1"):
        load_mask(tmp_path / "float.tiff", (2, 2), "here")
