"""Training StyleGAN2 on a folder of pictures."""
