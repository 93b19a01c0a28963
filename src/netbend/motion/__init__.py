"""Values that move: key frames, oscillators, Perlin noise, and what is measured of a sound."""

from netbend.motion.curves import (
    SOUNDTRACK,
    Curve,
    Follow,
    Key,
    Keys,
    Noise,
    Number,
    Ramp,
    Wave,
    bind_number,
    bounds_of,
    scaled,
    value_at,
)
from netbend.motion.noise import perlin
from netbend.motion.parse import number_data, number_schema, parse_number

__all__ = [
    "SOUNDTRACK",
    "Curve",
    "Follow",
    "Key",
    "Keys",
    "Noise",
    "Number",
    "Ramp",
    "Wave",
    "bind_number",
    "bounds_of",
    "number_data",
    "number_schema",
    "parse_number",
    "perlin",
    "scaled",
    "value_at",
]
