"""Trained networks to play and bend."""
