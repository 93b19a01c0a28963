"""How long it takes from nothing: importing netbend, its help, and a first picture.

    python benchmarks/startup.py [--threads 2] [--rounds 7] [--table out.md]

Whole processes, from their start to their end, in turn; the files they read are in the system's memory
already, as from the second time on. The limits are processes of the same rounds: Python that does
nothing, and Python that imports torch alone.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from paired import timed
from report import Report, options, table

NETBEND = str(Path(sys.executable).with_name("netbend"))
NOTHING, TORCH = "python -c pass", 'python -c "import torch"'
LIMITS = {  # of each, the process that it cannot be faster than
    NOTHING: NOTHING,
    'python -c "import netbend"': NOTHING,
    "netbend --help": NOTHING,
    TORCH: NOTHING,
    "netbend render --model faces --seeds 0": TORCH,
}


def main() -> None:
    chosen = options(__doc__, rounds=7).parse_args()
    report = Report("From a cold start", chosen, how="; whole processes")
    with TemporaryDirectory() as folder:
        render = ["render", "--model", "faces", "--seeds", "0", "--out", folder, "--overwrite", "--quiet"]
        commands = [
            [sys.executable, "-c", "pass"],
            [sys.executable, "-c", "import netbend"],
            [NETBEND, "--help"],
            [sys.executable, "-c", "import torch"],
            [NETBEND, *render],
        ]
        runs = [partial(finish, command, chosen.threads) for command in commands]
        times = timed(dict(zip(LIMITS, runs, strict=True)), chosen.rounds)
    rows = []
    for name, limit in LIMITS.items():
        if name != limit:
            seconds = [f"{times.middle(name):.3f}", f"`{limit}`", f"{times.middle(limit):.3f}"]
            rows.append([f"`{name}`", *seconds, f"{times.ratio(name, limit):.2f}"])
    report.add(*table(["", "s", "limit", "s", "ratio"], rows))
    report.save()


def finish(command: Sequence[str], threads: int) -> None:
    """Run it to its end. Raises CalledProcessError if it fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": f"{threads}"}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
