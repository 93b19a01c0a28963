"""Films: a recipe over time, frame by frame, into a file that can be played."""

from netbend.film.frames import Film

__all__ = ["Film"]
