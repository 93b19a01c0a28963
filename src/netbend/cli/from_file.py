"""`--from`: the same result again, from the request inside a file that netbend wrote."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netbend.atomic import write_atomic
from netbend.cli.destination import places
from netbend.cli.loading import load_of_pictures
from netbend.engine.bound import bind
from netbend.engine.embedded import known_name, png_bytes, read_request, self_contained
from netbend.engine.request import RenderRequest
from netbend.errors import LatentError, ModelError, RecipeError, RenderError
from netbend.models.base import Model
from netbend.pictures import thumbnail
from netbend.render.files import refuse_existing


def render_again(
    file: Path,
    model_name: str | None,
    out: Path,
    time: float | None,
    metadata: bool,
    overwrite: bool,
    device: str,
) -> list[Path]:
    """Make a picture or sheet again, or a moment of a film. Raises RenderError that names the file."""
    request = read_request(file)
    is_film = request.fps is not None
    if time is not None and not is_film:
        raise RenderError(f"--time {time:g}: {file} is a picture, of one moment; leave it out")
    (path,) = places(out, [f"{file.stem}.png"])
    refuse_existing([path], overwrite)
    with _named(file):
        ready, model = ready_again(request, model_name, device)
        still = bind(ready, model).still(time)
    if is_film:
        request = still.request()
    pictures = [thumbnail(made) for made in still.pictures()] if request.sheet else []
    picture = still.sheet(pictures) if request.sheet else still[0].picture()
    write_atomic(path, png_bytes(picture, request if metadata else None), RenderError, overwrite=overwrite)
    return [path]


def ready_again(request: RenderRequest, model_name: str | None, device: str) -> tuple[RenderRequest, Model]:
    """A request out of a file as one that opens no other file, and its model. Raises NetbendError."""
    ready = self_contained(request)
    return ready, load_of_pictures(model_name or known_name(request.model), device, request.precision)


def request_of_film(file: Path, model_name: str | None, device: str) -> tuple[RenderRequest, Model]:
    """What a film or picture was made from. Raises RenderError that names the file."""
    request = read_request(file)
    with _named(file):
        return ready_again(request, model_name, device)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except (ModelError, RecipeError, RenderError, LatentError) as error:
        raise RenderError(f"{file}: cannot be made again: {error}") from error
