"""Networks that no family of netbend's reads, by what gives them away, and what to do about them."""

import re
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any

from netbend.models.weights import ModuleState

# By names of tensors, the more telling first.
OTHERS = {
    r"embed_proj\.weight|discriminator\.discs?\.": "a StyleGAN-XL; netbend reads StyleGAN2",
    r"synthesis\.input\.(freqs|phases)|synthesis\.L\d+_\d+_\d+\.": "a StyleGAN3; netbend reads StyleGAN2",
    r"(S|SE|GE\.S|GAN\.S)\.net\.\d+\.|G\.initial_block|G\.blocks\.\d+\.to_style1|to_initial_block": (
        "a generator of lucidrains' stylegan2-pytorch, a network of its own kind; "
        "netbend reads those of rosinality's and NVIDIA's code"
    ),
    r"progression\.\d+\.|g_synthesis\.|g_mapping\.": "a StyleGAN of the first kind; netbend reads StyleGAN2",
    r"style_mapping\.|constant_input\.weight|early_layer\.const|mapping\.dense0\.": (
        "a StyleGAN2 in the names of MMGeneration or GenForce; its own tools convert it from and to NVIDIA's"
    ),
    r"stylegan_decoder\.": "a network that restores faces (GFPGAN); netbend plays generators",
    r"diffusion_model\.|\.transformer_blocks\.|down_blocks\.\d+": (
        "a diffusion model; netbend plays generators of one step"
    ),
    r"(?:latents?|projected_w|w|ws|w_plus|z)(?:\n|$)": "no generator, but latents; `--latents` takes it",
    r"(?:eigvec|lat_comp)(?:\n|$)": "no generator, but directions; `netbend directions --of` takes it",
    r"img_to_sparse|superresolution\.": "a three-dimensional generator (EG3D); netbend reads StyleGAN2",
}


def other_network(tree: Any) -> str | None:
    """What the networks in a file without a StyleGAN2 are, where that is known."""
    names = _names(tree)
    for pattern, what in OTHERS.items():
        if re.search(rf"(?:^|[.\n])(?:{pattern})", names):
            return what
    return None


def _names(tree: Any, most: int = 5000) -> str:
    """The paths of what a file holds, a line each, as far as is needed to know it by."""
    lines: list[str] = []
    pending = deque[tuple[str, Any]]([("", tree)])
    while pending and len(lines) < most:
        path, node = pending.popleft()
        held = _held(node)
        lines.append(path)
        pending += [
            (f"{path}.{name}" if path else str(name), value)
            for name, value in islice(held.items(), most)
            if len(path) + len(str(name)) < 200
        ]
    return "\n".join(lines)


def _held(node: Any) -> Mapping[Any, Any]:
    if isinstance(node, dict):
        return node
    if not isinstance(node, ModuleState):
        return {}
    tables = [node.attributes.get(kind) for kind in ("_parameters", "_buffers", "_modules")]
    return {name: value for table in tables if isinstance(table, dict) for name, value in table.items()}
