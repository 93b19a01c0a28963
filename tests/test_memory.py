"""Freed memory is used again."""

import os
import subprocess
import sys

import pytest

# Minor page faults of making large maps again and again, after a while: at first the heap grows.
FAULTS = """
import resource, torch
from netbend.memory import keep_freed_memory
if {kept}:
    keep_freed_memory()
maps = torch.ones(9 << 20)
def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        maps.clone()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(25)
print(faults(4))
"""


def faults(*, kept: bool) -> int:
    command = [sys.executable, "-c", FAULTS.format(kept=kept)]
    small_pages = {**os.environ, "THP_MEM_ALLOC_ENABLE": "0"}
    run = subprocess.run(command, env=small_pages, capture_output=True, check=True, text=True)
    return int(run.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_large_maps_are_made_in_the_memory_of_those_before() -> None:
    assert faults(kept=True) * 10 < faults(kept=False)
