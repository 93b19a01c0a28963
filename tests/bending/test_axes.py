"""Sequences, tokens, volumes and vectors are bent along the axes that they have, and along no others."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor, nn

from netbend.bending import Layer, Plan, PlannedBend, apply, bend, features, resolve
from netbend.bending.insertion import Insertion
from netbend.bending.prefix import Prefix
from netbend.clustering import Counts, Settings, cluster_features
from netbend.errors import ClusterError, ModelError, RecipeError
from netbend.models.wrap import WrappedModule, wrap
from netbend.recipe import load_recipe, parse_recipe, recipe_from_data, recipe_to_yaml
from netbend.transforms import Axes, Transform, build_transform, get_transform, on_gpu
from netbend.transforms.axes import misfit
from netbend.transforms.ball import ball
from netbend.transforms.compiled import compiled
from netbend.variations.breed import breed
from netbend.variations.surprise import Bounds, surprise

folder = Path(__file__).parent.parent / "transforms"
spec = importlib.util.spec_from_file_location("definitions", folder / "definitions.py")
definitions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(definitions)

FEATURES = 6
SIZES = {"": (), "T": (23,), "HW": (9, 14), "DHW": (5, 6, 7)}
AXES = ["C", "CT", "TC", "CHW", "HWC", "CDHW", "DHWC"]
every_axes = pytest.mark.parametrize("axes", AXES)


def layer_of(axes: str) -> Layer:
    sizes = dict(zip(axes.replace("C", ""), SIZES[axes.replace("C", "")], strict=True), C=FEATURES)
    return Layer(0, "only", "only", tuple(sizes[axis] for axis in axes), axes)


def activations_of(axes: str, dtype: torch.dtype = torch.float32, samples: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return 3 * torch.randn(samples, *layer_of(axes).shape, generator=random).to(dtype)


def scattered(activations: Tensor) -> Tensor:
    """The same, lying in memory in another order."""
    order = [*range(1, activations.ndim), 0]
    return activations.permute(order).contiguous().permute(*np.argsort(order).tolist())


def features_side_by_side(activations: Tensor, axes: str) -> Tensor:
    place = 1 + axes.index("C")
    return activations.movedim(place, -1).contiguous().movedim(-1, place)


def plainly(transform: Transform, one: Tensor, number: int) -> Tensor:
    """One feature of one sample, `(T)`, `(H, W)` or `(D, H, W)`: slices and rows by themselves, by what
    transforms of maps do."""
    named = {"features": [number]} if transform.numbered else {}
    if transform.axes in (Axes.NONE, Axes.SPATIAL) or one.ndim == 2:
        return transform(one[None, None], **named)[0, 0]
    if one.ndim == 1:
        return transform(one[None, None, None])[0, 0, 0]
    return torch.stack([transform(each[None, None])[0, 0] for each in one])


def expected(planned: PlannedBend, activations: Tensor) -> Tensor:
    place = 1 + planned.layer.axes.index("C")
    maps = activations.movedim(place, 1)
    bent = maps.clone(memory_format=torch.contiguous_format)
    for number, sample in enumerate(maps):
        made = [plainly(planned.transform, sample[index], index) for index in planned.indices]
        if planned.transform.name == "shuffle":
            order = definitions.SHUFFLED[len(planned.indices)]
            made = [sample[planned.indices[at]] for at in order]
        for index, one in zip(planned.indices, made, strict=True):
            weight = planned.mix if planned.mask is None else planned.mix * planned.mask
            mask = torch.as_tensor(weight, dtype=maps.dtype)
            mask = mask[0] if mask.ndim and sample[index].ndim == 1 else mask
            bent[number, index] = sample[index] + mask * (one - sample[index])
    return bent.movedim(1, place)


@pytest.fixture(params=["torch", "compiled"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(compiled, "suited_to", lambda _: None)
        return
    pytest.importorskip("netbend.transforms.rows", reason="numba is not there")
    assert compiled.load()
    monkeypatch.setattr(features, "LARGE", 0)


def along_one_axis(params: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in params.items() if name not in ("y", "ky")}


@pytest.mark.usefixtures("way")
@every_axes
@pytest.mark.parametrize(("name", "params"), definitions.SAMPLES)
def test_bending_along_axes_is_bending_feature_by_feature(
    name: str, params: dict[str, object], axes: str
) -> None:
    layer = layer_of(axes)
    transform = build_transform(name, along_one_axis(params) if layer.spatial == "T" else params)
    if misfit(transform, layer.spatial):
        with pytest.raises(ModelError, match=f"layer 0 .only.: `{name}` needs "):
            apply(PlannedBend(layer, transform, (1,)), activations_of(axes))
        return
    random = activations_of(axes)
    mask = torch.rand(layer.height, layer.width) if layer.sizes else None
    everything = tuple(range(FEATURES))
    for planned in (
        PlannedBend(layer, transform, (1, 4)),
        PlannedBend(layer, transform, everything),
        PlannedBend(layer, transform, (0, 2, 5), 0.25, mask),
    ):
        for activations in (random, scattered(random), features_side_by_side(random, axes)):
            before = activations.clone()
            bent = apply(planned, activations)
            torch.testing.assert_close(bent, expected(planned, random), rtol=1e-5, atol=2e-5)
            assert torch.equal(activations, before), "what was given was written into"
            for number in range(len(random)):
                alone = apply(planned, activations[number : number + 1])
                torch.testing.assert_close(alone[0], bent[number], rtol=1e-6, atol=1e-6)


@every_axes
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("name", "params"),
    [("multiply", [1.5]), ("translate", [0.2]), ("dilate", [2]), ("blur", [1.0]), ("flip-h", [])],
)
def test_half_precision_is_bent_along_axes_too(
    name: str, params: list[float], dtype: torch.dtype, axes: str
) -> None:
    layer, transform = layer_of(axes), build_transform(name, params)
    if misfit(transform, layer.spatial) is None:
        activations = activations_of(axes, dtype)
        planned = PlannedBend(layer, transform, (1, 4))
        bent = apply(planned, activations)
        assert bent.dtype == dtype
        torch.testing.assert_close(bent.float(), expected(planned, activations.float()), rtol=0.01, atol=0.03)


@every_axes
@pytest.mark.parametrize(
    ("name", "params"), [*definitions.SAMPLES, ("translate", {"x": 0.3}), ("roll", {"x": 0.3})]
)
def test_gradients_go_through_every_axis(name: str, params: dict[str, object], axes: str) -> None:
    layer, transform = layer_of(axes), build_transform(name, params)
    if misfit(transform, layer.spatial) is None:
        planned = PlannedBend(layer, transform, (1, 4), mix=0.5)
        activations = activations_of(axes, samples=1).double().requires_grad_()
        with torch.no_grad():
            plain = apply(planned, activations)
        bent = apply(planned, activations)
        torch.testing.assert_close(bent, plain)
        direction, step = torch.randn_like(activations), 1e-6
        (gradient,) = torch.autograd.grad(bent.sin().sum(), activations)
        with torch.no_grad():
            ends = [apply(planned, activations + sign * step * direction).sin().sum() for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("radius", [1, 2, 3, 5])
@pytest.mark.parametrize("sizes", [(5, 6, 7), (1, 9, 14), (8, 1, 1), (12, 12, 12)])
def test_morphology_of_volumes_is_scipys_with_a_ball(radius: int, sizes: tuple[int, ...]) -> None:
    side = 2 * radius + 1
    footprint = np.zeros((side, side, side), bool)
    for reach, lines in ball(radius, radius, radius).items():
        for deep, down in lines:
            footprint[radius + deep, radius + down, radius - reach : radius + reach + 1] = True
    distance = np.sqrt(sum(grid**2 for grid in np.ogrid[[slice(-radius, radius + 1)] * 3]))
    assert (footprint <= (distance < radius + 0.75)).all()
    assert (footprint >= (distance <= radius - 0.5)).all()
    maps = torch.randn(2, 2, *sizes)
    for name, oracle, outside in (
        ("dilate", ndimage.grey_dilation, -np.inf),
        ("erode", ndimage.grey_erosion, np.inf),
    ):
        whole = [
            [oracle(one.numpy(), footprint=footprint, mode="constant", cval=outside) for one in sample]
            for sample in maps
        ]
        np.testing.assert_array_equal(build_transform(name, [radius])(maps).numpy(), np.array(whole))


def test_the_slice_through_the_middle_of_a_ball_is_the_disc() -> None:
    maps = torch.randn(1, 2, 1, 9, 14)
    for radius in (1, 2, 3, 7):
        dilate = build_transform("dilate", [radius])
        assert torch.equal(dilate(maps)[:, :, 0], dilate(maps[:, :, 0]))


@pytest.mark.parametrize("radius", [1, 2, 5, 40])
def test_morphology_of_sequences_is_scipys_with_a_line(radius: int) -> None:
    maps = torch.randn(2, 3, 17)
    size = (1, 1, 2 * radius + 1)
    dilated = ndimage.grey_dilation(maps.numpy(), size=size, mode="constant", cval=-np.inf)
    eroded = ndimage.grey_erosion(maps.numpy(), size=size, mode="constant", cval=np.inf)
    np.testing.assert_array_equal(build_transform("dilate", [radius])(maps).numpy(), dilated)
    np.testing.assert_array_equal(build_transform("erode", [radius])(maps).numpy(), eroded)


def test_a_flip_of_a_volume_mirrors_its_width() -> None:
    volumes = activations_of("CDHW")
    flipped = apply(PlannedBend(layer_of("CDHW"), build_transform("flip-h"), tuple(range(FEATURES))), volumes)
    assert torch.equal(flipped, volumes.flip(4))
    upright = PlannedBend(layer_of("CDHW"), build_transform("flip-v"), tuple(range(FEATURES)))
    assert torch.equal(apply(upright, volumes), volumes.flip(3))


class Emit(nn.Module):
    """A network whose only layer puts out what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.only = nn.Identity()

    def forward(self, activations: Tensor) -> Tensor:
        return self.only(activations)


def emitting(axes: str) -> WrappedModule:
    return WrappedModule(Emit(), [layer_of(axes)], hash="ab" * 32)


REFUSED = [
    ("CT", "rotate", "{angle: 30}", "`rotate` needs height and width, and there is time alone"),
    ("TC", "flip-v", "{}", "`flip-v` needs height and width, and there is time alone"),
    ("CT", "translate", "[0.1, 0.2]", "`translate` with `y` needs height and width, .*; leave `y` out"),
    ("CT", "translate", "{x: 0, y: {from: 0, to: 0.5, seconds: 1}}", "`translate` with `y` needs"),
    ("CT", "translate", "{x: 0, y: {from: -1, to: 0, seconds: 1}}", "`translate` with `y` needs"),
    ("CT", "scale", "{kx: 2, ky: 2}", "`scale` with `ky` needs height and width"),
    ("TC", "roll", "[0.1, 0.2]", "`roll` with `y` needs height and width"),
    ("CT", "affine", "[[[1, 0, 1], [0, 1, 0]]]", "`affine` needs height and width"),
    ("C", "dilate", "[2]", "`dilate` needs one spatial axis or more, and there is no spatial axis"),
    ("C", "flip-h", "[]", "`flip-h` needs one spatial axis or more"),
    ("C", "translate", "[0.1, 0.2]", "`translate` needs height and width, and there is no spatial axis"),
    ("C", "normalize", "[]", "`normalize` needs one spatial axis or more"),
]


@pytest.mark.parametrize(("axes", "name", "params", "message"), REFUSED)
def test_what_does_not_fit_is_refused_at_the_recipes_line(
    axes: str, name: str, params: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "bent.yaml"
    file.write_text(f"bends:\n  - layer: 0\n    transform: {name}\n    params: {params}\n")
    with pytest.raises(RecipeError, match=rf"bent.yaml:3:16: layer 0 \(only\): {message}"):
        resolve(load_recipe(file), emitting(axes))


def test_a_record_that_does_not_fit_is_refused() -> None:
    recipe = recipe_from_data({"bends": [{"layer": 0, "transform": "rotate", "params": [30]}]})
    assert resolve(recipe, emitting("CHW"), selected=[([0], None)]).bends
    with pytest.raises(RecipeError, match=r"layer 0 \(only\): `rotate` needs height and width"):
        resolve(recipe, emitting("TC"), selected=[([0], None)])


def test_transforms_of_others_see_maps_unless_they_say_that_they_need_less() -> None:
    class Turned(Transform):
        """Written for maps; never registered."""

        def __call__(self, maps: Tensor) -> Tensor:
            assert maps.ndim == 4
            return maps.flip(2)

    Turned.name = "turned"
    volumes, everything = activations_of("DHWC"), tuple(range(FEATURES))
    assert torch.equal(apply(PlannedBend(layer_of("DHWC"), Turned(), everything), volumes), volumes.flip(2))
    with pytest.raises(ModelError, match="`turned` needs height and width"):
        apply(PlannedBend(layer_of("CT"), Turned(), everything), activations_of("CT"))


def test_a_mask_of_a_sequence_is_a_picture_of_one_row(tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.repeat([0, 255], 23).astype(np.uint8), (8, 1))).save(tmp_path / "half.png")
    (tmp_path / "bent.yaml").write_text("bends:\n  - {layer: 0, transform: ablate, mask: half.png}\n")
    recipe = load_recipe(tmp_path / "bent.yaml")
    for axes in ("CT", "TC"):
        model, activations = emitting(axes), activations_of(axes)
        with bend(model, recipe):
            bent = model.network(activations)
        time = 2 if axes == "CT" else 1
        early, late = (each.narrow(time, start, 11) for each, start in ((bent, 0), (bent, 12)))
        assert torch.equal(early, activations.narrow(time, 0, 11))
        assert not late.any()
    with pytest.raises(RecipeError, match=r"bent.yaml:2:41: layer 0 .*: a mask needs a spatial axis"):
        resolve(recipe, emitting("C"))


@every_axes
def test_activations_of_other_axes_are_refused(axes: str) -> None:
    model = emitting(axes)
    with bend(model, {"bends": [{"layer": 0, "transform": "ablate"}]}), pytest.raises(ModelError) as raised:
        model.network(activations_of("CHW" if axes != "CHW" else "CDHW"))
    wanted = ", ".join("6" if axis == "C" else axis for axis in axes)
    assert f"expected maps (N, {wanted}), the network gave (3, 6" in str(raised.value)
    model.network(torch.zeros(1, 2))  # taken out: nothing is looked at any more


@every_axes
def test_what_comes_out_lies_as_what_came_in(axes: str) -> None:
    model = emitting(axes)
    with bend(model, {"bends": [{"layer": 0, "transform": "invert", "features": {"indices": [1, 4]}}]}):
        assert model.network(activations_of(axes)).is_contiguous()


@every_axes
def test_each_sample_has_a_plan_of_its_own(axes: str) -> None:
    model, activations = emitting(axes), activations_of(axes)
    data = {"layer": 0, "transform": "multiply", "params": {"p": {"from": 0, "to": 2, "seconds": 2}}}
    plan = resolve({"bends": [data]}, model)
    with bend(model, [plan.at(time) for time in (0.0, 0.5, 2.0)]):
        bent = model.network(activations)
    for sample, unbent, factor in zip(bent, activations, (0.0, 0.5, 2.0), strict=True):
        assert torch.equal(sample, unbent * factor)


Net = Callable[[], tuple[nn.Module, Tensor]]


def sequence_network() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU(), nn.ConvTranspose1d(8, 4, 3)), torch.randn(2, 3, 20)


def volume_network() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(2, 8, 3), nn.ReLU(), nn.ConvTranspose3d(8, 4, 3))
    return network.to(memory_format=torch.channels_last_3d), torch.randn(2, 2, 6, 7, 8)


def token_network() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    return nn.Sequential(nn.Embedding(11, 8), encoder, nn.Linear(8, 5)).eval(), torch.randint(11, (2, 9))


WRAPPED = {
    sequence_network: ((), ["CT", "CT"]),
    volume_network: ((), ["CDHW", "CDHW"]),
    token_network: ((nn.Embedding, nn.TransformerEncoderLayer), ["TC", "TC"]),
}
every_network = pytest.mark.parametrize("make", WRAPPED)


def wrapped(make: Net) -> tuple[WrappedModule, Tensor]:
    network, given = make()
    return wrap(network, lambda: network(given), WRAPPED[make][0]), given


@every_network
def test_wrapping_finds_the_axes(make: Net) -> None:
    model, _ = wrapped(make)
    assert [layer.axes for layer in model.layers] == WRAPPED[make][1]
    assert {layer.features for layer in model.layers} <= {4, 8}


@every_network
def test_networks_of_any_axes_are_bent_and_restored(make: Net) -> None:
    model, given = wrapped(make)
    with torch.no_grad():
        plain = model.network(given)
        with bend(model, {"bends": [{"layer": 0, "transform": "roll", "params": [0.5]}]}):
            bent = model.network(given)
        again = model.network(given)
    assert not torch.allclose(bent, plain)
    assert torch.equal(again, plain)


@every_network
def test_what_comes_before_a_layer_is_replayed_to_the_bit(make: Net) -> None:
    model, given = wrapped(make)
    first, second = model.layers
    bends = [{"layer": 0, "transform": "multiply", "params": [2]}, {"layer": 1, "transform": "invert"}]
    plan = resolve({"bends": bends}, model)
    prefix = Prefix(model.network, [second])
    with torch.no_grad():
        with bend(model, plan):
            expected = model.network(given)
        with bend(model, plan), prefix.recorded():
            model.network(given)
        assert prefix.holds(first)
        with bend(model, Plan(plan.bends[1:])), prefix.replayed():
            assert torch.equal(model.network(given), expected)
        one = Prefix(model.network, [second])
        with bend(model, plan), one.recorded():
            alone = model.network(given[:1])
        with bend(model, Plan(plan.bends[1:])), one.replayed(3):
            for sample in model.network(given[:1].expand(3, *given.shape[1:]).contiguous()):
                torch.testing.assert_close(sample, alone[0], rtol=1e-6, atol=1e-6)


def test_axes_that_nobody_knows_have_to_be_said() -> None:
    network, given = sequence_network()
    with pytest.raises(ModelError, match=r'1: ReLU gave \(2, 8, 18\): which are the features\? Say .*"TC"'):
        wrap(network, lambda: network(given), (nn.ReLU,))
    said = wrap(network, lambda: network(given), {nn.ReLU: "CT", nn.Conv1d: "CT"})
    assert [(layer.name, layer.axes, layer.shape) for layer in said.layers] == [
        ("0", "CT", (8, 18)),
        ("1", "CT", (8, 18)),
    ]
    with pytest.raises(ModelError, match=r"1: axes CHW, but the network gave \(2, 8, 18\)"):
        wrap(network, lambda: network(given), {nn.ReLU: "CHW"})


def test_linear_layers_have_their_features_last() -> None:
    network = nn.Linear(3, 5)
    for shape, axes in (((2, 3), "C"), ((2, 7, 3), "TC"), ((2, 6, 7, 3), "HWC"), ((2, 4, 6, 7, 3), "DHWC")):
        (layer,) = wrap(network, lambda shape=shape: network(torch.ones(shape)), (nn.Linear,)).layers
        assert (layer.axes, layer.features) == (axes, 5)


def test_a_transformer_with_the_samples_second_is_refused() -> None:
    network = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
    with pytest.raises(ModelError, match="samples second; make it with batch_first=True"):
        wrap(network, lambda: network(torch.ones(9, 2, 8)), (nn.TransformerEncoderLayer,))


@pytest.mark.parametrize("axes", ["", "CC", "T", "CWH", "CXY", "CTH", "CW"])
def test_axes_that_mean_nothing_are_refused(axes: str) -> None:
    with pytest.raises(ValueError, match="expected such as CHW, CT, TC, CDHW or C"):
        Layer(0, "a", "a", (3,) * len(axes), axes)


def test_a_shape_has_a_size_for_each_axis() -> None:
    with pytest.raises(ValueError, match="expected a size for each of the axes CHW"):
        Layer(0, "a", "a", (3, 4))


@every_axes
def test_recipes_by_chance_fit_the_axes(axes: str) -> None:
    model, activations = emitting(axes), activations_of(axes)
    for seed in range(30):
        recipe = surprise(model, seed)
        assert parse_recipe(recipe_to_yaml(recipe)) == recipe
        with bend(model, recipe):
            assert model.network(activations).isfinite().all()


def test_recipes_by_chance_say_when_no_transform_fits() -> None:
    with pytest.raises(RecipeError, match="none can be done with the axes CT of layer 0"):
        surprise(emitting("CT"), 1, Bounds(transforms=["rotate", "flip-v"]))


def test_children_fit_the_layers_that_they_move_to() -> None:
    layers = [Layer(number, f"l{number}", f"l{number}", (6, *SIZES[axes[1:]]), axes)
              for number, axes in enumerate(("CHW", "CT", "C", "CDHW"))]  # fmt: skip
    model = WrappedModule(nn.Identity(), layers)
    parents = [
        {"bends": [{"layer": 0, "transform": "rotate", "params": [30]}]},
        {"bends": [{"layer": 1, "transform": "translate", "params": [0.2]},
                   {"layer": 2, "transform": "multiply", "params": [2]}]},
    ]  # fmt: skip
    for seed in range(60):
        resolve(breed(*parents, model, seed, mutation=0.9), model)


@every_network
def test_features_of_any_axes_are_clustered(make: Net) -> None:
    network, given = make()

    def run(seeds: list[int]) -> Tensor:
        random = torch.Generator().manual_seed(int(seeds[0]))
        if given.dtype == torch.int64:
            return network(torch.randint(11, (len(seeds), 9), generator=random))
        return network(torch.randn(len(seeds), *given.shape[1:], generator=random))

    model = wrap(network, lambda: network(given), WRAPPED[make][0])
    settings = Settings(None, (model.layers[0].name,), samples=8)
    found = cluster_features(model, settings, run=run)
    assert sorted(feature for members in found.layers[0].values() for feature in members) == list(range(8))
    with pytest.raises(ClusterError, match="the preset paper needs maps, use quick"):
        cluster_features(model, Settings(None, settings.layers, samples=8, preset="paper"), run=run)


def test_features_that_move_together_are_found_in_tokens() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.only = nn.Identity()

        def forward(self, seeds: list[int]) -> Tensor:
            random = torch.Generator().manual_seed(int(seeds[0]))
            of_groups = torch.randn(len(seeds), 40, 2, generator=random)
            noise = 0.1 * torch.randn(len(seeds), 40, 6, generator=random)
            return self.only(of_groups[..., [0, 1, 0, 1, 1, 0]] + noise)

    network = Tokens()
    layer = Layer(0, "only", "only", (40, 6), "TC")
    settings = Settings(None, ("only",), samples=32)
    model = WrappedModule(network, [layer])
    found = cluster_features(model, settings, counts=Counts(2), run=network)
    assert sorted(found.layers[0].values()) == [(0, 2, 5), (1, 3, 4)]


def test_vectors_are_not_clustered() -> None:
    with pytest.raises(ClusterError, match="puts out vectors"):
        cluster_features(emitting("C"), Settings(None, ("only",), samples=4), run=len)


@every_axes
def test_gpus_do_by_kernels_what_kernels_can_do(axes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_gpu, "has_triton", lambda _: True)
    layer, device = layer_of(axes), torch.device("cpu")
    for name, params in (("multiply", [2.0]), ("dilate", [2]), ("translate", [0.1]), ("blur", [1.0])):
        transform = build_transform(name, params)
        work = Insertion(PlannedBend(layer, transform, (1, 4))).work(device)
        by_kernel = name == "multiply" or (name != "blur" and layer.spatial == "HW")
        assert (work is not None) == by_kernel
        assert work is None or work.kind == transform.kernel
        # What no kernel does is told apart by its numbers: a graph would go on with those it was made for.
        moved = PlannedBend(layer, get_transform(name)(**{**dict(transform), **_more(name)}), (1, 4))
        same = Insertion(moved).structure(device) == Insertion(
            PlannedBend(layer, transform, (1, 4))
        ).structure(device)
        assert same == by_kernel


def _more(name: str) -> dict[str, object]:
    return {"multiply": {"p": 3.0}, "dilate": {"r": 3}, "translate": {"x": 0.4}, "blur": {"sigma": 2.0}}[name]
