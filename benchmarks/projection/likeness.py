"""How near projections into photo-faces come in seconds. Prints the table of docs/projecting.md.

    python -m benchmarks.projection.likeness --out out/likeness [--steps 4 16 40]

Pictures: samples of the model that its encoder was not trained with, the same as a camera with another lens
might have taken them, and photographs in the public domain: NASA's portrait of Eileen Collins out of
scikit-image, and the navy's of Grace Hopper out of matplotlib, if that is installed. Seconds are those of
the processor, on one thread.
"""

import argparse
import time
from importlib.util import find_spec
from pathlib import Path

import torch
from PIL import Image, ImageFilter
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.nn import functional as F

import netbend
from netbend.choices import Perceptual, Space
from netbend.latents.projection.align import aligned
from netbend.latents.projection.encoder import shipped_encoder
from netbend.latents.projection.face_search import find_square
from netbend.latents.projection.losses import rmse
from netbend.latents.projection.picture import target_of
from netbend.latents.projection.project import project
from netbend.latents.projection.settings import Settings
from netbend.latents.projection.start import start_of
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.styled import StyledModel
from netbend.pictures import contact_sheet, to_pictures

SEEDS = range(100, 104)
SSIM_SIZE = 256
PHOTOGRAPHS = {
    "Eileen Collins": ("skimage", "data/astronaut.png"),
    "Grace Hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/likeness"))
    parser.add_argument("--steps", type=int, nargs="*", default=[4, 16, 40])
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    model = netbend.load_model("photo-faces", "cpu")
    for kind, targets in pictures_of(model).items():
        compare(model, kind, targets, options)


def pictures_of(model: StyledModel) -> dict[str, Tensor]:
    samples = model.generate(model.latents(list(SEEDS)), SynthesisOptions(truncation_psi=0.7)).clamp(-1, 1)
    taken = [target_of(as_a_camera(picture), model) for picture in to_pictures(samples)]
    return {"samples": samples, "samples, as taken": torch.cat(taken), **photographs(model)}


def photographs(model: StyledModel) -> dict[str, Tensor]:
    """Each alone, aligned by netbend's own finder, where its package is installed."""
    found = {}
    for name, (package, place) in PHOTOGRAPHS.items():
        installed = find_spec(package)
        if installed is None:
            continue
        path = Path(installed.origin).parent / place
        picture = Image.open(path).convert("RGB")
        found[name] = target_of(aligned(picture, find_square(picture, path), path), model)
    return found


def as_a_camera(picture: Image.Image) -> Image.Image:
    """Turned by 2 degrees, a little larger, blurred, warmer, and compressed."""
    turned = picture.rotate(2, Image.Resampling.BICUBIC).crop((24, 20, 1004, 1000)).resize(picture.size)
    blurred = turned.filter(ImageFilter.GaussianBlur(2))
    red, green, blue = blurred.split()
    return Image.merge("RGB", (red.point(lambda v: v * 1.06), green, blue.point(lambda v: v * 0.94)))


def compare(model: StyledModel, kind: str, targets: Tensor, options: argparse.Namespace) -> None:
    mean = model.generate(model.latents([0]), SynthesisOptions(truncation_psi=0.0)).expand_as(targets)
    rows = {"target": targets, "mean of w": mean}
    seconds = {"mean of w": 0.0}
    encoder = shipped_encoder(model.hash)
    began = time.process_time()
    w = start_of(model, targets, Space.W_PLUS, encoder)
    rows["guess"] = model.generate(Latents(Space.W_PLUS, w, tuple(range(len(targets)))))
    seconds["guess"] = time.process_time() - began
    for steps in options.steps:
        began = time.process_time()
        found = project(model, targets, Settings(steps=steps, perceptual=Perceptual.CONTRAST))
        rows[f"{steps} steps"] = found.images
        seconds[f"{steps} steps"] = time.process_time() - began
    print(f"| {kind} | pixel error | SSIM | seconds a picture |\n|---|---|---|---|")
    for name, images in list(rows.items())[1:]:
        likeness = f"{rmse(images, targets).mean():.1f} | {ssim(images, targets):.3f}"
        print(f"| {name} | {likeness} | {seconds[name] / len(targets):.1f} |", flush=True)
    small = [picture for images in rows.values() for picture in to_pictures(smaller(images))]
    labels = [name for name in rows for _ in range(len(targets))]
    contact_sheet(small, labels, columns=len(targets)).save(options.out / f"{kind}.png")


def smaller(images: Tensor) -> Tensor:
    return F.interpolate(images, (SSIM_SIZE, SSIM_SIZE), mode="area")


def ssim(images: Tensor, targets: Tensor) -> float:
    """Mean structural similarity (Wang et al. 2004) of pictures made smaller, with its Gaussian window."""
    pairs = zip(smaller(images.clamp(-1, 1)), smaller(targets), strict=True)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    values = [
        structural_similarity(one.numpy(), other.numpy(), channel_axis=0, data_range=2.0, **options)
        for one, other in pairs
    ]
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
