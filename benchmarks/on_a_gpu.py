"""One stage of `on_a_gpu.sh`: checks, times or profiles of StyleGAN2 on a GPU.

    python benchmarks/on_a_gpu.py STAGE ... --out FOLDER [--quick] [--seconds S] [--nvidia FOLDER]

Writes STAGE.md into the folder, line by line as things are found, and after each stage all.tar of them all.
What is not begun after so many seconds is left out. `warm` compiles beforehand, in processes side by side.
"""

import netbend  # noqa: F401  # isort: skip - before torch: it says how torch's threads wait

import argparse
import os
import tarfile
import traceback
import warnings
from pathlib import Path
from time import perf_counter

import torch
from gpu_check import check
from gpu_first import frames, warm
from gpu_nvidia import nvidia, nvidia_build
from gpu_parts import blocks, parts, profile
from gpu_shared import Notes, TimeIsUpError, failure
from gpu_times import batches, bends, film, times

FIRST = (warm, times, bends, nvidia, profile, blocks, check, film)
STAGES = {stage.__name__: stage for stage in (*FIRST, batches, parts, frames, nvidia_build)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stages", choices=STAGES, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--nvidia", type=Path)
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--seconds", type=float, default=3600, help="after which nothing more is begun")
    parser.add_argument("--precision", default="float32", help="of frames")
    parser.add_argument("--kinds", nargs="*", default=[], help="of frames: bends at every layer")
    chosen = parser.parse_args()
    chosen.deadline = perf_counter() + chosen.seconds
    torch.set_grad_enabled(False)
    warnings.simplefilter("always")
    for name in chosen.stages:
        stage, start = STAGES[name], perf_counter()
        notes = Notes(Path(os.devnull) if name == "frames" else chosen.out / f"{name}.md")
        if name != "frames":
            notes.add(f"## {stage.__doc__}\n")
        try:
            if perf_counter() > chosen.deadline:
                raise TimeIsUpError
            stage(notes, chosen)
        except Exception as error:
            notes.add(failure(error))
            traceback.print_exc()
        if name != "frames":
            notes.add(f"\n{perf_counter() - start:.0f} s.")
            pack(chosen.out)


def pack(folder: Path) -> None:
    """All that is there in one file, as far as it goes."""
    with tarfile.open(folder / "all.tar.part", "w") as whole:
        for file in sorted(folder.glob("*.md")):
            whole.add(file, file.name)
    (folder / "all.tar.part").rename(folder / "all.tar")


if __name__ == "__main__":
    main()
