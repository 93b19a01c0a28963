"""`netbend train`: models of your own material."""

from netbend.cli.app import App
from netbend.cli.train import spectrogram_vae, stylegan2

app = App(help="Train a model on your own material.", no_args_is_help=True)
app.command("stylegan2")(stylegan2.stylegan2)
app.command("spectrogram-vae")(spectrogram_vae.spectrogram_vae)
