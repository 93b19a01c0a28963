"""Files that try something. One small maker for each attack; none may be executed, all must be refused.

Every payload, if it ran, would create the file CANARY in the current folder.
"""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

CANARY = "canary"
ATTACKS: dict[str, Callable[[Path], None]] = {}


def attack(maker: Callable[[Path], None]) -> Callable[[Path], None]:
    ATTACKS[maker.__name__] = maker
    return maker


class Calls:
    """Pickles as a call of a function by its dotted name."""

    def __init__(self, function: Any, *args: Any):
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.args


def dump(path: Path, data: Any, protocol: int = 2) -> None:
    path.write_bytes(pickle.dumps(data, protocol))


def call_opcodes(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls module.name(argument), without importing it here."""
    text = argument.encode()
    called = f"c{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(text)) + text + b"\x85R."
    return b"\x80\x02" + called


def torch_zip(path: Path, pickled: bytes, storages: dict[str, bytes] | None = None, **options: Any) -> None:
    with zipfile.ZipFile(path, "w", **options) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        for key, data in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", data)


def tensor_pickle(offset: int, size: tuple[int, ...], stride: tuple[int, ...], count: int) -> bytes:
    """What torch.save would write for {"g_ema": {"x": tensor}} with these claims about the tensor."""

    class Storage:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", count) if isinstance(obj, Storage) else None

    buffer = io.BytesIO()
    rebuilt = Calls(torch._utils._rebuild_tensor_v2, Storage(), offset, size, stride, False, {})
    Pickler(buffer, 2).dump({"g_ema": {"x": rebuilt}})
    return buffer.getvalue()


@attack
def system_call_in_a_pickle(path: Path) -> None:
    path.write_bytes(call_opcodes("posix", "system", f"touch {CANARY}"))


@attack
def exec_in_a_pickle(path: Path) -> None:
    path.write_bytes(call_opcodes("builtins", "exec", f"open({CANARY!r}, 'w')"))


@attack
def eval_in_the_oldest_protocol(path: Path) -> None:
    path.write_bytes(f"(c__builtin__\neval\n(V open({CANARY!r}, 'w')\ntR.".encode())


@attack
def an_instance_opcode(path: Path) -> None:
    path.write_bytes(f"(S'touch {CANARY}'\nios\nsystem\n.".encode())


@attack
def a_stack_global(path: Path) -> None:
    command = f"touch {CANARY}".encode()
    path.write_bytes(
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([len(command)]) + command + b"\x85R."
    )


@attack
def an_allowed_name_reached_through_an_attribute(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8c\x05torch\x8c\x1bserialization.os.system.run\x93\x8c\x01x\x85R.")


@attack
def a_reduction_of_a_called_result(path: Path) -> None:
    path.write_bytes(b"\x80\x02ccollections\nOrderedDict\n)R)R.")


@attack
def system_call_in_a_torch_zip(path: Path) -> None:
    torch_zip(path, call_opcodes("os", "system", f"touch {CANARY}"))


@attack
def system_call_in_a_legacy_torch_file(path: Path) -> None:
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    path.write_bytes(head + call_opcodes("os", "system", f"touch {CANARY}") + pickle.dumps([], 2))


@attack
def torch_load_from_within(path: Path) -> None:
    torch_zip(path, call_opcodes("torch.serialization", "load", "inner.pt"))


@attack
def operators_and_partials(path: Path) -> None:
    path.write_bytes(call_opcodes("operator", "attrgetter", "system"))


@attack
def an_import_of_a_plug_in(path: Path) -> None:
    path.write_bytes(call_opcodes("importlib", "import_module", "antigravity"))


@attack
def numpy_load(path: Path) -> None:
    path.write_bytes(call_opcodes("numpy", "load", "inner.npy"))


def named_value(key: str, value: bytes) -> bytes:
    """A pickle of {key: value}, the value given as opcodes."""
    name = key.encode()
    return b"\x80\x02}X" + struct.pack("<I", len(name)) + name + value + b"s."


def module_opcodes(state: bytes, source: str) -> bytes:
    text, name = source.encode(), b"Generator"
    meta = b"}(X\x0a\x00\x00\x00module_srcX" + struct.pack("<I", len(text)) + text
    meta += b"X\x0a\x00\x00\x00class_nameX" + struct.pack("<I", len(name)) + name
    meta += b"X\x05\x00\x00\x00state" + state + b"u"
    return b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n" + meta + b"\x85R"


@attack
def code_in_the_module_source(path: Path) -> None:
    path.write_bytes(named_value("G_ema", module_opcodes(b"}", f"open({CANARY!r}, 'w')")))


@attack
def a_pickle_within_a_storage(path: Path) -> None:
    inner = call_opcodes("os", "system", f"touch {CANARY}")
    nested = b"ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(inner)) + inner + b"\x85R"
    path.write_bytes(
        named_value("G_ema", module_opcodes(b"}X\x0b\x00\x00\x00_parameters" + nested + b"s", ""))
    )


@attack
def a_class_of_the_users_own(path: Path) -> None:
    path.write_bytes(b"\x80\x02c__main__\nGenerator\n)\x81}b.")


@attack
def state_set_on_a_plain_list(path: Path) -> None:
    path.write_bytes(b"\x80\x02]}b.")


@attack
def strides_that_make_terabytes_of_a_tiny_storage(path: Path) -> None:
    torch_zip(path, tensor_pickle(0, (1 << 20, 1 << 20), (0, 0), 4), {"0": bytes(16)})


@attack
def a_view_beyond_its_storage(path: Path) -> None:
    torch_zip(path, tensor_pickle(1_000_000, (4,), (1,), 4), {"0": bytes(16)})


@attack
def a_negative_stride(path: Path) -> None:
    torch_zip(path, tensor_pickle(3, (4,), (-1,), 4), {"0": bytes(16)})


@attack
def a_storage_that_claims_more_than_it_has(path: Path) -> None:
    torch_zip(path, tensor_pickle(0, (4,), (1,), 1 << 40), {"0": bytes(16)})


@attack
def many_copies_of_one_storage(path: Path) -> None:
    class Storage:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", 250_000) if isinstance(obj, Storage) else None

    buffer, storage = io.BytesIO(), Storage()
    tensors = [
        Calls(torch._utils._rebuild_tensor_v2, storage, 0, (250_000,), (1,), False, {}) for _ in range(2000)
    ]
    Pickler(buffer, 2).dump({"g_ema": tensors})
    torch_zip(path, buffer.getvalue(), {"0": bytes(1_000_000)})


@attack
def a_zip_bomb(path: Path) -> None:
    torch_zip(path, bytes(50_000_000), compression=zipfile.ZIP_DEFLATED)


@attack
def a_name_twice_in_a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"g_ema": {}}, 2))
        archive._didModify = True
        archive.NameToInfo.clear()
        archive.writestr("archive/data.pkl", call_opcodes("os", "system", f"touch {CANARY}"))


@attack
def a_memo_index_of_two_billion(path: Path) -> None:
    path.write_bytes(b"\x80\x02}r\xff\xff\xff\x7fj\xfe\xff\xff\x7f.")


@attack
def bytes_that_claim_exabytes(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.")


@attack
def a_frame_that_claims_exabytes(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"}.")


@attack
def lists_a_million_deep(path: Path) -> None:
    path.write_bytes(b"\x80\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b".")


@attack
def tuples_a_million_deep_as_a_key(path: Path) -> None:
    path.write_bytes(b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s.")


@attack
def a_list_that_holds_itself(path: Path) -> None:
    path.write_bytes(b"\x80\x02]q\x00h\x00a.")


@attack
def a_billion_laughs(path: Path) -> None:
    body = b"]q\x00(" + b"K\x01" * 10 + b"e"
    for level in range(1, 60):
        body = body + b"0]q" + bytes([level]) + b"(" + (b"h" + bytes([level - 1])) * 10 + b"e"
    path.write_bytes(b"\x80\x02" + body + b".")


@attack
def a_number_of_a_million_digits(path: Path) -> None:
    path.write_bytes(b"\x80\x02I" + b"9" * 1_000_000 + b"\n.")


@attack
def an_extension_code(path: Path) -> None:
    path.write_bytes(b"\x80\x02\x82\x01.")


@attack
def an_object_array(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.array([Calls(print, "x")], dtype=object), allow_pickle=True)
    path.with_suffix(".npy").rename(path)


@attack
def a_safetensors_header_that_claims_exabytes(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 60) + b'{"a":1}')


@attack
def a_safetensors_tensor_beyond_the_file(path: Path) -> None:
    header = b'{"x":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))


@attack
def a_safetensors_architecture_of_a_planet(path: Path) -> None:
    from safetensors.torch import save

    features = ", ".join(["9999999"] * 9)
    header = '{"kind": "stylegan2", "architecture": {"features": [' + features + "]}}"
    path.write_bytes(save({"x": torch.zeros(1)}, metadata={"netbend": header}))


@attack
def an_empty_file(path: Path) -> None:
    path.write_bytes(b"")


@attack
def plain_text(path: Path) -> None:
    path.write_text("these are not weights")
