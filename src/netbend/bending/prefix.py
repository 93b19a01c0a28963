"""Reuse: what a network computed before the first layer that changes is not computed again."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from netbend.bending.layers import Layer
from netbend.errors import ModelError


class Prefix:
    """What the modules of a network put out before some layers run, kept to be given again.

        prefix = Prefix(model.network, [layer])
        with bend(model, recipe), prefix.recorded():
            model.generate(latents)
        with bend(model, changed.from_layers_on), prefix.replayed():
            model.generate(latents)            # only `layer` and what comes after it is computed

    Exact to the bit as long as what lies before the layers - latents, noise, bends - is the same.
    Bends of modules that are replayed are in what they give already: they must not be put in again,
    see `holds`. One sample can be replayed as a batch of equal ones.

    network: any module, called the same way every time. layers: those that change.
    """

    def __init__(self, network: nn.Module, layers: Collection[Layer]):
        self._network = network
        self._changing = {layer.module for layer in layers}
        self._names = {module: name for name, module in network.named_modules()}
        self._finished: list[tuple[str, Any]] = []  # in the order in which they finished
        self._open = False

    @property
    def bytes(self) -> int:
        """Memory that is held."""
        return sum(_bytes(output) for _, output in self._finished)

    def holds(self, layer: Layer) -> bool:
        """Whether a layer's maps are among what is kept, bent as they were."""
        return any(_is_within(layer.module, name) for name, _ in self._finished)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Keep what one run of the network within the block computes, up to the changing layers.

        To be entered after `bend`, so that the maps are kept as they are bent.
        """
        self._finished, self._open = [], True
        with ExitStack() as stack:
            for module, name in self._names.items():
                if name in self._changing:
                    stack.callback(module.register_forward_pre_hook(self._stop).remove)
                if name:  # the network as a whole is never finished before one of its layers
                    stack.callback(module.register_forward_hook(self._keep).remove)
            yield
        self._open = False

    @contextmanager
    def replayed(self, batch: int = 1) -> Iterator[None]:
        """Give what was kept instead of computing it, repeated for a batch of equal samples."""
        outputs: dict[str, list[Any]] = {}
        for name, output in self._finished:
            outputs.setdefault(name, []).append(_repeated(output, batch))
        with ExitStack() as stack:
            for name, given in outputs.items():
                module = self._network.get_submodule(name)
                stack.callback(_restore_forward, module, module.__dict__.get("forward"))
                module.forward = _giving(given)
            yield

    def _stop(self, _module: nn.Module, _inputs: Any) -> None:
        self._open = False

    def _keep(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        if not self._open:
            return
        name = self._names[module]
        # What ran inside this module is not run when the module itself is replayed.
        while self._finished and _is_within(self._finished[-1][0], name):
            self._finished.pop()
        self._finished.append((name, output))


def _is_within(module: str, outer: str) -> bool:
    return module == outer or module.startswith(f"{outer}.")


def _giving(outputs: Sequence[Any]) -> Callable[..., Any]:
    """A forward that gives these outputs one after the other, from the first again after the last."""
    calls = 0

    def forward(*_inputs: Any, **_named: Any) -> Any:
        nonlocal calls
        calls += 1
        return outputs[(calls - 1) % len(outputs)]

    return forward


def _restore_forward(module: nn.Module, forward: Any) -> None:
    if forward is None:
        del module.forward
    else:
        module.forward = forward


def _repeated(output: Any, batch: int) -> Any:
    if isinstance(output, Tensor):
        if batch == 1 or len(output) == batch:
            return output
        if len(output) != 1:
            raise ModelError(f"a run of {len(output)} samples was kept; it cannot be replayed as {batch}")
        # Copied, not expanded: kernels take other ways through maps whose samples overlap.
        form = torch.channels_last if _is_channels_last(output) else torch.preserve_format
        return output.expand(batch, *output.shape[1:]).clone(memory_format=form)
    if isinstance(output, list | tuple):
        return type(output)(_repeated(part, batch) for part in output)
    return output


def _is_channels_last(output: Tensor) -> bool:
    return output.ndim == 4 and output.is_contiguous(memory_format=torch.channels_last)


def _bytes(output: Any) -> int:
    if isinstance(output, Tensor):
        return output.untyped_storage().nbytes()
    return sum(_bytes(part) for part in output) if isinstance(output, list | tuple) else 0
