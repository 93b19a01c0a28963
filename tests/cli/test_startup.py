"""The command line comes up without what takes seconds to load."""

import subprocess
import sys

SLOW = ("torch", "numpy", "av", "PIL", "pydantic", "ruamel.yaml", "sklearn", "scipy", "soundfile")


def loaded_by(statements: str) -> set[str]:
    script = f"{statements}\nimport sys\nprint(*(name for name in {SLOW!r} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_importing_netbend_loads_nothing_slow() -> None:
    assert loaded_by("import netbend") == set()


def test_every_command_is_known_before_anything_slow_is_loaded() -> None:
    commands = "from netbend.cli.main import app\nassert len(app.registered_commands) > 10"
    assert loaded_by(commands) == set()
