"""Text out of files is shown, not obeyed."""

import json

import pytest

from netbend.printable import printable, printable_json, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with a tab\tand\nlines", "plain, with a tab\tand\nlines"),
        ("Zoë, \u00a0日本, 👩\u200d🚀", "Zoë, \u00a0日本, 👩\u200d🚀"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b2J", r"\x9b2J"),  # the same in one character
        ("back\b\b\b\b\r", r"back\x08\x08\x08\x08\r"),
        ("\x7f\x00\x0b", r"\x7f\x00\x0b"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("\u2028\u2029\u2066", r"\u2028\u2029\u2066"),
        ("\ufeff\U000e0041", r"\ufeff\U000e0041"),
        ("\udce9", r"\udce9"),  # of a file name that is not UTF-8
    ],
)
def test_only_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x9b", "\u202e", "\U000e0041", "\udce9", "a\nb", "Zoë 👩\u200d🚀"]
)
def test_json_says_the_same_without_them(text: str) -> None:
    harmless = printable_json(json.dumps({text: [text]}, ensure_ascii=False, indent=2))
    assert json.loads(harmless) == {text: [text]}
    assert printable(harmless) == harmless


def test_long_text_is_cut_and_counted() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcdef ... (1 more characters)"
