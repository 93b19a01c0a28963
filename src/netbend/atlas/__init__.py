"""The atlas: a page that shows what every cluster of a model's features is and does."""

from netbend.atlas.make import make_atlas

__all__ = ["make_atlas"]
