"""Our form of a recipe file: to a Recipe and back, and its JSON schema."""

import io
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from ruamel.yaml import YAML

from netbend.choices import Target
from netbend.limits import MAX_BENDS, MAX_FILM_SECONDS, MAX_LISTED_FEATURES, MAX_MIX, MAX_SEED, MAX_TRUNCATION
from netbend.motion import Number, bounds_of, number_data, number_schema, parse_number
from netbend.motion.parse import settings_schema
from netbend.recipe.latent import latent_data, parse_latent
from netbend.recipe.latent_schema import latent_schema
from netbend.recipe.places import Latent
from netbend.recipe.problems import Problems, built_transform, validated
from netbend.recipe.schema import Bend, Recipe
from netbend.recipe.selection import Selection, listed_features, parse_selection, selection_data
from netbend.recipe.yamlfile import KeyPath, Source
from netbend.transforms import all_transforms, parameters_of

_FRACTION = {"type": "number", "minimum": 0, "maximum": 1}
_MIX = {"type": "number", "minimum": 0, "maximum": MAX_MIX}
_CLUSTER = {"type": ["integer", "string"]}
_INDEX = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+-[0-9]+$"}]}


def _one_or_more(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _only(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False}


_PLAIN_SELECTIONS = [
    {"const": "all"},
    _only("random", number_schema(_FRACTION)),
    _only("cluster", _one_or_more(_CLUSTER)),
    _only("indices", _one_or_more(_INDEX)),
]
_DRIFT = {
    "type": "object",
    "properties": {
        **settings_schema("noise", "seconds", "loop", "octaves"),
        "above": number_schema({"type": "number"}),
        "within": {"anyOf": _PLAIN_SELECTIONS},
    },
    "required": ["noise"],
    "additionalProperties": False,
}
_NEGATED = _only("not", {"anyOf": [*_PLAIN_SELECTIONS, _DRIFT]})
_SELECTION_SCHEMA = {"anyOf": [*_PLAIN_SELECTIONS, _DRIFT, _NEGATED]}


def _number_or_name(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"expected a number or a name, not {value!r:.60}")
    return value


LayerAddress = Annotated[
    Any, BeforeValidator(_number_or_name), WithJsonSchema({"type": ["integer", "string"]})
]


def _selection(value: Any, info: ValidationInfo) -> Selection:
    return parse_selection(value, info.context)


def _mix(value: Any, info: ValidationInfo) -> Number:
    mix = parse_number(value, info.context)
    low, high = bounds_of(mix)
    if low < 0 or high > MAX_MIX:
        raise ValueError(f"expected 0 to {MAX_MIX:g}, not {low if low < 0 else high:g}")
    return mix


def _truncation(value: Any, info: ValidationInfo) -> Number | None:
    if value is None:
        return None
    psi = parse_number(value, info.context)
    most = max(abs(bound) for bound in bounds_of(psi))
    if most > MAX_TRUNCATION:
        raise ValueError(f"expected at most {MAX_TRUNCATION:g}, not {most:g}; 1 is varied, 0 the mean")
    return psi


def _latent(value: Any, info: ValidationInfo) -> Latent | None:
    return None if value is None else parse_latent(value, info.context)


class BendForm(BaseModel):
    """One item under `bends:`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    layer: LayerAddress = Field(description="number or name; see `netbend layers`")
    transform: str = Field(description="see `netbend transforms`")
    params: dict[str, Any] | list[Any] = Field({}, description="by name, or in the order of declaration")
    features: Annotated[Any, BeforeValidator(_selection), WithJsonSchema(_SELECTION_SCHEMA)] = Field(
        "all", description="which features of the layer", validate_default=True
    )
    mix: Annotated[Any, BeforeValidator(_mix), WithJsonSchema(number_schema(_MIX))] = Field(
        1.0, description="0 unbent, 1 bent; beyond 1 further in the same direction"
    )
    mask: str | None = Field(None, description="grey-scale picture; bending only where it is white")
    on: Literal["activations", "weights", "biases"] = Field(
        "activations", description="what is bent: what the layer puts out, or its kernels or biases"
    )

    @field_validator("params", mode="before")
    @classmethod
    def _listed_or_named(cls, params: Any) -> Any:
        if not isinstance(params, dict | list):
            raise ValueError(
                f"expected a list such as [45], or names such as {{angle: 45}}, not {params!r:.60}"
            )
        return params


class RecipeForm(BaseModel):
    """A recipe file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    description: str | None = Field(None, description="what it does, in a line")
    model: str | None = Field(None, description="what it was made for")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="of the random selections")
    clusters: str | None = Field(None, description="cluster file")
    latent: Annotated[Any, BeforeValidator(_latent), WithJsonSchema(latent_schema())] = Field(
        None, description="what is bent, unless the command line says"
    )
    truncation: Annotated[
        Any, BeforeValidator(_truncation), WithJsonSchema(number_schema({"type": "number"}))
    ] = Field(None, description="psi: 1 varied, 0 the mean picture; default: that of the command")
    seconds: float | None = Field(None, gt=0, le=MAX_FILM_SECONDS, description="length of its film")
    soundtrack: str | None = Field(None, description="sound file: of its film, and what can be followed")
    bends: list[Any] = Field(description="in order")


def parse_readable(data: dict[str, Any], source: Source) -> Recipe:
    """A recipe from plain data. Raises RecipeError with everything that is wrong."""
    problems = Problems(source)
    form = validated(RecipeForm, data, (), problems)
    items = data["bends"] if isinstance(data.get("bends"), list) else []
    if len(items) > MAX_BENDS:
        problems.add(("bends", MAX_BENDS), f"{len(items)} bends; a recipe has at most {MAX_BENDS}")
        problems.raise_if_any()
    bends = list(_parse_bends(items, problems))
    problems.raise_if_any()
    assert form is not None
    return Recipe(
        bends=tuple(bend for bend in bends if bend is not None),
        name=form.name,
        description=form.description,
        model=form.model,
        seed=form.seed,
        clusters=form.clusters,
        latent=form.latent,
        truncation=form.truncation,
        seconds=form.seconds,
        soundtrack=form.soundtrack,
        source=source,
    )


def _parse_bends(items: list[Any], problems: Problems) -> Iterator[Bend | None]:
    listed = 0
    for index, item in enumerate(items):
        bend = _parse_bend(item, ("bends", index), problems)
        listed += 0 if bend is None else len(listed_features(bend.features))
        if listed > MAX_LISTED_FEATURES:
            problems.add(
                ("bends", index, "features"), f"more than {MAX_LISTED_FEATURES} features listed in all"
            )
            return
        yield bend


def _parse_bend(item: Any, at: KeyPath, problems: Problems) -> Bend | None:
    form = validated(BendForm, item, at, problems)
    if form is None:
        return None
    built = built_transform(form.transform, form.params, at, problems)
    if built is None:
        return None
    transform, moving = built
    features: Selection = form.features
    return Bend(form.layer, transform, features, form.mix, form.mask, moving, Target(form.on))


def recipe_to_data(recipe: Recipe) -> dict[str, Any]:
    """The recipe as its file holds it: dicts, lists, strings and numbers, defaults left out.

    Args:
        recipe: Of any form; older ones become ours.
    """
    about = {
        "name": recipe.name,
        "description": recipe.description,
        "model": recipe.model,
        "seed": recipe.seed or None,
        "clusters": recipe.clusters,
        "latent": None if recipe.latent is None else latent_data(recipe.latent),
        "truncation": None if recipe.truncation is None else number_data(recipe.truncation),
        "seconds": recipe.seconds,
        "soundtrack": recipe.soundtrack,
    }
    kept = {key: value for key, value in about.items() if value is not None}
    return {**kept, "bends": [_bend_data(bend) for bend in recipe.bends]}


def _bend_data(bend: Bend) -> dict[str, Any]:
    data: dict[str, Any] = {"layer": bend.layer, "transform": bend.transform.name}
    params = bend.transform.model_dump(mode="json", exclude_defaults=True)
    params |= {name: number_data(curve) for name, curve in bend.moving.items()}
    if params:
        data["params"] = params
    data["features"] = selection_data(bend.features)
    if bend.mix != 1:
        data["mix"] = number_data(bend.mix)
    if bend.mask is not None:
        data["mask"] = bend.mask
    if bend.on is not Target.ACTIVATIONS:
        data["on"] = str(bend.on)
    return data


def recipe_to_yaml(recipe: Recipe) -> str:
    """The recipe as YAML that reads back as the same recipe.

    Args:
        recipe: Of any form; older ones become ours.
    """
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(recipe_to_data(recipe), text)
    return text.getvalue()


def recipe_schema() -> dict[str, Any]:
    """JSON schema of recipe files, with the parameters of every known transform."""
    bend = BendForm.model_json_schema()
    bend["properties"]["transform"]["enum"] = [
        name for cls in all_transforms().values() for name in (cls.name, *cls.older_names)
    ]
    bend["allOf"] = [
        {
            "if": {"properties": {"transform": {"enum": [cls.name, *cls.older_names]}}},
            "then": {"properties": {"params": _params_schema(cls)}, **_required_params(cls)},
        }
        for cls in all_transforms().values()
    ]
    schema = RecipeForm.model_json_schema()
    schema["properties"]["bends"] = {**schema["properties"]["bends"], "items": bend}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "netbend recipe"}


def _params_schema(cls: Any) -> dict[str, Any]:
    by_name = cls.model_json_schema()
    by_name.pop("title", None)
    by_name["properties"] = {
        name: number_schema(schema) if _is_number(schema) else schema
        for name, schema in by_name.get("properties", {}).items()
    }
    parameters = list(by_name["properties"].values())
    in_order: dict[str, Any] = {
        "type": "array",
        "minItems": len(by_name.get("required", [])),
        "maxItems": len(parameters),
    }
    if parameters:
        in_order["prefixItems"] = parameters
    return {"anyOf": [by_name, in_order]}


def _is_number(schema: dict[str, Any]) -> bool:
    kinds = [kind.get("type") for kind in (schema, *schema.get("anyOf", []))]
    return "number" in kinds or "integer" in kinds


def _required_params(cls: Any) -> dict[str, Any]:
    return {"required": ["params"]} if any(parameter.required for parameter in parameters_of(cls)) else {}
