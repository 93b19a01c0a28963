"""What a training run is asked to do."""

from dataclasses import dataclass, replace
from math import log2
from typing import ClassVar

from netbend.errors import DataError
from netbend.models.run_settings import RunSettings
from netbend.models.stylegan2.network import Architecture
from netbend.models.stylegan2.training.start import grown_architecture


@dataclass(frozen=True)
class Settings(RunSettings):
    """Defaults suit a few thousand pictures or more; see `netbend train stylegan2 --help`.

    kimg: thousands of real images to show in all.
    augment: "none", "ada" (adaptive) or a fixed probability in (0, 0.8].
    r1_gamma: weight of the gradient penalty; by default 0.0002 * size^2 / batch.
    path_length_weight: 0 leaves the penalty out; the paper uses 2.
    ema_kimg: half-life of the averaged generator.
    bf16: compute convolutions in bfloat16, where the processor does that faster.
    style_mixing: probability that a generated image is drawn from two latents.
    snapshot_kimg: thousands of images between sample grids and kept models.
    from_: what the run starts from, with a hash; features and clamp: of a network that was started from.
    warm_up: steps in which learning rates rise.
    save_seconds: between checkpoints.
    """

    OPTIONS: ClassVar[dict[str, str]] = {
        "z_dim": "--latent-dim",
        "w_dim": "--latent-dim",
        "from_": "--from",
        "features": "--from",
        "clamp": "--from",
        "bf16": "--precision",
    }

    size: int = 64
    feature_base: int = 16384
    feature_max: int = 512
    z_dim: int = 512
    w_dim: int = 512
    mapping_depth: int = 8
    kimg: float = 1000.0
    batch: int = 16
    learning_rate: float = 0.0025
    r1_gamma: float | None = None
    r1_interval: int = 16
    path_length_weight: float = 0.0
    path_length_interval: int = 8
    ema_kimg: float = 5.0
    style_mixing: float = 0.9
    augment: str = "ada"
    mirror: bool = False
    bf16: bool = False
    snapshot_kimg: float = 25.0
    seed: int = 0
    from_: str | None = None
    features: tuple[int, ...] | None = None
    clamp: float | None = None
    warm_up: int = 0
    save_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.features is not None:
            object.__setattr__(self, "features", tuple(self.features))  # files hold lists
        if self.size < 8 or self.size > 1024 or not log2(self.size).is_integer():
            raise DataError(f"--size {self.size}: expected a power of two from 8 to 1024")
        self.check_above_zero(
            *(
                "kimg",
                "batch",
                "learning_rate",
                "feature_base",
                "feature_max",
                "z_dim",
                "w_dim",
                "mapping_depth",
            ),
            *("r1_interval", "path_length_interval", "snapshot_kimg", "ema_kimg", "save_seconds"),
        )
        self.check_from_zero(
            "warm_up", "path_length_weight", *(["r1_gamma"] if self.r1_gamma is not None else [])
        )
        if not 0 <= self.style_mixing <= 1:
            self.refuse("expected a probability from 0 to 1", "style_mixing")
        try:
            self.architecture()
        except ValueError as error:
            raise DataError(f"no such network: {error}") from error
        self.fixed_augmentation()

    def starting_from(self, name: str, start: Architecture) -> "Settings":
        """The same for a run that goes on from a generator, grown to the size of the pictures.

        Raises DataError where it cannot be.
        """
        grown = grown_architecture(start, self.size, self.feature_base, self.feature_max)
        return replace(
            self,
            from_=name,
            features=grown.features,
            z_dim=grown.z_dim,
            w_dim=grown.w_dim,
            mapping_depth=grown.mapping_depth,
            clamp=grown.clamp,
        )

    def architecture(self) -> Architecture:
        if self.features is not None:
            return Architecture(
                self.features,
                z_dim=self.z_dim,
                w_dim=self.w_dim,
                mapping_depth=self.mapping_depth,
                clamp=self.clamp,
            )
        return Architecture.of_width(
            self.size,
            self.feature_base,
            self.feature_max,
            z_dim=self.z_dim,
            w_dim=self.w_dim,
            mapping_depth=self.mapping_depth,
        )

    def fixed_augmentation(self) -> float | None:
        """The augmentation probability if it is fixed, None if it adapts."""
        if self.augment == "ada":
            return None
        try:
            probability = 0.0 if self.augment == "none" else float(self.augment)
        except ValueError:
            probability = -1.0
        if not 0.0 <= probability <= 0.8:
            raise DataError(f"--augment {self.augment}: expected none, ada or a probability from 0 to 0.8")
        return probability

    def gradient_penalty(self) -> float:
        return 0.0002 * self.size**2 / self.batch if self.r1_gamma is None else self.r1_gamma
