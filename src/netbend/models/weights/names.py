"""The names that files of weights may hold. All are only ever written down, never imported."""

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
}

REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2"
REBUILD_PARAMETER = "torch._utils._rebuild_parameter"
LOAD_FROM_BYTES = "torch.storage._load_from_bytes"
ENCODE = "_codecs.encode"
PERSISTENT_OBJECT = "torch_utils.persistence._reconstruct_persistent_obj"

MAPPINGS = {"collections.OrderedDict", "dnnlib.util.EasyDict"}
NAMESPACE = "argparse.Namespace"
SETS = {"builtins.set", "__builtin__.set"}

# torch.save writes these, and training scripts keep their options with them.
TORCH_NAMES = frozenset(
    {
        *(f"torch.{name}" for name in DTYPE_OF_STORAGE),
        *(f"torch.cuda.{name}" for name in DTYPE_OF_STORAGE),
        *(str(dtype) for dtype in DTYPE_OF_STORAGE.values()),
        *MAPPINGS,
        *SETS,
        REBUILD_TENSOR,
        REBUILD_PARAMETER,
        NAMESPACE,
        "torch.Size",
        "torch.device",
    }
)

# Pickles of StyleGAN2's PyTorch versions also hold module objects, and numbers of numpy.
STYLEGAN_NAMES = TORCH_NAMES | {
    PERSISTENT_OBJECT,
    LOAD_FROM_BYTES,
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "torch.channels_last",
    "torch.contiguous_format",
    ENCODE,
}

# What else a file may turn out to be, by the names that it asks for.
REMEDIES = {
    "dnnlib.tflib": "this is a TensorFlow pickle; `legacy.py` of stylegan2-ada-pytorch converts it",
    "__torch__": "this is a TorchScript archive, which is a program; save the network's state_dict instead",
    "torch.nn.modules": "this is a whole pickled network; save its state_dict instead",
}


def remedy(name: str) -> str:
    """What to do about a name that is refused."""
    known = (advice for start, advice in REMEDIES.items() if name.startswith(start))
    return next(known, "weights have no need of it")


def shown(text: str, most: int = MAX_SHOWN_TEXT) -> str:
    """Text out of a file, fit for a terminal: short, on one line, without control characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
