"""One table of all transforms with sample parameters; the same checks run over every row."""

SAMPLES: list[tuple[str, dict[str, object]]] = [
    ("ablate", {}),
    ("invert", {}),
    ("multiply", {"p": -1.7}),
    ("multiply", {"p": 0}),
    ("threshold", {"t": 0.25}),
    ("flip-h", {}),
    ("flip-v", {}),
    ("translate", {"x": 0.3, "y": -0.17}),
    ("scale", {"kx": 0.6}),
    ("scale", {"kx": 1.7, "ky": 0.4}),
    ("rotate", {"angle": 45}),
    ("rotate", {"angle": -721.5}),
    ("affine", {"matrix": [[1.2, 0.3, 1.5], [-0.2, 0.8, -2.0]]}),
    ("erode", {"r": 1}),
    ("erode", {"r": 3}),
    ("dilate", {"r": 2}),
    ("dilate", {"r": 40}),
]
