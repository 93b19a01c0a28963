"""How late sound is that is bent while it is played, computing included.

    python benchmarks/live.py [--seconds 60] [--played 20] [--table out.md]

Stereo, 44.1 kHz, figure 3 as the recipe, blocks of 512 samples as a sound card gives them: 11.6 ms each.
One thread computes; what it takes is processor time, so that other programs do not count. For each way to
listen it prints

    the latency that the stream states, which counts samples and no computing;
    how many blocks miss their time, and the longest, if `push` is called in the audio callback;
    how late it must be played to have no gaps if a thread beside the callback computes: for each block that
    is ready, when, after all before it, the thread is done, against when its samples are due;
    and, played by `LiveStream` in real time, other programs included, at half as much again, the samples
    that were missing, and the longest call of `process`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from paired import machine
from report import table

import netbend
from netbend.choices import Phase
from netbend.render.live import LiveStream
from netbend.render.stream import Listening, SoundStream

ROOT = Path(__file__).parent.parent
LOOP = ROOT / "sounds" / "loop_compus.flac"
BLOCK, RATE = 512, 44100
BEFORE = 3.0  # seconds that are not counted: kernels are compiled, memory is taken
LOW = {"overlap": 8, "context": 96}
WAYS = {
    "`Listening()`": Listening(),
    "`Listening(overlap=8, context=96)`": Listening(**LOW),
    "`Listening(overlap=8, context=96, detail=0)`": Listening(**LOW, detail=0),
    "the same, `context=104`": Listening(overlap=8, context=104, detail=0),
    "`context=96`, Griffin-Lim, 8 iterations": Listening(Phase.GRIFFIN_LIM, 8, **LOW, detail=0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of sound that is pushed")
    parser.add_argument("--played", type=float, default=20, help="of sound that is played in real time")
    parser.add_argument("--table", type=Path, help="markdown, written when all is done")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    music = netbend.load_model("music", device="cpu")
    plan = netbend.resolve(netbend.load_recipe(ROOT / "recipes" / "music" / "figure-3.yaml"), music)
    rows = []
    for name, listening in WAYS.items():

        def fresh(listening: Listening = listening) -> SoundStream:
            return SoundStream(music, plan, channels=2, listening=listening)

        costs, given = pushed(fresh(), blocks(chosen.seconds + BEFORE))
        late = needed_delay(costs, given)
        missed, longest = played(fresh(), late * 1.5, blocks(chosen.played))
        stated = fresh().latency / RATE
        share = float((costs > BLOCK / RATE).mean())
        rows.append(
            [
                name,
                f"{1000 * stated:.0f}",
                f"{100 * share:.1f}",
                f"{1000 * costs.max():.0f}",
                f"{1000 * late:.0f}",
                f"{1000 * late * 1.5:.0f}",
                f"{missed}",
                f"{1000 * longest:.1f}",
                f"{100 * costs.sum() / (len(costs) * BLOCK / RATE):.0f}",
            ]
        )
        print(rows[-1], flush=True)
    heads = ["", "`latency`, ms", "blocks late with `push` in the callback, %", "longest `push`, ms"]
    heads += ["with a thread, no gaps from, ms", "played at, ms", "samples missing"]
    heads += ["longest `process`, ms", "time computing, %"]
    lines = ["## Live", "", machine(), "", *table(heads, rows), ""]
    print("\n".join(lines))
    if chosen.table:
        chosen.table.write_text("\n".join(lines))


def blocks(seconds: float) -> list[np.ndarray]:
    loop = soundfile.read(LOOP, dtype="float32", always_2d=True)[0].T
    count = round(seconds * RATE / BLOCK)
    whole = np.tile(loop, (1, -(-count * BLOCK // loop.shape[1])))
    return [np.ascontiguousarray(whole[:, n * BLOCK : (n + 1) * BLOCK]) for n in range(count)]


def pushed(stream: SoundStream, sound: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds that each push took, and samples that were out after it, but for the first `BEFORE` seconds."""
    costs, given, total = [], [], 0
    for block in sound:
        start = time.thread_time()
        total += stream.push(block).shape[1]
        costs.append(time.thread_time() - start)
        given.append(total)
    first = round(BEFORE * RATE / BLOCK)
    return np.array(costs[first:]), np.array(given[first - 1 :]) - first * BLOCK


def needed_delay(costs: np.ndarray, given: np.ndarray) -> float:
    """Seconds from a sample that goes in to it being played, so that none is missing.

    given: samples that were out before the first block and after each, counted from the first sample of it.
    """
    done = late = 0.0
    for number, cost in enumerate(costs):
        done = max(done, (number + 1) * BLOCK / RATE) + cost
        if given[number + 1] > given[number]:
            late = max(late, done - given[number] / RATE)
    return late


def played(stream: SoundStream, delay: float, sound: list[np.ndarray]) -> tuple[int, float]:
    """Samples that were missing, and the longest call, in seconds, in real time."""
    longest = 0.0
    with LiveStream(stream, delay) as live:
        begun = time.perf_counter()
        for number, block in enumerate(sound):
            time.sleep(max(0.0, begun + (number + 1) * BLOCK / RATE - time.perf_counter()))
            start = time.perf_counter()
            live.process(block)
            longest = max(longest, time.perf_counter() - start)
        return live.missed, longest


if __name__ == "__main__":
    main()
