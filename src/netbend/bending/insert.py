"""Putting a plan into a network, and taking it out again."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from netbend.bending.eager import eagerly
from netbend.bending.features import put, take
from netbend.bending.guard import (
    BEFORE,
    NETWORK,
    Watch,
    all_finite,
    check,
    complaint,
    extremes,
    is_captured,
    replaced,
    report,
)
from netbend.bending.hooks import Hook, NetworkHook
from netbend.bending.layers import Bendable
from netbend.bending.plan import Plan, PlannedBend, resolve
from netbend.choices import NonFinite, choose
from netbend.errors import ModelError, NonFiniteError
from netbend.recipe import Clusters, Recipe, RecipeLike


class bend:  # noqa: N801 - reads as the verb it is
    """Bend a model for the length of a `with` block.

        with bend(model, "neon.yaml", seed=7):
            images = model.generate(latents)

    Within the block everything the network makes is bent; after it, also after an exception,
    the network is what it was, bit for bit. Blocks can be nested: the outer bends come first. Other
    threads that run the same network meanwhile find it bent too.

    model: a network and its layers.
    recipe: a Recipe, the path of its file, a dict of what the file would hold, or a Plan that was
    resolved before; of what moves, its state at the time 0. Or plans, one for each sample of the batches
    that are generated, such as [plan.at(t) for t in times].
    seed: of the random selections; the recipe's own if None.
    clusters: used instead of the cluster file that the recipe names, or of the model's own.
    nonfinite: what to do about NaN or infinity, of a bend or of the network itself: "error", "warn" or
    "replace".

    Entering gives the Plan, with the features that were drawn. Raises RecipeError at once for
    whatever does not fit the model, and NonFiniteError when the network has run. To find out which bend
    is to blame the network is then run once more. Where the layer of a bend never ran, leaving the block
    raises ModelError; for a plan alone, use `resolve`.
    Within the block nothing that torch.compile made is used: it would not be bent. Copies that were made
    before it (deepcopy, TorchScript, torch.export) are other networks; copies made in it, other than by
    pickle and torch.jit.script, which raise ModelError, are bent for good.
    """

    def __init__(
        self,
        model: Bendable,
        recipe: RecipeLike | Plan | Sequence[Plan],
        *,
        seed: int | None = None,
        clusters: Clusters | Path | str | None = None,
        nonfinite: NonFinite | str = NonFinite.ERROR,
    ):
        self.network = model.network
        if isinstance(recipe, Recipe | Path | str | Mapping):
            recipe = resolve(recipe, model, seed=seed, clusters=clusters)
        plans = [recipe] if isinstance(recipe, Plan) else recipe
        if not isinstance(plans, Sequence) or not all(isinstance(plan, Plan) for plan in plans):
            raise ModelError(f"expected a Recipe, the path of its file, a dict or plans, not {recipe!r:.60}")
        self.plans = list(plans)
        if len({tuple(planned.layer for planned in plan.bends) for plan in self.plans}) != 1:
            raise ModelError("expected a plan, or plans of one recipe, one for each sample")
        self.policy = choose(NonFinite, nonfinite, "nonfinite")
        self._watch = Watch()
        self._closely = False  # whether every bend is looked at as soon as it is done
        self._inserted: ExitStack | None = None
        self._hooks: list[_LayerHook] = []

    @property
    def plan(self) -> Plan:
        """What is put in; of several plans the first."""
        return self.plans[0]

    def __enter__(self) -> Plan:
        if self._inserted is not None:  # entered anew, it would forget what to take out
            raise ModelError("this bend is in the network already; for a block in its block make another")
        self._hooks = []
        with ExitStack() as stack:
            stack.enter_context(eagerly())
            for module_path, bends in self._by_module().items():
                module = _submodule(self.network, module_path, bends[0][0].planned)
                self._hooks.append(_LayerHook(bends, self._guard, self.policy is NonFinite.REPLACE))
                stack.callback(module.register_forward_hook(self._hooks[-1]).remove)
            look = NetworkHook(self._look)
            stack.callback(self.network.register_forward_hook(look, with_kwargs=True).remove)
            self._inserted = stack.pop_all()
        return self.plan

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inserted is not None:
            self._inserted.close()
        self._inserted = None
        if kind is not None:
            return
        # Layers can be run without the network as a whole.
        if (problem := self._watch.first_problem()) is not None:
            report(problem, self.policy)
        for hook in self._hooks:
            hook.check_that_it_ran()

    def _by_module(self) -> dict[str, list[list["_Insertion"]]]:
        """For each module its bends in order, each as it is for all samples or for each of them."""
        example = next(chain(self.network.parameters(), self.network.buffers()), torch.empty(0))
        groups: dict[str, list[list[_Insertion]]] = {}
        for states in zip(*(plan.bends for plan in self.plans), strict=True):
            same = all(state == states[0] and state.mask is states[0].mask for state in states)
            insertions = [_Insertion(state) for state in (states[:1] if same else states)]
            if example.device.type != "cpu":
                for insertion in insertions:
                    insertion.prepare(example.device, example.dtype)
            groups.setdefault(states[0].layer.module, []).append(insertions)
        return groups

    def _guard(self, planned: PlannedBend, unbent: Tensor, bent: Tensor) -> Tensor:
        """Look at what a bend made, later or at once."""
        if self.policy is NonFinite.REPLACE:
            return replaced(bent)
        if self._closely:
            check(bent, lambda: _culprit(planned, unbent))
        elif not planned.stays_finite:
            self._watch.see(str(planned), bent)
        return bent

    def _look(self, network: nn.Module, inputs: Any, named: dict[str, Any], output: Any) -> Any:
        """At the end of a run look at all that was made in it, at once."""
        if self._closely:
            return output
        if self.policy is NonFinite.REPLACE:
            return replaced(output) if isinstance(output, Tensor) else output
        if isinstance(output, Tensor):
            bends = ", ".join(str(planned) for planned in self.plan.bends)
            self._watch.see(f"the network, after {bends}," if bends else NETWORK, output)
        if is_captured(output):
            return output  # a graph cannot wait: what its last run gathers is looked at after the block
        problem = self._watch.first_problem()
        if problem is not None:
            report((self.plan.bends and self._closer(network, inputs, named)) or problem, self.policy)
        return output

    def _closer(self, network: nn.Module, inputs: Any, named: dict[str, Any]) -> str | None:
        """What comes out of running the network again and looking at every bend at once."""
        self._closely = True
        try:
            network(*inputs, **named)
        except NonFiniteError as error:
            return str(error)
        finally:
            self._closely = False
        return None


class _Insertion:
    """A planned bend, and on each device what it needs there beside the maps."""

    def __init__(self, planned: PlannedBend):
        self.planned = planned
        self._there: dict[torch.device, tuple[Tensor, Tensor | None]] = {}

    def prepare(self, device: torch.device, precision: torch.dtype) -> None:
        """Bring everything to a device, so that nothing has to be while the network runs."""
        layer = self.planned.layer
        self.planned.transform.prepare(layer.height, layer.width, device, precision)
        self.on(device)

    @torch.inference_mode(False)  # what is kept may be wanted where gradients are
    def on(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """The features to bend, and how much of the bent maps to take at each pixel if there is a mask."""
        if device not in self._there:
            mask = self.planned.mask
            features = torch.tensor(self.planned.indices, dtype=torch.int64, device=device)
            self._there[device] = features, None if mask is None else (self.planned.mix * mask).to(device)
        return self._there[device]


_Guard = Callable[[PlannedBend, Tensor, Tensor], Tensor]


class _LayerHook(Hook):
    """The bends of one layer, called with each of its outputs."""

    def __init__(self, bends: Sequence[Sequence[_Insertion]], guard: _Guard, replacing: bool):
        self.bends = bends
        self.guard = guard
        self.replacing = replacing
        self.ran = False

    def check_that_it_ran(self) -> None:
        if not self.ran:
            planned = self.bends[0][0].planned
            raise ModelError(
                f"{planned}: not bent: its module {planned.layer.module!r} never ran in the block. The "
                f"network does not reach it with such inputs, calls its `forward` by itself or keeps its "
                f"result; or what ran is a copy of the network that was made before the block"
            )

    def __call__(self, _module: nn.Module, _inputs: Any, maps: Any) -> Tensor:
        self.refuse_vmap(maps)
        self.ran = True
        layer = self.bends[0][0].planned.layer
        if not isinstance(maps, Tensor) or maps.ndim != 4 or maps.shape[1] != layer.features:
            shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
            raise ModelError(f"{layer}: expected maps (N, {layer.features}, H, W), the network gave {shape}")
        for states in self.bends:
            maps = self._apply(states, maps)
        return maps

    def _apply(self, states: Sequence[_Insertion], maps: Tensor) -> Tensor:
        if len(states) == 1:
            return _bent(states[0], maps, self.guard, self.replacing)
        if len(states) != len(maps):
            raise ModelError(f"{states[0].planned}: {len(states)} plans for a batch of {len(maps)} samples")
        samples = torch.split(maps, 1)
        return torch.cat(
            [_bent(s, m, self.guard, self.replacing) for s, m in zip(states, samples, strict=True)]
        )


def apply(planned: PlannedBend, maps: Tensor, policy: NonFinite | str = NonFinite.ERROR) -> Tensor:
    """Bend activation maps `(N, F, H, W)`; features that were not selected pass through untouched."""
    policy = choose(NonFinite, policy, "policy")

    def guard(planned: PlannedBend, unbent: Tensor, bent: Tensor) -> Tensor:
        if policy is NonFinite.REPLACE:
            return replaced(bent)
        try:
            check(bent, lambda: _culprit(planned, unbent))
        except NonFiniteError as error:
            report(str(error), policy)
        return bent

    return _bent(_Insertion(planned), maps, guard, policy is NonFinite.REPLACE)


def _bent(insertion: _Insertion, maps: Tensor, guard: _Guard, replacing: bool) -> Tensor:
    planned = insertion.planned
    if not planned.indices or planned.mix == 0:
        return maps
    features, weight = insertion.on(maps.device)
    everything = len(planned.indices) == maps.shape[1]
    unbent = maps if everything else take(maps, features)
    transformed = planned.transform(unbent)
    if transformed.shape != unbent.shape or transformed.dtype != unbent.dtype:
        given, got = (f"{tuple(m.shape)} {m.dtype}" for m in (unbent, transformed))
        raise ModelError(f"{planned}: was given maps {given} and made {got}; a transform keeps both")
    if replacing and (planned.mix != 1 or weight is not None):
        transformed = replaced(transformed)  # infinity times a weight of 0 is NaN
    bent = guard(planned, unbent, _blend(unbent, transformed, planned, weight))
    return bent if everything else put(maps, features, bent)


def _blend(unbent: Tensor, bent: Tensor, planned: PlannedBend, weight: Tensor | None) -> Tensor:
    if weight is None:
        return bent if planned.mix == 1 else unbent.lerp(bent, planned.mix)
    size = unbent.shape[2:]
    if weight.shape != size:
        raise ModelError(f"{planned.layer}: a mask for {tuple(weight.shape)}, but maps of {tuple(size)}")
    return unbent.lerp(bent, weight.to(unbent.dtype))


def finite_output(output: Tensor, network: nn.Module, policy: NonFinite) -> Tensor:
    """What a network made, looked at once, by a policy about NaN and infinity. Where it is bent the block's
    own policy was carried out already."""
    hooks = list(network._forward_hooks.values())
    if is_captured(output) or any(isinstance(hook, NetworkHook) for hook in hooks):
        return output
    if policy is NonFinite.REPLACE:
        return replaced(output)
    found = extremes(output)
    if not all_finite(found):
        report(complaint(NETWORK, found), policy)
    return output


def _culprit(planned: PlannedBend, unbent: Tensor) -> str:
    return str(planned) if all_finite(unbent) else f"{BEFORE}{planned} was reached,"


def _submodule(network: nn.Module, path: str, planned: PlannedBend) -> nn.Module:
    names = path.split(".")
    try:
        for depth in range(len(names)):
            if isinstance(network.get_submodule(".".join(names[:depth])), torch.jit.ScriptModule):
                raise ModelError(
                    f"{planned.layer}: is inside of TorchScript, which calls no hooks; bend the Python module"
                )
        return network.get_submodule(path)
    except AttributeError as error:
        raise ModelError(f"{planned.layer}: the network has no module {path!r}") from error
