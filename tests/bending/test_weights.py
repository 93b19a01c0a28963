"""Weights are bent in copies: the network is never changed, and each thread runs it bent its own way."""

import asyncio
import copy
import importlib.util
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from threading import Barrier, Thread

import pytest
import torch
from torch import Tensor, nn

from netbend.bending import Layer, Parameters, Plan, PlannedBend, bend, resolve
from netbend.bending.prefix import Prefix
from netbend.bending.weights import bent_parameter
from netbend.choices import Target
from netbend.clustering.activations import watched
from netbend.errors import ModelError, NonFiniteError, RecipeError
from netbend.models.base import Latents, Model
from netbend.models.wrap import WrappedModule, wrap
from netbend.recipe import Bend, Recipe, load_recipe, parse_recipe, recipe_schema, recipe_to_yaml
from netbend.transforms import Axes, build_transform
from netbend.transforms.axes import misfit
from netbend.variations.breed import breed

from ..conftest import tiny_generator  # noqa: F401 - of the fixtures
from .test_prefix import MODELS

folder = Path(__file__).parent.parent / "transforms"
spec = importlib.util.spec_from_file_location("definitions", folder / "definitions.py")
definitions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(definitions)

ROTATE = {"layer": 1, "transform": "rotate", "params": [90], "on": "weights"}
NEGATE = {"layer": 0, "transform": "multiply", "params": [-1], "on": "biases"}

KINDS = {
    "OIHW": (6, 4, 3, 5),
    "IOHW": (4, 6, 3, 5),
    "OIT": (6, 4, 7),
    "IOT": (4, 6, 7),
    "OIDHW": (6, 4, 3, 2, 5),
    "OI": (6, 4),
    "IO": (4, 6),
    "O": (6,),
}


def kernel_by_kernel(planned: PlannedBend, parameter: Tensor, axes: str) -> Tensor:
    """One kernel after the other, by what transforms do to maps."""
    made, transform = parameter.clone(), planned.transform
    views = made.movedim(axes.index("O"), 0), parameter.movedim(axes.index("O"), 0)
    if transform.name == "shuffle":
        order = definitions.SHUFFLED[len(planned.indices)]
        bent = {
            index: views[1][planned.indices[at]] for index, at in zip(planned.indices, order, strict=True)
        }
    elif transform.needed_axes is Axes.NONE:
        named = {"features": planned.indices} if transform.numbered else {}
        whole = transform(views[1][list(planned.indices)][None], **named)[0]
        bent = dict(zip(planned.indices, whole, strict=True))
    else:
        one_by_one = [
            torch.stack([_one(planned, kernel) for kernel in views[1][index]]) for index in planned.indices
        ]
        bent = dict(zip(planned.indices, one_by_one, strict=True))
    for index, values in bent.items():
        views[0][index] = views[1][index].lerp(values, planned.mix)
    return made


def _one(planned: PlannedBend, kernel: Tensor) -> Tensor:
    transform = planned.transform
    if transform.axes is Axes.SPATIAL or kernel.ndim == 2:
        return transform(kernel[None, None])[0, 0]
    if kernel.ndim == 1:
        return transform(kernel[None, None, None])[0, 0, 0]
    return torch.stack([transform(each[None, None])[0, 0] for each in kernel])


@pytest.mark.parametrize("axes", KINDS)
@pytest.mark.parametrize(
    ("name", "params"), [*definitions.SAMPLES, ("translate", {"x": 0.4}), ("roll", {"x": 0.4})]
)
def test_weights_are_bent_kernel_by_kernel(name: str, params: dict[str, object], axes: str) -> None:
    weights = Parameters("only.weight", axes)
    layer = Layer(0, "only", "only", (6, 8, 8), weights=weights)
    transform = build_transform(name, params)
    parameter = torch.randn(KINDS[axes], generator=torch.Generator().manual_seed(2))
    before = parameter.clone()
    for planned in (
        PlannedBend(layer, transform, (0, 2, 5), on=Target.WEIGHTS),
        PlannedBend(layer, transform, (1, 4), 0.25, on=Target.WEIGHTS),
    ):
        if misfit(transform, weights.spatial):
            with pytest.raises(ModelError, match=r"the weights of layer 0 \(only\): .* needs"):
                bent_parameter(planned, parameter)
            continue
        for form in (parameter, parameter.mT.contiguous().mT if parameter.ndim > 1 else parameter):
            bent = bent_parameter(planned, form)
            torch.testing.assert_close(bent, kernel_by_kernel(planned, parameter, axes), rtol=0, atol=2e-6)
            assert bent.stride() == form.stride()
    assert torch.equal(parameter, before)


def network() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(6, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3)
    )
    return made, torch.randn(3, 2, 8, 9)


def wrapped() -> tuple[WrappedModule, Tensor]:
    made, given = network()
    return wrap(made, lambda: made(given)), given


def state_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: values.clone() for name, values in network.state_dict().items()}


def changed_by_hand(plan: Plan, given: Tensor) -> Tensor:
    """What a network gives into which bent weights were written."""
    made, _ = network()
    with torch.no_grad():
        for planned in plan.bends:
            parameter = made.get_parameter(planned.parameters.path)
            parameter.copy_(bent_parameter(planned, parameter))
        return made(given)


def test_a_bent_network_is_one_with_bent_weights_and_its_own_stay_as_they_are() -> None:
    model, given = wrapped()
    before, plain = state_of(model.network), model.network(given)
    plan = resolve({"bends": [ROTATE, NEGATE, {**ROTATE, "transform": "invert", "params": []}]}, model)
    with torch.no_grad(), bend(model, plan):
        bent = model.network(given)
        assert torch.equal(model.network(given), bent)
    assert torch.equal(bent, changed_by_hand(plan, given))
    assert not torch.allclose(bent, plain)
    assert torch.equal(model.network(given), plain)
    assert all(torch.equal(values, before[name]) for name, values in model.network.state_dict().items())
    assert "forward" not in model.network.__dict__
    assert not any(module._forward_hooks for module in model.network.modules())


def maps_of(model: Model, latents: Latents) -> dict[str, Tensor]:
    """What each layer puts out."""
    with watched(model, model.layers) as maps:
        model.generate(latents)
        return {name: each.clone() for name, each in maps.items()}


@pytest.mark.parametrize("make", MODELS)
def test_every_family_of_models_has_weights_that_can_be_bent(make: Callable[[], Model]) -> None:
    model = make()
    latents = model.latents([1, 2])
    plain, unbent = model.generate(latents), maps_of(model, latents)
    changed: set[str] = set()
    for layer in model.layers:
        for on, parameters in (("weights", layer.weights), ("biases", layer.biases)):
            if parameters is None:
                assert on == "biases" or layer.name.endswith(("const", "up")), layer
                continue
            item = {"layer": layer.name, "transform": "noise", "params": [0.5], "on": on}
            plan = resolve({"bends": [item]}, model)
            with bend(model, plan):
                bent = model.generate(latents)
                alone = model.generate(latents[0])
                maps = maps_of(model, latents)[layer.name]
            if unbent[layer.name].any() or maps.any():  # else they are all below zero, and cut off
                assert not torch.allclose(maps, unbent[layer.name])
                changed.add(layer.name)
            torch.testing.assert_close(alone, bent[:1], rtol=1e-4, atol=1e-4)
            by_hand = copy.deepcopy(model)
            parameter = by_hand.network.get_parameter(parameters.path)
            with torch.no_grad():
                parameter.copy_(bent_parameter(plan.bends[0], parameter))
            torch.testing.assert_close(by_hand.generate(latents), bent, rtol=0, atol=1e-6)
            assert torch.equal(model.generate(latents), plain)
    assert len(changed) >= 3


def test_weights_and_activations_are_bent_together() -> None:
    model, given = wrapped()
    on_maps = {"layer": 1, "transform": "flip-h"}
    with torch.no_grad():
        with bend(model, {"bends": [ROTATE, on_maps]}):
            both = model.network(given)
        with bend(model, {"bends": [ROTATE]}), bend(model, {"bends": [on_maps]}):
            nested = model.network(given)
        with bend(model, {"bends": [on_maps]}), bend(model, {"bends": [ROTATE]}):
            assert torch.equal(model.network(given), nested)
        with bend(model, {"bends": [ROTATE]}):
            alone = model.network(given)
    assert torch.equal(both, nested)
    assert not torch.allclose(both, alone)


def test_blocks_in_blocks_bend_weights_one_after_the_other() -> None:
    model, given = wrapped()
    half = {**ROTATE, "transform": "multiply", "params": [0.5]}
    with torch.no_grad():
        with bend(model, {"bends": [ROTATE, half]}):
            expected = model.network(given)
        with bend(model, {"bends": [ROTATE]}):
            with bend(model, {"bends": [half]}):
                assert torch.equal(model.network(given), expected)
            assert not torch.equal(model.network(given), expected)


def run_at_once(*blocks: Callable[[], Tensor]) -> list[list[Tensor]]:
    """What each block gives, all running at the same time, over and over."""
    barrier = Barrier(len(blocks))

    def run(block: Callable[[], Tensor]) -> list[Tensor]:
        barrier.wait()
        return [block() for _ in range(20)]

    with ThreadPoolExecutor(len(blocks)) as pool:
        return [future.result() for future in [pool.submit(run, block) for block in blocks]]


@pytest.mark.parametrize("on", ["activations", "weights", "both"])
@pytest.mark.parametrize("make", ["wrapped", "model"])
def test_threads_run_one_network_bent_differently(on: str, make: str, model: Model) -> None:
    """Two recipes, and no recipe at all, on one network at the same time."""
    if make == "wrapped":
        found, given = wrapped()
        draw = lambda: found.network(given)  # noqa: E731
    else:
        found, latents = model, model.latents([1, 2])
        draw = lambda: found.generate(latents)  # noqa: E731

    def bent(transform: str, params: list[float]) -> Callable[[], Tensor]:
        items = [
            {"layer": layer, "transform": transform, "params": params, "on": target}
            for layer in (0, 1)
            for target in (("activations", "weights") if on == "both" else (on,))
        ]

        def block() -> Tensor:
            with torch.no_grad(), bend(found, {"bends": items}):
                return draw()

        return block

    def unbent() -> Tensor:
        with torch.no_grad():
            return draw()

    blocks = [bent("rotate", [90]), bent("noise", [0.7, 3]), unbent]
    expected = [block() for block in blocks]
    assert not torch.allclose(expected[0], expected[1])
    assert not torch.allclose(expected[0], expected[2])
    for images, one in zip(run_at_once(*blocks), expected, strict=True):
        assert all(torch.equal(image, one) for image in images)
    assert torch.equal(unbent(), expected[2])
    assert "forward" not in found.network.__dict__
    assert not any(module._forward_hooks for module in found.network.modules())


def test_threads_replay_what_each_of_them_has_kept(model: Model) -> None:
    """Prefixes of two latents, with bends before and behind their ends, and a run without any."""

    def kept(seed: int, turn: float) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
        latents = model.latents([seed])
        held = {"layer": 1, "transform": "noise", "params": [0.5, seed]}
        items = [held, {"layer": 3, "transform": "rotate", "params": [turn], "on": "weights"}]
        plan = resolve({"bends": items}, model)
        prefix = Prefix(model.network, [plan.bends[1].layer])

        def whole() -> Tensor:
            with bend(model, plan), prefix.recorded():
                return model.generate(latents)

        def rest() -> Tensor:
            with bend(model, Plan(plan.bends[1:])), prefix.replayed():
                return model.generate(latents)

        return whole, rest

    plain = model.generate(model.latents([3]))
    pairs = [kept(1, 90), kept(2, 180)]
    expected = [whole() for whole, _ in pairs]
    blocks = [rest for _, rest in pairs] + [lambda: model.generate(model.latents([3]))]
    for images, one in zip(run_at_once(*blocks), [*expected, plain], strict=True):
        assert all(torch.equal(image, one) for image in images)
    for again in zip(run_at_once(*(whole for whole, _ in pairs)), expected, strict=True):
        assert all(torch.equal(image, again[1]) for image in again[0])
    assert not any("forward" in module.__dict__ for module in model.network.modules())


def test_tasks_of_asyncio_run_one_network_bent_differently() -> None:
    model, given = wrapped()

    async def draw(angle: float) -> list[Tensor]:
        drawn = []
        with bend(model, {"bends": [{**ROTATE, "params": [angle]}]}):
            for _ in range(3):
                with torch.no_grad():
                    drawn.append(model.network(given))
                await asyncio.sleep(0)
        return drawn

    async def both() -> list[list[Tensor]]:
        return await asyncio.gather(draw(90), draw(180))

    for angle, drawn in zip((90, 180), asyncio.run(both()), strict=True):
        with torch.no_grad(), bend(model, {"bends": [{**ROTATE, "params": [angle]}]}):
            expected = model.network(given)
        assert all(torch.equal(each, expected) for each in drawn)


@pytest.mark.parametrize("item", [ROTATE, {"layer": 1, "transform": "flip-h"}])
def test_a_bend_that_another_thread_was_to_run_is_an_error(item: dict[str, object]) -> None:
    model, given = wrapped()
    plain, found = model.network(given), []
    thread = Thread(target=lambda: found.append(model.network(given)))

    def leave_it_to_another() -> None:
        with bend(model, {"bends": [item]}):
            thread.start()
            thread.join()

    with pytest.raises(ModelError, match=r"never ran .*thread"):
        leave_it_to_another()
    assert torch.equal(found[0], plain)


@pytest.mark.parametrize("item", [ROTATE, {"layer": 1, "transform": "flip-h"}])
def test_a_thread_can_share_the_block_of_another(item: dict[str, object]) -> None:
    model, given = wrapped()
    plain, found = model.network(given), []
    with bend(model, {"bends": [item]}):
        expected, context = model.network(given), copy_context()
        thread = Thread(target=lambda: found.append(context.run(model.network, given)))
        thread.start()
        thread.join()
    assert torch.equal(found[0], expected)
    assert not torch.equal(expected, plain)


def test_each_sample_has_weights_of_its_own() -> None:
    model, given = wrapped()
    moving = {**ROTATE, "transform": "multiply", "params": [{"from": 0, "to": 2, "seconds": 2}]}
    fading = {"layer": 2, "transform": "invert", "mix": {"from": 0, "to": 1, "seconds": 2}}
    plan = resolve({"bends": [moving, fading]}, model)
    times = (0.0, 0.5, 2.0)
    with torch.no_grad():
        with bend(model, [plan.at(time) for time in times]):
            together = model.network(given)
        for number, time in enumerate(times):
            with bend(model, plan.at(time)):
                alone = model.network(given[number : number + 1])
            torch.testing.assert_close(together[number : number + 1], alone, rtol=0, atol=1e-6)
        plans = [plan.at(time) for time in times]
        with pytest.raises(ModelError, match="3 plans for a batch of other size"), bend(model, plans):
            model.network(given[:2])


@pytest.mark.parametrize("make", MODELS)
def test_each_sample_of_a_model_has_weights_of_its_own(make: Callable[[], Model]) -> None:
    model = make()
    latents = model.latents([1, 2])
    item = {
        "layer": 1,
        "transform": "noise",
        "params": [{"from": 0.5, "to": 1, "seconds": 1}],
        "on": "weights",
    }
    plan = resolve({"bends": [item]}, model)
    with bend(model, [plan.at(0.0), plan.at(1.0)]):
        together = model.generate(latents)
    for number, time in enumerate((0.0, 1.0)):
        with bend(model, plan.at(time)):
            torch.testing.assert_close(
                together[number : number + 1], model.generate(latents[number]), rtol=0, atol=1e-5
            )


@pytest.mark.parametrize("make", MODELS)
def test_what_comes_before_bent_weights_is_replayed_to_the_bit(make: Callable[[], Model]) -> None:
    model = make()
    latents, places = model.latents([1]), [layer.name for layer in model.layers if layer.weights][1:3]
    first, second = (
        {"layer": layer, "transform": "noise", "params": [0.5], "on": "weights"} for layer in places
    )
    plan, other = (resolve({"bends": [first, {**second, "params": [p]}]}, model) for p in (0.5, 0.9))
    prefix = Prefix(model.network, [plan.bends[1].layer])
    with bend(model, plan), prefix.recorded():
        model.generate(latents)
    with bend(model, other):
        expected = model.generate(latents)
    assert prefix.holds(plan.bends[0].layer)
    assert not prefix.holds(plan.bends[1].layer)
    with bend(model, Plan(other.bends[1:])), prefix.replayed():
        assert torch.equal(model.generate(latents), expected)
    with prefix.replayed(), bend(model, Plan(other.bends[1:])):
        assert torch.equal(model.generate(latents), expected)


def test_gradients_reach_what_bent_weights_were_bent_from() -> None:
    model, given = wrapped()
    model.network.double()
    given = given.double().requires_grad_()
    item = {**ROTATE, "transform": "multiply", "params": [3]}
    with bend(model, {"bends": [item]}):
        model.network(given).sum().backward()
        assert torch.autograd.gradcheck(model.network, given[:1])
    bent = model.network[2].weight.grad.clone()
    by_hand, _ = network()
    by_hand.double()
    with torch.no_grad():
        by_hand[2].weight.mul_(3)
    by_hand(given).sum().backward()
    torch.testing.assert_close(bent, 3 * by_hand[2].weight.grad)
    assert model.network[0].weight.grad.abs().sum() > 0


def counted(weight: Tensor) -> None:
    weight.mul_(2)


def uncounted(weight: Tensor) -> None:
    weight.data.mul_(2)


def exchanged(weight: Tensor) -> None:
    weight.data = weight.data * 2


@pytest.mark.parametrize("change", [counted, uncounted, exchanged])
def test_weights_that_change_are_bent_anew(change: Callable[[Tensor], None]) -> None:
    model, given = wrapped()
    plan = resolve({"bends": [ROTATE]}, model)
    with torch.no_grad(), bend(model, plan):
        model.network(given)
        change(model.network[2].weight)
        bent = model.network(given)
    by_hand, _ = network()
    with torch.no_grad():
        by_hand[2].weight.copy_(bent_parameter(plan.bends[0], by_hand[2].weight * 2))
        assert torch.equal(by_hand(given), bent)


def test_modules_that_are_shared_are_bent_wherever_they_stand() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 3, 3, padding=1)
    shared = nn.Sequential(conv, nn.Sequential(nn.ReLU(), conv))
    given = torch.randn(1, 3, 6, 6)
    model = wrap(shared, lambda: shared(given))
    with torch.no_grad():
        with bend(model, {"bends": [{"layer": 0, "transform": "rotate", "params": [180], "on": "weights"}]}):
            bent = shared(given)
        conv.weight.copy_(conv.weight.flip(2, 3))
        assert torch.equal(shared(given), bent)


def test_infinite_weights_are_told_replaced_or_warned_of() -> None:
    model, given = wrapped()
    huge = {"bends": [{**ROTATE, "transform": "multiply", "params": [3e38]}] * 2}
    told = r"`multiply` at the weights of layer 1 \(2\) made"
    with torch.no_grad(), pytest.raises(NonFiniteError, match=told), bend(model, huge):
        model.network(given)
    with torch.no_grad(), pytest.warns(UserWarning, match=told), bend(model, huge, nonfinite="warn"):
        model.network(given)
    with torch.no_grad(), bend(model, huge, nonfinite="replace"):
        assert model.network(given).isfinite().all()
    assert model.network(given).isfinite().all()


REFUSED = [
    (
        "on: weights, transform: rotate, params: [30], layer: 1",
        "the weights of layer 1 .lin.: `rotate` needs",
    ),
    ("on: biases, transform: blur, params: [1], layer: 0", "the biases of layer 0 .conv.: `blur` needs one"),
    ("on: biases, transform: ablate, layer: 2", "layer 2 .bare. has no biases that can be bent"),
    ("on: weights, transform: ablate, layer: 3", "layer 3 .relu. has no weights that can be bent"),
    ("on: weight, transform: ablate, layer: 0", "on: expected 'activations', 'weights' or 'biases'"),
    ("on: weights, transform: ablate, mask: a.png, layer: 0", "a mask says where activations are bent"),
]


@pytest.mark.parametrize(("item", "message"), REFUSED)
def test_what_weights_cannot_do_is_refused_at_the_recipes_line(
    item: str, message: str, tmp_path: Path
) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.lin = nn.Conv2d(1, 4, 3), nn.Linear(4, 4)
            self.bare, self.relu = nn.Conv2d(4, 4, 1, bias=False), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.bare(self.lin(self.conv(x).movedim(1, -1)).movedim(-1, 1)))

    made = Net()
    kinds = (nn.Conv2d, nn.Linear, nn.ReLU)
    model = wrap(made, lambda: made(torch.ones(1, 1, 6, 6)), kinds)
    file = tmp_path / "bent.yaml"
    file.write_text(f"bends:\n  - {{{item}}}\n")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(RecipeError, match=rf"bent.yaml:2:\d+: {message}") as raised:
        resolve(load_recipe(file), model)
    place = str(raised.value).split(":")[2]
    assert item[int(place) - 6 :].startswith(("rotate", "blur", "biases", "weight", "a.png"))


def test_recipes_say_what_they_are_put_on_and_older_ones_mean_activations() -> None:
    recipe = parse_recipe(
        "bends:\n  - {layer: 1, transform: invert, on: weights}\n  - {layer: 1, transform: invert}"
    )
    assert [each.on for each in recipe.bends] == [Target.WEIGHTS, Target.ACTIVATIONS]
    text = recipe_to_yaml(recipe)
    assert text.count("on: weights") == 1
    assert "activations" not in text
    assert parse_recipe(text) == recipe
    assert recipe.bends[0] != recipe.bends[1]
    schema = recipe_schema()["properties"]["bends"]["items"]["properties"]["on"]
    assert schema["enum"] == ["activations", "weights", "biases"]


def test_python_says_it_in_words_too() -> None:
    assert Bend(1, build_transform("invert"), on="weights").on is Target.WEIGHTS
    with pytest.raises(ValueError, match="on 'kernels': expected activations, weights, biases"):
        Bend(1, build_transform("invert"), on="kernels")


def test_children_inherit_what_a_bend_is_put_on() -> None:
    model, _ = wrapped()
    parents = [{"bends": [ROTATE, NEGATE]}, {"bends": [{**ROTATE, "on": "activations"}, NEGATE]}]
    seen = set()
    for seed in range(40):
        child = breed(*parents, model, seed, mutation=0.6)
        resolve(child, model)
        seen |= {each.on for each in child.bends}
    assert seen == set(Target)


def test_what_runs_code_of_its_own_is_refused() -> None:
    made, given = network()
    model = wrap(made, lambda: made(given))
    made[2].forward = made[2].forward  # as tools do that put their own around it
    with pytest.raises(ModelError, match="ConvTranspose2d runs what was compiled, or replaced"):
        bend(model, {"bends": [ROTATE]}).__enter__()
    assert "forward" not in made.__dict__
    with bend(model, {"bends": [{"layer": 1, "transform": "invert"}]}):
        made(given)


def test_a_compiled_part_is_run_as_it_was_written() -> None:
    made, given = network()
    model = wrap(made, lambda: made(given))
    with torch.no_grad():
        with bend(model, {"bends": [ROTATE]}):
            expected = made(given)
        made[2].compile(backend="eager")
        made(given)
        with bend(model, {"bends": [ROTATE]}):
            torch.testing.assert_close(made(given), expected)


def test_a_network_with_bent_weights_is_neither_copied_nor_pickled() -> None:
    model, given = wrapped()
    with bend(model, {"bends": [ROTATE]}):
        model.network(given)
        for way in (copy.deepcopy, pickle.dumps):
            with pytest.raises(ModelError, match=r"cannot be (copied|pickled)"):
                way(model.network)


def test_weights_that_never_run_are_an_error() -> None:
    model, _ = wrapped()
    told = r"`rotate` at the weights of layer 1 \(2\): not bent: .* never ran"
    with pytest.raises(ModelError, match=told), bend(model, {"bends": [ROTATE]}):
        model.network[2](torch.ones(1, 6, 4, 4))  # by itself, which nobody sees


def test_a_layer_whose_weights_are_not_there_is_named() -> None:
    made, given = network()
    for path, axes, message in (
        ("9.weight", "OIHW", "the network has no module '9'"),
        ("0.kernel", "OIHW", "the network has no parameter '0.kernel' of the axes OIHW"),
        ("0.weight", "IOHW", "'0.weight' has not 6 features"),
    ):
        layer = Layer(0, "first", "0", (6, 8, 9), weights=Parameters(path, axes))
        model = WrappedModule(made, [layer])
        recipe = Recipe((Bend(0, build_transform("ablate"), on="weights"),))
        with pytest.raises(ModelError, match=message):
            bend(model, recipe).__enter__()
        assert "forward" not in made.__dict__
        assert not any(module._forward_hooks for module in made.modules())
    made(given)
