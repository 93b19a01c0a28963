"""The library leaves the process alone; programs may tune it."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

# Minor page faults of making large maps again and again; kept, after a while in which the heap grows.
FAULTS = """
import resource, torch
from netbend.process import keep_freed_memory
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


def in_process(code: str, **variables: str) -> str:
    """What code prints in a process of its own, with none of the variables set but these."""
    ours = ("THP_MEM_ALLOC_ENABLE", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {name: value for name, value in os.environ.items() if name not in ours} | variables
    command = [sys.executable, "-c", dedent(code)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def test_importing_netbend_changes_nothing_in_the_process() -> None:
    state = """
        import locale, os, signal, socket, sys, threading, warnings

        def state():
            return {
                "variables": dict(os.environ),
                "signals": [signal.getsignal(number) for number in signal.valid_signals()],
                "warnings": [*warnings.filters, warnings.showwarning],
                "hooks": [sys.excepthook, sys.displayhook, threading.excepthook, *sys.meta_path],
                "paths": [*sys.path, os.getcwd()],
                "limits": [sys.getrecursionlimit(), socket.getdefaulttimeout()],
                "locale": locale.setlocale(locale.LC_ALL),
                "threads": threading.active_count(),
            }

        before = state()
        import netbend
        after = state()
        assert before == after, [name for name in before if before[name] != after[name]]
        assert "torch" not in sys.modules
        netbend.load_model, netbend.bend, netbend.Session, netbend.load_recipe, netbend.SoundStream
        assert "torch" in sys.modules
        assert dict(os.environ) == before["variables"]
        print("as it was")
    """
    assert in_process(state) == "as it was\n"


VARIABLES = """
    import os, netbend
    netbend.tune_process()
    print(os.environ.get("THP_MEM_ALLOC_ENABLE"), os.environ.get("GOMP_SPINCOUNT"))
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "1 30000"),
        ({"THP_MEM_ALLOC_ENABLE": "0", "GOMP_SPINCOUNT": "7"}, "0 7"),
        ({"OMP_WAIT_POLICY": "passive"}, "1 None"),
    ],
)
def test_programs_may_tune_what_nobody_has_set(given: dict[str, str], expected: str) -> None:
    assert in_process(VARIABLES, **given) == f"{expected}\n"


def test_the_command_tunes_its_process_before_torch_is_imported() -> None:
    command = """
        import os, sys
        from netbend.cli.main import main
        assert "GOMP_SPINCOUNT" not in os.environ
        sys.argv = ["netbend", "transforms", "--json"]
        sys.stdout = open(os.devnull, "w")
        try:
            main()
        except SystemExit as end:
            assert not end.code
        sys.stdout = sys.__stdout__
        print(os.environ["THP_MEM_ALLOC_ENABLE"], os.environ["GOMP_SPINCOUNT"])
    """
    assert in_process(command) == "1 30000\n"


def test_tuning_after_torch_says_that_it_is_late() -> None:
    late = "import netbend, torch\nprint(netbend.tune_process())"
    early = "import netbend\nprint(netbend.tune_process())"
    assert (in_process(late), in_process(early)) == ("False\n", "True\n")
