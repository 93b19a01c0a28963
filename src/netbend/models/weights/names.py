"""The names that files of weights may hold. All are only ever written down, never imported."""

import re

import torch

from netbend.limits import MAX_SHOWN_TEXT

DTYPE_OF_STORAGE = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}

REBUILD_TENSOR = {"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"}
REBUILD_PARAMETER = {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}
REBUILD_SUBCLASS = "torch._tensor._rebuild_from_type_v2"
LOAD_FROM_BYTES = "torch.storage._load_from_bytes"
ENCODE = "_codecs.encode"

_NUMPY = ("numpy.core", "numpy._core")  # before numpy 2, and since
NUMPY_DTYPE = "numpy.dtype"
NUMPY_SCALAR = {f"{core}.multiarray.scalar" for core in _NUMPY}
NUMPY_ARRAY = {f"{core}.multiarray._reconstruct" for core in _NUMPY}
NUMPY_BUFFER = {f"{core}.numeric._frombuffer" for core in _NUMPY}

PAIRS = {"collections.OrderedDict", "collections.Counter", "builtins.dict", "__builtin__.dict"}
SETS = {f"{module}.{kind}" for module in ("builtins", "__builtin__") for kind in ("set", "frozenset", "list")}

# Tools keep copies of each other's code in folders of their own.
_ANYWHERE = r"(?:\w+\.)*"
PERSISTENT_OBJECT = re.compile(_ANYWHERE + r"torch_utils\.persistence\._reconstruct_persistent_obj")

# Classes of networks: torch's own parts, and those of StyleGAN2 in rosinality's and NVIDIA's code.
MODULE_CLASS = re.compile(
    r"torch\.nn\.modules\.\w+\.\w+"
    r"|torch\.nn\.parallel\.(?:data_parallel\.DataParallel|distributed\.DistributedDataParallel)"
    + "|"
    + _ANYWHERE
    + r"(?:models?|networks?|generator|stylegan2|op\.\w+|training\.networks\w*)\."
    r"(?:Generator|PixelNorm|EqualLinear|EqualConv2d|ConstantInput"
    r"|StyledConv|ModulatedConv2d|NoiseInjection|FusedLeakyReLU|ScaledLeakyReLU|ToRGB|Blur|Upsample|Downsample"
    r"|MappingNetwork|SynthesisNetwork|SynthesisBlock|SynthesisLayer|ToRGBLayer|FullyConnectedLayer)"
)

# Records of training: options, paths, dates. What they hold is kept as plain data where it is a mapping.
RECORD = re.compile(
    _ANYWHERE
    + r"(?:dnnlib(?:\.util)?\.EasyDict|easydict\.EasyDict)"
    + r"|argparse\.Namespace|types\.SimpleNamespace|munch\.Munch|addict\.(?:addict\.)?Dict"
    + r"|yacs\.config\.CfgNode|collections\.(?:defaultdict|deque)"
    + r"|pathlib\.(?:_local\.)?(?:Pure)?(?:Posix|Windows)?Path"
    + r"|datetime\.(?:datetime|date|time|timedelta|timezone)|typing\.Any"
    + r"|(?:pytorch_lightning|lightning|lightning_fabric|omegaconf)(?:\.\w+)+"
)

_PLAIN_TYPES = ("bool", "bytearray", "bytes", "complex", "float", "int", "slice", "str", "tuple")

# Everything else that torch, numpy and training scripts write.
_EXACT = frozenset(
    {
        *(f"torch.{name}" for name in DTYPE_OF_STORAGE),
        *(f"torch.cuda.{name}" for name in DTYPE_OF_STORAGE),
        *(f"torch.storage.{name}" for name in ("UntypedStorage", "TypedStorage")),
        *(str(dtype) for dtype in DTYPE_OF_STORAGE.values()),
        *PAIRS,
        *SETS,
        *REBUILD_TENSOR,
        *REBUILD_PARAMETER,
        REBUILD_SUBCLASS,
        LOAD_FROM_BYTES,
        ENCODE,
        NUMPY_DTYPE,
        "numpy.ndarray",
        *NUMPY_SCALAR,
        *NUMPY_ARRAY,
        *NUMPY_BUFFER,
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.channels_last",
        "torch.contiguous_format",
        "torch.preserve_format",
        "torch.strided",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.Buffer",
        *(f"{module}.{kind}" for module in ("builtins", "__builtin__") for kind in _PLAIN_TYPES),
    }
)


def is_allowed(name: str) -> bool:
    """Whether a file of weights may hold this name: one rule for files of torch and plain pickles."""
    patterns = (PERSISTENT_OBJECT, MODULE_CLASS, RECORD)
    return name in _EXACT or any(pattern.fullmatch(name) for pattern in patterns)


# What else a file may turn out to be, by the names that it asks for.
REMEDIES = {
    "dnnlib.tflib": "this is a TensorFlow pickle; `legacy.py` of stylegan2-ada-pytorch converts it",
    "__torch__": "this is a TorchScript archive, which is a program; save the network's state_dict instead",
    "torch.jit": "this is a TorchScript program; save the network's state_dict instead",
    "torch.fx": "this is a traced program; save the network's state_dict instead",
    "tensorflow": "this is a TensorFlow pickle; `legacy.py` of stylegan2-ada-pytorch converts StyleGAN2",
    "jax": "this is a JAX checkpoint; netbend reads those of PyTorch",
}


def remedy(name: str) -> str:
    """What to do about a name that is refused."""
    known = (advice for start, advice in REMEDIES.items() if name.startswith(start))
    if re.fullmatch(r"[\w.]+\.[A-Z]\w*", name):
        return next(known, "if it is a network saved whole, save its state_dict instead")
    return next(known, "weights have no need of it")


_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def shown(text: str, most: int = MAX_SHOWN_TEXT) -> str:
    """Text out of a file, fit for a terminal: short, on one line, without control characters or addresses."""
    plain = _ADDRESS.sub("", text[: 4 * most])[:most]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
