"""When to load what is compiled: it saves up to half of the time, and costs seconds itself."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Generic, TypeVar

import torch
from torch import Tensor

WORTH_LOADING = 1 << 31  # values treated without it, in a second or two

K = TypeVar("K")


class Compiled(ABC, Generic[K]):
    """What is compiled by numba, loaded in the background when so much has been done without.

    Loading takes a second; the first time on a machine some more, in which everything is compiled. A
    single picture is done sooner without, films and the studio are faster from some point on. What
    comes out is the same to the bit.
    """

    def __init__(self) -> None:
        self._kernels: K | None = None
        self._loading: Thread | None = None
        self._values = 0

    def after(self, values: int) -> K | None:
        """What is compiled, if it is there already; so many values are to be treated now."""
        self._values += values
        if self._loading is None and self._values > WORTH_LOADING:
            self._loading = Thread(target=self.load, name=f"loading {type(self).__name__}")
            self._loading.start()
        return self._kernels

    def load(self) -> bool:
        """Load them now; False where there is no numba."""
        try:
            self._kernels = self.compile()
        except ImportError:
            return False
        except Exception as error:  # whatever a compiler meets on a machine we do not know
            warnings.warn(f"netbend goes on without being compiled: {error}", stacklevel=2)
            return False
        return True

    @abstractmethod
    def compile(self) -> K:
        """Import and call once what is compiled."""


@dataclass(frozen=True)
class Kernels:
    """See `rows.extremum_by_rows` and `gather`."""

    extremum_by_rows: Callable[[Tensor, Tensor, int, bool], bool]
    take_features: Callable[[Tensor, Tensor], Tensor]
    copy_with_features: Callable[[Tensor, Tensor, Tensor], Tensor]


class CompiledTransforms(Compiled[Kernels]):
    """For float32 maps on a processor."""

    def suited_to(self, maps: Tensor) -> Kernels | None:
        """The kernels, if they are there already and made for such maps, which are to be treated now."""
        suited = maps.device.type == "cpu" and maps.dtype == torch.float32
        return self.after(maps.numel()) if suited else None

    def compile(self) -> Kernels:
        """Import and call once what is compiled."""
        from netbend.transforms.gather import copy_with_features, take_features
        from netbend.transforms.rows import extremum_by_rows

        rows, planes = torch.zeros(2, 1), torch.zeros(1, 3, 3, 1)
        first = torch.zeros(1, dtype=torch.int64)
        copy_with_features(rows, first, take_features(rows, first))
        extremum_by_rows(planes, torch.empty_like(planes), 1, True)
        return Kernels(extremum_by_rows, take_features, copy_with_features)


compiled = CompiledTransforms()
