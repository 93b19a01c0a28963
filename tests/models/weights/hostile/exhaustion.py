"""Attacks on memory and time: small files that unpack to much, or keep a reader busy."""

import copy
import struct
import zipfile
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
    text,
    torch_zip,
    whole,
)


@attack()
def a_zip_bomb(path: Path) -> None:
    torch_zip(path, bytes(50_000_000), compression=zipfile.ZIP_DEFLATED)


@attack()
def a_zip_whose_entries_overlap(path: Path) -> None:
    """The directory lists the same bytes under many names."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", whole(b"}"))
        archive.writestr("archive/data/0", bytes(100_000))
        for index in range(1, 200):
            archive.filelist.append(copy.copy(archive.filelist[-1]))
            archive.filelist[-1].filename = f"archive/data/{index}"


@attack()
def bytes_that_claim_exabytes(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.")


@attack()
def text_that_claims_exabytes(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"x.")


@attack()
def a_number_that_claims_gigabytes(path: Path) -> None:
    path.write_bytes(b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"x.")


@attack()
def a_frame_that_claims_exabytes(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"}.")


@attack()
def a_memo_index_of_two_billion(path: Path) -> None:
    path.write_bytes(b"\x80\x02}r\xff\xff\xff\x7fj\xfe\xff\xff\x7f.")


@attack()
def a_number_of_a_million_digits(path: Path) -> None:
    path.write_bytes(b"\x80\x02I" + b"9" * 1_000_000 + b"\n.")


@attack()
def numbers_of_megabytes_as_keys(path: Path) -> None:
    """Every look-up would hash millions of digits again."""
    length = 5_000_000
    value = b"\x8b" + struct.pack("<I", length) + b"\x01" * length
    path.write_bytes(whole(value + b"q\x000}(" + b"h\x00K\x01" * 100_000 + b"u"))


@attack()
def lists_nested_without_end(path: Path) -> None:
    path.write_bytes(whole(b"]" * 200_000 + b"a" * 199_999))


@attack()
def calls_nested_without_end(path: Path) -> None:
    names = b"ccollections\nOrderedDict\nq\x00" + b"h\x00" * 100_000
    path.write_bytes(whole(names + b")R" + b"\x85R" * 100_000))


@attack()
def tuples_nested_without_end_as_a_key(path: Path) -> None:
    path.write_bytes(whole(b"})" + b"\x85" * 200_000 + b"K\x01s"))


@attack()
def tuples_nested_without_end_as_a_name(path: Path) -> None:
    path.write_bytes(b"\x80\x04)" + b"\x85" * 200_000 + text("x") + b"\x93.")


@attack()
def a_storages_id_nested_without_end(path: Path) -> None:
    torch_zip(path, whole(b")" + b"Q" * 200_000))


@attack()
def an_architecture_nested_without_end(path: Path) -> None:
    path.write_bytes(save({"x": torch.zeros(1)}, metadata={"netbend": "[" * 100_000}))


@attack()
def a_list_that_holds_itself(path: Path) -> None:
    path.write_bytes(whole(b"]q\x00h\x00a"))


@attack()
def a_module_that_holds_itself(path: Path) -> None:
    state = b"}q\x00" + text("_modules") + mapping(x=module(b"h\x00")) + b"s"
    path.write_bytes(whole(mapping(G_ema=module(state))))


def laughs(levels: int) -> bytes:
    """Lists of ten times the list before: 10^levels entries, if anything copies or prints them."""
    body = b"]q\x00(" + b"K\x01" * 10 + b"e"
    for level in range(1, levels):
        body += b"0]q" + bytes([level]) + b"(" + (b"h" + bytes([level - 1])) * 10 + b"e"
    return body


@attack()
def a_billion_laughs(path: Path) -> None:
    path.write_bytes(whole(laughs(60)))


@attack()
def a_billion_laughs_as_a_name(path: Path) -> None:
    path.write_bytes(b"\x80\x04" + laughs(30) + text("x") + b"\x93.")


@attack()
def a_billion_laughs_as_a_shape(path: Path) -> None:
    rebuilt = called("torch._utils", "_rebuild_parameter", laughs(30), b"\x89", b"}")
    torch_zip(path, whole(mapping(g_ema=mapping(x=rebuilt))))


@attack()
def pairs_shared_by_many_mappings(path: Path) -> None:
    pairs = b"]q\x00(" + b"".join(text(str(index)) + b"K\x01\x86" for index in range(20_000)) + b"e0"
    path.write_bytes(whole(pairs + b"](" + b"ccollections\nOrderedDict\nh\x00\x85R" * 3000 + b"e"))


@attack()
def modules_shared_by_many_modules(path: Path) -> None:
    """Twelve levels of modules that each hold the one below ten times: 10^12 paths."""
    opcodes = module(mapping(_modules=b"}")) + b"q\x00"
    for level in range(1, 13):
        children = {f"m{index}": b"h" + bytes([level - 1]) for index in range(10)}
        opcodes += b"0" + module(mapping(_modules=mapping(**children))) + b"q" + bytes([level])
    top = mapping(_modules=mapping(mapping=b"h\x0c", synthesis=b"h\x0c"))
    path.write_bytes(whole(opcodes + b"0" + mapping(G_ema=module(top))))


@attack()
def names_of_modules_that_grow(path: Path) -> None:
    opcodes = module(mapping(_modules=b"}"))
    for level in range(12):
        opcodes = module(mapping(_modules=mapping(**{chr(97 + level) * 1_000_000: opcodes})))
    path.write_bytes(whole(mapping(G_ema=opcodes)))


@attack()
def one_storage_unpacked_many_times(path: Path) -> None:
    data = counted(saved_storage(torch.zeros(250_000))) + b"q\x000"
    path.write_bytes(whole(data + b"](" + b"ctorch.storage\n_load_from_bytes\nh\x00\x85R" * 3000 + b"e"))


@attack()
def millions_of_sets(path: Path) -> None:
    path.write_bytes(b"\x80\x04](" + b"\x8f" * 1_000_000 + b"e.")


@attack()
def millions_of_calls(path: Path) -> None:
    calls = b"h\x00)R" * 500_000
    path.write_bytes(whole(b"ccollections\nOrderedDict\nq\x000](" + calls + b"e"))


@attack()
def a_safetensors_header_that_claims_exabytes(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 60) + b'{"a":1}')


HASH = 2**61 - 1  # Python's hash of a whole number is its remainder


@attack()
def keys_of_one_hash(path: Path) -> None:
    """Every key is compared to all before it: minutes."""
    keys = b"".join(number(index * HASH) + b"K\x01" for index in range(1, 60_000))
    path.write_bytes(whole(b"}(" + keys + b"u"))


@attack()
def members_of_a_set_of_one_hash(path: Path) -> None:
    members = b"".join(number(index * HASH) for index in range(1, 60_000))
    path.write_bytes(b"\x80\x04\x8f(" + members + b"\x90.")


@attack()
def memories_of_one_hash(path: Path) -> None:
    path.write_bytes(whole(b"N" + b"".join(f"p{index * HASH}\n".encode() for index in range(1, 60_000))))


@attack()
def one_text_encoded_many_times(path: Path) -> None:
    """25,000 calls, each with a tuple of its own, of one text of half a megabyte: 12.5 GB."""
    names = text("x" * 500_000) + b"q\x00" + b"c_codecs\nencode\nq\x01" + text("latin1") + b"q\x02"
    path.write_bytes(whole(names + b"](" + b"h\x01h\x00h\x02\x86R" * 25_000 + b"e"))


@attack()
def one_buffer_made_into_many_arrays(path: Path) -> None:
    kind = called("numpy", "dtype", text("u2"), b"\x89", b"\x88") + b"q\x01"
    made = called("numpy.core.numeric", "_frombuffer", b"h\x00", b"h\x01", numbers((250_000,)), text("C"))
    path.write_bytes(whole(counted(bytes(500_000)) + b"q\x00" + kind + b"](" + made * 2000 + b"e"))


@attack()
def a_long_name_asked_for_many_times(path: Path) -> None:
    """Each time it would be put together, and compared."""
    names = text("omegaconf." + "x" * 1_000_000) + b"q\x00" + text("y") + b"q\x01"
    path.write_bytes(b"\x80\x04" + names + b"](" + b"h\x00h\x01\x93" * 100_000 + b"e.")


@attack()
def tensors_without_numbers_by_the_hundred_thousand(path: Path) -> None:
    storage = stored(0) + b"q\x00"
    view = b"(h\x00K\x00K\x00\x85q\x02K\x01\x85q\x03\x89}t"
    names = b"ctorch._utils\n_rebuild_tensor_v2\nq\x01" + storage + view + b"q\x04"
    torch_zip(path, whole(names + b"](" + b"h\x01h\x04R" * 150_000 + b"e"), {"0": b""})


def header_of(shape: str, count: int = 1) -> bytes:
    entry = f'{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,0]}}'
    header = ("{" + ",".join(f'"{index}":{entry}' for index in range(count)) + "}").encode()
    return struct.pack("<Q", len(header)) + header


@attack()
def a_safetensors_header_of_six_megabytes(path: Path) -> None:
    path.write_bytes(header_of("0", 100_000))


@attack()
def a_safetensors_header_of_sixty_thousand_tensors(path: Path) -> None:
    path.write_bytes(header_of("0", 60_000))


@attack()
def a_safetensors_shape_of_half_a_million_dimensions(path: Path) -> None:
    path.write_bytes(header_of("1," * 500_000 + "0"))


@attack()
def a_safetensors_shape_of_five_thousand_digits(path: Path) -> None:
    path.write_bytes(header_of("9" * 5000))


@attack()
def an_architecture_of_five_thousand_digits(path: Path) -> None:
    header = '{"kind": "stylegan2", "architecture": {"z_dim": ' + "9" * 5000 + "}}"
    path.write_bytes(save({"x": torch.zeros(1)}, metadata={"netbend": header}))


@attack()
def a_number_of_four_thousand_digits_in_text(path: Path) -> None:
    path.write_bytes(b"\x80\x02L" + b"9" * 4000 + b"L\n.")


@attack()
def a_zip_of_two_hundred_thousand_entries(path: Path) -> None:
    numbers_of_it = (20, 0, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4s4B4H3I5H2I", b"PK\1\2", *numbers_of_it)
    directory = (entry + b"x") * 200_000
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 30, 0)
    path.write_bytes(b"PK\3\4" + bytes(26) + directory + end)


@attack()
def a_safetensors_header_nested_without_end(path: Path) -> None:
    header = b'{"a":' + b"[" * 100_000
    path.write_bytes(struct.pack("<Q", len(header)) + header)
