"""From the options of `netbend sound` to what is done to each sound: model, recipe, draws."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netbend.choices import FiveItems, Precision
from netbend.cli.inputs import check_recipe, read_recipe
from netbend.cli.loading import load, played_by
from netbend.errors import ModelError, RecipeError

if TYPE_CHECKING:
    from netbend.models.base import Model
    from netbend.recipe import Recipe
    from netbend.render.sound import SoundJob

USUAL_MODEL = "music"


@dataclass(frozen=True)
class Settings:
    """What decides about model and plans. source: a sound to bend, None to let the model sing."""

    recipe: Path | None
    five_items: FiveItems | None
    strength: float | None
    model: str | None
    clusters: Path | None
    seed: int | None
    variations: int
    device: str
    precision: Precision
    source: Path | None

    def jobs(self, unbent: "dict[str, object]") -> "dict[str, SoundJob]":
        """One job for each variation, by what its files have in their names.

        unbent: how sound is sent through the model, as arguments of a SoundJob.
        """
        from netbend.recipe import load_clusters
        from netbend.render.sound import SoundJob

        recipe = None if self.recipe is None else read_recipe(self.recipe, self.five_items, self.strength)
        clusters = None if self.clusters is None else load_clusters(self.clusters)
        check_recipe(
            recipe,
            clusters=clusters is None,
            latent=self.source is None,
            truncation=self.source is None,
            soundtrack=None if recipe is None or recipe.soundtrack else self.source,
        )
        job = SoundJob(self._load(recipe), **unbent)  # type: ignore[arg-type]
        if recipe is None:
            return {"": job}
        first = recipe.seed if self.seed is None else self.seed
        draws = range(first, first + self.variations)
        try:
            bent = [job.bent(recipe, draw, clusters) for draw in draws]
        except RecipeError as error:
            if recipe.model in (None, job.model.name):
                raise
            raise RecipeError(f"{error}; the recipe was made for {recipe.model}") from error
        labels = [""] if self.variations == 1 else [f"-seed{draw:04d}" for draw in draws]
        return dict(zip(labels, bent, strict=True))

    def _load(self, recipe: "Recipe | None") -> "Model":
        from netbend.models.output import AudioOutput

        said = recipe.model if recipe is not None and self.model is None else None
        model = load(self.model or said or USUAL_MODEL, self.device, self.precision)
        if isinstance(model.output, AudioOutput):
            return model
        if recipe is None or said is None:
            raise ModelError(
                f"{model.name} makes {model.output.what}, not sound: {played_by(model)}; for sound leave out "
                f"--model, or name a model of sound, such as {USUAL_MODEL}"
            )
        raise ModelError(
            f"{recipe.at('model')}: the recipe is for {model.name}, which makes {model.output.what}, "
            f"not sound: {played_by(model)}; to put its bends into a model of sound, say "
            f"--model {USUAL_MODEL}"
        )
