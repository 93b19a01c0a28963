"""Memory that was freed is kept for the next maps, where glibc manages it."""

import ctypes
import sys

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEPT_BYTES = 2**31 - 1


def keep_freed_memory() -> None:
    """Have this process keep up to 2 GiB of freed memory instead of giving it back to the system.

    What is given back comes again as pages to be zeroed, one by one, which for large maps takes longer
    than the arithmetic. A setting of the whole process: for programs to choose, not for libraries.
    Without glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
