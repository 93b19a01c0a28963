"""A projected picture in a file: `.npz`, which `netbend render --latents` plays."""

import io
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from torch import Tensor

from netbend import __version__
from netbend.atomic import write_atomic
from netbend.errors import RenderError
from netbend.latents.file import noise_key
from netbend.latents.projection.project import Projection
from netbend.latents.projection.settings import Settings
from netbend.models.base import Model
from netbend.pictures import to_pictures


def write_projection(
    path: Path,
    projection: Projection,
    index: int,
    model: Model,
    settings: Settings,
    *,
    overwrite: bool = True,
) -> None:
    """Write one picture of a projection. Raises RenderError for what the system refuses.

    `w` `(1, D)` or `w+` `(1, L, D)`, and `noise_0` ... `(1, 1, H, W)` if noise maps were looked for;
    `image` and `target`, bytes `(H, W, C)`; `loss` of each step; `pixel_error`, of 0 to 255; `about`:
    JSON with model, hash, settings, and what was compared and begun with.
    """
    about = {
        "netbend": __version__,
        "model": model.name,
        "model_hash": model.hash,
        "settings": asdict(settings),
        "loss": projection.loss,
        "start": projection.start,
    }
    latents = projection.latents[index]
    arrays = {
        latents.space.value: latents.values.cpu().numpy(),
        **{noise_key(layer): maps.cpu().numpy() for layer, maps in enumerate(latents.noise_maps or ())},
        "image": _bytes(projection.images[index]),
        "target": _bytes(projection.targets[index]),
        "loss": projection.losses[:, index].numpy(),
        "pixel_error": np.float32(projection.errors[index]),
        "about": np.array(json.dumps(about)),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue(), RenderError, overwrite=overwrite)


def _bytes(image: Tensor) -> np.ndarray:
    (picture,) = to_pictures(image[None])
    return np.asarray(picture).reshape(picture.height, picture.width, -1)
