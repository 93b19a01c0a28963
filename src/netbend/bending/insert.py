"""Putting a plan into a network, and taking it out again."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from netbend.bending.guard import NonFinite, all_finite, guard
from netbend.bending.layers import Bendable
from netbend.bending.plan import Plan, PlannedBend, resolve
from netbend.errors import ModelError
from netbend.recipe import Clusters, Recipe


class bend:  # noqa: N801 - reads as the verb it is
    """Bend a model for the length of a `with` block.

        with bend(model, recipe, seed=7):
            images = model.generate(latents)

    Within the block everything the network makes is bent; after it, also after an exception,
    the network is what it was, bit for bit. Blocks can be nested: the outer bends come first.

    model: a network and its layers.
    recipe: a Recipe, or a Plan that was resolved before; of what moves, its state at the time 0. Or
    plans, one for each sample of the batches that are generated, such as [plan.at(t) for t in times].
    seed: of the random selections; the recipe's own if None.
    clusters: used instead of the cluster file that the recipe names, or of the model's own.
    nonfinite: what to do about NaN or infinity after a bend: "error", "warn" or "replace".

    Entering gives the Plan, with the features that were drawn. Raises RecipeError at once for
    whatever does not fit the model, and NonFiniteError while the network runs.
    """

    def __init__(
        self,
        model: Bendable,
        recipe: Recipe | Plan | Sequence[Plan],
        *,
        seed: int | None = None,
        clusters: Clusters | None = None,
        nonfinite: NonFinite | str = NonFinite.ERROR,
    ):
        self.network = model.network
        if isinstance(recipe, Recipe):
            recipe = resolve(recipe, model, seed=seed, clusters=clusters)
        self.plans = [recipe] if isinstance(recipe, Plan) else list(recipe)
        if len({tuple(planned.layer for planned in plan.bends) for plan in self.plans}) != 1:
            raise ModelError("expected a plan, or plans of one recipe, one for each sample")
        self.policy = NonFinite(nonfinite)
        self._handles: list[RemovableHandle] = []

    @property
    def plan(self) -> Plan:
        """What is put in; of several plans the first."""
        return self.plans[0]

    def __enter__(self) -> Plan:
        try:
            for module_path, bends in self._by_module().items():
                module = _submodule(self.network, module_path, bends[0][0])
                hook = _LayerHook(bends, self.policy)
                self._handles.append(module.register_forward_hook(hook))
            if self.plan.bends:
                self._handles.append(self.network.register_forward_hook(self._check_output))
        except BaseException:
            self._remove()
            raise
        return self.plan

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _by_module(self) -> dict[str, list[list[PlannedBend]]]:
        """For each module its bends in order, each as it is for all samples or for each of them."""
        groups: dict[str, list[list[PlannedBend]]] = {}
        for states in zip(*(plan.bends for plan in self.plans), strict=True):
            same = all(state == states[0] for state in states)
            groups.setdefault(states[0].layer.module, []).append([states[0]] if same else list(states))
        return groups

    def _check_output(self, _network: nn.Module, _inputs: Any, output: Any) -> Any:
        if not isinstance(output, Tensor):
            return output
        bends = ", ".join(str(planned) for planned in self.plan.bends)
        return guard(output, lambda: f"the network, after {bends},", self.policy)


class _LayerHook:
    """The bends of one layer, called with each of its outputs."""

    def __init__(self, bends: Sequence[Sequence[PlannedBend]], policy: NonFinite):
        self.bends = bends
        self.policy = policy

    def __call__(self, _module: nn.Module, _inputs: Any, maps: Any) -> Tensor:
        layer = self.bends[0][0].layer
        if not isinstance(maps, Tensor) or maps.ndim != 4 or maps.shape[1] != layer.features:
            shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
            raise ModelError(f"{layer}: expected maps (N, {layer.features}, H, W), the network gave {shape}")
        for states in self.bends:
            maps = self._apply(states, maps)
        return maps

    def _apply(self, states: Sequence[PlannedBend], maps: Tensor) -> Tensor:
        if len(states) == 1:
            return apply(states[0], maps, self.policy)
        if len(states) != len(maps):
            raise ModelError(f"{states[0]}: {len(states)} plans for a batch of {len(maps)} samples")
        samples = torch.split(maps, 1)
        return torch.cat([apply(s, m, self.policy) for s, m in zip(states, samples, strict=True)])


def apply(planned: PlannedBend, maps: Tensor, policy: NonFinite = NonFinite.ERROR) -> Tensor:
    """Bend activation maps `(N, F, H, W)`; features that were not selected pass through untouched."""
    if not planned.indices or planned.mix == 0:
        return maps
    everything = len(planned.indices) == maps.shape[1]
    chosen = torch.tensor(planned.indices, device=maps.device)
    unbent = maps if everything else maps.index_select(1, chosen)
    transformed = planned.transform(unbent)
    if transformed.shape != unbent.shape or transformed.dtype != unbent.dtype:
        given, got = (f"{tuple(m.shape)} {m.dtype}" for m in (unbent, transformed))
        raise ModelError(f"{planned}: was given maps {given} and made {got}; a transform keeps both")
    bent = _blend(unbent, transformed, planned)

    def culprit() -> str:
        return str(planned) if all_finite(unbent) else f"the network, before {planned} was reached,"

    bent = guard(bent, culprit, policy)
    return bent if everything else maps.index_copy(1, chosen, bent)


def _blend(unbent: Tensor, bent: Tensor, planned: PlannedBend) -> Tensor:
    if planned.mask is None:
        return bent if planned.mix == 1 else unbent.lerp(bent, planned.mix)
    weight = (planned.mix * planned.mask).to(unbent)
    size = unbent.shape[2:]
    if weight.shape != size:
        raise ModelError(f"{planned.layer}: a mask for {tuple(weight.shape)}, but maps of {tuple(size)}")
    return unbent.lerp(bent, weight)


def _submodule(network: nn.Module, path: str, planned: PlannedBend) -> nn.Module:
    try:
        return network.get_submodule(path)
    except AttributeError as error:
        raise ModelError(f"{planned.layer}: the network has no module {path!r}") from error
