"""Any torch module as something to bend."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netbend.bending import Layer, Parameters
from netbend.bending.eager import eagerly
from netbend.errors import ModelError
from netbend.recipe import Clusters

# What modules of torch put out, by the number of dimensions with that of the samples.
OF_CONVOLUTIONS = {3: "CT", 4: "CHW", 5: "CDHW"}
FEATURES_LAST = {2: "C", 3: "TC", 4: "HWC", 5: "DHWC"}
OF_OTHERS = {2: "C", 4: "CHW", 5: "CDHW"}  # of three dimensions nobody knows which are the features

CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
TRANSFORMERS = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
BY_LAST = (nn.Linear, nn.Bilinear, nn.LayerNorm, nn.RMSNorm, nn.Embedding, *TRANSFORMERS)

Kinds = tuple[type[nn.Module], ...] | Mapping[type[nn.Module], str]


@dataclass(frozen=True)
class WrappedModule:
    """A network of any kind with its layers, enough for `bend`.

    hash: of its weights, if it is to be told from others. clusters: of its features.
    """

    network: nn.Module
    layers: Sequence[Layer]
    hash: str | None = None
    clusters: Clusters | None = None


def wrap(network: nn.Module, run: Callable[[], object], kinds: Kinds = ()) -> WrappedModule:
    """Find the layers of a network by running it once.

    Layers are numbered from 0 in the order in which they ran, and named by their dotted path. Their axes
    follow from the kind of module: convolutions put out `CT`, `CHW` or `CDHW`; linear and embedding layers,
    layer norms and transformer layers have the features last, `C`, `TC` or `HWC`.

        wrap(network, lambda: network(tokens), {nn.TransformerEncoderLayer: "TC", nn.ReLU: "CT"})

    Args:
        network: Any torch module.
        run: Calls the network on an example, such as `lambda: network(z)`.
        kinds: Module classes whose outputs are layers, as a tuple or with the axes of each, see `Layer`; by
            default convolutions of any kind.

    Raises:
        ModelError: If none of them gave activations, if their axes cannot be told, and for TorchScript.
    """
    layers: list[Layer] = []
    handles = []
    wanted: tuple[type[nn.Module], ...] = tuple(kinds) or CONVOLUTIONS
    for path, module in network.named_modules():
        if isinstance(module, wanted):

            def note(module: nn.Module, _inputs: object, output: object, path: str = path) -> None:
                if isinstance(output, Tensor) and path not in {layer.name for layer in layers}:
                    axes = _axes(module, path, output, kinds)
                    if axes is not None:
                        shape, found = tuple(output.shape[1:]), _parameters(module, path)
                        layers.append(Layer(len(layers), path, path, shape, axes, **found))

            if not isinstance(module, torch.jit.ScriptModule):  # which nothing can watch
                handles.append(module.register_forward_hook(note))
    try:
        with torch.no_grad(), eagerly():
            run()
    finally:
        for handle in handles:
            handle.remove()
    if not layers:
        script = any(isinstance(module, torch.jit.ScriptModule) for module in network.modules())
        hint = "; what is inside of TorchScript cannot be watched: wrap the Python module" if script else ""
        raise ModelError(
            f"no layer to bend: running the network gave no activations, such as (N, F, H, W){hint}"
        )
    return WrappedModule(network, tuple(layers))


def _parameters(module: nn.Module, path: str) -> dict[str, Parameters]:
    """The weights and biases that make the features of a module, where it has any of its own."""
    letters = {nn.Linear: "OI", nn.Embedding: "IO", nn.LayerNorm: "O", nn.RMSNorm: "O"}
    axes = next((axes for kind, axes in letters.items() if isinstance(module, kind)), None)
    if isinstance(module, CONVOLUTIONS):
        if module.transposed and module.groups > 1:  # whose kernels have the features of one group
            return {}
        axes = ("IO" if module.transposed else "OI") + OF_CONVOLUTIONS[module.weight.ndim][1:]
    if axes is None:
        return {}
    found = {}
    for kind, name, of_it in (("weights", "weight", axes), ("biases", "bias", "O")):
        parameter = module._parameters.get(name)
        if parameter is not None and parameter.ndim == len(of_it):
            found[kind] = Parameters(f"{path}.{name}" if path else name, of_it)
    return found


def _axes(module: nn.Module, path: str, output: Tensor, kinds: Kinds) -> str | None:
    """The axes of what a module put out, None for what is no activations."""
    named = kinds.items() if isinstance(kinds, Mapping) else ()
    given = next((axes for kind, axes in named if isinstance(module, kind)), None)
    if given is not None:
        if output.ndim != 1 + len(given):
            raise ModelError(
                f"{path}: axes {given}, but the network gave {tuple(output.shape)}, samples first"
            )
        return given
    kind = type(module).__name__
    if isinstance(module, TRANSFORMERS) and not module.self_attn.batch_first:
        raise ModelError(f"{path}: {kind} with the samples second; make it with batch_first=True")
    if isinstance(module, CONVOLUTIONS):
        return OF_CONVOLUTIONS.get(output.ndim)
    if isinstance(module, BY_LAST):
        return FEATURES_LAST.get(output.ndim)
    if output.ndim == 3:
        raise ModelError(
            f"{path}: {kind} gave {tuple(output.shape)}: which are the features? Say kinds={{nn.{kind}: "
            f'"CT"}}, or "TC" where they come last'
        )
    return OF_OTHERS.get(output.ndim)
