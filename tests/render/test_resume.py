"""What is said of a picture that is there and is not the one asked for."""

from pathlib import Path

import pytest
from PIL import Image

from netbend.errors import RenderError
from netbend.render import resume
from netbend.render.record import Record, png_bytes
from netbend.render.resume import already_made, listed, refuse_others

RECORD = Record(version="1", model="m", model_hash="ab", seeds=[3])
# A change to a record, and how the other picture is called.
CHANGES: list[tuple[dict[str, object], str]] = [
    ({"seeds": [4]}, "another seed"),
    ({"model": "n", "model_hash": "cd"}, "another model"),
    ({"version": "2"}, "another version of netbend"),
    ({"noise": "none"}, "other noise"),
    ({"truncation": 0.5, "seeds": [4]}, "another seed and another truncation"),
    ({"truncation": 0.5, "seeds": [4], "cutoff": 2}, "another cutoff, another seed and another truncation"),
    ({"bf16": True}, "another precision"),
    ({"compare": True}, "another layout (--compare)"),
    ({"nonfinite": "warn"}, "another rule for NaN and infinity"),
    ({"recipe": {"bends": []}}, "another recipe"),
    ({"latents": "AAAA", "latents_shape": [1, 1], "space": "w"}, "another latent"),
]


@pytest.mark.parametrize(("change", "called"), CHANGES, ids=[called for _, called in CHANGES])
def test_a_picture_of_something_else_is_called_what_it_is(
    tmp_path: Path, change: dict[str, object], called: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(Image.new("RGB", (4, 4)), Record(**{**vars(RECORD), **change})))
    assert already_made({path: RECORD}) == set()
    with pytest.raises(RenderError) as raised:
        refuse_others({path: RECORD}, set(), overwrite=False)
    assert f"is not the picture asked for (it was made with {called}); name another --out" in str(
        raised.value
    )


def test_the_first_of_several_is_told(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(30)]
    for path in paths:
        path.write_bytes(png_bytes(Image.new("RGB", (4, 4)), None))
    for place in (0, 7):
        with pytest.raises(RenderError, match=rf"/{place}\.png: is not the picture asked for \(no record"):
            refuse_others(dict.fromkeys(paths, RECORD), set(paths[:place]), overwrite=False)


def test_everything_in_a_record_has_a_word() -> None:
    assert set(resume._WORDS) == set(Record.model_fields)


def test_words_are_listed_as_in_a_sentence() -> None:
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
