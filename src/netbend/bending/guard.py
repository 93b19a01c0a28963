"""NaN and infinity: found where a bend makes them, not pages later as a black picture.

A look at every layer would stop a GPU at every layer. So the extremes of what each bend makes are only
gathered, and looked at once, when the network is done.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from netbend.choices import NonFinite
from netbend.errors import NonFiniteError
from netbend.transforms import on_gpu
from netbend.transforms.planes import in_memory_order

NETWORK = "the network, with no bend in it,"
BEFORE = "the network, before "  # ... a bend was reached; those before it were looked at, and were finite
UNBENT_REMEDY = "look for a truncation or latents that are too large, for NaN among its weights"


class Watch:
    """Gathers, without stopping a GPU, what a look at the end needs."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, Tensor]] = []

    def see(self, culprit: str, maps: Tensor) -> None:
        """Note the extremes of maps; `culprit` names what made them."""
        if not torch.compiler.is_exporting():  # which knows no numbers yet
            self.note(culprit, extremes(maps))

    def note(self, culprit: str, found: Tensor) -> None:
        """Note what was found already, as `extremes` gives it."""
        self._seen.append((culprit, found))

    def forget(self) -> None:
        self._seen = []

    def take(self) -> list[Tensor]:
        """The extremes of all that was seen, which is forgotten."""
        seen, self._seen = self._seen, []
        return [found for _, found in seen]

    def first_problem(self) -> str | None:
        """A message on the first maps seen that are not finite, None if all are; forgets what was seen."""
        seen, self._seen = self._seen, []
        if not seen or all_finite(torch.stack([found for _, found in seen])):
            return None
        problem = next(complaint(culprit, found) for culprit, found in seen if not all_finite(found))
        for _, found in seen:
            found.zero_()  # it may be where the next run notes what it finds
        return problem


def extremes(maps: Tensor) -> Tensor:
    """`(2,)`, float32 or finer: the smallest and the largest value, both NaN if any value is; or, on GPUs,
    what `on_gpu.extremes` finds in one pass."""
    if maps.dtype in on_gpu.PRECISIONS and on_gpu.has_triton(maps.device):
        return on_gpu.extremes(maps.detach())
    # Not a sum, which overflows; in memory order, because torch would sort the values first.
    values = in_memory_order(maps.detach())
    found = torch.stack(torch.aminmax(values)) if values.numel() else values.new_zeros(2)
    return found.to(torch.promote_types(found.dtype, torch.float32))


def all_finite(maps: Tensor) -> bool:
    """Whether there is neither NaN nor infinity; waits for the device."""
    return bool(maps.isfinite().all())


def check(maps: Tensor, culprit: Callable[[], str]) -> None:
    """Raise NonFiniteError if maps are not finite; `culprit` names what made them. Waits for the device."""
    found = extremes(maps)
    if not all_finite(found):
        raise NonFiniteError(complaint(culprit(), found))


def complaint(culprit: str, found: Tensor) -> str:
    """What to say of NaN or infinity, and of how to be rid of it."""
    kind = "NaN" if found.isnan().any() else "infinity"
    remedy = "use smaller parameters, a lower `mix`"
    if culprit == NETWORK:
        remedy = UNBENT_REMEDY
    elif culprit.startswith(BEFORE):
        remedy = "look for a truncation, latents or an earlier bend that make too large numbers"
    return f"{culprit} made {kind}; {remedy}, or have it replaced (--nonfinite replace)"


def report(message: str, policy: NonFinite) -> None:
    """Raise or warn."""
    if policy is NonFinite.ERROR:
        raise NonFiniteError(message)
    warnings.warn(message, stacklevel=2)


def replaced(maps: Tensor) -> Tensor:
    """Finite maps as they are; in others NaN as 0, infinities as the finite extremes."""
    if maps.numel() == 0:
        return maps
    finite = maps.detach().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    lowest, highest = torch.aminmax(in_memory_order(finite))
    return maps.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf).clamp(lowest, highest)


def is_captured(output: Any) -> bool:
    """Whether what runs is being captured as a CUDA graph."""
    on_gpu = isinstance(output, Tensor) and output.is_cuda
    return on_gpu and torch.cuda.is_current_stream_capturing()
