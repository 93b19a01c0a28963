"""A request: one result, stated whole. The same request gives the same bytes."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from netbend import __version__
from netbend.choices import Precision
from netbend.engine.latent_values import LatentValues
from netbend.engine.old_record import OldRecord
from netbend.engine.selected import Selected
from netbend.errors import RenderError
from netbend.limits import (
    MAX_BENDS,
    MAX_FILM_SECONDS,
    MAX_SEED,
    MAX_SHEET_PICTURES,
)
from netbend.models.base import SynthesisOptions
from netbend.recipe import Clusters, Recipe, given_recipe, recipe_from_data, recipe_to_data
from netbend.recipe.latent import latent_data, parse_latent
from netbend.recipe.places import Latent, Seed
from netbend.transforms.invalid import reason


class ModelReference(BaseModel):
    """Which model. name: as the user called it. hash: of its weights; None for whatever has that name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    hash: str | None = None


def _recipe(value: Any) -> Any:
    return recipe_from_data(value) if isinstance(value, dict) else value


def _latent(value: Any) -> Any:
    if isinstance(value, dict) and "values" in value:
        return LatentValues.model_validate(value)
    return value if isinstance(value, LatentValues) else parse_latent(value)


def _latent_data(latent: Latent | LatentValues) -> object:
    if isinstance(latent, LatentValues):
        return latent.model_dump(mode="json", exclude_defaults=True)
    return latent_data(latent)


_Recipe = Annotated[InstanceOf[Recipe], BeforeValidator(_recipe), PlainSerializer(recipe_to_data)]
_Latent = Annotated[
    InstanceOf[Latent] | InstanceOf[LatentValues], BeforeValidator(_latent), PlainSerializer(_latent_data)
]
_Clusters = Annotated[
    InstanceOf[Clusters] | str, PlainSerializer(lambda given: given if isinstance(given, str) else given.file)
]
_Path = Annotated[str, BeforeValidator(lambda path: str(path) if isinstance(path, Path) else path)]


class RenderRequest(BaseModel):
    """One result: a picture, a sheet of several, or a film. It is what a PNG carries.

    Attributes:
        version: Of netbend.
        model: Its name and hash.
        recipe: What bends it; None leaves the model unbent.
        latents: One for each picture; empty for the recipe's, or else that of seed 0.
        options: How to generate.
        selection_seed: Of the random selections; None for the recipe's.
        clusters: Instead of the recipe's, or the model's own: Clusters, or their file.
        selected: For each bend of the recipe what it was put on, as it was drawn; None if it is to be drawn.
        precision: In which the network computes.
        time: Seconds into the recipe's film, of a picture.
        seconds: Length of a film; None for the recipe's.
        fps: Frames a second of a film; None for a picture.
        soundtrack: Sound file of a film, instead of the recipe's.
        compare: The unbent picture at the left of the bent.
        sheet: The pictures on one contact sheet.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(__version__, max_length=100)
    model: ModelReference
    recipe: _Recipe | None = None
    latents: tuple[_Latent, ...] = ()
    options: SynthesisOptions = SynthesisOptions()
    selection_seed: int | None = Field(None, ge=0, le=MAX_SEED)
    clusters: _Clusters | None = None
    selected: tuple[Selected, ...] | None = Field(None, max_length=MAX_BENDS)
    precision: Precision = Precision.FLOAT32
    time: float = Field(0.0, ge=0, le=MAX_FILM_SECONDS, allow_inf_nan=False)
    seconds: float | None = Field(None, gt=0, le=MAX_FILM_SECONDS, allow_inf_nan=False)
    fps: float | None = Field(None, ge=0.01, le=1000, allow_inf_nan=False)
    soundtrack: _Path | None = None
    compare: bool = False
    sheet: bool = False

    @model_validator(mode="before")
    @classmethod
    def _read_old_record(cls, data: Any) -> Any:
        """Pictures of netbend 0.1 carry other names for the same."""
        return OldRecord.model_validate(data).request_data() if OldRecord.is_one(data) else data

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        if self.sheet and len(self.latents) > MAX_SHEET_PICTURES:
            raise ValueError(f"latents: a sheet of more than {MAX_SHEET_PICTURES} pictures")
        return self

    @classmethod
    def of(cls, model: Any, recipe: Any = None, seeds: Any = (), **rest: Any) -> Self:
        """A request as Python code states it.

            RenderRequest.of("faces", "neon.yaml", seeds=[1, 2], selection_seed=7)

        Args:
            model: Its name, or the model itself.
            recipe: A Recipe, the path of its file, or a dict of what the file would hold.
            seeds: Of the latents.
            rest: Any other field by its name.

        Raises:
            RenderError: A field is not what it can be.
        """
        reference = ModelReference(name=model) if isinstance(model, str) else reference_of(model)
        latents = rest.pop("latents", tuple(Latent(Seed(seed)) for seed in seeds))
        recipe = None if recipe is None else given_recipe(recipe)
        try:
            return cls(model=reference, recipe=recipe, latents=latents, **rest)
        except ValidationError as error:
            raise RenderError(f"request: {first_problem(error)}") from error

    def data(self) -> dict[str, Any]:
        """As JSON holds it: what is as usual is left out, but for the version."""
        return {"version": self.version, **self.model_dump(mode="json", exclude_defaults=True)}

    def but(self, **changes: Any) -> Self:
        """The same request with some fields changed."""
        return self.model_copy(update=changes)


def reference_of(model: Any) -> ModelReference:
    """How a request names a model that is loaded."""
    return ModelReference(name=model.name, hash=model.hash)


def first_problem(error: ValidationError) -> str:
    """What is wrong first with the fields of a request, and where."""
    detail = error.errors()[0]
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {reason(detail)}" if place else reason(detail)
