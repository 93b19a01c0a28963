"""What a training run is asked to do."""

from dataclasses import dataclass, replace
from typing import ClassVar

from netbend.errors import DataError
from netbend.models.run_settings import RunSettings
from netbend.models.spectrogram_vae.network import Architecture


@dataclass(frozen=True)
class Settings(RunSettings):
    """Defaults are those found better than the paper's; see `netbend train spectrogram-vae --help`.

    width: of the network; 1 is the paper's.
    epochs: passes; one sees as much sound as there is, in random cuts.
    warm_up: steps in which the learning rate rises, at most a tenth of all; 0 starts with all of it.
    beta1, beta2: of Adam. anneal: let the learning rate fall to nothing along a cosine.
    kl_weight: dB^2 of mean squared error that one nat of latent information costs.
    emphasis: of low frequencies in the error: 1 weighs bins as the ear's mel scale spaces them, 0 alike.
    gain: dB by which a cut is made louder or softer at random, at most.
    bf16: compute convolutions in bfloat16, where the processor does that faster.
    from_: what the run starts from, with a hash; features: of the network that was started from.
    """

    OPTIONS: ClassVar[dict[str, str]] = {
        "from_": "--from",
        "features": "--from",
        "bf16": "--precision",
    }

    width: float = 1.0
    latent_dim: int = 512
    sample_rate: int = 44100
    epochs: float = 50.0
    batch: int = 16
    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.99
    anneal: bool = True
    kl_weight: float = 0.0001
    emphasis: float = 1.0
    gain: float = 6.0
    bf16: bool = False
    seed: int = 0
    warm_up: int = 200
    from_: str | None = None
    features: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.features is not None:
            object.__setattr__(self, "features", tuple(self.features))  # files hold lists
        self.check_above_zero("width", "latent_dim", "sample_rate", "epochs", "batch", "learning_rate")
        self.check_from_zero("kl_weight", "emphasis", "gain", "warm_up")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                self.refuse("expected 0 or more, below 1", name)
        try:
            self.architecture()
        except ValueError as error:
            raise DataError(f"no such network: {error}") from error

    def starting_from(self, name: str, start: Architecture) -> "Settings":
        """The same for a run that goes on from a network.

        Raises DataError for one that analyses sounds in another way.
        """
        started = replace(
            self,
            from_=name,
            features=start.features,
            latent_dim=start.latent_dim,
            sample_rate=start.sample_rate,
        )
        if started.architecture() != start:
            raise DataError(f"{name}: analyses sounds otherwise than training does; start from another model")
        return started

    def architecture(self) -> Architecture:
        if self.features is not None:
            return Architecture(self.features, self.latent_dim, self.sample_rate)
        return Architecture.of_width(self.width, self.latent_dim, self.sample_rate)


# Section 3.2; it does not say how the information in the latent was weighted.
PAPER = {"width": 1.0, "epochs": 50.0, "batch": 64, "learning_rate": 0.0003, "beta1": 0.0, "beta2": 0.99}
PAPER_PRESET = Settings(**PAPER, anneal=False, emphasis=0.0, gain=0.0, warm_up=0)  # type: ignore[arg-type]
