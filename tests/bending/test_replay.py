"""What is replayed as a CUDA graph is what the network makes: tried on a stand-in for graphs.

The stand-in notes the operations of one run, with the very memory that they read and write, and does them
again: as a graph it knows nothing of hooks, plans or Python's numbers.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from netbend.bending import bend, insert, insertion, replay, run
from netbend.bending.prefix import Prefix
from netbend.errors import ModelError, NonFiniteError
from netbend.models.base import Model
from netbend.models.stylegan2 import fused, triton_ops
from netbend.recipe import All, Bend, Random, Recipe
from netbend.transforms import Transform, build_transform, on_gpu
from netbend.transforms.compiled import compiled


class Recording(TorchDispatchMode):
    """Operations in turn, and what came of each."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if str(func) == "aten._local_scalar_dense.default":
            raise RuntimeError("operation not permitted when stream is capturing")
        self.steps.append((func, args, kwargs or {}, result))
        return result

    def again(self) -> None:
        with torch.no_grad():
            for func, args, kwargs, result in self.steps:
                new = func(*args, **kwargs)
                for old, fresh in zip(_tensors(result), _tensors(new), strict=True):
                    if old.data_ptr() != fresh.data_ptr():
                        old.copy_(fresh)


def _tensors(result: Any) -> list[Tensor]:
    results = result if isinstance(result, tuple | list) else [result]
    return [each for each in results if isinstance(each, Tensor)]


class Graphs:
    """Counts what is recorded and replayed."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0
        self.capturing = False

    def record(self, once: Callable[[], Any], _device: object, _pool: object) -> Any:
        once()
        self.capturing = True
        try:
            with Recording() as steps:
                result = once()
        finally:
            self.capturing = False
        self.recorded += 1

        def again() -> None:
            self.replayed += 1
            steps.again()

        return result, again


def seen_in(values: Tensor) -> Tensor:
    """As the kernel does it."""
    nan = torch.where(values.isnan().any(), torch.nan, 0.0)
    return torch.stack([nan, torch.where(values.isinf().any(), torch.inf, 0.0)])


def pointwise(maps: Tensor, work: on_gpu.Work) -> Tensor:
    """As the kernel does it: numbers are tensors."""
    mix, number = work.numbers[0].float(), work.numbers[-1].float()
    bent = maps * number if work.kind == "multiply" else (maps >= number).to(maps.dtype)
    if work.mixed:
        bent = maps.lerp(bent, mix)
    if work.features is not None:
        bent = torch.where(work.features[:, None, None] != 0, bent, maps)
    if work.seen is not None:
        work.seen.copy_(torch.where(bent.isfinite().all(), work.seen, torch.inf))
    return bent


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Graphs]:
    made = Graphs()
    monkeypatch.setattr(replay, "record", made.record)
    monkeypatch.setattr(replay, "new_pool", lambda: None)
    monkeypatch.setattr(replay, "_can_be_recorded", lambda _: True)
    monkeypatch.setattr(insert, "is_captured", lambda _: made.capturing)
    monkeypatch.setattr(insertion, "reads_numbers", lambda _: True)
    monkeypatch.setattr(on_gpu, "has_triton", lambda _: True)
    monkeypatch.setattr(on_gpu, "extremes", seen_in)
    monkeypatch.setattr(on_gpu, "bend", pointwise)
    monkeypatch.setattr(triton_ops, "there", lambda _: False)
    monkeypatch.setattr(compiled, "suited_to", lambda _: None)  # what numba does is not seen
    monkeypatch.setattr(fused, "suits", lambda _: not torch.is_grad_enabled())
    return made


def recipe(kind: str, *values: object, mix: float = 1.0, features: object = All()) -> Recipe:
    return Recipe(tuple(Bend(n, build_transform(kind, values), features, mix=mix) for n in (0, 2, 3)))


def expected(model: Model, seed: int, bent: Recipe | None) -> Tensor:
    """Without anything being recorded."""
    latents = model.latents([seed])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "_can_be_recorded", lambda _: False)
        patch.setattr(insertion, "reads_numbers", lambda _: False)
        patch.setattr(on_gpu, "has_triton", lambda _: False)
        if bent is None:
            return model.generate(latents)
        with bend(model, bent):
            return model.generate(latents)


def test_from_the_third_run_on_latents_differ_and_nothing_else_is_done(model: Model, graphs: Graphs) -> None:
    for seed in range(5):
        image = model.generate(model.latents([seed]))
        torch.testing.assert_close(image, expected(model, seed, None))
    assert (graphs.recorded, graphs.replayed) == (1, 4)


@pytest.mark.usefixtures("graphs")
def test_what_was_given_is_not_written_to_by_later_runs(model: Model) -> None:
    images = [model.generate(model.latents([seed])) for seed in range(4)]
    kept = [image.clone() for image in images]
    model.generate(model.latents([9]))
    assert all(torch.equal(*pair) for pair in zip(images, kept, strict=True))


@pytest.mark.parametrize("features", [All(), Random(0.5)])
@pytest.mark.parametrize(
    ("kind", "values"), [("multiply", (1.1, -0.7, 1.3, 0.4)), ("threshold", (0.1, 0.2, 0.3, 0))]
)
def test_numbers_move_and_nothing_is_recorded_anew(
    model: Model, graphs: Graphs, kind: str, values: tuple[float, ...], features: object
) -> None:
    for place, value in enumerate(values):
        bent = recipe(kind, float(value), mix=0.3 + 0.1 * place, features=features)
        with bend(model, bent):
            image = model.generate(model.latents([place]))
        torch.testing.assert_close(image, expected(model, place, bent))
    assert (graphs.recorded, graphs.replayed) == (1, 3)


def test_bends_of_another_structure_are_recorded_by_themselves(model: Model, graphs: Graphs) -> None:
    bents = [
        recipe("dilate", 9),
        recipe("dilate", 10),
        recipe("multiply", 2.0),
        recipe("multiply", 2.0, mix=0.5),
    ]
    for bent in bents * 3:
        with bend(model, bent):
            image = model.generate(model.latents([1]))
        torch.testing.assert_close(image, expected(model, 1, bent))
    assert (graphs.recorded, graphs.replayed) == (4, 8)


def test_blocks_in_blocks_are_replayed_together(model: Model, graphs: Graphs) -> None:
    for factor in (1.5, 0.5, 2.0):
        with bend(model, recipe("multiply", factor)), bend(model, recipe("threshold", factor / 4)):
            image = model.generate(model.latents([1]))
        both = Recipe(recipe("multiply", factor).bends + recipe("threshold", factor / 4).bends)
        torch.testing.assert_close(image, expected(model, 1, both))
    assert graphs.replayed == 2


def test_who_made_nan_is_told_while_graphs_are_replayed(model: Model, graphs: Graphs) -> None:
    for factor in (1.0, 1.1, 1.2):
        with bend(model, recipe("multiply", factor)):
            model.generate(model.latents([1]))
    with pytest.raises(NonFiniteError, match="`multiply` at layer"), bend(model, recipe("multiply", 3e38)):
        model.generate(model.latents([1]))
    with bend(model, recipe("multiply", 1.3)):
        image = model.generate(model.latents([1]))
    torch.testing.assert_close(image, expected(model, 1, recipe("multiply", 1.3)))
    assert graphs.replayed == 4


def test_weights_may_change_in_place_or_be_others(model: Model, graphs: Graphs) -> None:
    model.generate(model.latents([1]))
    for change in (
        lambda w: w.mul_(2),
        lambda w: w.data.neg_(),
        lambda w: setattr(w, "data", w.data.flip(0)),
    ):
        change(model.network.layers[2].conv.weight)
        torch.testing.assert_close(model.generate(model.latents([1])), expected(model, 1, None))
    assert (graphs.recorded, graphs.replayed) == (1, 2)


@pytest.mark.parametrize("how", ["gradients", "hook", "prefix", "training"])
def test_what_cannot_be_recorded_runs_as_it_is_written(model: Model, graphs: Graphs, how: str) -> None:
    w, noise = model.w_plus(model.latents([1])), model.generator.synthesis.constant_noise()
    called = []
    for _ in range(4):
        if how == "gradients":
            with torch.enable_grad():
                assert run(model.network, w.requires_grad_(), noise).requires_grad
        elif how == "hook":
            handle = model.network.layers[1].register_forward_hook(lambda *_: called.append(1))
            model.generate(model.latents([1]))
            handle.remove()
        elif how == "prefix":
            with Prefix(model.network, [model.layers[4]]).recorded():
                model.generate(model.latents([1]))
        else:
            model.network.train()
            model.generate(model.latents([1]))
    assert graphs.recorded == 0
    assert how != "hook" or len(called) == 4


class Waiting(Transform):
    """Looks at numbers, as no graph can."""

    name = "waiting"

    def __call__(self, maps: Tensor) -> Tensor:
        return maps + 1 if maps.sum().item() > 0 else maps


def test_a_bend_that_waits_for_the_device_is_run_as_it_is_written(model: Model, graphs: Graphs) -> None:
    bent = Recipe((Bend(1, Waiting()),))
    with bend(model, bent):
        model.generate(model.latents([1]))
    with pytest.warns(UserWarning, match="kernel by kernel"), bend(model, bent):
        model.generate(model.latents([1]))
    with bend(model, bent):
        image = model.generate(model.latents([1]))
    torch.testing.assert_close(image, expected(model, 1, bent))
    assert graphs.replayed == 0


def test_a_layer_that_is_not_reached_is_told_of_replayed_runs_too(model: Model, graphs: Graphs) -> None:
    with pytest.raises(ModelError, match="never ran"), bend(model, recipe("multiply", 1.0)):
        pass
    for _ in range(3):
        with bend(model, recipe("multiply", 1.0)):
            model.generate(model.latents([1]))
    assert graphs.replayed == 2


def test_not_more_graphs_are_kept_than_their_maps_leave_room_for(
    model: Model, graphs: Graphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MAX_GRAPHS", 2)
    for radius in (9, 10, 11, 12):
        for _ in range(3):
            with bend(model, recipe("dilate", radius)):
                model.generate(model.latents([1]))
    kept = replay._replays[model.network]._graphs.values()
    assert sum(isinstance(graph, replay._Graph) for graph in kept) <= 3
    monkeypatch.setattr(replay, "MAX_VALUES", 10)
    for _ in range(4):
        model.generate(model.latents([1, 2]))
    assert graphs.recorded == 4


def test_threads_each_get_their_own_pictures(model: Model, graphs: Graphs) -> None:
    def draw(seed: int) -> list[Tensor]:
        return [model.generate(model.latents([seed])) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(draw, range(8), timeout=60))
    for seed, images in enumerate(drawn):
        for image in images:
            torch.testing.assert_close(image, expected(model, seed, None))
    assert graphs.recorded == 1


class Twice(type(build_transform("multiply", [1.0]))):  # type: ignore[misc]
    """Does something else than what it was made from."""

    name = "twice"

    def __call__(self, maps: Tensor) -> Tensor:
        return super().__call__(super().__call__(maps))


def test_a_transform_made_from_another_is_not_taken_for_it(model: Model, graphs: Graphs) -> None:
    for factor in (1.5, 0.5, 1.5, 1.5):
        bent = Recipe((Bend(1, Twice(p=factor)),))
        with bend(model, bent):
            image = model.generate(model.latents([1]))
        torch.testing.assert_close(image, expected(model, 1, bent))
    assert graphs.replayed == 2
