"""Films of a tiny model, and films that are drawn without any."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netbend.engine.bound import Bound, bind
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.models.base import Model
from netbend.recipe import recipe_from_data

Film_of = Callable[..., Film]
Bound_of = Callable[..., Bound]


@pytest.fixture
def bound_of(model: Model) -> Bound_of:
    """The request for a film of a recipe's data, at 10 frames a second, bound to the model."""

    def bound_of(data: dict[str, Any], seconds: float = 4, fps: float = 10, **rest: Any) -> Bound:
        recipe = recipe_from_data({"bends": [], **data})
        request = RenderRequest.of(model, recipe, seconds=seconds, fps=fps, **rest)
        return bind(request, model)

    return bound_of


@pytest.fixture
def film_of(bound_of: Bound_of) -> Film_of:
    """The frames of such a request."""
    return lambda *args, **rest: Film.of(bound_of(*args, **rest))


@dataclass(frozen=True)
class Drawn:
    """What is written as a film is: pictures by a function of the frame's number."""

    draw: Callable[[int], Image.Image]
    length: int
    fps: float = 25.0

    def __len__(self) -> int:
        return self.length

    def frames(self, first: int = 0, end: int | None = None) -> Iterator[Image.Image]:
        return map(self.draw, range(first, self.length if end is None else end))


def noise_picture(number: int, width: int = 48, height: int = 32) -> Image.Image:
    """Another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())
