"""Text out of files as a terminal may show it."""

import re
import unicodedata

JOINERS = "\u200c\u200d"  # hold letters of Persian and parts of emoji together, and move nothing
# Whatever may move the cursor, colour, rename, ring, hide or turn round: controls, formats, halves of
# characters (of file names that are not UTF-8) and separators of lines that are no line ends.
HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SUSPECTS = re.compile(r"[^ -~\n\t]")  # everything beyond plain ASCII is looked up


def printable(text: str) -> str:
    r"""The text with what a terminal would obey instead of show written as `\x1b`; lines and tabs stay."""
    return text if text.isascii() and text.isprintable() else _SUSPECTS.sub(_shown, text)


def printable_json(text: str) -> str:
    r"""JSON that says the same, with such characters as `\u001b`. They stand only inside its strings."""
    return _SUSPECTS.sub(lambda found: _shown(found, json=True), text)


def shortened(text: str, most: int) -> str:
    """The beginning of a text that is too long, and how much is left out."""
    return text if len(text) <= most else f"{text[:most]} ... ({len(text) - most} more characters)"


def _shown(found: re.Match[str], json: bool = False) -> str:
    character = found[0]
    if character in JOINERS or unicodedata.category(character) not in HARMFUL:
        return character
    if not json:
        return character.encode("unicode_escape").decode()
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
