"""Attacks by what a file claims about its tensors."""

from pathlib import Path

import torch
from safetensors.torch import save

from .forging import (
    attack,
    called,
    counted,
    mapping,
    module,
    number,
    numbers,
    saved_storage,
    stored,
    tensor,
    torch_stream,
    torch_zip,
    whole,
)

FOUR = {"0": bytes(16)}


def zipped(path: Path, opcodes: bytes) -> None:
    torch_zip(path, whole(mapping(g_ema=mapping(x=opcodes))), FOUR)


@attack()
def terabytes_by_stride_zero(path: Path) -> None:
    zipped(path, tensor(0, (1 << 20, 1 << 20), (0, 0), stored(4)))


@attack()
def a_view_beyond_its_storage(path: Path) -> None:
    zipped(path, tensor(1_000_000, (4,), (1,), stored(4)))


@attack()
def a_view_one_number_too_long(path: Path) -> None:
    zipped(path, tensor(1, (4,), (1,), stored(4)))


@attack()
def a_negative_stride(path: Path) -> None:
    zipped(path, tensor(3, (4,), (-1,), stored(4)))


@attack()
def a_negative_offset(path: Path) -> None:
    zipped(path, tensor(-1, (4,), (1,), stored(4)))


@attack()
def a_negative_size(path: Path) -> None:
    zipped(path, tensor(0, (-4, -1), (1, 1), stored(4)))


@attack()
def a_stride_beyond_64_bits(path: Path) -> None:
    zipped(path, tensor(0, (1,), (2**70,), stored(4)))


@attack()
def a_size_of_five_thousand_digits(path: Path) -> None:
    zipped(path, tensor(0, (10**5000,), (1,), stored(4)))


@attack()
def sizes_that_overflow_when_multiplied(path: Path) -> None:
    zipped(path, tensor(0, (2**32, 2**32, 4), (0, 0, 1), stored(4)))


@attack()
def nothing_of_an_enormous_shape(path: Path) -> None:
    zipped(path, tensor(0, (0, 2**61, 2**61), (1, 1, 1), stored(4)))


@attack()
def a_thousand_dimensions(path: Path) -> None:
    zipped(path, tensor(0, (1,) * 1000, (1,) * 1000, stored(4)))


@attack()
def more_strides_than_sizes(path: Path) -> None:
    zipped(path, tensor(0, (4,), (1, 1), stored(4)))


@attack()
def a_shape_of_words(path: Path) -> None:
    view = (number(0), b"(X\x01\x00\x00\x00xt", numbers((1,)), b"\x89", b"}")
    zipped(path, called("torch._utils", "_rebuild_tensor_v2", stored(4), *view))


@attack()
def a_storage_that_claims_more_than_it_has(path: Path) -> None:
    zipped(path, tensor(0, (4,), (1,), stored(1 << 40)))


@attack()
def a_storage_of_negative_length(path: Path) -> None:
    zipped(path, tensor(0, (4,), (1,), stored(-4)))


@attack()
def a_storage_of_an_unknown_kind(path: Path) -> None:
    zipped(path, tensor(0, (4,), (1,), stored(4, kind="QInt8Storage")))


@attack()
def a_storage_outside_the_archive(path: Path) -> None:
    zipped(path, tensor(0, (4,), (1,), stored(4, key="../../../etc/passwd")))


@attack()
def a_storage_of_negative_length_in_a_stream(path: Path) -> None:
    pickled = whole(mapping(g_ema=mapping(x=tensor(0, (4,), (1,), stored(4)))))
    path.write_bytes(torch_stream(pickled, b"\x80\x02]X\x01\x00\x00\x000a.", b"\xff" * 8 + bytes(16)))


@attack()
def a_view_beyond_the_storage_in_a_module(path: Path) -> None:
    storage = called("torch.storage", "_load_from_bytes", counted(saved_storage(torch.zeros(4))))
    state = mapping(_parameters=mapping(x=tensor(2**40, (4,), (1,), storage)))
    path.write_bytes(whole(mapping(G_ema=module(state))))


@attack()
def many_views_of_one_storage(path: Path) -> None:
    storage = stored(250_000)
    views = b"".join(tensor(0, (250_000,), (1,), storage) + b"a" for _ in range(500))
    torch_zip(path, whole(mapping(g_ema=b"]" + views)), {"0": bytes(1_000_000)})


@attack()
def an_architecture_of_a_planet(path: Path) -> None:
    features = ", ".join(["9999999"] * 9)
    header = '{"kind": "stylegan2", "architecture": {"features": [' + features + "]}}"
    path.write_bytes(save({"x": torch.zeros(1)}, metadata={"netbend": header}))


@attack()
def a_large_architecture_without_weights(path: Path) -> None:
    header = '{"kind": "stylegan2", "architecture": {"features": [16384, 16384, 16384], "mapping_depth": 64}}'
    path.write_bytes(save({"x": torch.zeros(1)}, metadata={"netbend": header}))


@attack()
def thirty_resolutions_without_noise(path: Path) -> None:
    """Drawing the missing noise maps of the last one would take 4 * 2^30 squared numbers."""
    weights = {
        "input.input": torch.zeros(1, 1, 4, 4),
        "style.1.weight": torch.zeros(1, 1),
        "to_rgb1.bias": torch.zeros(1, 3, 1, 1),
    }
    weights |= {f"convs.{2 * step + 1}.conv.weight": torch.zeros(1, 1, 1, 3, 3) for step in range(30)}
    torch.save({"g_ema": weights}, path)
