"""Projection: the latent from which a model best generates a given picture."""
