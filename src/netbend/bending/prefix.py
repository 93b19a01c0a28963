"""Reuse: what a network computed before the first layer that changes is not computed again."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from netbend.bending.entered import enter, is_entered, leave
from netbend.bending.forwards import ExchangedForward
from netbend.bending.layers import Layer
from netbend.bending.weights import original
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
    see `holds`. One sample can be replayed as a batch of equal ones, each with the bits of the one. What
    modules write into their inputs, as `nn.ReLU(inplace=True)` does, is written again.

    network: any module, called the same way every time. layers: those that change.
    """

    def __init__(self, network: nn.Module, layers: Collection[Layer]):
        self._network = network
        self._changing = {layer.module for layer in layers}
        self._names = {module: name for name, module in network.named_modules()}
        self._finished: list[_Call] = []  # in the order in which they finished
        self._running: list[_Begun] = []  # the innermost last
        self._open = False

    @property
    def bytes(self) -> int:
        """Memory that is held."""
        return sum(_bytes([call.output, *call.written.values()]) for call in self._finished)

    @property
    def calls(self) -> int:
        """How many calls of modules are kept."""
        return len(self._finished)

    def is_before(self, layers: Collection[Layer]) -> bool:
        """Whether it ends where the first of these layers runs."""
        return self._changing == {layer.module for layer in layers}

    def holds(self, layer: Layer) -> bool:
        """Whether a layer's maps are among what is kept, bent as they were."""
        return any(_is_within(layer.module, call.module) for call in self._finished)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Keep what one run of the network within the block computes, up to the changing layers.

        To be entered after `bend`, so that the maps are kept as they are bent. If the block fails,
        nothing is kept.
        """
        self._finished, self._running, self._open = [], [], True
        with ExitStack() as stack:
            enter(self)
            stack.callback(leave, self)
            for module, name in self._names.items():
                if name:  # the network as a whole is never finished before one of its layers
                    stack.callback(module.register_forward_pre_hook(self._begin).remove)
                    stack.callback(module.register_forward_hook(self._keep).remove)
            try:
                yield
            except BaseException:
                self._finished = []
                raise
            finally:
                self._open = False

    @contextmanager
    def replayed(self, batch: int = 1) -> Iterator[None]:
        """Give what was kept instead of computing it, repeated for a batch of equal samples."""
        block = object()
        replays: dict[str, _Replay] = {}
        for call in self._finished:
            replays.setdefault(call.module, _Replay(block, batch)).calls.append(call)

        def begin(_network: nn.Module, _inputs: Any) -> None:
            if is_entered(block):
                for replay in replays.values():
                    replay.given = 0

        with ExitStack() as stack:
            enter(block)
            stack.callback(leave, block)
            for name, replay in replays.items():
                module = self._network.get_submodule(name)
                ReplayedForward.put_in(module, replay)
                stack.callback(ReplayedForward.take_out, module, replay)
            stack.callback(self._network.register_forward_pre_hook(begin).remove)
            yield

    def _begin(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not is_entered(self):
            return
        if self._names[original(module)] in self._changing:
            self._open = False
        if self._open:
            self._running.append((len(self._finished), _versions(inputs)))

    def _keep(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not self._open or not is_entered(self):
            return
        (earlier, before), after = self._running.pop(), _versions(inputs)
        if not _can_be_kept(output):
            return
        del self._finished[earlier:]  # what ran inside this module is not run when it is replayed itself
        written = {place: inputs[place].clone() for place in after if after[place] != before[place]}
        given_back = next((place for place in after if inputs[place] is output), None)
        # Copied: what comes after may write into it.
        self._finished.append(_Call(self._names[original(module)], _repeated(output, 1), written, given_back))


_Versions = dict[int, int]  # by the place of an input
_Begun = tuple[int, _Versions]  # how many calls had finished before, and what the inputs were then


@dataclass(frozen=True)
class _Call:
    """What came of one call of a module.

    written: contents of inputs, by their place, into which the module wrote. given_back: the place of
    the input that is the output itself.
    """

    module: str
    output: Any
    written: dict[int, Tensor]
    given_back: int | None

    def give(self, inputs: tuple[Any, ...], batch: int) -> Any:
        for place, content in self.written.items():
            inputs[place].copy_(content)
        return _repeated(self.output, batch) if self.given_back is None else inputs[self.given_back]


class ReplayedForward(ExchangedForward):
    """A forward that gives what was kept, call by call of one run, and computes calls beyond those."""

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        for replay in tuple(self.wanted):
            if is_entered(replay.block) and replay.has_more():
                return replay.give(inputs)
        return self.own(*inputs, **named)


class _Replay:
    """What was kept of one module, given call by call of one run, to those who entered a block."""

    def __init__(self, block: object, batch: int):
        self.calls: list[_Call] = []
        self.given = 0
        self.block, self._batch = block, batch

    def has_more(self) -> bool:
        """Whether the next call was kept."""
        self.given += 1
        return self.given <= len(self.calls)

    def give(self, inputs: tuple[Any, ...]) -> Any:
        """What the call gives that `has_more` was asked for."""
        return self.calls[self.given - 1].give(inputs, self._batch)


def _is_within(module: str, outer: str) -> bool:
    return module == outer or module.startswith(f"{outer}.")


def _versions(inputs: tuple[Any, ...]) -> _Versions:
    """How often each input was written into."""
    tensors = {place: given for place, given in enumerate(inputs) if isinstance(given, Tensor)}
    if any(tensor.is_inference() for tensor in tensors.values()):
        raise ModelError("what is computed in torch.inference_mode cannot be kept; use torch.no_grad")
    return {place: tensor._version for place, tensor in tensors.items()}


def _can_be_kept(output: Any) -> bool:
    """Whether it can be copied; modules that put out anything else are run again."""
    if type(output) in (list, tuple):
        return all(map(_can_be_kept, output))
    return output is None or isinstance(output, Tensor | bool | int | float | str)


def _repeated(output: Any, batch: int) -> Any:
    """A copy, of one sample as often as the batch has samples."""
    if isinstance(output, Tensor):
        if batch == 1 or len(output) == batch:
            return output.detach().clone()
        if len(output) != 1:
            raise ModelError(f"a run of {len(output)} samples was kept; it cannot be replayed as {batch}")
        # Copied, not expanded: kernels take other ways through maps whose samples overlap.
        form = next((form for dims, form in _BY_PIXELS if _lies(output, dims, form)), torch.preserve_format)
        return output.expand(batch, *output.shape[1:]).clone(memory_format=form)
    if isinstance(output, list | tuple):
        return type(output)(_repeated(part, batch) for part in output)
    return output


_BY_PIXELS = ((4, torch.channels_last), (5, torch.channels_last_3d))


def _lies(output: Tensor, dimensions: int, form: torch.memory_format) -> bool:
    return output.ndim == dimensions and output.is_contiguous(memory_format=form)


def _bytes(output: Any) -> int:
    if isinstance(output, Tensor):
        return output.untyped_storage().nbytes()
    return sum(_bytes(part) for part in output) if isinstance(output, list | tuple) else 0
