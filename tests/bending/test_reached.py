"""A bend that is put in is carried out, or there is an error: never an unbent picture without a word."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.utils.checkpoint
from torch import Tensor, nn

from netbend.bending import Layer, bend
from netbend.bending.prefix import Prefix
from netbend.clustering.activations import sampled_maps
from netbend.errors import ClusterError, ModelError, NonFiniteError
from netbend.models.base import Model
from netbend.models.wrap import WrappedModule, wrap
from netbend.recipe import Bend, Recipe
from netbend.transforms import build_transform

X = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
ABLATE = build_transform("ablate")
Copied = Callable[[nn.Module], Any]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 3, 1)))


def ablated(net: nn.Sequential) -> Tensor:
    """What comes out when the first convolution gives zeros: the bias of the last."""
    return net[2][0].bias[:, None, None].expand(1, 3, 6, 6)


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net, backend="eager")


def compiled_in_place(net: nn.Module) -> nn.Module:
    net.compile(backend="eager")
    return net


def compiled_within(net: nn.Module) -> nn.Module:
    net[0] = torch.compile(net[0], backend="eager")
    return net


@pytest.mark.parametrize("ran_before", [True, False])
@pytest.mark.parametrize("make", [compiled, compiled_in_place, compiled_within])
def test_a_compiled_network_is_bent(make: Callable[[nn.Module], nn.Module], ran_before: bool) -> None:
    net = network()
    expected, plain = ablated(net), net(X)
    made = make(net)
    if ran_before:
        made(X)
    wrapped = wrap(made, lambda: made(X))
    with bend(wrapped, Recipe((Bend(wrapped.layers[0].name, ABLATE),))):
        torch.testing.assert_close(made(X), expected)
        with bend(wrapped, Recipe((Bend(wrapped.layers[1].name, ABLATE),))):
            assert not made(X).any()
        torch.testing.assert_close(made(X), expected)
    torch.testing.assert_close(made(X), plain)
    assert torch._dynamo.eval_frame._stance.stance == "default"


def test_what_was_compiled_round_a_network_is_bent_with_it() -> None:
    net = network()
    wrapped = wrap(net, lambda: net(X))
    function = torch.compile(lambda x: net(x) + 1, backend="eager")
    plain = function(X)
    with bend(wrapped, Recipe((Bend(0, ABLATE),))):
        torch.testing.assert_close(function(X), ablated(net) + 1)
    torch.testing.assert_close(function(X), plain)


def test_what_is_compiled_in_a_block_is_not_bent_after_it() -> None:
    net = network()
    wrapped, plain = wrap(net, lambda: net(X)), net(X)
    with bend(wrapped, Recipe((Bend(0, ABLATE),))):
        made = compiled(net)
        torch.testing.assert_close(made(X), ablated(net))
    torch.testing.assert_close(made(X), plain)


def test_a_whole_model_that_was_compiled_is_bent(model: Model) -> None:
    latents = model.latents([1, 2])
    recipe = Recipe((Bend(2, build_transform("invert")),))
    with bend(model, recipe):
        expected = model.generate(latents)
    model.generator.synthesis = compiled(model.generator.synthesis)
    torch.testing.assert_close(model.generate(latents), model.generate(latents))
    with bend(model, recipe):
        torch.testing.assert_close(model.generate(latents), expected)


def test_torchscript_is_refused_by_name() -> None:
    for scripted in (torch.jit.script(network()), torch.jit.trace(network(), X)):
        with pytest.raises(ModelError, match="TorchScript"):
            wrap(scripted, lambda made=scripted: made(X))
    mixed = nn.Sequential(torch.jit.trace(network(), X), nn.Conv2d(3, 3, 1))
    model = WrappedModule(mixed, [Layer(0, "inside", "0.0", (4, 6, 6)), Layer(1, "whole", "0", (3, 6, 6))])
    with pytest.raises(ModelError, match=r"layer 0 \(inside\): is inside of TorchScript"):
        bend(model, Recipe((Bend(0, ABLATE),))).__enter__()
    with bend(model, Recipe((Bend(1, ABLATE),))):
        torch.testing.assert_close(mixed(X), mixed[1].bias[:, None, None].expand(1, 3, 6, 6))


class Early(nn.Module):
    """Comes out before its last layer, unless it is asked for all; and has one that it never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.never = (nn.Conv2d(3, 3, 1) for _ in range(3))

    def forward(self, x: Tensor, whole: bool = False) -> Tensor:
        return self.last(self.first(x)) if whole else self.first(x)


def early() -> WrappedModule:
    layers = [Layer(i, name, name, (3, 8, 8)) for i, name in enumerate(("first", "last", "never"))]
    return WrappedModule(Early(), layers)


def test_a_bend_that_the_network_never_came_by_is_an_error() -> None:
    model = early()
    recipe = Recipe((Bend("first", build_transform("invert")), Bend("never", ABLATE)))
    message = r"`ablate` at layer 2 \(never\): not bent: .* module 'never'"
    with pytest.raises(ModelError, match=message), bend(model, recipe):
        model.network(X, whole=True)
    assert not any(module._forward_hooks for module in model.network.modules())


def test_one_run_of_several_is_enough() -> None:
    model = early()
    with bend(model, Recipe((Bend("last", ABLATE),))):
        model.network(X)
        assert not model.network(X, whole=True).any()
    with pytest.raises(ModelError, match="not bent"), bend(model, Recipe((Bend("last", ABLATE),))):
        model.network(X)


def test_a_bend_of_a_network_that_did_not_run_is_an_error() -> None:
    model = early()
    with pytest.raises(ModelError, match=r"`ablate` at layer 1 .* never ran"), bend(model, last_ablated()):
        pass
    with bend(model, last_ablated()):
        assert not model.network.last(X).any()  # a layer by itself
    both = Recipe((Bend("never", ABLATE), Bend("last", ABLATE)))
    with pytest.raises(ModelError, match="'never' never ran"), bend(model, both):
        model.network.last(X)
    with bend(model, Recipe(())):
        pass


def last_ablated() -> Recipe:
    return Recipe((Bend("last", ABLATE),))


def test_the_error_in_the_block_is_the_one_that_is_told() -> None:
    model = early()
    with pytest.raises(KeyError) as raised, bend(model, last_ablated()):
        raise KeyError(model.network(X).shape)
    assert raised.value.__context__ is None


def pickled(net: nn.Module) -> nn.Module:
    return pickle.loads(pickle.dumps(net))


def exported(net: nn.Module) -> nn.Module:
    return torch.export.export(net, (X,), strict=False).module()


def traced(net: nn.Module) -> nn.Module:
    return torch.jit.trace(net, X, check_trace=False)


COPIES = [copy.deepcopy, pickled, exported, traced, torch.jit.script]


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_from_before_the_block_is_not_taken_for_bent(copied: Copied) -> None:
    net = network()
    wrapped, other = wrap(net, lambda: net(X)), copied(net)
    with pytest.raises(ModelError, match=r"never ran.*a copy"), bend(wrapped, Recipe((Bend(0, ABLATE),))):
        other(X)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("copied", [copy.deepcopy, exported, traced])
def test_a_copy_from_within_the_block_stays_bent(copied: Copied) -> None:
    net = network()
    wrapped, plain = wrap(net, lambda: net(X)), net(X)
    with bend(wrapped, Recipe((Bend(0, ABLATE),))):
        other = copied(net)
        torch.testing.assert_close(other(X), ablated(net))
        with bend(wrapped, Recipe((Bend(1, ABLATE),))):
            assert not copied(net)(X).any()
    torch.testing.assert_close(other(X), ablated(net))
    assert torch.equal(net(X), plain)


def test_a_copy_that_stays_bent_still_looks_for_what_is_not_finite() -> None:
    net = network()
    wrapped = wrap(net, lambda: net(X))
    with bend(wrapped, Recipe((Bend(0, build_transform("multiply", [1e38])),))):
        other = copy.deepcopy(net)
        with pytest.raises(NonFiniteError, match="`multiply` at layer 0"):
            net(1e10 * X)
    with pytest.raises(NonFiniteError, match="`multiply` at layer 0"):
        other(1e10 * X)


def test_a_whole_model_can_be_copied_while_it_is_bent(model: Model) -> None:
    latents = model.latents([1])
    plain = model.generate(latents)
    with bend(model, Recipe((Bend(2, build_transform("invert")),))):
        bent, other = model.generate(latents), copy.deepcopy(model)
    assert torch.equal(other.generate(latents), bent)
    assert torch.equal(model.generate(latents), plain)


@pytest.mark.parametrize(
    ("copied", "message"),
    [
        (pickled, "a bent network cannot be pickled"),
        (lambda net: torch.save(net, io.BytesIO()), "a bent network cannot be pickled"),
        (torch.jit.script, "a bent network cannot be scripted"),
        (lambda net: torch.vmap(net)(X[None]), r"torch\.vmap cannot go through a bent network"),
    ],
)
@pytest.mark.parametrize("bends", [(Bend(0, ABLATE),), ()])
def test_what_cannot_be_done_with_a_bent_network_is_said(
    bends: tuple[Bend, ...], copied: Copied, message: str
) -> None:
    net = network()
    wrapped = wrap(net, lambda: net(X))
    with pytest.raises(ModelError, match=message), bend(wrapped, Recipe(bends)):
        copied(net)
    assert not any(module._forward_hooks for module in net.modules())


def functionally(net: nn.Module) -> Callable[[Tensor], Tensor]:
    weights = {name: values.clone() for name, values in net.named_parameters()}
    return lambda x: torch.func.functional_call(net, weights, (x,))


def replica(net: nn.Module) -> nn.Module:
    """What DataParallel runs on each of its devices."""
    made = net._replicate_for_data_parallel()
    for name, values in net._parameters.items():
        setattr(made, name, values)
    for name, child in net.named_children():
        made._modules[name] = replica(child)
    return made


@pytest.mark.parametrize(
    "run",
    [
        functionally,
        replica,
        nn.DataParallel,
        copy.copy,
        torch.fx.symbolic_trace,
        lambda net: lambda x: torch.func.vjp(net, x)[0],
        lambda net: lambda x: torch.utils.checkpoint.checkpoint(net, x, use_reentrant=False),
    ],
)
def test_what_calls_the_very_modules_is_bent(run: Callable[[nn.Module], Callable[[Tensor], Tensor]]) -> None:
    net = network()
    wrapped, made = wrap(net, lambda: net(X)), run(net)
    plain = made(X)
    with bend(wrapped, Recipe((Bend(0, ABLATE),))):
        torch.testing.assert_close(made(X), ablated(net))
    torch.testing.assert_close(made(X), plain)


def test_the_inner_of_two_blocks_is_missed_by_itself() -> None:
    model = early()
    inner, outer = Recipe((Bend("never", ABLATE),)), Recipe((Bend("first", ABLATE),))
    with bend(model, outer), pytest.raises(ModelError, match="never"), bend(model, inner):
        assert not (model.network(X) - model.network.first(X)).any()


def test_what_is_replayed_counts_as_run() -> None:
    model = early()
    first, last, _ = model.layers
    both = Recipe((Bend("first", build_transform("invert")), Bend("last", ABLATE)))
    prefix = Prefix(model.network, [last])
    with bend(model, both), prefix.recorded():
        model.network(X, whole=True)
    assert prefix.holds(first)
    with bend(model, Recipe((Bend("last", build_transform("multiply", [2])),))), prefix.replayed():
        model.network(X, whole=True)


def test_layers_that_are_not_reached_cannot_be_watched() -> None:
    model = early()
    with pytest.raises(ClusterError, match=r"layer 1 \(last\): the network ran without it"):
        list(sampled_maps(model, model.layers, lambda _: model.network(X), [0]))


def test_wrapping_torchscript_says_to_wrap_the_python_module() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3)))
    maps = torch.randn(1, 3, 8, 8)
    for kinds in ((), (torch.jit.ScriptModule,)):
        with pytest.raises(ModelError, match="TorchScript cannot be watched: wrap the Python module"):
            wrap(scripted, lambda: scripted(maps), kinds)
