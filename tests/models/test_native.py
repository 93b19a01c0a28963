"""netbend's own files: the same bytes everywhere, and nothing built from a header that lies."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from netbend.errors import CheckpointError
from netbend.models.catalog import describe, load_model
from netbend.models.dcgan.network import Architecture, Generator
from netbend.models.native import network_bytes

STYLED = {"features": [8, 8], "z_dim": 8, "w_dim": 8, "mapping_depth": 1}
DCGAN = {"features": [8, 8], "z_dim": 8}

LIES = [
    ("mobilestylegan", {**STYLED, "mapping_depth": 10**9}),
    ("mobilestylegan", {**STYLED, "mapping_depth": 0}),
    ("mobilestylegan", {**STYLED, "features": [4] * 2000}),
    ("mobilestylegan", {**STYLED, "features": [10, 8]}),
    ("mobilestylegan", {**STYLED, "features": [16384] * 10}),
    ("mobilestylegan", {**STYLED, "w_dim": True}),
    ("stylegan2", {**STYLED, "clamp": -1}),
    ("stylegan2", {**STYLED, "features": [8, "8"]}),
    ("dcgan", {**DCGAN, "features": [0] * 300_000}),
    ("dcgan", {**DCGAN, "features": 8}),
    ("dcgan", {**DCGAN, "classes": [1, 2]}),
    ("dcgan", {**DCGAN, "classes": ["\x1b[31mred"]}),
    ("dcgan", {**DCGAN, "classes": ["x"] * 2000}),
    ("dcgan", {**DCGAN, "z_dim": -1}),
    ("dcgan", {**DCGAN, "weather": "fair"}),
]


@pytest.mark.parametrize(("kind", "architecture"), LIES, ids=lambda value: str(value)[:50])
def test_a_lying_header_is_an_error(kind: str, architecture: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    header = {"netbend": json.dumps({"kind": kind, "architecture": architecture})}
    path.write_bytes(save({"x": torch.zeros(3)}, metadata=header))
    with pytest.raises(CheckpointError) as caught:
        load_model(path, "cpu")
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.isprintable()
    assert len(message) < 500
    assert describe(path).reason


def test_the_bytes_of_a_file_do_not_change_between_versions() -> None:
    """Hashes of installable models and of pictures' records depend on them."""
    network = Generator(Architecture((2, 1), z_dim=1, classes=("red",), channels=1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.5)
    content = network_bytes(network, "dcgan", network.architecture)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    architecture = '{"features": [2, 1], "z_dim": 1, "classes": ["red"], "channels": 1}'
    assert header["__metadata__"] == {"netbend": f'{{"kind": "dcgan", "architecture": {architecture}}}'}
    assert [name for name in header if name != "__metadata__"] == sorted(network.state_dict())
