"""Numbers of effects, checked on tensors made by hand, and maps as pictures."""

import pytest
import torch

from netbend.atlas.effects import measure, smallest_share, treatments
from netbend.atlas.maps import draw_map, reduced
from netbend.atlas.samples import PictureSamples, percent
from netbend.bending import Layer, Plan, PlannedBend
from netbend.models.base import SynthesisOptions
from netbend.models.stylegan2.model import StyleGAN2
from netbend.transforms import build_transform


def test_a_change_in_one_spot_is_local_and_one_everywhere_is_not() -> None:
    dark = torch.zeros(3, 10, 10)
    spot = dark.clone()
    spot[:, 4, 5] = 1
    assert measure([dark], [spot]).size == pytest.approx(0.01)
    assert measure([dark], [spot]).locality == 0.01
    assert measure([dark], [dark + 0.25]).size == pytest.approx(0.25)
    assert measure([dark], [dark + 0.25]).locality == 0.9


def test_size_and_locality_are_means_over_the_samples_that_change() -> None:
    dark = torch.zeros(1, 4, 4)
    spot = dark.clone()
    spot[0, 0, 0] = 0.5
    effect = measure([dark, dark], [spot, dark])
    assert effect.size == pytest.approx(0.5 / 16 / 2)
    assert effect.locality == 1 / 16


def test_the_smallest_share_counts_the_largest_changes_first() -> None:
    assert smallest_share(torch.tensor([[1.0, 5.0], [0.0, 4.0]])) == 2 / 4
    assert smallest_share(torch.tensor([[2.0, 5.0], [0.0, 3.0]])) == 3 / 4


def test_no_change_has_no_locality() -> None:
    picture = torch.rand(3, 8, 8)
    assert measure([picture], [picture]) == measure([picture], [picture + 1e-8])
    assert (measure([picture], [picture]).size, measure([picture], [picture]).locality) == (0, None)


def test_the_effect_is_that_of_bending_the_model(model: StyleGAN2) -> None:
    layer = model.layers[1]
    samples = PictureSamples(model, (0, 1), SynthesisOptions(0.7))
    plan = Plan((PlannedBend(layer, build_transform("ablate", {}), (0, 1)),))
    unbent, _ = samples.outputs(Plan(()))
    bent, finite = samples.outputs(plan)
    latents = model.latents([0, 1])
    expected = model.generate(latents, SynthesisOptions(0.7)).clamp(-1, 1)
    assert torch.allclose(torch.stack(unbent), expected / 2 + 0.5, atol=1e-5)
    assert finite
    assert measure(unbent, bent).size > 0


@pytest.mark.parametrize(
    ("share", "text"), [(0.12, "12 %"), (0.034, "3.4 %"), (0.0001, "< 0.1 %"), (0.9, "90 %")]
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_the_disc_is_smaller_where_maps_are_small() -> None:
    radius = [treatments(Layer(1, "a", "a", (4, height, 33)))[3].transform.r for height in (4, 7, 8, 64)]
    assert radius == [1, 1, 2, 2]


def test_non_square_maps_keep_their_aspect_and_sound_stands_upright() -> None:
    maps = torch.zeros(8, 33)
    maps[0, 32] = 1  # the highest frequency, at the beginning
    assert draw_map(maps).size == (33, 8)
    upright = draw_map(maps, time_by_frequency=True)
    assert upright.size == (8, 33)
    assert upright.getpixel((0, 0)) == 255
    assert upright.getpixel((7, 32)) == 0
    assert reduced(torch.rand(5, 64, 257), (96, 96)).shape == (5, 24, 96)
    assert draw_map(torch.ones(4, 4)).getextrema() == (0, 0)
