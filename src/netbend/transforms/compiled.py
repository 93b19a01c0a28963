"""When to load what is compiled: it saves half of a transform's time, and costs seconds itself."""

import warnings
from collections.abc import Callable
from threading import Thread

import torch
from torch import Tensor

WORTH_LOADING = 1 << 31  # values transformed without it, in a second or two

ByRows = Callable[[Tensor, Tensor, int, bool], bool]


class Compiled:
    """Erosion and dilation compiled by numba, loaded in the background when so much has been done without.

    Loading takes a second; the first time on a machine some more, in which everything is compiled. A
    single picture is done sooner without, films and the studio are faster from some point on. What
    comes out is the same to the bit.
    """

    def __init__(self) -> None:
        self._by_rows: ByRows | None = None
        self._loading: Thread | None = None
        self._values = 0

    def by_rows(self, values: int) -> ByRows | None:
        """`extremum_by_rows`, if it is there already; `values` are to be transformed."""
        self._values += values
        if self._loading is None and self._values > WORTH_LOADING:
            self._loading = Thread(target=self.load, name="loading compiled transforms")
            self._loading.start()
        return self._by_rows

    def load(self) -> bool:
        """Load it now; False where there is no numba."""
        try:
            from netbend.transforms.rows import extremum_by_rows
        except ImportError:
            return False
        try:
            planes = torch.zeros(1, 3, 3, 1)
            extremum_by_rows(planes, torch.empty_like(planes), 1, True)
        except Exception as error:  # whatever a compiler meets on a machine we do not know
            warnings.warn(f"erode and dilate go on without being compiled: {error}", stacklevel=2)
            return False
        self._by_rows = extremum_by_rows
        return True


compiled = Compiled()
