"""The request inside every picture: all that is needed to make the same pixels again."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
from PIL import Image, PngImagePlugin
from pydantic import ValidationError

from netbend.engine.png_text import read_png_text
from netbend.engine.quick_png import quick_png
from netbend.engine.request import ModelReference, RenderRequest, first_problem
from netbend.engine.still import Still
from netbend.errors import ModelError, NetbendError, RenderError
from netbend.latents.encoded_film import FORMATS
from netbend.limits import MAX_PROBLEM_TEXT, MAX_RECORD_TEXT, MAX_SHEET_PICTURES
from netbend.media.seekable import SeekableFile
from netbend.models.catalog import CATALOGUE, find_by_hash
from netbend.printable import shortened
from netbend.recipe import Recipe, load_clusters
from netbend.recipe.animation import looks_up_moving
from netbend.recipe.clusters import bundled_clusters
from netbend.recipe.paths import files_of
from netbend.recipe.places import Latent
from netbend.regular_file import open_regular

CHUNK = "netbend"  # of the PNG, as international text
VIDEO_SUFFIXES = {".mp4", ".webm", ".mkv"}


def png_bytes(picture: Image.Image, request: RenderRequest | None, *, quick: bool = False) -> bytes:
    """A picture as a PNG file, with its request unless that is None. Raises RenderError if it does not fit.

    quick: the same picture in a twentieth of the time, and a little larger.
    """
    texts = {} if request is None else {CHUNK: request_text(request)}
    if quick:
        return quick_png(picture, texts)
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        chunks.add_itxt(keyword, text, zip=True)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks, compress_level=6)
    return buffer.getvalue()


def request_text(request: RenderRequest) -> str:
    """A request as it is kept. Raises RenderError if it is too long to be read back."""
    text = json.dumps(request.data(), separators=(",", ":"))
    if len(text.encode()) > MAX_RECORD_TEXT:
        raise RenderError(
            f"latents, noise maps, masks and recipe do not fit into a picture's record: {len(text)} "
            f"characters, at most {MAX_RECORD_TEXT} are kept; use --no-metadata"
        )
    return text


def read_request(path: Path | str) -> RenderRequest:
    """The request inside a picture or film that netbend made; nothing in it is trusted.

    It may name other files: `self_contained` makes a request of it that opens none.

    Raises:
        RenderError: The file is neither PNG nor film, has no request in it, or a damaged one.
    """
    path = Path(path)
    text = _comment(path) if path.suffix.lower() in VIDEO_SUFFIXES else read_png_text(path, CHUNK)
    if text is None:
        raise RenderError(f"{path}: no record in it; it was not made by netbend, or with --no-metadata")
    try:
        return _parsed(text)
    except (ValidationError, ValueError, RecursionError, OverflowError, NetbendError) as error:
        raise RenderError(f"{path}: its record is damaged or of a newer netbend ({_first(error)})") from error


def self_contained(request: RenderRequest) -> RenderRequest:
    """A request out of a file as one that opens no other: the features and masks that it had are in it.

    Raises RenderError for one that needs more.
    """
    recipe, bundled = request.recipe, None
    if recipe is not None:
        if recipe.bends and request.selected is None:
            raise RenderError("the record does not hold the features of every bend")
        clusters = request.clusters or recipe.clusters
        if looks_up_moving(recipe) and isinstance(clusters, str):
            bundled = bundled_clusters(clusters)
            if bundled is None:
                raise RenderError(
                    f"it looks up clusters in {clusters!r:.80}, and no file is opened that another one names"
                )
        bends = tuple(replace(bend, mask=None) for bend in recipe.bends)
        recipe = replace(recipe, clusters=None, soundtrack=None, bends=bends)
    drawn = request.latents if request.sheet else request.latents[:1]
    latents = [latent for latent in drawn if isinstance(latent, Latent)]
    named = [file for latent in latents for file in files_of(Recipe((), latent=latent))]
    named += [] if recipe is None else files_of(recipe)
    if named:
        raise RenderError(f"it follows {named[0].name!r:.80}, and no file is opened that another one names")
    found = None if bundled is None else load_clusters(bundled)
    return request.but(recipe=recipe, latents=drawn, clusters=found, soundtrack=None)


def _parsed(text: str) -> RenderRequest:
    data = json.loads(text, parse_constant=_refuse_constant)
    if isinstance(data, dict) and isinstance(data.get("latents"), list):
        _check_latents(data["latents"])
    return RenderRequest.model_validate(data)


def _check_latents(latents: list[Any]) -> None:
    """Raise ValueError for more latents than a sheet shows, and for several that take long to find."""
    if len(latents) > MAX_SHEET_PICTURES:
        raise ValueError(f"latents: {len(latents)} of them; a sheet shows at most {MAX_SHEET_PICTURES}")
    quick = [isinstance(each, dict) and ("values" in each or each.keys() == {"seed"}) for each in latents]
    if len(latents) > 1 and not all(quick):
        raise ValueError("latents: expected seeds or values where there are several")


def _comment(path: Path) -> str | None:
    """What a film was made from, as its file keeps it."""
    with open_regular(path, RenderError) as file:
        try:
            with av.open(SeekableFile(file), options={"format_whitelist": FORMATS}) as container:
                comments = {key.lower(): value for key, value in container.metadata.items()}
        except (av.FFmpegError, ValueError) as error:
            raise RenderError(f"{path}: not a readable film ({error})") from error
    comment = comments.get("comment")
    if comment is not None and len(comment.encode()) > MAX_RECORD_TEXT:
        raise RenderError(f"{path}: its comment is longer than {MAX_RECORD_TEXT} bytes")
    return comment


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word}, which is no number")


def _first(error: Exception) -> str:
    problem = first_problem(error) if isinstance(error, ValidationError) else str(error)
    return shortened(problem, MAX_PROBLEM_TEXT)


def check_recordable(still: Still, *, sheet: bool, metadata: bool) -> None:
    """Raise RenderError before any work if requests, or the pictures of a sheet, would be too large."""
    if sheet and len(still) > MAX_SHEET_PICTURES:
        raise RenderError(
            f"--sheet: {len(still)} pictures; a sheet shows at most {MAX_SHEET_PICTURES}. Leave it out, or "
            f"name fewer seeds"
        )
    if metadata:
        request_text(still[0].request())
    if metadata and sheet:
        request_text(still.request(sheet=True))


def known_name(model: ModelReference) -> str:
    """The name under which netbend knows the model of a request: by its name, or else by its hash.

    What a file says is never taken for a path. Raises ModelError for a model that was in a file.
    """
    if model.name in CATALOGUE:
        return model.name
    name = None if model.hash is None else find_by_hash(model.hash)
    if name is None:
        raise ModelError(
            f"it was made with {model.name!r:.80}, hash {(model.hash or '')[:12]!r}, which is no model that "
            f"netbend knows; name its file with --model"
        )
    return name
