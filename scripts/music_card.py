"""Figures for the card of a trained spectrogram VAE: errors on unseen tracks beside two baselines.

    python scripts/music_card.py RUN TRAINING TEST OUT

RUN is the folder of a training run; TRAINING and TEST hold tracks, those of TEST neither learnt from nor
looked at while training. Writes into OUT: figures.json (errors in dB of the network, of the mean
spectrogram, and of a principal component analysis with as many components as the latent has dimensions),
curves.png, reconstructions.png. Needs matplotlib.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from torch import Tensor

from netbend.models.catalog import load_model
from netbend.models.spectrogram_vae.model import SpectrogramModel
from netbend.models.spectrogram_vae.training.sounds import Sounds, find_sounds, load_sounds
from netbend.sound.drawing import spectrogram_sheet

KNOWN = 12288  # cuts that the baselines are computed from
UNSEEN = 1024
EXAMPLES = 8


def main(run: Path, training: Path, test: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    model = load_model(run / "model.safetensors", "cpu")
    assert isinstance(model, SpectrogramModel)
    length = model.output.spectrum.samples_in(model.output.frames)
    rate = model.output.spectrum.sample_rate
    known = load_sounds(find_sounds(training), rate, length, run / "sounds.raw")
    unseen = load_sounds(find_sounds(test), rate, length, out / "test.raw")
    levels = levels_of(model, unseen, UNSEEN)
    rebuilt = torch.cat([model.generate(model.encode(part)) for part in levels.split(32)])
    figures = {"network": errors(model, rebuilt, levels)}
    mean, components = principal_components(
        levels_of(model, known, KNOWN), model.latents([0]).values.shape[1]
    )
    flat = levels.flatten(1)
    figures["mean spectrogram"] = errors(model, mean.expand_as(flat), flat)
    projected = mean + (flat - mean) @ components @ components.T
    figures["principal components"] = errors(model, projected, flat)
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    chosen = range(0, len(levels), len(levels) // EXAMPLES)[:EXAMPLES]
    rows = [("tracks never heard", levels), ("principal components", projected.view_as(levels))]
    rows += [("network", rebuilt)]
    spectrogram_sheet([(name, [row[i, 0] for i in chosen]) for name, row in rows]).save(
        out / "reconstructions.png"
    )
    curves(run, out / "curves.png")
    for left_over in ("test.raw", "test.json"):
        (out / left_over).unlink()


def levels_of(model: SpectrogramModel, sounds: Sounds, count: int) -> Tensor:
    """Evenly spread cuts as the network sees them, `(N, 1, frames, bins)`."""
    cuts = sounds.even_cuts(count, model.output.spectrum.samples_in(model.output.frames))
    parts = [model.output.spectrum.levels(model.output.spectrum.analyse(part)) for part in cuts.split(64)]
    return torch.cat(parts)[:, None]


def errors(model: SpectrogramModel, rebuilt: Tensor, levels: Tensor) -> dict[str, float]:
    difference = (rebuilt.clamp(min=0) - levels) * model.output.spectrum.decibels
    return {"rms_db": difference.square().mean().sqrt().item(), "mean_db": difference.abs().mean().item()}


def principal_components(levels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean `(1, D)` and components `(D, count)` of flattened levels."""
    torch.manual_seed(0)
    flat = levels.flatten(1)
    mean = flat.mean(dim=0, keepdim=True)
    flat -= mean
    # More than are kept, and several rounds: a baseline is to be as strong as it can be.
    _, _, components = torch.pca_lowrank(flat, count + 64, center=False, niter=3)
    return mean, components[:, :count]


def curves(run: Path, path: Path) -> None:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    epochs = [line["epoch"] for line in lines]
    figure, axes = plt.subplots(figsize=(7, 3.5))
    axes.plot(epochs, [line["training_rms_db"] for line in lines], "o-", label="learnt from (last batch)")
    axes.plot(epochs, [line["apart_rms_db"] for line in lines], "o-", label="tracks set apart")
    axes.set(xlabel="epoch", ylabel="root mean square error, dB")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*(Path(argument) for argument in sys.argv[1:]))
