"""Settings of the whole process that suit large maps: for programs to choose, not for libraries."""

import ctypes
import os
import sys

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEPT_BYTES = 2**31 - 1
SPINS = "30000"  # a tenth of what libgomp does where nobody says


def tune_process() -> bool:
    """Set this process up for large maps, as the command `netbend` does.

        import netbend

        netbend.tune_process()  # before torch is imported

    On Linux, torch takes large memory pages, for small ones take longer than the arithmetic at 1024x1024
    (`THP_MEM_ALLOC_ENABLE`); freed memory up to 2 GiB is kept, see `keep_freed_memory`; and torch's threads
    wait for their next work with the processor busy for a tenth as long, which is enough for them and leaves
    it free for what is compiled (`GOMP_SPINCOUNT`). Variables that are set, this one or `OMP_WAIT_POLICY`,
    stay as they are; processes that this one starts inherit them.

    Returns:
        Whether that was in time: False where torch is imported already, which reads the variables only once.
        Freed memory is kept all the same.
    """
    in_time = "torch" not in sys.modules
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    keep_freed_memory()
    return in_time


def keep_freed_memory() -> None:
    """Have this process keep up to 2 GiB of freed memory instead of giving it back to the system.

    What is given back comes again as pages to be zeroed, one by one, which for large maps takes longer
    than the arithmetic. Without glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
