"""Five minutes with netbend in Python: bend a face, look inside, write your own transform.

python docs/tour.py [FOLDER]      writes its pictures into FOLDER, out/tour if left out
"""

import sys
from pathlib import Path

import torch

import netbend
from netbend.recipe import Bend, Not, Random, Recipe, recipe_to_yaml
from netbend.transforms import build_transform

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/tour")
out.mkdir(parents=True, exist_ok=True)

# 1. A model, and pictures from it. The same seeds give the same pictures everywhere.
faces = netbend.load_model("faces")
latents = faces.latents(seeds=range(4))
unbent = netbend.to_pictures(faces.generate(latents))
unbent[0].save(out / "1-unbent.png")

# 2. Inside the block, everything the network makes is bent; after it, nothing is.
recipe = netbend.load_recipe(Path(__file__).parent.parent / "recipes" / "goggles.yaml")
with netbend.bend(faces, recipe):
    bent = netbend.to_pictures(faces.generate(latents))
bent[0].save(out / "2-goggles.png")
assert netbend.to_pictures(faces.generate(latents)) == unbent

# 3. A recipe made in Python: turn three quarters of layer 4, drawn from seed 7.
turned = Recipe(
    (Bend(4, build_transform("rotate", {"angle": 45}), features=Not(Random(0.25))),), name="Turned", seed=7
)
with netbend.bend(faces, turned) as plan:
    netbend.to_pictures(faces.generate(latents))[0].save(out / "3-turned.png")
print(
    f"bent {len(plan.bends[0].indices)} of {plan.bends[0].layer.features} features of {plan.bends[0].layer}"
)
print(recipe_to_yaml(turned))


# 4. A transform of your own: a class with its parameters. Recipes and `netbend transforms` know it at once.
@netbend.transform("mirror-max")
class MirrorMax(netbend.Transform):
    """The brighter of each activation and its mirror image."""

    amount: float = netbend.parameter(1.0, doc="1 symmetric, 0 untouched", ge=0, le=1)

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.lerp(torch.maximum(maps, maps.flip(3)), self.amount)


symmetric = Recipe((Bend(3, MirrorMax()), Bend(5, MirrorMax(amount=0.8))))
with netbend.bend(faces, symmetric):
    netbend.to_pictures(faces.generate(latents))[0].save(out / "4-mirror-max.png")

# 5. Not only ours: any torch module whose layers give activation maps (N, F, H, W).
decoder = torch.nn.Sequential(
    torch.nn.Unflatten(1, (8, 4, 4)), torch.nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)
)
z = torch.randn(1, 128, generator=torch.Generator().manual_seed(0))
wrapped = netbend.wrap(decoder, lambda: decoder(z))
with netbend.bend(wrapped, Recipe((Bend(0, build_transform("flip-v")),))):
    print("a foreign network, bent:", tuple(decoder(z).shape))
print(f"pictures in {out}")
