"""How a transform is declared, found and built."""

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, ClassVar, TypeVar

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from torch import Tensor

from netbend.errors import RecipeError
from netbend.transforms.axes import Axes

ENTRY_POINTS = "netbend.transforms"


class Transform(BaseModel):
    """A pure function of activation maps, with its parameters as fields.

    Subclasses define `__call__`, which gives maps of the same shape, dtype and device, treats
    every feature alone, and never writes into the maps it was given.

    axes: which it needs of activations, and so the shape of what it is given.
    upright: the parameter for what is done along the height, of those that need a line alone without it.
    stays_finite: whether finite maps never become NaN or infinite, so that nobody need look.
    numbered: whether `__call__` is also given the numbers of the features, as `features`.
    kernel: which one of `on_gpu` does the same on GPUs, if one does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: ClassVar[str] = ""
    older_names: ClassVar[tuple[str, ...]] = ()
    axes: ClassVar[Axes] = Axes.PLANE
    upright: ClassVar[str | None] = None
    stays_finite: ClassVar[bool] = False
    numbered: ClassVar[bool] = False
    kernel: ClassVar[str | None] = None  # or a property

    @classmethod
    def __pydantic_init_subclass__(cls, **rest: Any) -> None:
        super().__pydantic_init_subclass__(**rest)
        if "__call__" in cls.__dict__ and "kernel" not in cls.__dict__:
            cls.kernel = None  # that of a parent does something else

    def __call__(self, maps: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def needed_axes(self) -> Axes:
        """The axes that it needs with the parameters that it has."""
        if (
            self.upright is None
            or getattr(self, self.upright) == self.__class__.model_fields[self.upright].default
        ):
            return self.axes
        return Axes.PLANE

    def prepare(self, maps: Tensor, features: Sequence[int]) -> object:
        """Make what calls with such maps need beside them, such as tables; to define it is optional.

        What it gives is kept as long as the bend is in the network.

        Args:
            maps: The first of their shape, dtype and device.
            features: Numbers of those that are bent.
        """

    def numbers(self, height: int, width: int) -> tuple[float, ...]:
        """All that tells this transform, of such maps, from others of its class; wanted where there is a
        kernel for it. They are read from a GPU's memory, so that what a CUDA graph recorded of one does
        for all."""
        raise NotImplementedError


def parameter(
    default: Any = ...,
    *,
    doc: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    soft_range: tuple[float, float] | None = None,
    unit: str = "",
) -> Any:
    """Declare a parameter: validation, tables, sliders and the JSON schema are read off this.

    Args:
        default: `...` makes it required.
        doc: What it does, in a few words.
        ge: Least value.
        gt: Bound that values must exceed.
        le: Greatest value.
        lt: Bound that values must stay below.
        soft_range: Where values are useful: a slider runs there, and recipes by chance take theirs from it.
        unit: Such as degrees or pixels.
    """
    extra: JsonDict = {"soft_range": list(soft_range) if soft_range else None, "unit": unit}
    return Field(default, description=doc, ge=ge, gt=gt, le=le, lt=lt, json_schema_extra=extra)


@dataclass(frozen=True)
class Parameter:
    """What is known of a transform's parameter."""

    name: str
    type: str
    required: bool
    default: Any
    minimum: float | None
    maximum: float | None
    exclusive_minimum: bool
    exclusive_maximum: bool
    soft_range: tuple[float, float] | None
    unit: str
    doc: str

    @property
    def range(self) -> str:
        """The hard bounds in words, such as `above 0` or `-1 to 1`; empty if there are none."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} to {self.maximum:g}"
        if self.minimum is not None:
            return f"above {self.minimum:g}" if self.exclusive_minimum else f"{self.minimum:g} or more"
        if self.maximum is not None:
            return f"below {self.maximum:g}" if self.exclusive_maximum else f"at most {self.maximum:g}"
        return ""

    @property
    def useful_range(self) -> str:
        """Where a slider runs, in words, such as `-5 to 5`; empty if nobody has said it."""
        return "" if self.soft_range is None else f"{self.soft_range[0]:g} to {self.soft_range[1]:g}"

    @property
    def summary(self) -> str:
        """Everything in one line."""
        default = "" if self.required or self.default is None else f"default {self.default}"
        useful = f"usually {self.useful_range}" if self.useful_range not in ("", self.range) else ""
        facts = ", ".join(fact for fact in (self.unit, self.range, useful, default) if fact)
        return f"{self.doc} ({facts})" if facts else self.doc


_T = TypeVar("_T", bound=type[Transform])
_registered: dict[str, type[Transform]] = {}
_loaded: list[str] = []  # entry points, once they have been looked for


def transform(name: str, *, older_names: Sequence[str] = ()) -> Callable[[_T], _T]:
    """Class decorator: make a transform known to recipes.

    Args:
        name: What recipes call it.
        older_names: Names that older recipes use.
    """

    def register(cls: _T) -> _T:
        for known in (name, *older_names):
            owner = _by_any_name().get(known)
            if owner is not None:
                raise ValueError(
                    f"transform {known!r} of {cls.__module__}.{cls.__qualname__} is already "
                    f"{owner.__module__}.{owner.__qualname__}"
                )
        cls.name, cls.older_names = name, tuple(older_names)
        _registered[name] = cls
        return cls

    return register


def all_transforms() -> dict[str, type[Transform]]:
    """All transforms by name: ours as declared, then those that other packages bring."""
    _load_entry_points()
    return dict(_registered)


def get_transform(name: str) -> type[Transform]:
    """The transform of that name or older name. Raises RecipeError naming the nearest for a typo."""
    _load_entry_points()
    known = _by_any_name()
    if name in known:
        return known[name]
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(_registered)}"
    raise RecipeError(f"transform {name!r}: no such transform; {hint}")


def transform_of(name: str, params: Mapping[str, Any] | Sequence[Any] = ()) -> Transform:
    """What `build_transform` makes. Raises pydantic's ValidationError for values that do not fit."""
    cls = get_transform(name)
    if isinstance(params, Mapping):
        return cls(**params)
    names = list(cls.model_fields)
    if len(params) > len(names):
        takes = ", ".join(names) or "none"
        raise RecipeError(f"{name}: {len(params)} parameters given, it takes {takes}")
    return cls(**dict(zip(names, params, strict=False)))


def parameters_of(cls: type[Transform]) -> list[Parameter]:
    """What a transform declares, in order."""
    return [_describe(name, field) for name, field in cls.model_fields.items()]


def _describe(name: str, field: Any) -> Parameter:
    bounds: dict[type, Any] = {type(bound): bound for bound in field.metadata}
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    soft_range = extra.get("soft_range")
    lower, upper = bounds.get(Ge), bounds.get(Le)
    above, below = bounds.get(Gt), bounds.get(Lt)
    return Parameter(
        name=name,
        type=getattr(field.annotation, "__name__", str(field.annotation)),
        required=field.is_required(),
        default=None if field.is_required() else field.default,
        minimum=lower.ge if lower else above.gt if above else None,
        maximum=upper.le if upper else below.lt if below else None,
        exclusive_minimum=above is not None,
        exclusive_maximum=below is not None,
        soft_range=tuple(soft_range) if soft_range else None,
        unit=extra.get("unit", ""),
        doc=field.description or "",
    )


def _by_any_name() -> dict[str, type[Transform]]:
    return {name: cls for cls in _registered.values() for name in (cls.name, *cls.older_names)}


def _load_entry_points() -> None:
    """Import what other packages register; a broken one is named and passed over."""
    if _loaded:
        return
    _loaded.append(ENTRY_POINTS)
    for point in entry_points(group=ENTRY_POINTS):
        try:
            point.load()
        except Exception as error:  # whatever a stranger's module raises on import
            warnings.warn(
                f"transform plug-in {point.name} ({point.value}) does not load: {error}", stacklevel=2
            )
