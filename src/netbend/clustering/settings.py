"""What to cluster, and how."""

from collections.abc import Sequence
from dataclasses import dataclass

from netbend.bending import Bendable, Layer, find_layer
from netbend.choices import Preset, choose_fields
from netbend.clustering.grouping import PAPER_RESTARTS, RESTARTS
from netbend.clustering.metric_learning import LEARNING_RATE
from netbend.errors import ClusterError, RecipeError
from netbend.models.run_settings import RunSettings

FEWEST_FEATURES = 8  # of a layer that is clustered without being asked for


@dataclass(frozen=True)
class Settings(RunSettings):
    """All that decides which clusters come out, besides their number.

    model_hash: of the model. layers: their names. samples: how many pictures or sounds to look at.
    seed: of the samples, the networks and k-means; runs of other seeds share no sample.
    truncation: of the samples. epochs, test_samples, learning_rate, batch: of the paper's metric networks;
    without a batch, those of table 2.
    """

    model_hash: str | None
    layers: tuple[str, ...]
    preset: str = Preset.QUICK
    samples: int = 1000
    seed: int = 0
    truncation: float = 1.0
    epochs: int = 100
    test_samples: int = 100
    learning_rate: float = LEARNING_RATE
    batch: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        choose_fields(self, preset=Preset)
        if self.samples < 1 or self.test_samples < 0 or self.epochs < 1 or self.seed < 0:
            raise ClusterError(
                f"{self.samples} samples, {self.test_samples} for testing, {self.epochs} epochs, seed "
                f"{self.seed}: expected at least one sample and epoch, and nothing below 0"
            )
        if not 0 < self.learning_rate < float("inf") or (self.batch is not None and self.batch < 2):
            raise ClusterError(
                f"learning rate {self.learning_rate}, batches of {self.batch}: expected a rate above 0 and "
                f"batches of 2 or more"
            )

    @property
    def latent_seeds(self) -> range:
        """Seeds of the samples, those for testing last."""
        count = self.samples + (self.test_samples if self.preset == Preset.PAPER else 0)
        return range(self.seed * count, (self.seed + 1) * count)

    def method(self) -> dict[str, str | int | float]:
        """How the clusters were found, as their file says it."""
        method: dict[str, str | int | float] = {
            "preset": str(self.preset),
            "samples": self.samples,
            "seed": self.seed,
            "truncation": self.truncation,
        }
        if self.preset == Preset.PAPER:
            method |= {
                "epochs": self.epochs,
                "test_samples": self.test_samples,
                "learning_rate": self.learning_rate,
                "batch": self.batch or "as in table 2",
            }
        return method

    @property
    def restarts(self) -> int:
        """Of k-means."""
        return PAPER_RESTARTS if self.preset == Preset.PAPER else RESTARTS


def layers_to_cluster(model: Bendable, wanted: Sequence[int | str] = ()) -> list[Layer]:
    """The layers asked for, or all numbered ones with features enough to be grouped.

    Raises ClusterError for a layer that is not there, or has no two features.
    """
    if not wanted:
        found = [
            layer
            for layer in model.layers
            if layer.number is not None and layer.features >= FEWEST_FEATURES and layer.sizes
        ]
        if not found:
            raise ClusterError(f"no layer has {FEWEST_FEATURES} features or more; name layers yourself")
        return found
    try:
        chosen = [find_layer(model.layers, layer, "--layers") for layer in wanted]
    except RecipeError as error:
        raise ClusterError(str(error)) from error
    for layer in chosen:
        if layer.features < 2:
            raise ClusterError(f"{layer} has {layer.features} feature; there is nothing to group")
        if not layer.sizes:
            raise ClusterError(f"{layer} puts out vectors; features are grouped by their maps")
    return list(dict.fromkeys(chosen))
