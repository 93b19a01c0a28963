"""The choice of phases, by itself so that the command line need not load torch to show it."""

from enum import StrEnum


class Phase(StrEnum):
    """Where phases come from: the source's own, or estimated from the magnitudes alone."""

    INPUT = "input"
    GRIFFIN_LIM = "griffin-lim"
