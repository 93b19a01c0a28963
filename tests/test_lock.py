"""What CI installs is what everybody else is told to install, each file of it by its hash."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements-ci.txt").read_text()
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.M)
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """Versions by name; a build of a version, as 2.13.0+cpu, is that version."""
    return {normal(name): version.partition("+")[0] for name, version in PIN.findall(text)}


def test_the_versions_are_those_of_the_constraints() -> None:
    locked, constrained = pins(LOCK), pins((ROOT / "constraints.txt").read_text())
    assert {name: version for name, version in locked.items() if constrained.get(name) != version} == {}


def test_every_dependency_is_locked() -> None:
    """`python scripts/lock.py` writes them anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["train"], "hatchling", "editables"]
    names = {normal(re.split(r"[^\w.-]", entry)[0]) for entry in wanted} - {"netbend"}
    assert names - set(pins(LOCK)) == set()


def test_every_package_has_hashes_and_comes_from_no_other_place() -> None:
    lines = [line for line in LOCK.splitlines() if not line.startswith("#")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert PIN.match(line) or HASH.fullmatch(line), line
        if PIN.match(line):
            assert HASH.fullmatch(following), line


def test_ci_installs_by_hash() -> None:
    assert (ROOT / ".ci" / "run").read_text().count("LOCK=requirements-ci.txt") == 2
    assert "--require-hashes --only-binary :all:" in (ROOT / "Makefile").read_text()
