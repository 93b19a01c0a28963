"""How long from a save to the picture: `netbend render --watch`, as people use it.

    python benchmarks/watch.py [MODEL ...] [--layer 6] [--rounds 7] [--precision float32]

Prints the seconds that go by, and those in which the processor was busy with it (Linux), which on a machine
that is shared say more: medians over the rounds.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

RECIPE = "bends:\n- {{layer: {0}, transform: multiply, params: [{1}], features: {{random: 0.5}}}}\n"
START = "import sys; from netbend.cli.main import main; sys.argv[0] = 'netbend'; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", default=["faces", "photo-faces"], metavar="MODEL")
    parser.add_argument("--layer", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precision", default="float32")
    chosen = parser.parse_args()
    for model in chosen.models:
        with tempfile.TemporaryDirectory() as folder:
            elapsed, busy = measured(model, chosen.layer, chosen.rounds, chosen.precision, Path(folder))
        print(f"{model}, layer {chosen.layer}, {chosen.precision}: {elapsed:.2f} s, busy {busy:.2f} s")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def measured(model: str, layer: int, rounds: int, precision: str, folder: Path) -> tuple[float, float]:
    recipe, picture = folder / "mine.yaml", folder / "mine.png"
    recipe.write_text(RECIPE.format(layer, 1.0))
    options = ["--watch", "-q", "-m", model, "-o", str(picture), "--precision", precision]
    watching = subprocess.Popen([sys.executable, "-c", START, "render", str(recipe), *options])
    seconds: list[tuple[float, float]] = []
    try:
        while not picture.exists():
            time.sleep(0.05)
        for number in range(rounds):
            time.sleep(0.5)
            before, made = busy_seconds(watching.pid), picture.stat().st_mtime_ns
            unfinished = folder / "mine.new"
            unfinished.write_text(RECIPE.format(layer, 1.1 + number / 10))
            begun = time.perf_counter()
            unfinished.replace(recipe)
            while picture.stat().st_mtime_ns == made:
                time.sleep(0.002)
            seconds.append((time.perf_counter() - begun, busy_seconds(watching.pid) - before))
    finally:
        watching.send_signal(signal.SIGINT)
        watching.wait()
    return median(each[0] for each in seconds), median(each[1] for each in seconds)


def busy_seconds(process: int) -> float:
    """Of all its threads, in steps of a hundredth."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
