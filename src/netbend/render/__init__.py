"""Models, recipes and latents become pictures on disk."""
