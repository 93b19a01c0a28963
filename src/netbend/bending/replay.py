"""Networks run as CUDA graphs: all their kernels in one launch, bends and all."""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks_of_all

from netbend.bending.hooks import NetworkHook, is_idle
from netbend.bending.insert import bend
from netbend.errors import NonFiniteError

MAX_GRAPHS = 8  # of one network; each keeps all of its maps
MAX_KINDS = 1000  # of runs that are remembered
MAX_VALUES = 2**24  # in what a network puts out; from there on it takes longer to draw than to launch
Inputs = tuple[Tensor | Sequence[Tensor | None], ...]


def run(network: nn.Module, *inputs: Any) -> Tensor:
    """What a network makes of tensors, or lists of them.

    On a GPU the second run of a kind is recorded, and all that follow are replayed: where no gradients are
    wanted and nothing but `bend` hooks into the network. Numbers of bends and inputs may differ from run to
    run, and weights may be changed in place. Whatever cannot be recorded is run as it is written.
    What is given belongs to the caller. May be called from several threads.
    """
    with _making:
        replay = _replays.setdefault(network, _Replay())
    wanted = torch.is_grad_enabled() and any(
        tensor.requires_grad for tensor in chain(_tensors(inputs), network.parameters())
    )
    with torch.set_grad_enabled(wanted):
        return replay(network, *inputs)


class _Replay:
    """The graphs of one network."""

    def __init__(self) -> None:
        self._graphs: OrderedDict[Hashable, _Graph | bool] = OrderedDict()  # whether to record what ran once
        self._lock = Lock()
        self._pool: Any = None
        self._kept: frozenset[int] = frozenset()
        self._parts: _Parts | None = None

    def __call__(self, network: nn.Module, *inputs: Any) -> Tensor:
        key, bends = self._kind(network, inputs)
        if key is None:
            return network(*inputs)
        with self._lock:
            graph = self._graphs.get(key, False)
            if graph is True:
                graph = self._graphs[key] = self._recorded(network, inputs, bends)
            if isinstance(graph, _Graph):
                self._graphs.move_to_end(key)
                image, fine = graph.run(inputs, bends)
                if fine:
                    return image
        image = network(*inputs)  # which tells who made NaN or infinity, if any did
        with self._lock:
            self._graphs.setdefault(key, image.numel() <= MAX_VALUES)
            self._forget_some()
        return image

    def _kind(self, network: nn.Module, inputs: Inputs) -> tuple[Hashable, list[bend]]:
        """The same for runs that differ in numbers alone, None for those that cannot be recorded; and the
        bends that are in the network, the outer ones first."""
        first = next(_tensors(inputs))
        if not _can_be_recorded(first.device) or torch.is_grad_enabled():
            return None, []
        if hooks_of_all._global_forward_hooks or hooks_of_all._global_forward_pre_hooks:
            return None, []
        parts = self._parts_of(network)
        hooks_of_network = tuple(network._forward_hooks.values())
        bends = [hook.owner for hook in hooks_of_network if isinstance(hook, NetworkHook) and hook.acts]
        ours = {id(hook) for each in bends for hook in each.hooks}
        for attributes in parts.attributes:
            if attributes["_forward_pre_hooks"] or "forward" in attributes or attributes["training"]:
                return None, []
            hooks = [hook for hook in tuple(attributes["_forward_hooks"].values()) if not is_idle(hook)]
            if any(not (isinstance(hook, NetworkHook) or id(hook) in ours) for hook in hooks):
                return None, []
        kept = parts.addresses()
        self._kept = frozenset(kept)
        shapes = tuple(
            _shape(part) if isinstance(part, Tensor) else tuple(map(_shape, part)) for part in inputs
        )
        fixed = tuple(tensor.data_ptr() for tensor in _tensors(inputs) if self._is_kept(tensor))
        try:
            bent = tuple(each.structure(first.device) for each in bends)
        except TypeError:  # parameters of a stranger's transform
            return None, []
        return (first.device, shapes, fixed, kept, _settings(), bent), bends

    def _parts_of(self, network: nn.Module) -> "_Parts":
        """Kept as long as the network has the same modules."""
        if self._parts is None or not self._parts.are_those_of(network):
            self._parts = _Parts(network)
        return self._parts

    def _is_kept(self, tensor: Tensor) -> bool:
        """Whether an input is the network's own, such as its noise, and is read where it lies."""
        return tensor.data_ptr() in self._kept

    def _recorded(self, network: nn.Module, inputs: Inputs, bends: Sequence[bend]) -> "_Graph | bool":
        """A graph; False if there can be none, True if it may be tried again."""
        if self._pool is None:  # one for all: two never run at once, and what each gives is copied
            self._pool = new_pool()
        try:
            # What is kept is written to again. Two threads that record at once can wait for each other.
            with _recording, torch.inference_mode(False), torch.no_grad():
                return _Graph(network, self._own(inputs), bends, self._pool)
        except NonFiniteError:
            return True
        except Exception as error:  # whatever a driver, or a bend of a stranger, has against it
            warnings.warn(f"a network is launched kernel by kernel, more slowly: {error}", stacklevel=4)
            return False

    def _own(self, inputs: Inputs) -> Inputs:
        """Inputs in memory of their own."""

        def copied(tensor: Tensor | None) -> Tensor | None:
            return tensor if tensor is None or self._is_kept(tensor) else tensor.clone()

        return tuple(_each(copied, part) for part in inputs)

    def _forget_some(self) -> None:
        while len(self._graphs) > MAX_KINDS:
            self._graphs.popitem(last=False)
        graphs = [key for key, graph in self._graphs.items() if isinstance(graph, _Graph)]
        for key in graphs[:-MAX_GRAPHS]:
            del self._graphs[key]


class _Graph:
    """A recorded run of a network, with the memory that it reads from and writes to."""

    def __init__(self, network: nn.Module, inputs: Inputs, bends: Sequence[bend], pool: Any):
        self._inputs = inputs
        self._device = next(_tensors(inputs)).device
        self._seen: list[Tensor] = []
        self._last = _numbers(bends, self._device)  # what lies there
        self._numbers = torch.tensor(self._last, dtype=torch.float64, device=self._device)

        def once() -> tuple[Tensor, Tensor | None]:
            output = network(*inputs)
            self._seen = [found for each in bends for found in each.take_seen()]
            return output, torch.stack(self._seen).isfinite().all() if self._seen else None

        with _with_numbers(bends, self._numbers, self._device):
            (self._output, self._fine), self._replay = record(once, self._device, pool)
            self._kept = [each.kept(self._device) for each in bends]
        self._modules = [{hook.module for hook in each.hooks if hook.ran} for each in bends]

    def run(self, inputs: Inputs, bends: Sequence[bend]) -> tuple[Tensor, bool]:
        """What the network puts out, and whether all that was looked at is finite. Waits for the device."""
        for own, given in zip(_tensors(self._inputs), _tensors(inputs), strict=True):
            if own.data_ptr() != given.data_ptr():
                own.copy_(given, non_blocking=True)
        numbers = _numbers(bends, self._device)
        if numbers != self._last:
            self._numbers.copy_(torch.tensor(numbers, dtype=torch.float64))
            self._last = numbers
        self._replay()
        output = self._output.clone()
        for each, modules in zip(bends, self._modules, strict=True):
            each.note_run(modules)
        if self._fine is None or bool(self._fine):
            return output, True
        for found in self._seen:
            found.zero_()
        return output, False


def record(
    once: Callable[[], tuple[Tensor, Tensor | None]], device: torch.device, pool: Any
) -> tuple[tuple[Tensor, Tensor | None], Callable[[], None]]:
    """What a function of tensors alone gives, and what does it again and gives it in the same memory."""
    with torch.cuda.device(device):
        graph = torch.cuda.CUDAGraph()
        stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            once()  # whatever is made, chosen or compiled once is there afterwards
        torch.cuda.current_stream(device).wait_stream(stream)
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            result = once()
    return result, graph.replay


def new_pool() -> Any:
    """Memory for graphs."""
    return torch.cuda.graph_pool_handle()


def _can_be_recorded(device: torch.device) -> bool:
    return device.type == "cuda" and not torch.cuda.is_current_stream_capturing()


class _Parts:
    """What is looked at before every run: walking through all modules anew takes as long as drawing does.

    attributes: of each module, as Python keeps them.
    """

    def __init__(self, network: nn.Module):
        modules = list(network.modules())
        self.attributes = [module.__dict__ for module in modules]
        within = [module._modules for module in modules if module._modules]
        self._children = [(inner, list(inner.values())) for inner in within]
        named: list[Mapping[str, Tensor | None]] = [module._parameters for module in modules]
        named += [module._buffers for module in modules]
        self._tensors = [tensors for tensors in named if tensors]
        self._network = id(network)

    def are_those_of(self, network: nn.Module) -> bool:
        if id(network) != self._network:
            return False
        return all(list(inner.values()) == children for inner, children in self._children)

    def addresses(self) -> tuple[int, ...]:
        """Where weights and buffers lie."""
        return tuple(
            tensor.data_ptr()
            for tensors in self._tensors
            for tensor in tensors.values()
            if tensor is not None
        )


def _settings() -> Hashable:
    """Of torch, that decide about kernels."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    return (
        cudnn.enabled,
        cudnn.benchmark,
        cudnn.deterministic,
        cudnn.allow_tf32,
        matmul.allow_tf32,
        torch.are_deterministic_algorithms_enabled(),
    )


def _numbers(bends: Sequence[bend], device: torch.device) -> list[float]:
    return [number for each in bends for number in each.numbers(device)]


@contextmanager
def _with_numbers(bends: Sequence[bend], numbers: Tensor, device: torch.device) -> Iterator[None]:
    """Have bends read their numbers out of one tensor within the block."""
    with ExitStack() as stack:
        start = 0
        for insertion in chain.from_iterable(each.insertions for each in bends):
            count = len(insertion.numbers(device))
            stack.enter_context(insertion.recorded(numbers[start : start + count]))
            start += count
        yield


def _tensors(inputs: Inputs) -> Iterator[Tensor]:
    for part in inputs:
        if isinstance(part, Tensor):
            yield part
        else:
            yield from (each for each in part if each is not None)


def _each(do: Callable[[Tensor | None], Tensor | None], part: Any) -> Any:
    return do(part) if isinstance(part, Tensor) else [do(each) for each in part]


def _shape(tensor: Tensor | None) -> Hashable:
    return None if tensor is None else (tensor.shape, tensor.stride(), tensor.dtype)


_replays: WeakKeyDictionary[nn.Module, _Replay] = WeakKeyDictionary()
_making = Lock()
_recording = Lock()
