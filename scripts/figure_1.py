"""Figure 1 of the paper: a picture, maps of a cluster, both before and after a bend."""

import torch
from PIL import Image
from torch import Tensor

from netbend.bending import resolve
from netbend.clustering.activations import watched
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions
from netbend.pictures import paint
from netbend.recipe import Recipe

SEED = 4
MAPS = 4
SIDE, GAP, FRAME = 384, 20, 4  # pixels: of a picture, between columns, about a map
BACKGROUND = "#111318"


def draw(model: Model, recipe: Recipe, options: SynthesisOptions) -> Image.Image:
    """Those of one bend, on the maps of its cluster that vary most."""
    small = SIDE // MAPS
    canvas = Image.new("RGB", (2 * (SIDE + small + GAP), SIDE), BACKGROUND)
    still = Still(model, model.latents([SEED]), options, recipe, resolve(recipe, model))
    canvas.paste(shrunk(Still(model, still.latents, options).picture()), (0, 0))
    canvas.paste(shrunk(still.picture()), (canvas.width - SIDE, 0))
    for row, pair in enumerate(maps_before_and_after(still)):
        low, high = float(pair[0].min()), float(pair[0].max())
        for column, each in enumerate(pair):
            picture = paint((each - low) / (high - low)).convert("RGB")
            place = (SIDE + GAP // 2 + column * (small + GAP), row * small)
            canvas.paste(picture.resize((small - FRAME,) * 2, Image.Resampling.NEAREST), place)
    return canvas


def maps_before_and_after(still: Still) -> list[tuple[Tensor, Tensor]]:
    (bend,) = still.plan.bends
    with watched(still.model, [bend.layer]) as maps, torch.no_grad():
        still.model.generate(still.latents, still.options)
        found = maps[bend.layer.name][0, list(bend.indices)]
    strongest = found[found.flatten(1).std(1).argsort(descending=True)[:MAPS]]
    return list(zip(strongest, bend.transform(strongest[None])[0], strict=True))


def shrunk(picture: Image.Image) -> Image.Image:
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
