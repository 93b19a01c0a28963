"""Sound as numbers: spectra, phases, loudness, and files of it. Nothing here knows a network."""
