"""How many frames a second a film has, and what batches, reuse and encoding beside the network bring.

    python benchmarks/film.py [MODEL ...] [--threads 2] [--rounds 3] [--table out.md] [--plot out.png]

MODEL: a name or file, or the size of a StyleGAN2 with random weights, config F; faces (64x64), 256 and
1024 if none is given. The film has a still bend at a third of the layers and one that moves at two thirds.
Ratios are to frames made one by one, all of each. The limits are measured in the same rounds: the unbent
network by itself, which makes no pictures of what it draws, and the encoder by itself.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip

from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from limits import copy_rate, stylegan2
from paired import timed
from plot import Axis
from report import Report, add_plot, compiling, options, table

from netbend.engine.bound import bind
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.film.formats import FORMATS
from netbend.film.video import encode
from netbend.film.write import Encoding, at_height, fraction, write_film
from netbend.models.base import Model
from netbend.recipe import recipe_from_data

FPS = 30
FRAMES = {True: 96, False: 6}  # of pictures that are made in batches, and of larger ones
REFERENCE = "one by one, all of each"
LIMITS = ["the network alone, unbent", "the encoder alone"]


class Anew(Film):
    _prefix = None  # type: ignore[assignment]


class Batches(Film):
    """As on a GPU."""

    group = 16  # type: ignore[assignment]


class BatchesAnew(Anew, Batches):
    pass


def main() -> None:
    parser = add_plot(options(__doc__, rounds=3))
    parser.add_argument("models", nargs="*", default=["faces", "256", "1024"], metavar="MODEL")
    chosen = parser.parse_args()
    report = Report("Films", chosen)
    report.add(f"{copy_rate(chosen.rounds)} {compiling()}")
    curves, limits = defaultdict(list), defaultdict(list)
    for name in chosen.models:
        model = stylegan2(int(name)) if name.isdecimal() else netbend.load_model(name, "cpu")
        height, frames = model.layers[-1].height, len(film_of(model))
        with TemporaryDirectory() as folder:
            times = timed(contenders(model, Path(folder)), chosen.rounds)
        rows = []
        for contender in times.seconds:
            rate = frames / times.middle(contender)
            rows.append([contender, f"{rate:.3g}", f"{times.ratio(REFERENCE, contender):.2f}"])
            curve = limits if contender in LIMITS else curves
            curve[contender].append((height, 1e3 / rate))
        title = f"{name}, {height}x{height}, {frames} frames"
        report.add(*table([title, "frames a second", "as fast"], rows))
    ticks = {float(x): f"{x:g}" for x in sorted({x for x, _ in curves[REFERENCE]})}
    across = Axis(f"pixels a side ({', '.join(chosen.models)})", ticks=ticks)
    report.draw(curves, limits, across, Axis("milliseconds a frame"))
    report.save()


def contenders(model: Model, folder: Path) -> dict[str, Callable[[], object]]:
    film = film_of(model)
    settings = {field.name: getattr(film, field.name) for field in fields(film)}
    pictures = list(film.frames())
    latents = film.path.at([0.0])
    batches: dict[str, Callable[[], object]] = {
        "batches of 16, all of each": lambda: list(BatchesAnew(**settings).frames()),
        "batches of 16, with reuse": lambda: list(Batches(**settings).frames()),
    }
    alone = partial(encode, format=FORMATS[".mp4"], fps=fraction(FPS), quality=18)
    return {
        REFERENCE: lambda: list(Anew(**settings).frames()),
        "one by one, with reuse": lambda: list(film_of(model).frames()),
        **(batches if model.layers[-1].height < 256 else {}),
        LIMITS[0]: lambda: [model.generate(latents) for _ in range(len(film))],
        LIMITS[1]: lambda: alone(map(at_height, pictures), folder / "alone.mp4"),
        "the film: both at once": lambda: write_film(film_of(model), folder / "film.mp4", Encoding()),
    }


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
    frames = FRAMES[model.layers[-1].height < 256]
    recipe = recipe_from_data({"latent": 3, "bends": bends})
    return Film.of(bind(RenderRequest.of(model, recipe, seconds=frames / FPS, fps=FPS), model))


if __name__ == "__main__":
    main()
