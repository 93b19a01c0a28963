"""The constants of OpenVINO's intermediate representation (IR, version 10), as tensors.

An XML file lists the operations of a network; those of type `Const` say where in a binary file
their numbers lie. Nothing else of the XML is read, and no network is built from it.
"""

from dataclasses import dataclass
from math import prod
from xml.etree.ElementTree import ParseError

import torch
from defusedxml import DefusedXmlException, ElementTree
from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import MAX_TENSOR_DIMENSIONS, MAX_XML_BYTES, MAX_XML_CONSTANTS
from netbend.models.weights.names import shown


@dataclass(frozen=True)
class Constant:
    """A constant of the network, float32."""

    name: str
    values: Tensor


def read_constants(xml: bytes, binary: bytes, file: str) -> list[Constant]:
    """The float32 constants in the order of the XML.

    Raises RefusedFile for entities, DTDs, too much of anything, or places outside the binary;
    CheckpointError for what is not this format.
    """
    if len(xml) > MAX_XML_BYTES:
        raise RefusedFile(f"{file}: {len(xml)} bytes of XML, at most {MAX_XML_BYTES} are read; refused")
    try:
        root = ElementTree.fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as error:
        raise RefusedFile(f"{file}: declares entities or document types; refused") from error
    except (ParseError, ValueError, LookupError) as error:
        raise CheckpointError(f"{file}: not valid XML ({shown(str(error))})") from error
    if root.tag != "net" or root.get("version") != "10":
        raise CheckpointError(f"{file}: not an OpenVINO network of version 10")
    places = [
        (layer.get("name", ""), place.attrib)
        for layer in root.findall("./layers/layer[@type='Const']")
        for place in layer.findall("data")
        if place.get("element_type") == "f32"
    ]
    if len(places) > MAX_XML_CONSTANTS:
        raise RefusedFile(f"{file}: more than {MAX_XML_CONSTANTS} constants; refused")
    if sum(_number(place.get("size", ""), file) for _, place in places) > 2 * len(binary):
        raise RefusedFile(f"{file}: constants of many times what the binary holds; refused")
    return [Constant(name, _values(place, binary, f"{file}: {shown(name, 60)}")) for name, place in places]


def _values(place: dict[str, str], binary: bytes, where: str) -> Tensor:
    shape = [_number(part, where) for part in place.get("shape", "").split(",") if part.strip()]
    offset, size = _number(place.get("offset", ""), where), _number(place.get("size", ""), where)
    if (
        len(shape) > MAX_TENSOR_DIMENSIONS
        or size == 0
        or 4 * prod(shape) != size
        or offset + size > len(binary)
    ):
        raise RefusedFile(f"{where} is a tensor of an impossible shape or place; refused")
    return torch.frombuffer(bytearray(binary[offset : offset + size]), dtype=torch.float32).reshape(shape)


def _number(text: str, where: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise CheckpointError(f"{where} has {shown(text, 30)!r} where a number was expected")
    return int(text)
