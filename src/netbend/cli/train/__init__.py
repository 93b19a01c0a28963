"""`netbend train`: models of your own material."""

from typing import ClassVar

from netbend.cli.app import App, Entry, LazyGroup


class _Train(LazyGroup):
    entries: ClassVar = {
        "stylegan2": Entry(
            "netbend.cli.train.stylegan2",
            "stylegan2",
            "Train StyleGAN2. Stop with Ctrl-C at any time; the same command goes on.",
        ),
        "spectrogram-vae": Entry(
            "netbend.cli.train.spectrogram_vae",
            "spectrogram_vae",
            "Train a spectrogram VAE. Stop with Ctrl-C at any time; the same command goes on.",
        ),
    }


app = App(cls=_Train, help="Train a model on your own material.", no_args_is_help=True)


@app.callback()
def train() -> None:
    pass
