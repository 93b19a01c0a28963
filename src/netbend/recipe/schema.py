"""Recipes: ordered lists of bends, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path

from netbend.choices import Target, choose_fields
from netbend.errors import RecipeError
from netbend.limits import MAX_MIX
from netbend.motion import Curve, Number, bounds_of, scaled
from netbend.recipe.places import Latent
from netbend.recipe.selection import All, Cluster, Drift, Indices, Not, Random, Selection
from netbend.recipe.yamlfile import Source
from netbend.transforms import Transform

EVERY_LAYER = "every"  # a bend at each numbered layer in turn, of which a grid makes a strip


@dataclass(frozen=True)
class Bend:
    """A transform put into a layer, on some of its features.

    layer: number or name. mix: 0 keeps the unbent maps, 1 takes the bent ones, and more
    goes on in the same direction.
    mask: a grey-scale picture; bending only where it is white.
    moving: parameters of the transform that move; in `transform` itself they have their least value.
    on: "activations", or the "weights" or "biases" of the layer.
    """

    layer: int | str
    transform: Transform
    features: Selection = All()
    mix: Number = 1.0
    mask: str | None = None
    moving: Mapping[str, Curve] = field(default_factory=dict)
    on: Target = Target.ACTIVATIONS

    def __post_init__(self) -> None:
        if not isinstance(self.transform, Transform):
            raise TypeError(
                f"transform: expected a Transform such as build_transform gives, not {self.transform!r}"
            )
        if not isinstance(self.features, All | Random | Cluster | Indices | Drift | Not):
            raise TypeError(f"features: expected a selection such as Random(0.5), not {self.features!r}")
        choose_fields(self, on=Target)
        low, high = bounds_of(self.mix)
        if not (low >= 0 and high <= MAX_MIX):
            raise ValueError(f"mix: expected 0 to {MAX_MIX:g}, not {high if low >= 0 else low}")


@dataclass(frozen=True)
class Recipe:
    """Bends in order, several on one layer if wanted.

    model: a hint, what it was made for. seed: of the random selections. clusters: the cluster
    file that its `cluster` selections look up. Paths start at the recipe's folder.
    latent, truncation: what is bent, unless the command line says. seconds, soundtrack: of its film.
    """

    bends: tuple[Bend, ...]
    name: str | None = None
    description: str | None = None
    model: str | None = None
    seed: int = 0
    clusters: str | None = None
    latent: Latent | None = None
    truncation: Number | None = None
    seconds: float | None = None
    soundtrack: str | None = None
    source: Source | None = field(default=None, compare=False, repr=False)

    @property
    def folder(self) -> Path | None:
        """Where its paths start, None for recipes that are in no file."""
        return None if self.source is None else self.source.folder

    def at_strength(self, strength: float) -> "Recipe":
        """The recipe with the `mix` of each bend times a strength, also where it moves.

        Args:
            strength: 0 leaves everything unbent, 1 is the recipe as it is; beyond 1 activations go on in the
                direction in which they are bent.

        Raises:
            RecipeError: For a strength below 0, or by which a `mix` would become more than `MAX_MIX`.
        """
        if not strength >= 0:
            raise RecipeError(f"strength {strength:g}: expected 0 (unbent), 1 (as it is) or more")
        for position, bend in enumerate(self.bends):
            if not bounds_of(bend.mix)[1] * strength <= MAX_MIX:
                raise RecipeError(
                    f"{self.at('bends', position)}: strength {strength:g} makes its mix "
                    f"{bounds_of(bend.mix)[1] * strength:g}; at most {MAX_MIX:g}"
                )
        return replace(
            self, bends=tuple(replace(bend, mix=scaled(bend.mix, strength)) for bend in self.bends)
        )

    def seed_of_draws(self, given: int | None = None) -> int:
        """The seed that is given, or its own. Raises RecipeError for what is no seed."""
        seed = self.seed if given is None else given
        if not isinstance(seed, Integral) or seed < 0:
            where = f"{self.at('seed')}: " if given is None else ""
            raise RecipeError(f"{where}seed {seed!r:.40}: seeds are whole numbers and start at 0")
        return int(seed)

    @property
    def is_of_five_items(self) -> bool:
        """Whether it was read from the paper's form, which has no `bends:`."""
        return self.source is not None and ("bends",) not in self.source.keys

    def at(self, *path: str | int) -> str:
        """Where something stands, for messages: `file.yaml:12:5`, or `bends[2].layer` without a file."""
        if self.source is not None:
            return self.source.at(path)
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        return "".join(parts).lstrip(".")
