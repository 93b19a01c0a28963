"""Requests carried out: binding them to a model, and pictures and frames of what was bound."""
