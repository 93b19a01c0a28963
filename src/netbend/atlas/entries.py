"""What an atlas has to show; files are named from the folder of the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from netbend.atlas.effects import Effect
from netbend.bending import Layer


@dataclass(frozen=True)
class Shown:
    """What samples look and sound like under one bend, or unbent.

    pictures: one for each pictured sample. sounds: likewise, none for pictures.
    effect: None where nothing is bent. amount: the size of the effect, with its unit.
    """

    label: str
    pictures: Sequence[str]
    sounds: Sequence[str] = ()
    effect: Effect | None = None
    amount: str = ""


@dataclass(frozen=True)
class FeatureMap:
    feature: int
    picture: str


@dataclass(frozen=True)
class ClusterEntry:
    """One cluster: the picture of its mean map, its strongest features, and what bends of it do.

    size: the number of its features.
    recipe: a line that bends it. naming: the command that names it, None where there is no file to
    keep the name in.
    """

    number: int
    name: str | None
    size: int
    mean: str
    features: Sequence[FeatureMap]
    bends: Sequence[Shown]
    recipe: str
    naming: str | None

    @property
    def title(self) -> str:
        return f"Cluster {self.number}" + ("" if self.name is None else f": {self.name}")


@dataclass(frozen=True)
class LayerEntry:
    """One layer. slug: its name in names of files and links. sheet: its PNG sheet."""

    layer: Layer
    slug: str
    sheet: str
    clusters: Sequence[ClusterEntry]

    @property
    def title(self) -> str:
        layer = self.layer
        return layer.name if layer.number is None else f"Layer {layer.number}"


@dataclass(frozen=True)
class Atlas:
    """All of a page.

    facts: how it was made, in order. samples: their names. unbent: what they are without a bend.
    size: width and height of their pictures. sound: whether the model makes sound.
    """

    model: str
    facts: Sequence[tuple[str, str]]
    samples: Sequence[str]
    unbent: Shown
    size: tuple[int, int]
    layers: Sequence[LayerEntry]
    sound: bool
