"""The truncation of what nobody has said it for."""

from netbend.choices import Space
from netbend.recipe.places import Filmed, Journey, Latent, LatentFile

OF_SEEDS = 0.7  # what is seen everywhere: pictures from seeds at their best


def usual_truncation(space: Space, from_file: bool) -> float:
    """psi: 0.7; 1 for w and w+ from files, which were searched or chosen as they are."""
    return 1.0 if from_file and space is not Space.Z else OF_SEEDS


def comes_from_file(latent: Latent | None) -> bool:
    """Whether all points of a recipe's latent are in files, or frames of a film."""
    if latent is None:
        return False
    place = latent.place
    points = place.points if isinstance(place, Journey) else (place,)
    return all(isinstance(point, LatentFile | Filmed) for point in points)
