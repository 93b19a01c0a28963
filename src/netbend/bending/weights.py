"""Bends of weights: a network is run as a copy that has its own bent weights and shares all else.

The network itself is never changed, so that several threads can run it bent differently.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from netbend.bending.entered import is_entered, one_sample
from netbend.bending.forwards import ExchangedForward
from netbend.bending.guard import all_finite, complaint, extremes, replaced, report
from netbend.bending.hooks import Hook
from netbend.bending.plan import PlannedBend
from netbend.choices import NonFinite
from netbend.errors import ModelError
from netbend.transforms import Axes
from netbend.transforms.planes import has_gradients, in_memory_order

EVERY = 61  # of so many values of weights one is looked at before a run
COPIED_FROM = "_netbend_copied_from"


def original(module: nn.Module) -> nn.Module:
    """The module itself, or the one that it is a copy of."""
    found: nn.Module = module.__dict__.get(COPIED_FROM, module)
    return found


def bent_parameter(planned: PlannedBend, parameter: Tensor) -> Tensor:
    """The weights or biases of a layer with some features bent; `parameter` stays as it is."""
    weights, whole = planned.parameters, planned.transform.needed_axes is Axes.NONE
    maps = weights.arranged(parameter, whole)
    features = torch.tensor(planned.indices, dtype=torch.int64, device=parameter.device)
    unbent = maps.index_select(1, features)
    bent = unbent.lerp(planned.transformed(unbent), planned.mix)
    made = weights.restored(maps.index_copy(1, features, bent), whole)
    return torch.empty_like(parameter).copy_(made)  # which lies as kernels want it


class WeightBends:
    """The bends of weights of one block.

    states: of each bend, as it is for all samples of a batch or for each of them.
    """

    def __init__(self, network: nn.Module, states: Sequence[Sequence[PlannedBend]], owner: Any):
        self.states = states
        self.owner = owner
        self._kept: dict[tuple[str, int], _Kept] = {}
        self.places = {each[0].parameters.path: _places(network, each[0]) for each in states}

    def bent(self, path: str, parameter: Tensor, sample: int) -> Tensor:
        """A parameter with all bends of it, for a sample of a batch; made once while it stays the same."""
        bends = [each[sample % len(each)] for each in self.states if each[0].parameters.path == path]
        if parameter.is_inference() or has_gradients(parameter) or parameter.device.type != "cpu":
            return self._made(bends, parameter)  # on a GPU it takes no longer than to look whether it changed
        kept = self._kept.get((path, sample))
        if kept is None or not kept.is_of(parameter, bends):
            with torch.inference_mode(False), torch.no_grad():
                some = _some_of(parameter)
                state = _state_of(parameter, bends)
                kept = _Kept(parameter.detach(), state, some, some.clone(), self._made(bends, parameter))
            self._kept[path, sample] = kept
        return kept.bent

    def _made(self, bends: Sequence[PlannedBend], parameter: Tensor) -> Tensor:
        policy = self.owner.policy
        for planned in bends:
            if not planned.indices or planned.mix == 0:
                continue
            parameter = bent_parameter(planned, parameter)
            if policy is NonFinite.REPLACE:
                parameter = replaced(parameter)
            elif not parameter.is_meta and not all_finite(found := extremes(parameter)):
                report(complaint(str(planned), found), policy)
        return parameter


@dataclass(frozen=True)
class _Kept:
    """A bent parameter, with what it was made from: some of its values, as they are now and were then."""

    parameter: Tensor  # whose memory nothing else can be given meanwhile
    state: object
    some: Tensor
    before: Tensor
    bent: Tensor

    def is_of(self, parameter: Tensor, bends: Sequence[PlannedBend]) -> bool:
        """Whether neither the parameter nor its bends have changed."""
        return self.state == _state_of(parameter, bends) and torch.equal(self.some, self.before)


def _state_of(parameter: Tensor, bends: Sequence[PlannedBend]) -> object:
    return parameter.data_ptr(), parameter._version, parameter.dtype, list(bends)


def _some_of(parameter: Tensor) -> Tensor:
    """A view of some values: torch does not count changes through `parameter.data`."""
    return in_memory_order(parameter.detach())[::EVERY]


class BentForward(ExchangedForward):
    """The forward of a network, as long as anybody bends its weights: everyone gets their own."""

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        blocks = [block for block in tuple(self.wanted) if is_entered(block.owner)]
        if not blocks:
            return self.own(*inputs, **named)
        count = max(len(states) for block in blocks for states in block.states)
        if count == 1:
            return _copied(self.module, blocks, 0).forward(*inputs, **named)
        if not isinstance(inputs[0] if inputs else None, Tensor) or len(inputs[0]) != count:
            raise ModelError(f"{blocks[0].states[0][0]}: {count} plans for a batch of other size")
        return torch.cat([self._sample(place, blocks, inputs, named) for place in range(count)])

    def _sample(
        self, place: int, blocks: Sequence[WeightBends], inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> Tensor:
        count = len(inputs[0])
        own = [_of_sample(each, place, count) for each in inputs]
        own_named = {name: _of_sample(each, place, count) for name, each in named.items()}
        with one_sample(place):
            made: Tensor = _copied(self.module, blocks, place).forward(*own, **own_named)
        return made


class RanBent(Hook):
    """Notes whether a layer whose weights are bent ran with them."""

    def __init__(self, planned: PlannedBend, owner: object):
        self.planned, self.owner, self.ran = planned, owner, False

    @property
    def acts(self) -> bool:
        return False

    def __call__(self, module: nn.Module, _inputs: Any, _output: Any) -> None:
        if COPIED_FROM in module.__dict__ and is_entered(self.owner):
            self.ran = True

    def check_that_it_ran(self) -> None:
        """Raise ModelError if it did not."""
        if not self.ran:
            raise ModelError(
                f"{self.planned}: not bent: its module {self.planned.layer.module!r} never ran with bent "
                f"weights in the block. The network as a whole was not called in this thread, or it calls "
                f"the layer other than through its modules"
            )


def _places(network: nn.Module, planned: PlannedBend) -> list[list[str]]:
    """Where the module that has a layer's weights is: the steps to it, of each place in the network."""
    weights = planned.parameters
    path, _, name = weights.path.rpartition(".")
    try:
        owner = network.get_submodule(path)
    except AttributeError as error:
        raise ModelError(f"{planned.layer}: the network has no module {path!r}") from error
    parameter = owner._parameters.get(name)
    if parameter is None or parameter.ndim != len(weights.axes):
        raise ModelError(
            f"{planned.layer}: the network has no parameter {weights.path!r} of the axes {weights.axes}"
        )
    if parameter.shape[weights.axes.index("O")] != planned.layer.features:
        raise ModelError(f"{planned.layer}: {weights.path!r} has not {planned.layer.features} features")
    named = network.named_modules(remove_duplicate=False)
    places = [place.split(".") if place else [] for place, module in named if module is owner]
    for steps in places:
        for module in _along(network, steps):
            _refuse_replaced(module, planned)
    return places


def _along(network: nn.Module, steps: Sequence[str]) -> Iterator[nn.Module]:
    """The modules on the way to one, with both ends."""
    yield network
    for step in steps:
        network = getattr(network, step)
        yield network


def _refuse_replaced(module: nn.Module, planned: PlannedBend) -> None:
    """Raise ModelError for a module of which a copy would run the module itself."""
    forward = module.__dict__.get("forward")
    ours = isinstance(forward, ExchangedForward) and not forward.is_over_another
    if isinstance(module, torch.jit.ScriptModule) or not (forward is None or ours):
        raise ModelError(
            f"{planned}: {type(module).__name__} runs what was compiled, or replaced, before the block; "
            f"bend the weights of the Python module itself"
        )


def _copied(network: nn.Module, blocks: Sequence[WeightBends], sample: int) -> nn.Module:
    """A copy of a network, sharing all but the modules on the way to weights that are bent."""
    copies: dict[int, nn.Module] = {}

    def copied(module: nn.Module) -> nn.Module:
        if id(module) not in copies:
            copies[id(module)] = _shallow_copy(module)
        return copies[id(module)]

    root = copied(network)
    root.__dict__.pop("forward")
    for block in blocks:
        for path, places in block.places.items():
            name = path.rpartition(".")[2]
            for steps in places:
                way = list(_along(network, steps))
                for step, (module, inner) in zip(steps, pairwise(way), strict=True):
                    copied(module)._modules[step] = copied(inner)
            owner = copied(way[-1])
            parameter = owner._parameters[name]
            assert parameter is not None
            owner._parameters[name] = block.bent(path, parameter, sample)  # type: ignore[assignment]
    return root


def _shallow_copy(module: nn.Module) -> nn.Module:
    """Another module with the same parameters, hooks and modules within it, which can be exchanged."""
    copy: nn.Module = object.__new__(type(module))
    own = {"_parameters": dict(module._parameters), "_modules": dict(module._modules), COPIED_FROM: module}
    copy.__dict__.update({**module.__dict__, **own, "_compiled_call_impl": None})
    if isinstance(forward := module.__dict__.get("forward"), ExchangedForward):
        copy.__dict__["forward"] = forward.of_copy(copy)
    return copy


def _of_sample(given: Any, place: int, count: int) -> Any:
    """What belongs to one sample: of lists, which hold noise for each layer, maps `(N, 1, H, W)`."""
    if isinstance(given, list | tuple):
        return type(given)(_of_sample(each, place, count) if _has_samples(each) else each for each in given)
    of_samples = isinstance(given, Tensor) and given.ndim > 0 and len(given) == count
    return given[place : place + 1] if of_samples else given


def _has_samples(given: Any) -> bool:
    return isinstance(given, list | tuple) or (isinstance(given, Tensor) and given.ndim == 4)
