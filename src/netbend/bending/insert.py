"""Putting a plan into a network, and taking it out again."""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from netbend.bending.eager import eagerly
from netbend.bending.entered import enter, leave
from netbend.bending.guard import (
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
from netbend.bending.hooks import NetworkHook
from netbend.bending.insertion import Insertion, culprit
from netbend.bending.layer_hook import LayerHook
from netbend.bending.layers import Bendable
from netbend.bending.plan import Plan, PlannedBend, resolve
from netbend.bending.weights import BentForward, RanBent, WeightBends
from netbend.choices import NonFinite, Target, choose
from netbend.errors import ModelError, NonFiniteError
from netbend.recipe import Clusters, Recipe, RecipeLike


class bend:  # noqa: N801 - reads as the verb it is
    """Bend a model for the length of a `with` block.

        with bend(model, "neon.yaml", seed=7):
            images = model.generate(latents)

    Within the block everything the network makes is bent; after it, also after an exception,
    the network is what it was, bit for bit. Blocks can be nested: the outer bends come first. Other
    threads, and other tasks of asyncio, find the network unbent, or bent by blocks of their own.

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
        if len({tuple((bent.layer, bent.on) for bent in plan.bends) for plan in self.plans}) != 1:
            raise ModelError("expected a plan, or plans of one recipe, one for each sample")
        self.policy = choose(NonFinite, nonfinite, "nonfinite")
        self._watch = Watch()
        self._closely = False  # whether every bend is looked at as soon as it is done
        self._inserted: ExitStack | None = None
        self.hooks: list[LayerHook] = []
        self._ran_bent: list[RanBent] = []
        self._structures: dict[torch.device, _Structure] = {}  # looked at before every run
        self._numbers: dict[torch.device, list[float]] = {}

    @property
    def plan(self) -> Plan:
        """What is put in; of several plans the first."""
        return self.plans[0]

    def __enter__(self) -> Plan:
        if self._inserted is not None:  # entered anew, it would forget what to take out
            raise ModelError("this bend is in the network already; for a block in its block make another")
        self.hooks, self._ran_bent = [], []
        with ExitStack() as stack:
            stack.enter_context(eagerly())
            enter(self)
            stack.callback(leave, self)
            for module_path, bends in self._by_module().items():
                module = _submodule(self.network, module_path, bends[0][0].planned)
                self.hooks.append(LayerHook(module_path, bends, self))
                stack.callback(module.register_forward_hook(self.hooks[-1]).remove)
            self._put_in_weights(stack)
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
        for hook in self.hooks:
            hook.check_that_it_ran()
        for ran in self._ran_bent:
            ran.check_that_it_ran()

    def _put_in_weights(self, stack: ExitStack) -> None:
        """Put in the bends of weights, until the stack is closed."""
        states = [each for each in self._states() if each[0].on is not Target.ACTIVATIONS]
        if not states:
            return
        for planned, *_ in states:
            module = _submodule(self.network, planned.layer.module, planned)
            self._ran_bent.append(RanBent(planned, self))
            stack.callback(module.register_forward_hook(self._ran_bent[-1]).remove)
        block = WeightBends(self.network, states, self)
        BentForward.put_in(self.network, block)
        stack.callback(BentForward.take_out, self.network, block)

    def _by_module(self) -> dict[str, list[list["Insertion"]]]:
        """For each module the bends of its activations in order, as `_states`."""
        groups: dict[str, list[list[Insertion]]] = {}
        for states in self._states():
            if states[0].on is Target.ACTIVATIONS:
                groups.setdefault(states[0].layer.module, []).append([Insertion(state) for state in states])
        return groups

    def _states(self) -> Iterator[list[PlannedBend]]:
        """Of each bend, as it is for all samples or for each of them."""
        for states in zip(*(plan.bends for plan in self.plans), strict=True):
            same = all(state == states[0] and state.mask is states[0].mask for state in states)
            yield list(states[:1] if same else states)

    @property
    def insertions(self) -> Iterator["Insertion"]:
        """All bends of all samples."""
        return (insertion for hook in self.hooks for states in hook.bends for insertion in states)

    def structure(self, device: torch.device) -> Hashable:
        """The same for blocks that do the same to a network on a device, but for their `numbers`.

        Raises TypeError for parameters of transforms that cannot be hashed.
        """
        if device not in self._structures:
            bends = tuple(
                (hook.module, len(states), insertion.structure(device))
                for hook in self.hooks
                for states in hook.bends
                for insertion in states
            )
            self._structures[device] = _Structure((self.policy, bends))
        return self._structures[device]

    def numbers(self, device: torch.device) -> list[float]:
        """Of all its bends, in order."""
        if device not in self._numbers:
            self._numbers[device] = [number for each in self.insertions for number in each.numbers(device)]
        return self._numbers[device]

    def kept(self, device: torch.device) -> list[object]:
        """All that what was recorded reads on a device, and what tells it from others."""
        return [(each.planned, each.on(device), each.tables) for each in self.insertions]

    def take_seen(self) -> list[Tensor]:
        """The extremes that were gathered, to be looked at by who takes them."""
        return self._watch.take()

    def note_run(self, modules: Collection[str]) -> None:
        """Have come by the layers of some modules without calling them."""
        for hook in self.hooks:
            if hook.module in modules:
                hook.note_run()

    @property
    def replacing(self) -> bool:
        """Whether NaN and infinity are to be replaced."""
        return self.policy is NonFinite.REPLACE

    @property
    def noting(self) -> Callable[[PlannedBend, Tensor], None] | None:
        """Where bends that look at what they make by themselves tell it; None if they are not to."""
        return None if self.replacing or self._closely else self._note

    def _note(self, planned: PlannedBend, found: Tensor) -> None:
        self._watch.note(str(planned), found)

    def guard(self, planned: PlannedBend, unbent: Tensor, bent: Tensor) -> Tensor:
        """Look at what a bend made, later or at once."""
        if self.replacing:
            return replaced(bent)
        if self._closely:
            check(bent, lambda: culprit(planned, unbent))
        elif not planned.stays_finite:
            self._watch.see(str(planned), bent)
        return bent

    def _look(self, network: nn.Module, inputs: Any, named: dict[str, Any], output: Any) -> Any:
        """At the end of a run look at all that was made in it, at once."""
        if self._closely:
            return output
        if self.replacing:
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


class _Structure:
    """What is equal if its parts are; they are gone through once for its hash."""

    def __init__(self, parts: tuple[object, ...]):
        self._parts, self._hash = parts, hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self._parts == other._parts


def finite_output(output: Tensor, network: nn.Module, policy: NonFinite) -> Tensor:
    """What a network made, looked at once, by a policy about NaN and infinity. Where it is bent the block's
    own policy was carried out already."""
    hooks = tuple(network._forward_hooks.values())
    if is_captured(output) or any(isinstance(hook, NetworkHook) and hook.acts for hook in hooks):
        return output
    if policy is NonFinite.REPLACE:
        return replaced(output)
    found = extremes(output)
    if not all_finite(found):
        report(complaint(NETWORK, found), policy)
    return output


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
