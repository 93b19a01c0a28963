"""`netbend project`: the latents of pictures."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL.Image import Image
from torch import Tensor

from netbend.atomic import write_atomic
from netbend.choices import FaceFinder, Optimizer, Perceptual, Space, Start
from netbend.cli.destination import refuse_file_name, refuse_unwritable
from netbend.cli.idle import refuse_idle_options
from netbend.cli.options import Overwrite, from_zero
from netbend.cli.output import Device, Json, Quiet, print_json, print_table, progress_bar
from netbend.cli.usage import is_given
from netbend.engine.embedded import png_bytes
from netbend.errors import RenderError
from netbend.latents.projection.align import Square, aligned, parse_face, square_around
from netbend.latents.projection.face_search import find_square
from netbend.latents.projection.landmarks import find_face
from netbend.latents.projection.picture import enlarged, parse_crop, read_picture, square, target_of
from netbend.latents.projection.project import Progress, Projection, resolved, with_styles
from netbend.latents.projection.project import project as projected
from netbend.latents.projection.result import write_projection
from netbend.latents.projection.settings import FEW_STEPS, STEPS, Settings
from netbend.limits import MAX_LISTED_FILES
from netbend.models import catalog
from netbend.models.styled import StyledModel
from netbend.pictures import beside, to_pictures
from netbend.render.files import nothing_left_on_error, refuse_existing

_DEFAULT = Settings()


def project(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Pictures of any kind; their middle square is taken.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Name or checkpoint file.")] = "faces",
    space: Annotated[
        Space,
        typer.Option(
            help="Space of the latents: w, one vector, bends best; w+, one a layer, is nearer to the picture."
        ),
    ] = _DEFAULT.space,
    optimizer: Annotated[
        Optimizer, typer.Option(help="auto: lbfgs for large pictures of models with an encoder, else adam.")
    ] = _DEFAULT.optimizer,
    steps: Annotated[
        int | None,
        typer.Option(
            help=f"At most so many; {STEPS} of adam unless said, {FEW_STEPS} of lbfgs.",
            min=1,
            max=100_000,
        ),
    ] = None,
    perceptual: Annotated[
        Perceptual, typer.Option(help="What is compared besides the pixels.")
    ] = _DEFAULT.perceptual,
    start: Annotated[Start, typer.Option("--init", help="Where to begin the search.")] = _DEFAULT.start,
    noise_maps: Annotated[
        bool, typer.Option("--noise-maps", help="Look for the noise of each layer too.")
    ] = _DEFAULT.noise_maps,
    closeness: Annotated[
        float, typer.Option(help="How much the vectors of w+ are held together.", min=0)
    ] = _DEFAULT.closeness,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate of Adam, in deviations of w.", min=0)
    ] = _DEFAULT.learning_rate,
    patience: Annotated[
        int, typer.Option(help="End early when so many steps gained nothing; 0: never.", min=0)
    ] = _DEFAULT.patience,
    seed: Annotated[
        int, typer.Option(help="Seed of chance: the random steps aside.", callback=from_zero, max=2**32 - 1)
    ] = 0,
    crop: Annotated[
        str | None, typer.Option(help="Take this square instead: LEFT,TOP,SIZE in pixels.")
    ] = None,
    align: Annotated[
        bool, typer.Option("--align", help="Find the face, and turn and crop the picture as FFHQ is.")
    ] = False,
    face_finder: Annotated[
        FaceFinder,
        typer.Option("--face-finder", help="For --align; dlib needs an extra, pip install 'netbend[align]'."),
    ] = FaceFinder.NETBEND,
    face: Annotated[
        str | None,
        typer.Option(help="Align by hand: left eye, right eye, mouth, X,Y,X,Y,X,Y in pixels."),
    ] = None,
    batch: Annotated[int, typer.Option(help="Batch size: pictures at a time.", min=1, max=256)] = 4,
    progress_every: Annotated[
        int, typer.Option(help="Write an intermediate picture every so many steps; 0: none.", min=0)
    ] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("out"),
    overwrite: Overwrite = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the latents from which a model generates pictures of yours, to bend them.

    Writes for each the latent, NAME.npz, for `netbend render --latents`, and NAME.png: the picture
    beside what the model makes of it.
    """
    settings = Settings(
        space,
        Optimizer.ADAM if is_given(context, "learning_rate") else optimizer,
        steps,
        perceptual,
        start,
        noise_maps,
        closeness,
        learning_rate,
        patience,
        seed,
    )
    refuse_idle_options(context, {"align": ["face_finder"]}, {"crop": ["align", "face"], "face": ["align"]})
    if optimizer == Optimizer.LBFGS:
        idle = ["learning_rate", "noise_maps", "seed"]
        refuse_idle_options(context, {}, {"optimizer": idle})
    if space == Space.W:
        refuse_idle_options(context, {}, {"space": ["closeness"]})
    if start is Start.ENCODER:
        refuse_idle_options(context, {}, {"start": ["seed"]})
    refuse_file_name(out, "a latent and a picture of each")
    names = _names(images)
    refuse_existing(_outputs(out, names, steps or STEPS, progress_every), overwrite)
    refuse_unwritable(out)
    for _ in _squares(images, crop, None, face):  # read twice, so that mistakes in them are told of at once
        pass
    loaded = with_styles(catalog.load_model(model, device))
    settings = resolved(settings, loaded)
    steps = settings.steps or 0
    finder = face_finder if align else None
    targets = torch.cat([target_of(square, loaded) for square in _squares(images, crop, finder, face)])
    work = _Work(loaded, settings, out, progress_every, overwrite)
    with nothing_left_on_error(work.new), progress_bar(visible=not (quiet or json)) as bar:
        task = bar.add_task("Projecting", total=steps * -(-len(images) // batch), visible=False)
        for number, first in enumerate(range(0, len(images), batch)):
            bar.update(task, completed=steps * number)
            some = slice(first, first + batch)
            if not work.project(
                targets[some], names[some], lambda: bar.update(task, advance=1, visible=True)
            ):
                break
        else:
            bar.update(task, completed=steps * (number + 1))
    if json:
        print_json({"pictures": work.rows})
    elif not quiet:
        print_table(list(work.rows[0]), [list(row.values()) for row in work.rows])
    if work.interrupted:
        print("netbend: stopped; what was found so far is kept", file=sys.stderr)
        raise typer.Exit(130)


def _squares(
    images: list[Path], crop: str | None, finder: FaceFinder | None, face: str | None
) -> Iterator["Image"]:
    """What is taken of each picture, one by one: a folder of photographs may be larger than the memory."""
    around = None if face is None else square_around(parse_face(face))
    cut = None if crop is None else parse_crop(crop)
    broken = []
    for path in images:
        try:
            picture = read_picture(path)
            found = around if finder is None else _found(picture, path, finder)
            taken = square(picture, cut, path) if found is None else aligned(picture, found, path)
        except RenderError as error:  # all of them are to be said at once
            broken.append(str(error))
        else:
            yield taken
    if broken:
        more = [f"and {len(broken) - MAX_LISTED_FILES} more"] if len(broken) > MAX_LISTED_FILES else []
        raise RenderError("\n".join([*broken[:MAX_LISTED_FILES], *more]))


def _found(picture: Image, path: Path, finder: FaceFinder) -> Square:
    """The square around a picture's face."""
    if finder is FaceFinder.DLIB:
        return square_around(find_face(picture, path))
    return find_square(picture, path)


class _Work:
    """Projects batches into files. new: those that were not there before. rows: to print."""

    def __init__(
        self,
        model: StyledModel[Any],
        settings: Settings,
        out: Path,
        progress_every: int,
        overwrite: bool,
    ):
        self.model, self.settings, self.out, self.progress_every = model, settings, out, progress_every
        self.overwrite = overwrite
        self.new: list[Path] = []
        self.rows: list[dict[str, object]] = []
        self.interrupted = False

    def project(self, targets: Tensor, names: list[str], advance: Callable[[], None]) -> bool:
        """One batch. Returns whether to go on: False after Ctrl-C."""

        def report(progress: Progress) -> None:
            advance()
            if self.progress_every and progress.step % self.progress_every == 0:
                images = enlarged(progress.images, targets)
                self._write_pictures(targets, images, [_step(name, progress.step) for name in names])

        projection = projected(self.model, targets, self.settings, report)
        self._write_pictures(targets, projection.images, names)
        for index, name in enumerate(names):
            self._write_latent(projection, index, name)
        self.interrupted = projection.interrupted
        return not self.interrupted

    def _write_pictures(self, targets: Tensor, images: Tensor, names: list[str]) -> None:
        pairs = zip(to_pictures(targets), to_pictures(images), names, strict=True)
        for target, image, name in pairs:
            with self._noted(self.out / f"{name}.png") as path:
                data = png_bytes(beside(target, image), None, quick=True)
                write_atomic(path, data, RenderError, overwrite=self.overwrite)

    def _write_latent(self, projection: Projection, index: int, name: str) -> None:
        with self._noted(self.out / f"{name}.npz") as path:
            write_projection(path, projection, index, self.model, self.settings, overwrite=self.overwrite)
        error, steps = round(projection.errors[index], 2), len(projection.losses)
        self.rows.append({"latent": str(path), "pixel error": error, "steps": steps})

    @contextmanager
    def _noted(self, path: Path) -> Iterator[Path]:
        replaced = path.exists()
        yield path
        if not replaced:
            self.new.append(path)


def _outputs(out: Path, names: list[str], steps: int, progress_every: int) -> list[Path]:
    shown = range(progress_every, steps + 1, progress_every) if progress_every else []
    return [
        *(out / f"{name}{suffix}" for name in names for suffix in (".npz", ".png")),
        *(out / f"{_step(name, step)}.png" for name in names for step in shown),
    ]


def _step(name: str, step: int) -> str:
    return f"{name}-step{step:04d}"


def _names(images: list[Path]) -> list[str]:
    names = [path.stem for path in images]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise RenderError(f"{twice[0]}: two pictures of this name would be written to one file; rename one")
    return names
