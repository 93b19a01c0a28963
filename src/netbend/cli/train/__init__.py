"""`netbend train`: models of your own material."""

import typer

from netbend.cli.train import spectrogram_vae, stylegan2

app = typer.Typer(help="Train a model on your own material.", no_args_is_help=True)
app.command("stylegan2")(stylegan2.stylegan2)
app.command("spectrogram-vae")(spectrogram_vae.spectrogram_vae)
