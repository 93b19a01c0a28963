"""Training a spectrogram VAE on a folder of sounds."""
