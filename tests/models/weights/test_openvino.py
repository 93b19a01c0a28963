"""OpenVINO's constants, read as data."""

import struct

import pytest
import torch

from netbend.errors import CheckpointError, RefusedFile
from netbend.models.weights.openvino import read_constants

NUMBERS = struct.pack("<6f", 1, 2, 3, 4, 5, 6)


def network(*constants: str, version: str = "10", before: str = "") -> bytes:
    return f'{before}<net version="{version}"><layers>{"".join(constants)}</layers></net>'.encode()


def constant(shape: str, offset: object = 0, size: object = 24, kind: str = "f32") -> str:
    place = f'element_type="{kind}" shape="{shape}" offset="{offset}" size="{size}"'
    return f'<layer name="kernel" type="Const"><data {place}/></layer>'


def test_float_constants_are_read_in_order_and_others_passed_over() -> None:
    xml = network(
        constant("2, 3"), constant("1", kind="i64", size=8), '<layer type="Add"/>', constant("1", 20, 4)
    )
    first, second = read_constants(xml, NUMBERS, "net.xml")
    assert first.name == "kernel"
    assert torch.equal(first.values, torch.tensor([[1.0, 2, 3], [4, 5, 6]]))
    assert torch.equal(second.values, torch.tensor([6.0]))


@pytest.mark.parametrize(
    "place",
    [
        constant("2, 3", offset=4),
        constant("2, 3", offset=10**11),
        constant("99999999999", size=24),
        constant("2, 3", size=20),
        constant("0", size=0),
        constant(", ".join(["1"] * 30), size=4),
    ],
)
def test_places_outside_the_binary_are_refused(place: str) -> None:
    with pytest.raises(RefusedFile, match=r"^net.xml: kernel is a tensor of an impossible shape or place"):
        read_constants(network(place), NUMBERS, "net.xml")


@pytest.mark.parametrize(("shape", "offset"), [("2, -3", 0), ("2, 3", -4), ("2, x", 0), ("2, 3", "1e1")])
def test_numbers_that_are_none_are_errors(shape: str, offset: object) -> None:
    with pytest.raises(CheckpointError, match="where a number was expected"):
        read_constants(network(constant(shape, offset)), NUMBERS, "net.xml")


LAUGHS = '<!DOCTYPE net [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("before", [LAUGHS, OUTSIDE, "<!DOCTYPE net>"])
def test_entities_and_document_types_are_refused(before: str) -> None:
    with pytest.raises(RefusedFile, match="entities or document types"):
        read_constants(network(constant("2, 3"), before=before), NUMBERS, "net.xml")


def test_too_much_is_refused() -> None:
    with pytest.raises(RefusedFile, match="bytes of XML"):
        read_constants(b" " * 5_000_000, NUMBERS, "net.xml")
    with pytest.raises(RefusedFile, match="more than 10000 constants"):
        read_constants(network(*[constant("1", 0, 4)] * 10_001), NUMBERS, "net.xml")
    with pytest.raises(RefusedFile, match="constants of many times what the binary holds"):
        read_constants(network(*[constant("2, 3")] * 3), NUMBERS, "net.xml")


@pytest.mark.parametrize("xml", [b"", b"\xff\xfe", b"<net", b"<other/>", network(version="11")])
def test_what_is_no_such_network_is_an_error(xml: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"^net.xml: not "):
        read_constants(xml, NUMBERS, "net.xml")
