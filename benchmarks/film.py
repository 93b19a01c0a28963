"""How many frames a second a film has, and what batches, reuse and encoding beside the network bring.

    python benchmarks/film.py [MODEL] [THREADS]       faces, 1

Prints the median of several rounds, the contenders in turn, and ratios to frames made one by one, all of
each. The film has a still bend at a third of the layers and one that moves at two thirds.
"""

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import torch

import netbend
from netbend.film.formats import FORMATS
from netbend.film.frames import Film
from netbend.film.scene import Scene
from netbend.film.video import encode
from netbend.film.write import Encoding, at_height, fraction, write_film
from netbend.models.base import Model
from netbend.recipe import recipe_from_data

ROUNDS = 5
FPS = 30
FRAMES = {True: 96, False: 6}  # of small and of large pictures


class OneByOne(Film):
    group = 1  # type: ignore[assignment]


class Anew(Film):
    _prefix = None  # type: ignore[assignment]


class OneByOneAnew(Anew, OneByOne):
    pass


def main(name: str, threads: int) -> None:
    torch.set_num_threads(threads)
    model = netbend.load_model(name, "cpu")
    film = film_of(model)
    settings = {field.name: getattr(film, field.name) for field in fields(film)}
    batches = {
        f"batches of {film.group}, all of each": lambda: list(Anew(**settings).frames()),
        f"batches of {film.group}, with reuse": lambda: list(film_of(model).frames()),
    }
    with TemporaryDirectory() as folder:
        pictures = list(film.frames())
        seconds = measured(
            {
                "one by one, all of each": lambda: list(OneByOneAnew(**settings).frames()),
                "one by one, with reuse": lambda: list(OneByOne(**settings).frames()),
                **(batches if film.group > 1 else {}),
                "encoding alone": lambda: encode(
                    map(at_height, pictures), Path(folder) / "alone.mp4", FORMATS[".mp4"], fraction(FPS), 18
                ),
                "the film: both at once": lambda: write_film(
                    film_of(model), Path(folder) / "film.mp4", Encoding()
                ),
            }
        )
    reference = seconds["one by one, all of each"]
    print(f"{name}, {len(film)} frames, {threads} threads; median of {ROUNDS}")
    for contender, took in seconds.items():
        print(f"{contender:32} {len(film) / took:7.1f} frames a second   {reference / took:5.2f}")


def film_of(model: Model) -> Film:
    """As new, nothing of it computed yet."""
    count = sum(layer.number is not None for layer in model.layers)
    bends = [
        {"layer": count // 3, "transform": "multiply", "params": [1.3], "features": {"random": 0.5}},
        {
            "layer": 2 * count // 3,
            "transform": "rotate",
            "params": {"angle": {"wave": "sine", "from": -30, "to": 30, "seconds": 2}},
            "features": {"noise": 3, "above": 0, "seconds": 1},
        },
    ]
    frames = FRAMES[model.layers[-1].height <= 256]
    return Scene(model, recipe_from_data({"latent": 3, "bends": bends}), seconds=frames / FPS).film(FPS)


def measured(contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each."""
    taken: dict[str, list[float]] = {contender: [] for contender in contenders}
    for round_number in range(ROUNDS + 1):
        for contender, run in contenders.items():
            start = perf_counter()
            run()
            if round_number:  # the first warms up
                taken[contender].append(perf_counter() - start)
    return {contender: median(times) for contender, times in taken.items()}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "faces", int(sys.argv[2]) if len(sys.argv) > 2 else 1)
