"""Freed memory is used again."""

import os
import subprocess
import sys

import pytest

# Minor page faults of making large maps again and again; kept, after a while in which the heap grows.
FAULTS = """
import resource, torch
from netbend.memory import keep_freed_memory
maps = torch.ones(9 << 20)
def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        maps.clone()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
given_back = faults(4)
keep_freed_memory()
faults(25)
print(given_back, faults(4))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_large_maps_are_made_in_the_memory_of_those_before() -> None:
    small_pages = {**os.environ, "THP_MEM_ALLOC_ENABLE": "0"}
    command = [sys.executable, "-c", FAULTS]
    run = subprocess.run(command, env=small_pages, capture_output=True, check=True, text=True)
    given_back, kept = map(int, run.stdout.split())
    assert kept * 10 < given_back
