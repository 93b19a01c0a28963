"""The five-item form of section 6 of the paper, as existing recipes have it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from netbend.recipe.problems import Problems, built_transform, validated
from netbend.recipe.readable import LayerAddress
from netbend.recipe.schema import Bend, Recipe
from netbend.recipe.selection import All, Selection, parse_selection
from netbend.recipe.yamlfile import KeyPath, Source


class OlderBendForm(BaseModel):
    """One item under `transforms:`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    layer: LayerAddress
    transform: str
    params: list[Any] | None = None
    features: Literal["all", "random", "cluster"]
    feature_param: Any = Field(None, alias="feature-param")


def parse_older(data: dict[str, Any], source: Source) -> Recipe:
    """A recipe from the older form; other keys at the top are passed over, as they always were."""
    problems = Problems(source)
    items = data["transforms"]
    if not isinstance(items, list):
        problems.add(("transforms",), "expected a list of transforms")
        items = []
    bends = [_parse_bend(item, ("transforms", index), problems) for index, item in enumerate(items)]
    problems.raise_if_any()
    positions = {
        ("bends", *path[1:]): at for path, at in source.values.items() if path[:1] == ("transforms",)
    }
    as_bends = Source(source.file, source.folder, {**source.values, **positions}, source.keys)
    return Recipe(tuple(bend for bend in bends if bend is not None), source=as_bends)


def _parse_bend(item: Any, at: KeyPath, problems: Problems) -> Bend | None:
    form = validated(OlderBendForm, item, at, problems)
    if form is None:
        return None
    built = built_transform(form.transform, form.params or [], at, problems)
    features = _selection(form, at, problems)
    if built is None or features is None:
        return None
    transform, moving = built
    return Bend(form.layer, transform, features, moving=moving)


def _selection(form: OlderBendForm, at: KeyPath, problems: Problems) -> Selection | None:
    if form.features == "all":
        return All()
    try:
        return parse_selection({form.features: form.feature_param})
    except ValueError as error:
        problems.add((*at, "feature-param"), f"feature-param: {error}")
        return None
