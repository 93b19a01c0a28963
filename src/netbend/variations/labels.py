"""Pictures in rows and columns that say what they are."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from netbend.pictures import BACKGROUND, GAP, INK

SMALLEST_FONT = 13
LINE = 1.3  # of the font's size

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def labelled(
    pictures: Sequence[Sequence[Image.Image]],
    rows: Sequence[str],
    columns: Sequence[str],
    corner: Image.Image | None = None,
    caption: str = "",
) -> Image.Image:
    """Pictures of one height by rows, labels at the left of rows and above columns, in letters that
    grow with the pictures; the corner picture stands where both begin, its caption at its right."""
    height = pictures[0][0].height
    widths = [max(row[index].width for row in pictures) for index in range(len(columns))]
    size = max(SMALLEST_FONT, height // 12)
    font = ImageFont.load_default(size)
    above = [wrapped(label, font, width - GAP) for label, width in zip(columns, widths, strict=True)]
    widest = max(widths) if corner is None else corner.width
    beside = [wrapped(label, font, widest - GAP) for label in rows]
    margin = max(round(font.getlength(line)) for lines in beside for line in lines) + 2 * GAP
    top = round(max(map(len, above)) * size * LINE) + GAP
    if corner is not None:
        margin, top = max(margin, corner.width), max(top, corner.height)
    full = margin + sum(widths) + GAP * (len(widths) + 2), top + len(rows) * (height + GAP) + 2 * GAP
    sheet = Image.new("RGB", full, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    if corner is not None:
        sheet.paste(corner, (GAP, GAP))
        _write(draw, wrapped(caption, font, sum(widths)), (margin + 2 * GAP, GAP), font, size)
    x = margin + 2 * GAP
    for index, lines in enumerate(above):
        _write(draw, lines, (x, top + GAP - round(len(lines) * size * LINE)), font, size)
        y = top + 2 * GAP
        for row in pictures:
            sheet.paste(row[index], (x, y))
            y += height + GAP
        x += widths[index] + GAP
    for index, lines in enumerate(beside):
        middle = top + 2 * GAP + index * (height + GAP) + height // 2
        _write(draw, lines, (2 * GAP, middle - round(len(lines) * size * LINE) // 2), font, size)
    return sheet


def _write(
    draw: ImageDraw.ImageDraw, lines: Sequence[str], at: tuple[int, int], font: Font, size: int
) -> None:
    for index, line in enumerate(lines):
        draw.text((at[0], at[1] + round(index * size * LINE)), line, fill=INK, font=font)


def wrapped(text: str, font: Font, width: float) -> list[str]:
    """A label in lines that fit a width: broken between words, and within one that is too long alone."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [part for line in lines for part in _broken(line, font, width)]


def _broken(line: str, font: Font, width: float) -> list[str]:
    parts = [""]
    for letter in line:
        if parts[-1] and font.getlength(parts[-1] + letter) > width:
            parts.append("")
        parts[-1] += letter
    return parts
