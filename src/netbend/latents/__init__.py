"""Where pictures come from: seeds, and latents in files."""
