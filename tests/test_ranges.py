"""`0-3,7` is read alike wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbend.ranges import parse_names_and_ranges, parse_ranges, refuse_twice


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 20)), min_size=1, max_size=8))
def test_numbers_and_ranges_stand_for_themselves_in_their_order(ranges: list[tuple[int, int]]) -> None:
    text = ", ".join(f"{low}-{low + more}" if more else str(low) for low, more in ranges)
    expected = [number for low, more in ranges for number in range(low, low + more + 1)]
    assert parse_ranges(text, most=1000) == expected
    assert parse_names_and_ranges(text, most=1000) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected numbers and ranges"),
        ("1,", "expected numbers and ranges"),
        ("a", "expected numbers and ranges"),
        ("1-", "expected numbers and ranges"),
        ("1--2", "expected numbers and ranges"),
        ("1.5", "expected numbers and ranges"),
        ("٣", "expected numbers and ranges"),
        ("9" * 5000, "expected numbers and ranges"),
        ("-1", "they start at 0; a range is written as 0-15"),
        ("5-3", "the range 5-3 runs backwards"),
        ("0-100", "more than 100 at once"),
        ("0-98,7,8", "more than 100 at once"),
        ("0-999999999999", "999999999999 is more than 500"),
        ("501", "501 is more than 500, the largest there can be"),
    ],
)
def test_what_is_none_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_ranges(text, most=100, largest=500)


def test_names_stand_beside_numbers() -> None:
    assert parse_names_and_ranges("1-3, b8.conv1,to-rgb", most=100) == [1, 2, 3, "b8.conv1", "to-rgb"]
    with pytest.raises(ValueError, match="expected names, numbers and ranges"):
        parse_names_and_ranges("1,,2", most=100)
    with pytest.raises(ValueError, match="more than 3 at once"):
        parse_names_and_ranges("a,0-2", most=3)


def test_what_comes_twice_is_named() -> None:
    refuse_twice([1, "a", 2])
    with pytest.raises(ValueError, match="2 comes twice"):
        refuse_twice([2, 1, 2])
