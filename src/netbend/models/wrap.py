"""Any torch module as something to bend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netbend.bending import Layer
from netbend.bending.eager import eagerly
from netbend.errors import ModelError
from netbend.recipe import Clusters


@dataclass(frozen=True)
class WrappedModule:
    """A network of any kind with its layers, enough for `bend`.

    hash: of its weights, if it is to be told from others. clusters: of its features.
    """

    network: nn.Module
    layers: Sequence[Layer]
    hash: str | None = None
    clusters: Clusters | None = None


def wrap(
    network: nn.Module, run: Callable[[], object], kinds: tuple[type[nn.Module], ...] = ()
) -> WrappedModule:
    """Find the layers of a network by running it once.

    Layers are numbered from 0 in the order in which they ran, and named by their dotted path.

    Args:
        network: Any torch module.
        run: Calls the network on an example, such as `lambda: network(z)`.
        kinds: Module classes whose outputs are layers; by default 2D convolutions of either kind.

    Raises:
        ModelError: If none of them gave activation maps `(N, F, H, W)`, and for TorchScript.
    """
    layers: list[Layer] = []
    handles = []
    for path, module in network.named_modules():
        if isinstance(module, kinds or (nn.Conv2d, nn.ConvTranspose2d)):

            def note(_module: nn.Module, _inputs: object, maps: object, path: str = path) -> None:
                if (
                    isinstance(maps, Tensor)
                    and maps.ndim == 4
                    and path not in {layer.name for layer in layers}
                ):
                    _, features, height, width = maps.shape
                    layers.append(Layer(len(layers), path, path, features, height, width))

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
            f"no layer to bend: running the network gave no activation maps of shape (N, F, H, W){hint}"
        )
    return WrappedModule(network, tuple(layers))
