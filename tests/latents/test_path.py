"""Latents over time: exact at points, closing, the same for a time whatever else is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netbend.choices import Space
from netbend.errors import LatentError, SoundError
from netbend.latents.directions import Directions
from netbend.latents.path import LatentPath, latent_path
from netbend.latents.walk import slerp
from netbend.models.base import Model
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture, Generator
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture as VAEArchitecture
from netbend.models.spectrogram_vae.network import SpectrogramVAE
from netbend.recipe.latent import parse_latent

Path_of = Callable[..., LatentPath]


@pytest.fixture
def directions(model: Model) -> Directions:
    """Directions 0 and 1 are the first two axes of w, with deviations 2 and 1."""
    shares = torch.tensor([0.5, 0.125])
    return Directions(torch.eye(16)[:2], torch.tensor([2.0, 1.0]), shares, 100, model.name, model.hash)


@pytest.fixture
def path(model: Model, directions: Directions, tmp_path: Path) -> Path_of:
    """A path from what a recipe says. me.npz holds two w, plus.npz one w+."""
    np.savez(tmp_path / "me.npz", w=np.arange(32, dtype=np.float32).reshape(2, 16) / 10)
    np.savez(tmp_path / "plus.npz", w=np.arange(96, dtype=np.float32).reshape(1, 6, 16) / 100)

    def path(data: Any, of: Model = model) -> LatentPath:
        found = directions if of is model else None
        return latent_path(parse_latent(data), of, tmp_path, directions=found)

    return path


def music() -> SpectrogramModel:
    torch.manual_seed(0)
    return SpectrogramModel(
        SpectrogramVAE(VAEArchitecture.of_width(1 / 32, latent_dim=16)), "music", "0" * 64
    )


def eyes() -> DCGAN:
    torch.manual_seed(0)
    return DCGAN(Generator(Architecture((8, 6), z_dim=12, classes=("blue", "brown"))), "eyes", "0" * 64)


def test_a_seed_is_its_latent_at_all_times(path: Path_of, model: Model) -> None:
    here = path({"seed": 3})
    assert here.still
    latents = here.at([0, 7.5])
    assert torch.equal(latents.values, model.latents([3, 3]).values)
    assert latents.seeds == (3, 3)


def test_files_and_means_are_points(path: Path_of, model: Model) -> None:
    second = path({"file": "me.npz", "number": 1}).at([0])
    assert second.space is Space.W
    assert second.values[0, 0].item() == pytest.approx(1.6)
    assert torch.equal(path("mean").at([0]).values[0], model.generator.w_mean)
    several = path({"mean": "1-4"}).at([0])
    expected = model.to_w(model.latents([1, 2, 3, 4])).values.mean(dim=0)
    assert several.space is Space.W
    torch.testing.assert_close(several.values[0], expected)


JOURNEYS = [
    {"through": [3, 5, 8]},
    {"through": [3, 5, 8], "space": "w"},
    {"through": [3, 5, 8], "smooth": True},
    {"through": [3, "mean", "me.npz"]},
    {"through": [3, "mean", "plus.npz"], "smooth": True},
    {"through": [3, 5, 8], "easing": "ease-in-out"},
    {"through": [3, 5, 8], "easing": "ease-out"},
]


@pytest.mark.parametrize("journey", JOURNEYS, ids=str)
@given(seconds=st.floats(0.01, 100), rounds=st.integers(0, 20))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journey_is_at_its_points_to_the_bit(
    path: Path_of, journey: dict[str, Any], seconds: float, rounds: int
) -> None:
    still = path({**journey, "seconds": 1}).at([0, 1, 2]).values
    once = path({**journey, "seconds": seconds})
    assert torch.equal(once.at([0, seconds, 2 * seconds]).values, still)
    assert torch.equal(once.at([2 * seconds + 5, 100 * seconds]).values, still[[2, 2]])
    loop = path({**journey, "seconds": seconds, "loop": True})
    begin = 3 * rounds * seconds
    assert torch.equal(loop.at([begin, begin + seconds, begin + 2 * seconds]).values, still)
    assert torch.equal(loop.at([3 * seconds]).values, still[:1])


def test_seeds_are_gone_through_along_a_circle_and_w_along_a_line(path: Path_of, model: Model) -> None:
    z = model.latents([3, 5])
    w = model.to_w(z).values
    journey = {"through": [3, 5], "seconds": 4}
    in_z, in_w = path(journey).at([1]), path({**journey, "space": "w"}).at([1])
    assert (in_z.space, in_w.space) == (Space.Z, Space.W)
    torch.testing.assert_close(in_z.values[0], slerp(*z.values, 0.25))
    torch.testing.assert_close(in_w.values[0], 0.75 * w[0] + 0.25 * w[1])
    towards_mean = path({"through": [3, "mean"], "seconds": 4}).at([1])
    torch.testing.assert_close(towards_mean.values[0], 0.75 * w[0] + 0.25 * model.generator.w_mean)


def test_w_plus_takes_all_points_with_it(path: Path_of, model: Model) -> None:
    middle = path({"through": ["plus.npz", 3], "seconds": 2}).at([1])
    assert middle.space is Space.W_PLUS
    w = model.to_w(model.latents([3])).values
    plus = path("plus.npz").at([0]).values[0]
    torch.testing.assert_close(middle.values[0], (plus + w.expand(6, -1)) / 2)


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_smooth_journey_has_no_corners(path: Path_of, space: str) -> None:
    def corner(**how: Any) -> float:
        """How much the velocity changes at the second point, in parts of the velocity."""
        way = path({"through": [3, 5, 8], "seconds": 1, "loop": True, "space": space, **how})
        before, at, after = way.at([0.999, 1.0, 1.001]).values.double()
        return (((after - at) - (at - before)).norm() / (after - at).norm()).item()

    assert corner() > 0.5
    assert corner(smooth=True) < 0.02


def test_a_smooth_journey_in_w_is_catmull_roms_spline(path: Path_of, model: Model) -> None:
    w = model.to_w(model.latents([3, 5, 8, 13])).values
    middle = path({"through": [3, 5, 8, 13], "seconds": 1, "space": "w", "smooth": True}).at([1.5])
    torch.testing.assert_close(middle.values[0], (9 * (w[1] + w[2]) - w[0] - w[3]) / 16)


def test_a_smooth_journey_in_z_stays_as_far_from_the_centre_as_its_points() -> None:
    model = music_of_dimension(256)
    data = {"through": "0-5", "seconds": 1, "smooth": True, "loop": True}
    way = latent_path(parse_latent(data), model)
    norms = way.at([step / 20 for step in range(120)]).values.norm(dim=1) / 16
    assert norms.min() > 0.8
    assert norms.max() < 1.2


def music_of_dimension(dimension: int) -> SpectrogramModel:
    vae = SpectrogramVAE(VAEArchitecture.of_width(1 / 32, latent_dim=dimension))
    return SpectrogramModel(vae, "music", "0" * 64)


MOVING = [
    *({**journey, "seconds": 1.7} for journey in JOURNEYS),
    {"walk": 4, "seconds": 3, "length": 5},
    {"walk": 4, "seconds": 3, "directions": [{"direction": 0, "from": -2, "to": 2, "seconds": 4}]},
    {"seed": 4, "direction": 1, "by": {"noise": 3, "from": -1, "to": 1, "seconds": 0.5}, "layers": "0-2"},
]


@pytest.mark.parametrize("data", MOVING, ids=str)
def test_a_frame_is_the_same_alone_and_among_others(path: Path_of, data: dict[str, Any]) -> None:
    times = [frame / 10 for frame in range(45)]
    together = path(data)
    alone = torch.cat([path(data).at([time]).values for time in times])
    assert not together.still
    assert torch.equal(together.at(times).values, alone)
    assert torch.equal(together.at(times[::-1]).values, alone.flip(0))
    assert len(alone.unique(dim=0)) > 20
    assert len(set(together.at(times).seeds)) == 1


def test_a_walk_closes_after_its_seconds(path: Path_of) -> None:
    walk = path({"walk": 4, "seconds": 0.7})
    assert torch.equal(walk.at([0, 0.1, 0.35]).values, walk.at([0.7, 0.7 + 0.1, 0.7 + 0.35]).values)
    assert walk.at([0]).seeds == (4,)
    assert walk.at([0]).space is Space.Z


def test_moves_add_deviations_along_directions(path: Path_of, model: Model) -> None:
    w = model.to_w(model.latents([3])).values[0]
    moved = path({"seed": 3, "directions": [{"direction": 0, "by": 1.5}, {"direction": 1, "by": -1}]})
    assert moved.still
    change = moved.at([0]).values[0] - w
    torch.testing.assert_close(change[:2], torch.tensor([3.0, -1.0]))
    assert not change[2:].any()
    ramp = path({"seed": 3, "direction": 0, "from": -2, "to": 2, "seconds": 4})
    assert not ramp.still
    places = ramp.at([0, 1, 2, 4, 9]).values[:, 0] - w[0]
    torch.testing.assert_close(places, torch.tensor([-4.0, -2.0, 0.0, 4.0, 4.0]))


def test_a_direction_alone_starts_from_the_mean(path: Path_of, model: Model) -> None:
    (w,) = path({"direction": 1, "by": 2}).at([0]).values
    torch.testing.assert_close(w - model.generator.w_mean, 2 * torch.eye(16)[1])


def test_moves_of_some_layers_leave_the_others(path: Path_of, model: Model) -> None:
    moved = path({"seed": 3, "direction": 0, "by": 1, "layers": [0, "3-4"]}).at([0])
    assert moved.space is Space.W_PLUS
    change = moved.values[0] - model.to_w(model.latents([3])).values
    torch.testing.assert_close(change[:, 0], torch.tensor([2.0, 0, 0, 2.0, 2.0, 0]))
    assert not change[:, 1:].any()


def test_moved_pictures_are_those_of_the_moved_w(path: Path_of, model: Model) -> None:
    moved = model.generate(path({"seed": 3, "direction": 0, "by": 0.0}).at([0]))
    torch.testing.assert_close(moved, model.generate(model.latents([3])))


def test_models_without_w_walk_and_travel_in_z() -> None:
    for model in (music(), eyes()):
        for data in (
            "3",
            "mean",
            {"mean": "0-3"},
            {"through": [3, 5, "mean"], "seconds": 1},
            {"walk": 3, "seconds": 1},
        ):
            latents = latent_path(parse_latent(data), model).at([0, 0.3])
            assert latents.space is Space.Z
            model.generate(latents)
    assert not latent_path(parse_latent("mean"), music()).at([0]).values.any()


def test_classes_are_blended_in_a_line_and_stay_on_walks() -> None:
    journey = latent_path(parse_latent({"through": [2, 3], "seconds": 1}), eyes())
    torch.testing.assert_close(journey.at([0.25]).values[0, -2:], torch.tensor([0.75, 0.25]))
    walk = latent_path(parse_latent({"walk": 3, "seconds": 1}), eyes()).at([0, 0.4, 0.8])
    assert walk.values[:, -2:].tolist() == [[0, 1]] * 3
    assert latent_path(parse_latent("mean"), eyes()).at([0]).values[0, -2:].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"through": [3, 5], "seconds": 1, "space": "w"}, "music has no w: its latents are z alone"),
        ({"seed": 3, "direction": 0, "by": 1}, "music has no w"),
    ],
)
def test_what_needs_w_is_refused_without_it(data: Any, message: str) -> None:
    with pytest.raises(LatentError, match=message):
        latent_path(parse_latent(data), music())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("gone.npz", r"gone\.npz: no such file"),
        ({"file": "me.npz", "number": 2}, r"me\.npz: number 2: there are 2 in it, the first is 0"),
        ({"through": [3, "me.npz"], "seconds": 1, "space": "z"}, "not all of its points are z"),
        ({"through": [3, 5]}, "which has no length here"),
        ({"walk": 5}, "which has no length here"),
        ({"seed": 3, "direction": 0, "from": 0, "to": 1}, "which has no length here"),
        ({"seed": 3, "direction": 2, "by": 1}, "direction 2: tiny has directions 0 to 1 here"),
        ({"seed": 3, "direction": 1, "by": 1, "layers": "4-6"}, "layer 6: tiny has styles 0-5"),
        ({"seed": 3, "direction": 1, "by": 1, "of": "gone.npz"}, r"directions .*gone\.npz: no such file"),
        (
            {"seed": 3, "direction": 1, "by": 1, "of": "me.npz"},
            r"me\.npz: not a file of `netbend directions`",
        ),
    ],
)
def test_mistakes_are_told_when_the_path_is_made(path: Path_of, data: Any, message: str) -> None:
    with pytest.raises(LatentError, match=message):
        path(data)


def test_so_are_sounds_that_cannot_be_read(path: Path_of) -> None:
    by = {"sound": "gone.wav", "from": 0, "to": 1}
    with pytest.raises(SoundError, match=r"gone\.wav"):
        path({"seed": 3, "direction": 1, "by": by})


def test_noise_maps_of_a_projected_picture_come_along(model: Model, tmp_path: Path) -> None:
    shapes = [maps.shape for maps in model.generator.synthesis.constant_noise()]
    noise = {f"noise_{layer}": np.ones((1, 1, *shape), np.float32) for layer, shape in enumerate(shapes)}
    np.savez(tmp_path / "projected.npz", w=np.zeros((1, 16), np.float32), **noise)
    latents = latent_path(parse_latent("projected.npz"), model, tmp_path).at([0, 1, 2])
    assert latents.noise_maps is not None
    assert [len(maps) for maps in latents.noise_maps] == [3] * len(shapes)
    assert model.generate(latents).shape[0] == 3
