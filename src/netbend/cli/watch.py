"""`netbend render --watch`: the pictures again whenever the recipe, or a file that it names, is saved."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from netbend.atomic import write_atomic
from netbend.cli.destination import places
from netbend.cli.watching import WatchedFiles
from netbend.engine.embedded import png_bytes
from netbend.engine.prefix_cache import PrefixCache
from netbend.engine.still import Still
from netbend.errors import NetbendError, RenderError
from netbend.models.base import Model
from netbend.recipe import Recipe
from netbend.recipe.paths import files_of
from netbend.render.files import refuse_existing

LOOK_EVERY = 0.01  # seconds: a save is noticed at the second look after it
MODELS_KEPT = 2  # of those that the recipe named one after the other


Read: TypeAlias = Callable[[Path], "Recipe"]
Load: TypeAlias = Callable[[str], "Model"]
MakeStill: TypeAlias = Callable[[Read, Load], "Still"]


@dataclass
class Watch:
    """The pictures of a recipe, made again at each step for which a file has changed.

    recipe: its file. make_still: what is to be rendered, of what it is given to read the recipe and to load
    the model with. read: the recipe from its file. load: a model by name. out: folder for the pictures, or
    a .png file for one. beside: other files to watch.
    say, complain: told of pictures and of mistakes. What was made last stays where there is a mistake.
    """

    recipe: Path
    make_still: MakeStill
    read: Read
    load: Load
    out: Path
    beside: Sequence[Path] = ()
    metadata: bool = True
    overwrite: bool = False
    say: Callable[[str], None] = print
    complain: Callable[[object], None] = print
    clock: Callable[[], float] = time.perf_counter
    _files: WatchedFiles = field(init=False)
    _models: dict[str, "Model"] = field(default_factory=dict)
    _rerender: PrefixCache | None = None
    _ours: set[Path] = field(default_factory=set)  # files that this made, and may replace

    def __post_init__(self) -> None:
        self._files = WatchedFiles([self.recipe, *self.beside])

    @property
    def watched(self) -> set[Path]:
        """The files that are looked at."""
        return self._files.paths

    def step(self) -> bool:
        """Look once, and make the pictures again if a file has changed. Whether one has."""
        if not self._files.changed():
            return False
        self.render()
        return True

    def render(self) -> bool:
        """Make all pictures. False, after complaining, if there is a mistake."""
        began = self.clock()
        try:
            written = self._write(self.make_still(self._read, self._load))
        except (NetbendError, OSError) as error:
            self.complain(error)
            return False
        what = str(written[0]) if len(written) == 1 else f"{len(written)} pictures, {written[0]} ..."
        self.say(f"{what}  {self.clock() - began:.2f} s")
        return True

    def _read(self, path: Path) -> Recipe:
        """The recipe; what it names is watched from now on, also where it is not there yet."""
        recipe = self.read(path)
        self._files.watch([self.recipe, *self.beside, *files_of(recipe)])
        return recipe

    def _load(self, name: str) -> Model:
        if name not in self._models:
            while len(self._models) >= MODELS_KEPT:
                del self._models[next(iter(self._models))]
            self._rerender = None  # what it keeps is another model's
            self._models[name] = self.load(name)
        return self._models[name]

    def _places(self, seeds: Sequence[int]) -> list[Path]:
        names = [f"{self.recipe.stem}-seed{seed:04d}.png" for seed in seeds]
        return places(self.out, names, ", or ask for one picture, as with --seeds 3")

    def _write(self, still: Still) -> list[Path]:
        paths = self._places(still.latents.seeds)
        if len(set(paths)) < len(paths):
            raise RenderError("a seed comes twice; each makes one picture")
        refuse_existing([path for path in paths if path not in self._ours], self.overwrite)
        self._rerender = self._rerender or PrefixCache()
        for index, path in enumerate(paths):
            picture = self._rerender.picture(still[index])
            data = png_bytes(picture, still[index].request() if self.metadata else None, quick=True)
            write_atomic(path, data, RenderError, overwrite=self.overwrite or path in self._ours)
            self._ours.add(path)
        return paths


def watch_until_stopped(watching: Watch, wait: Callable[[float], None] = time.sleep) -> None:
    """Render, and again with every change, until Ctrl-C."""
    try:
        watching.render()
        while True:
            wait(LOOK_EVERY)
            watching.step()
    except KeyboardInterrupt:
        return
