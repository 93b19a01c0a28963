"""What is said of a picture that is there and is not the one asked for."""

from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

from netbend.engine.embedded import png_bytes
from netbend.engine.latent_values import LatentValues
from netbend.engine.request import ModelReference, RenderRequest
from netbend.errors import RenderError
from netbend.models.base import SynthesisOptions
from netbend.render import resume
from netbend.render.resume import already_made, listed, refuse_others

REQUEST = RenderRequest.of("m", seeds=[3], version="1")
PSI = SynthesisOptions(truncation_psi=0.5)
W = LatentValues(space="w", values="AAAA", shape=[1])
# A change to a request, and how the other picture is called.
CHANGES: list[tuple[dict[str, object], str]] = [
    ({"latents": [{"seed": 4}]}, "another latent"),
    ({"model": ModelReference(name="n")}, "another model"),
    ({"version": "2"}, "another version of netbend"),
    ({"options": SynthesisOptions(noise="none")}, "other noise"),
    ({"options": PSI, "latents": [{"seed": 4}]}, "another latent and another truncation"),
    (
        {"options": SynthesisOptions(0.5, 2), "latents": [{"seed": 4}]},
        "another latent, another cutoff and another truncation",
    ),
    ({"precision": "bf16"}, "another precision"),
    ({"compare": True}, "another layout (--compare)"),
    ({"options": SynthesisOptions(nonfinite="warn")}, "another rule for NaN and infinity"),
    ({"recipe": {"bends": []}}, "another recipe"),
    ({"latents": [W]}, "another latent"),
    ({"selected": []}, "other features or masks"),
    ({"sheet": True}, "another layout (--sheet)"),
]


@pytest.mark.parametrize(("change", "called"), CHANGES, ids=[called for _, called in CHANGES])
def test_a_picture_of_something_else_is_called_what_it_is(
    tmp_path: Path, change: dict[str, object], called: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(Image.new("RGB", (4, 4)), RenderRequest(**{**dict(REQUEST), **change})))
    assert already_made({path: REQUEST}) == set()
    with pytest.raises(RenderError) as raised:
        refuse_others({path: REQUEST}, set(), overwrite=False)
    assert f"is not the picture asked for (it was made with {called}); name another --out" in str(
        raised.value
    )


def test_the_first_of_several_is_told(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(30)]
    for path in paths:
        path.write_bytes(png_bytes(Image.new("RGB", (4, 4)), None))
    for place in (0, 7):
        with pytest.raises(RenderError, match=rf"/{place}\.png: is not the picture asked for \(no record"):
            refuse_others(dict.fromkeys(paths, REQUEST), set(paths[:place]), overwrite=False)


def test_everything_in_the_request_of_a_picture_has_a_word() -> None:
    of_films_or_open = {"options", "selection_seed", "clusters", "time", "seconds", "fps", "soundtrack"}
    said = (set(RenderRequest.model_fields) - of_films_or_open) | {
        field.name for field in fields(SynthesisOptions)
    }
    assert set(resume._WORDS) == said


def test_words_are_listed_as_in_a_sentence() -> None:
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
