"""Kill a command at its first file operation, at its second, and so on, and let it go on each time.

    python killed_everywhere.py PRISTINE WORK COMMAND...

PRISTINE is copied to WORK before each run, and the command runs there. Each run prints a line of JSON:
`between`, the files after the kill, and `after`, those when the same command has run once more, by name
with a hash; `code` and `error` of that. The last line, of a run that was not killed, has no `after`.
Runs are forks of one process, so that nothing has to be imported again; they share a model, and films
are of noise in parts of three frames, which is faster.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import netbend.cli.film
import netbend.film.gif
import netbend.film.make
import netbend.film.settings
import netbend.film.video
import netbend.film.write
import netbend.models.stylegan2.model
from netbend.choices import Precision
from netbend.cli.main import main
from netbend.engine.frames import Film

OPERATIONS = {"open", "os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}


def run(arguments: list[str], work: Path, kill_at: int | None) -> tuple[int, str]:
    """Exit code, negative of the signal for what was killed, and what was printed as an error."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(write, 2)
        os.chdir(work)
        if kill_at is not None:
            _kill_at(kill_at, str(work))
        sys.argv = ["netbend", *arguments]
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException:
            traceback.print_exc()
            code = 99
        sys.stderr.flush()
        os._exit(code)
    os.close(write)
    with os.fdopen(read) as errors:
        printed = errors.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), printed


def _kill_at(number: int, work: str) -> None:
    count = 0

    def operation(path: object) -> None:
        nonlocal count
        if os.path.abspath(os.fsdecode(path)).startswith(work):  # type: ignore[arg-type]
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in OPERATIONS and isinstance(arguments[0], str | bytes | os.PathLike):
            operation(arguments[0])

    sys.addaudithook(hook)
    fsync = os.fsync

    def counted_fsync(descriptor: int) -> None:
        operation(work)
        fsync(descriptor)

    os.fsync = counted_fsync


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def noise(film: Film, group: int) -> list[Image.Image]:
    pixels = np.random.default_rng(group).integers(0, 256, (film.group, 16, 16, 3), np.uint8)
    return [Image.fromarray(each) for each in pixels]


if __name__ == "__main__":
    torch.set_num_threads(1)
    pristine, work = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    netbend.film.write.PART_FRAMES = netbend.film.settings.PART_FRAMES = 3
    Film._grouped = noise  # type: ignore[method-assign]
    model = netbend.cli.film.load_of_pictures(str(pristine / "tiny.safetensors"), "cpu", Precision.FLOAT32)
    netbend.cli.film.load_of_pictures = lambda *_: model
    number = 0
    while True:
        number += 1
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(pristine, work)
        code, error = run(sys.argv[3:], work, number)
        line: dict[str, Any] = {"number": number, "between": files(work), "code": code, "error": error}
        if code == -signal.SIGKILL:
            line["code"], line["error"] = run(sys.argv[3:], work, None)
            line["after"] = files(work)
        print(json.dumps(line), flush=True)
        if "after" not in line:
            break
