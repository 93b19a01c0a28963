"""Whole numbers out of text, of which thousands of digits would be slow and then refused by Python."""

from netbend.limits import MAX_YAML_DIGITS


def whole_number(text: str) -> int | None:
    """The number that plain digits write; None for anything else, and for more digits than any number has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_YAML_DIGITS else None
