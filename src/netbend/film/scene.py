"""From a recipe to a film: its length, its sound, where in latent space it moves."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from netbend.bending import Plan, resolve
from netbend.choices import NonFinite
from netbend.errors import RenderError
from netbend.film.frames import Film
from netbend.latents.encoded_film import seconds_of
from netbend.latents.path import latent_path
from netbend.latents.truncation import truncation_psi
from netbend.models.base import Model, Play
from netbend.recipe import Clusters, Recipe, given_recipe, recipe_to_data
from netbend.recipe.moving import fitted_recipe, followed_sounds, follows_soundtrack
from netbend.recipe.places import Filmed, Journey, Latent, Seed, Walk
from netbend.sound.files import SoundReader

SECONDS = 10.0  # of a film that nothing gives a length
A_LEG = 3.0  # seconds from one latent to the next, of a film that nothing else gives a length


@dataclass(frozen=True)
class Scene:
    """What a film is made from, where it differs from what the recipe says.

    recipe: a Recipe, the path of its file, or a dict of what the file would hold.
    latent: instead of the recipe's; without either, that of the seed 0. seconds, soundtrack,
    truncation, seed (of random selections), clusters: instead of the recipe's.
    """

    model: Model
    recipe: Recipe = Recipe(())
    latent: Latent | None = None
    seconds: float | None = None
    soundtrack: Path | None = None
    truncation: float | None = None
    seed: int | None = None
    clusters: Clusters | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipe", given_recipe(self.recipe))

    @property
    def sound(self) -> Path | None:
        """The sound file that goes with it."""
        if self.soundtrack is not None or self.recipe.soundtrack is None:
            return self.soundtrack
        return (self.recipe.folder or Path()) / self.recipe.soundtrack

    @property
    def follows_its_sound(self) -> bool:
        return follows_soundtrack(self.recipe)

    @cached_property
    def length(self) -> float:
        """Seconds: as asked for, or the recipe's, or as long as the sound, or once through the latents."""
        if self.seconds is not None or self.recipe.seconds is not None:
            return self.seconds or self.recipe.seconds or SECONDS
        if self.sound is not None:
            with SoundReader(self.sound) as reader:
                return reader.seconds
        latent = self.recipe.latent if self.latent is None else self.latent
        place = None if latent is None else latent.place
        if isinstance(place, Filmed):
            return seconds_of((self.recipe.folder or Path()) / place.film)
        if isinstance(place, Journey):
            return place.legs * (place.seconds or A_LEG)
        return place.seconds or SECONDS if isinstance(place, Walk) else SECONDS

    @property
    def whole_recipe(self) -> Recipe:
        """The recipe with what is said instead of it."""
        instead = {"latent": self.latent, "truncation": self.truncation, "seed": self.seed}
        given = {name: value for name, value in instead.items() if value is not None}
        return replace(self.recipe, seconds=self.length, **given)  # type: ignore[arg-type]

    @cached_property
    def fitted(self) -> Recipe:
        """The recipe with its length and its sound."""
        return fitted_recipe(self.whole_recipe, soundtrack=self.soundtrack)

    @property
    def made_from(self) -> str:
        """What decides about the frames, as far as it stands in the recipe or is a sound or film in a file:
        not its length, unless something lasts as long as the film, nor a sound that nothing follows."""
        about = {"name", "description", "model", "seconds", "soundtrack"}
        said = {key: value for key, value in recipe_to_data(self.fitted).items() if key not in about}
        files = followed_sounds(self.fitted)
        place = None if self.fitted.latent is None else self.fitted.latent.place
        if isinstance(place, Filmed):
            files = [*files, (self.recipe.folder or Path()) / place.film]
        return json.dumps([said, [_hash(file) for file in files]])

    def film(
        self,
        fps: float,
        play: Play = Play(),
        *,
        compare: bool = False,
        nonfinite: NonFinite = NonFinite.ERROR,
    ) -> Film:
        """All that its frames depend on.

        Raises RecipeError, LatentError for what does not fit the model, RenderError for no length.
        """
        fitted = self.fitted
        path = latent_path(fitted.latent or Latent(Seed(0)), self.model, self.recipe.folder)
        plan = resolve(fitted, self.model, clusters=self.clusters) if fitted.bends else Plan(())
        length = round(self.length * fps)
        if length < 1:
            raise RenderError(f"{self.length:g} seconds at {fps:g} frames a second are no frame")
        return Film(
            self.model,
            plan,
            path,
            length,
            fps,
            play,
            truncation_psi(None, fitted, self.model, path.at([0.0])),
            compare,
            nonfinite,
        )


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise RenderError(f"{file}: cannot be read ({error.strerror})") from error
