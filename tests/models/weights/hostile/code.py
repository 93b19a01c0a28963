"""Attacks that want something executed."""

import pickle
from pathlib import Path

from .forging import (
    ATTACKS,
    COMMAND,
    STATEMENT,
    Attack,
    attack,
    called,
    counted,
    mapping,
    module,
    run_by_pickle,
    run_by_torch,
    text,
    torch_stream,
    torch_zip,
    whole,
)

# Called with these strings. The first ones would run the payload; the others are steps towards one.
LIVE_CALLS = [
    ("posix", "system", COMMAND),
    ("os", "system", COMMAND),
    ("subprocess", "getoutput", COMMAND),
    ("builtins", "exec", STATEMENT),
    ("builtins", "eval", STATEMENT),
    ("__builtin__", "eval", STATEMENT),
    ("cProfile", "run", STATEMENT),
]
OTHER_CALLS = [
    ("timeit", "timeit", STATEMENT),
    ("torch", "load", "inner.pt"),
    ("torch.serialization", "load", "inner.pt"),
    ("torch.jit", "load", "inner.pt"),
    ("torch.jit._serialization", "load", "inner.pt"),
    ("torch.hub", "load", "someone/something"),
    ("torch.package", "PackageImporter", "inner.pt"),
    ("torch._dynamo.guards", "eval", STATEMENT),
    ("numpy", "load", "inner.npy"),
    ("numpy.core.multiarray", "fromfile", "inner.npy"),
    ("pickle", "loads", "x"),
    ("_pickle", "loads", "x"),
    ("marshal", "loads", "x"),
    ("operator", "attrgetter", "system"),
    ("operator", "methodcaller", "system"),
    ("functools", "partial", "x"),
    ("functools", "reduce", "x"),
    ("builtins", "getattr", "x"),
    ("builtins", "__import__", "antigravity"),
    ("builtins", "compile", STATEMENT),
    ("importlib", "import_module", "antigravity"),
    ("runpy", "run_path", "inner.py"),
    ("webbrowser", "open", "http://localhost/"),
    ("ctypes", "CDLL", "inner.so"),
    ("types", "CodeType", "x"),
    ("copyreg", "_reconstructor", "x"),
    ("io", "open", "canary"),
    ("__main__", "Generator", "x"),
    ("dnnlib.tflib.network", "Network", "x"),
    ("__torch__.torch.nn", "Module", "x"),
]


def as_pickle(opcodes: bytes, path: Path) -> None:
    path.write_bytes(whole(opcodes))


def in_torch_zip(opcodes: bytes, path: Path) -> None:
    torch_zip(path, whole(opcodes))


def in_torch_stream(opcodes: bytes, path: Path) -> None:
    path.write_bytes(torch_stream(whole(opcodes)))


def in_a_module(opcodes: bytes, path: Path) -> None:
    path.write_bytes(whole(mapping(G_ema=module(mapping(_parameters=opcodes)))))


def register_calls() -> None:
    wrappings = {as_pickle: run_by_pickle, in_torch_zip: run_by_torch, in_torch_stream: run_by_torch}
    for source, name, argument in LIVE_CALLS + OTHER_CALLS:
        for wrap, runner in {**wrappings, in_a_module: None}.items():
            opcodes = called(source, name, text(argument))
            ATTACKS[f"{source}.{name} {wrap.__name__}"] = Attack(
                lambda path, wrap=wrap, opcodes=opcodes: wrap(opcodes, path),
                f"{source}.{name}",
                runner if (source, name, argument) in LIVE_CALLS else None,
            )


register_calls()


@attack("os.system", live=run_by_pickle)
def the_oldest_protocol(path: Path) -> None:
    path.write_bytes(f"(cos\nsystem\n(S'{COMMAND}'\ntRl.".encode())


@attack("os.system", live=run_by_pickle)
def a_name_put_together_on_the_stack(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8c\x02os\x8c\x06system\x93" + text(COMMAND) + b"\x85R.")


@attack(live=run_by_pickle)
def an_instance_opcode(path: Path) -> None:
    as_pickle(f"(S'{COMMAND}'\nios\nsystem\n".encode(), path)


@attack("os.system", live=run_by_pickle)
def an_object_opcode(path: Path) -> None:
    as_pickle(b"(cos\nsystem\n" + text(COMMAND) + b"o", path)


@attack()
def an_extension_code(path: Path) -> None:
    as_pickle(b"\x82\x01", path)


@attack()
def a_name_reached_through_an_attribute(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8c\x05torch\x8c\x1bserialization.os.system.run\x93\x8c\x01x\x85R.")


@attack("torch._utils.os.system")
def a_name_reached_through_an_allowed_module(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8c\x0ctorch._utils\x8c\x09os.system\x93" + text(COMMAND) + b"\x85R.")


@attack()
def a_call_of_a_calls_result(path: Path) -> None:
    as_pickle(b"ccollections\nOrderedDict\n)R)R", path)


@attack()
def an_allowed_call_with_other_arguments(path: Path) -> None:
    as_pickle(mapping(G_ema=called("torch._utils", "_rebuild_tensor_v2", text(COMMAND))), path)


@attack("os.system", live=run_by_pickle)
def an_argument_of_an_allowed_call(path: Path) -> None:
    as_pickle(called("collections", "OrderedDict", called("os", "system", text(COMMAND)), b"0)"), path)


@attack()
def state_that_replaces_the_class(path: Path) -> None:
    as_pickle(
        b"cargparse\nNamespace\n)\x81" + mapping(__class__=text("x"), __reduce__=text("y")) + b"b", path
    )


@attack()
def state_set_on_a_plain_list(path: Path) -> None:
    as_pickle(b"]}b", path)


@attack()
def state_set_on_a_name(path: Path) -> None:
    as_pickle(b"ccollections\nOrderedDict\n}b", path)


@attack()
def code_in_the_module_source(path: Path) -> None:
    as_pickle(mapping(G_ema=module(b"}", source=STATEMENT)), path)


@attack()
def a_pickle_where_a_storage_is_expected(path: Path) -> None:
    inner = whole(called("os", "system", text(COMMAND)))
    in_a_module(mapping(x=called("torch.storage", "_load_from_bytes", counted(inner))), path)


@attack("os.system")
def a_call_in_the_file_of_a_storage(path: Path) -> None:
    inner = torch_stream(whole(called("os", "system", text(COMMAND))))
    in_a_module(mapping(x=called("torch.storage", "_load_from_bytes", counted(inner))), path)


@attack()
def a_storage_in_the_file_of_a_storage(path: Path) -> None:
    innermost = counted(whole(called("os", "system", text(COMMAND))))
    inner = torch_stream(whole(called("torch.storage", "_load_from_bytes", innermost)))
    in_a_module(mapping(x=called("torch.storage", "_load_from_bytes", counted(inner))), path)


@attack("os.system")
def a_call_in_the_list_of_storages(path: Path) -> None:
    path.write_bytes(torch_stream(pickle.dumps({}, 2), keys=whole(called("os", "system", text(COMMAND)))))


@attack("os.system")
def a_call_in_the_magic_number(path: Path) -> None:
    path.write_bytes(whole(called("os", "system", text(COMMAND)) + b"0\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"))


@attack("os.system")
def a_call_in_a_storages_id(path: Path) -> None:
    torch_zip(path, whole(called("os", "system", text(COMMAND)) + b"Q"))
