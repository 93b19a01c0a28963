"""What is kept of one picture for the next changes no pixel, and spares what it can."""

from typing import Any

import numpy as np
import pytest

import netbend
from netbend.engine import prefix_cache
from netbend.engine.prefix_cache import PrefixCache
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions


def test_layers_before_the_bends_are_computed_once(model: Model) -> None:
    ran: list[int] = []
    for number in range(5):
        conv = model.network.get_submodule(f"layers.{number}").conv
        conv.register_forward_pre_hook(lambda _m, _i, number=number: ran.append(number))

    def still(*bends: dict[str, Any], compare: bool = False) -> Still:
        plan = netbend.resolve({"bends": list(bends)}, model)
        return Still(model, model.latents([5]), plan=plan, compare=compare)

    turn = {"layer": 3, "transform": "rotate", "params": [30], "features": {"random": 0.5}}
    cache = PrefixCache()
    for number, (changed, layers) in enumerate(
        [
            ([turn], [0, 1, 2, 3, 4]),
            ([{**turn, "params": [60]}], [3, 4]),
            ([{**turn, "transform": "ablate", "params": []}], [3, 4]),
            ([turn, {"layer": 4, "transform": "invert"}], [3, 4]),
            ([{"layer": 1, "transform": "invert"}, turn], [0, 1, 2, 3, 4]),
            ([{"layer": 1, "transform": "ablate"}, turn], [1, 2, 3, 4]),
            ([{"layer": 1, "transform": "ablate"}, {**turn, "params": [60]}], [1, 2, 3, 4]),
            ([{"layer": 1, "transform": "ablate"}, {**turn, "params": [61]}], [3, 4]),  # one slider moves
            ([{"layer": 1, "transform": "ablate"}, {**turn, "params": [62]}], [3, 4]),
            ([{"layer": 1, "transform": "ablate"}, {**turn, "params": [62]}], [3, 4]),  # the same again
            ([{"layer": 1, "transform": "invert"}, {**turn, "params": [62]}], [1, 2, 3, 4]),
            ([turn], [1, 2, 3, 4]),
            ([], [1, 2, 3, 4]),
            ([turn], [3, 4]),
        ]
    ):
        ran.clear()
        picture = cache.picture(still(*changed))
        assert ran == layers, number
        assert picture.tobytes() == still(*changed).picture().tobytes()
    both = still(turn, compare=True)
    assert cache.picture(both).tobytes() == both.picture().tobytes()
    ran.clear()
    cache.picture(both)
    assert ran == [3, 4]  # and the unbent half is kept


def drawn(random: np.random.RandomState) -> list[dict[str, Any]]:
    """Up to four bends, of few values, so that some come again."""
    return [
        {
            "layer": int(random.randint(5)),
            "transform": ("multiply", "rotate", "dilate", "shuffle", "noise")[random.randint(5)],
            "features": {"random": float(random.choice([0.3, 1.0]))},
            "mix": float(random.choice([0.5, 1.0])),
        }
        for _ in range(random.randint(5))
    ]


PARAMS = {"multiply": [1.5], "rotate": [20], "dilate": [1], "shuffle": [], "noise": [0.5]}


@pytest.mark.parametrize("room", [2**30, 20_000, 0], ids=["all is kept", "some is kept", "nothing is kept"])
@pytest.mark.parametrize("noise", ["constant", "random", "none"])
def test_whatever_came_before_a_picture_is_the_one_made_alone(
    model: Model, room: int, noise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefix_cache, "MAX_KEPT", room)
    random = np.random.RandomState(4)
    cache = PrefixCache()
    bends = drawn(random)
    for _ in range(60):
        bends = bends if random.uniform() < 0.7 else drawn(random)
        if bends and random.uniform() < 0.8:  # as one slider moves
            place = random.randint(len(bends))
            bends = [*bends[:place], {**bends[place], "mix": float(random.uniform())}, *bends[place + 1 :]]
        recipe = {"bends": [{"params": PARAMS[bend["transform"]], **bend} for bend in bends]}
        still = Still(
            model,
            model.latents([random.randint(2)]),
            SynthesisOptions(noise=noise),
            plan=netbend.resolve(recipe, model, seed=int(random.randint(2))),
            compare=bool(random.randint(2)),
        )
        assert cache.picture(still).tobytes() == still.picture().tobytes()
        assert cache.bytes <= room
