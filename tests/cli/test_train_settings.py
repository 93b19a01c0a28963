"""Numbers that no training can be run with are refused before anything is read or made."""

from pathlib import Path
from typing import Any

import pytest

from netbend.cli.run_folder import check_folder
from netbend.errors import DataError
from netbend.models.spectrogram_vae.training.settings import Settings as SoundSettings
from netbend.models.stylegan2.training.settings import Settings

from .conftest import REFUSED

Run = Any


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
@pytest.mark.parametrize(
    ("command", "option"),
    [
        *[
            ("stylegan2", option)
            for option in (
                "--kimg",
                "--learning-rate",
                "--r1-gamma",
                "--path-length-weight",
                "--style-mixing",
                "--snapshot-kimg",
                "--save-seconds",
                "--augment",
            )
        ],
        *[("spectrogram-vae", option) for option in ("--epochs", "--learning-rate", "--width", "--gain")],
    ],
)
def test_numbers_that_are_none_are_refused_by_name(
    run: Run, tmp_path: Path, command: str, option: str, value: str
) -> None:
    out = tmp_path / "run"
    ran = run("train", command, str(tmp_path), option, value, "-o", str(out))
    assert ran.code != 0
    assert f"{option} {value}" in ran.err
    assert "expected" in ran.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--latent-dim", "0"], "--latent-dim 0: expected a number above 0"),
        (["--mapping-depth", "0"], "--mapping-depth 0: expected a number above 0"),
        (["--mapping-depth", "99999999"], "no such network: 99999999 mapping layers"),
        (["--feature-base", "99999999999", "--feature-max", "999999999"], "no such network: 999999999"),
    ],
)
def test_networks_that_cannot_be_are_refused(run: Run, tmp_path: Path, options: list[str], told: str) -> None:
    ran = run("train", "stylegan2", str(tmp_path), *options, "-o", str(tmp_path / "run"))
    assert ran.code in REFUSED
    assert told in ran.err


def test_a_run_of_other_settings_is_told_by_options_that_there_are(tmp_path: Path) -> None:
    Settings().save(tmp_path / "settings.json")
    with pytest.raises(DataError, match=r"other settings \(--latent-dim\)"):
        check_folder(tmp_path, Settings(z_dim=64, w_dim=64))
    SoundSettings().save(tmp_path / "settings.json")
    with pytest.raises(DataError, match=r"other settings \(--from, --batch\)|\(--batch, --from\)"):
        check_folder(tmp_path, SoundSettings(features=SoundSettings().architecture().features, batch=3))
