"""The works of section 7.5 measured, figure 7 among them: what docs/works.md says beside their pictures.

    python scripts/works_measured.py

Ends with exit code 1 where a caption does not hold. Faces are looked for in pictures of `photo-faces`, see
figure_criteria.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from figure_criteria import (
    Pixels,
    eye_edges_left,
    face_mask,
    face_of,
    face_score,
    fine_edges,
    nose_and_mouth,
    relief_likeness,
)
from measured import DOCS, ROOT, Criterion, Measured, exit_if_false, in_a_sentence, table, write_into
from PIL import Image

from netbend.bending import Plan, resolve
from netbend.engine.bound import bind
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.catalog import load_model
from netbend.motion.measure import measured
from netbend.recipe import Recipe, load_recipe
from netbend.recipe.places import Latent, LatentFile, Seed
from netbend.variations.unlike import visible_change

WORKS = ROOT / "recipes" / "works"
SEEDS = range(1, 9)
OPTIONS = SynthesisOptions(truncation_psi=0.7)
STILLS = 12
DRAWS = 24  # on the sheet of the EP series
FPS = 12
# Rows and columns of a drawn face: background, hair, face.
PLACES = [
    (slice(0, 12), slice(0, 10)),
    (slice(4, 14), slice(24, 40)),
    (slice(30, 45), slice(24, 40)),
]


def main() -> None:
    photographs, drawn = load_model("photo-faces", "cpu"), load_model("faces", "cpu")
    found = {
        "teratome": teratome(photographs),
        "ep-series": ep_series(photographs),
        "fragments-of-self": fragments(photographs),
        "disembodied-gaze": gaze(photographs),
        "you-are-here": you_are_here(drawn),
    }
    for name, numbers in found.items():
        lines = table(numbers, "measured on")
        write_into(DOCS / "works.md", name, lines)
        print(name, *lines, sep="\n", flush=True)
    fragments_found = found["fragments-of-self"]
    sentence = in_a_sentence(
        fragments_found, "the portrait and eight other faces", "docs/works.md#fragments-of-self"
    )
    write_into(ROOT / "README.md", "fragments-of-self", [sentence])
    exit_if_false(each for numbers in found.values() for each in numbers)


def teratome(model: Model) -> list[Measured]:
    """Bodies that cannot be, in full detail: on eight identities, and on the sheet's twelve draws of one."""
    recipe = load_recipe(WORKS / "teratome.yaml")
    unbent = {seed: picture(model, model.latents([seed])) for seed in SEEDS}
    eight = [(unbent[seed], picture(model, model.latents([seed]), recipe)) for seed in SEEDS]
    twelve = [(unbent[4], picture(model, model.latents([4]), recipe, draw)) for draw in range(1, 13)]
    score = Criterion("score of the face detector, 0 or more for a face", most=0)
    detail = Criterion("fine edges left of the unbent picture's", least=0.5)
    found = []
    for of, pairs in (("seeds 1 to 8", eight), ("the twelve above", twelve)):
        found.append(Measured(of, score, [face_score(after) for _, after in pairs]))
        found.append(
            Measured(of, detail, [fine_edges(after) / fine_edges(before) for before, after in pairs])
        )
    return found


def ep_series(model: Model) -> list[Measured]:
    """As many sleeves as there are seeds."""
    recipe = load_recipe(WORKS / "ep-series.yaml")
    latents = model.latents([12])
    drawn = [picture(model, latents, recipe, draw) for draw in range(1, DRAWS + 1)]
    shown = [Image.fromarray(each) for each in (*drawn, picture(model, latents))]
    apart = [min(visible_change(one, other) for other in shown if other is not one) for one in shown[:DRAWS]]
    says = "change of the tenth that changes most, in levels, to the nearest draw or the unbent picture"
    return [Measured("the two dozen above", Criterion(says, least=40, digits=0), apart)]


def fragments(model: Model) -> list[Measured]:
    """A portrait falls apart and comes back: twelve moments, of eight identities and of the portrait."""
    recipe = load_recipe(WORKS / "fragments-of-self.yaml")
    best, worst, faces = [], [], []
    for place in (LatentFile("portrait.npz"), *map(Seed, SEEDS)):
        unbent, bent = stills(film_of(model, replace(recipe, latent=Latent(place))))
        face = face_of(unbent[0], "the portrait")
        mask = face_mask(unbent[0], face)
        like = [relief_likeness(unbent[0], each, face, mask) for each in bent]
        best.append(max(like))
        worst.append(min(like))
        faces.append(sum(face_score(each) > 0 for each in bent))
    of = "the portrait, seeds 1 to 8"
    return [
        Measured(
            of,
            Criterion("likeness of the face's light and shade, in the moment most like it", least=0.7),
            best,
        ),
        Measured(of, Criterion("the same, in the moment least like it", most=0.3), worst),
        Measured(
            of, Criterion("moments of twelve in which a face is found", least=2, most=10, digits=0), faces
        ),
    ]


def gaze(model: Model) -> list[Measured]:
    """Eyes that stay, in the twelve moments that are shown."""
    unbent, bent = stills(film_of(model, load_recipe(WORKS / "disembodied-gaze.yaml")))
    faces = [face_of(before, "a moment of the film") for before in unbent]
    moments = list(zip(unbent, bent, faces, strict=True))
    of = "the twelve above"
    return [
        Measured(
            of,
            Criterion("edges left in the eye that has kept more", least=0.5, spared=1),
            [eye_edges_left(*moment) for moment in moments],
        ),
        Measured(
            of,
            Criterion("likeness of the light and shade of nose and mouth", most=0.5),
            [nose_and_mouth(*moment) for moment in moments],
        ),
        Measured(
            of,
            Criterion("score of the face detector, 0 or more for a face", most=0),
            [face_score(after) for after in bent],
        ),
    ]


def you_are_here(model: Model) -> list[Measured]:
    """Drawn faces that follow photographs, bent in time with a loop."""
    recipe = load_recipe(WORKS / "you-are-here.yaml")
    film = film_of(model, recipe, FPS)
    times = [film.time(frame) for frame in range(len(film))]
    both = np.stack([np.asarray(frame, float) for frame in replace(film, compare=True).frames()])
    unbent, bent = np.split(both, 2, axis=2)
    photographs = photographs_at(WORKS / "photographs.mp4", times, unbent.shape[1])
    follows = [
        correlation(
            photographs[:, rows, columns, channel].mean((1, 2)), bent[:, rows, columns, channel].mean((1, 2))
        )
        for rows, columns in PLACES
        for channel in range(3)
    ]
    assert recipe.soundtrack is not None
    onsets = measured(WORKS / recipe.soundtrack, "onset", smooth=0.15)
    in_time = correlation(
        np.abs(bent - unbent).mean((1, 2, 3)), np.array([onsets.at(time) for time in times])
    )
    says = "correlation with the colours of the photographs over the film"
    return [
        Measured("red, green, blue of background, hair, face", Criterion(says, least=0.3), follows),
        Measured(
            "the film",
            Criterion("correlation of the bends' change with the loop's onsets", least=0.3),
            [in_time],
        ),
    ]


def picture(model: Model, latents: Latents, recipe: Recipe | None = None, draw: int | None = None) -> Pixels:
    plan = Plan(()) if recipe is None else resolve(recipe, model, seed=draw)
    return np.asarray(Still(model, latents, OPTIONS, recipe, plan).picture())


def film_of(model: Model, recipe: Recipe, fps: float = 30.0) -> Film:
    request = RenderRequest.of(model, recipe, fps=fps)
    return Film.of(bind(request, model))


def stills(film: Film) -> tuple[list[Pixels], list[Pixels]]:
    """Unbent and bent pictures at the moments that `--stills 12` shows."""
    times = [film.time(len(film) * place // STILLS) for place in range(STILLS)]
    latents = film.path.at(times)
    stills = [Still(film.model, latents[place], film.options) for place in range(STILLS)]
    bent = [replace(still, plan=film.plan.at(time)) for still, time in zip(stills, times, strict=True)]
    unbent = [stills[0].picture()] * STILLS if film.path.still else [still.picture() for still in stills]
    return [np.asarray(each) for each in unbent], [np.asarray(still.picture()) for still in bent]


def photographs_at(film: Path, times: Sequence[float], side: int) -> Pixels:
    """The frames that a film shows at some times, made small: `(frames, side, side, 3)`."""
    with av.open(str(film)) as container:
        shown = [(frame.time, frame.to_image().resize((side, side))) for frame in container.decode(video=0)]
    return np.stack(
        [np.asarray([each for start, each in shown if start <= time][-1], float) for time in times]
    )


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


if __name__ == "__main__":
    main()
