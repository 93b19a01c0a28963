"""Lists as people type them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbend.errors import RenderError
from netbend.variations.lists import ends, numbers, values, words


def test_what_is_understood() -> None:
    assert words("1-3,b8.conv1, 7", "layers") == [1, 2, 3, "b8.conv1", 7]
    assert numbers("0-2,20", "seeds") == [0, 1, 2, 20]
    assert values("0,15.5,-3e-1", "angle") == [0, 15.5, -0.3]
    assert values("1-3,5,0.5", "r") == [1, 2, 3, 5, 0.5]
    assert values("0..90/7", "angle") == [0, 15, 30, 45, 60, 75, 90]
    assert values("-1..1/5", "t") == [-1, -0.5, 0, 0.5, 1]
    assert values("1..0/3", "mix") == [1, 0.5, 0]
    assert values("[[1,0,0],[0,1,0]],[[2,0,0],[0,2,0]]", "matrix") == [
        [[1, 0, 0], [0, 1, 0]],
        [[2, 0, 0], [0, 2, 0]],
    ]
    assert all(type(value) is int for value in values("1..4/4", "r"))
    assert (ends("1-3", "bends"), ends("0.25", "share")) == ((1, 3), (0.25, 0.25))


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (words, "", "expected names, numbers and ranges"),
        (words, "1,,2", "expected names"),
        (words, "3-1", "the range 3-1 runs backwards"),
        (words, "0-5000", "more than 1000 at once"),
        (words, ",".join(f"{n}-{n + 899}" for n in (0, 1000)), "more than 1000 at once"),
        (words, "eyes,mouth,eyes", "eyes comes twice"),
        (words, "0-3,2", "2 comes twice"),
        (numbers, "1,x", "expected numbers and ranges such as 0-15,20,33"),
        (numbers, "-1", "they start at 0"),
        (numbers, "9999999999999999999", "is more than 9223372036854775807"),
        (values, "0..90", "expected a number of steps, such as 0\\.\\.90/7"),
        (values, "0..90/1", "2 to 1000 steps"),
        (values, "0..90/9999", "2 to 1000 steps"),
        (values, "a..b/3", "expected two numbers"),
        (values, "0..1e999/3", "expected two numbers"),
        (values, "1,1.0", "comes twice"),
        (values, "3-1", "the range 3-1 runs backwards"),
        (ends, "a-b", "expected a number, or two"),
        (ends, "1-2-3", "expected a number, or two"),
    ],
)
def test_what_is_not_is_named(read: object, text: str, message: str) -> None:
    with pytest.raises(RenderError, match=f"^option.*{message}"):
        read(text, "option")


@given(st.text(max_size=30))
def test_nothing_else_happens_whatever_is_typed(text: str) -> None:
    for read in (words, numbers, values, ends):
        with suppress(RenderError):
            read(text, "option")
