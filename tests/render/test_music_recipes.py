"""What every recipe for music leaves of a sound: its body, its silence above what is heard, and its tones."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from netbend.choices import NonFinite
from netbend.models.base import Model
from netbend.models.catalog import load_model
from netbend.models.output import AudioOutput
from netbend.recipe import load_recipe
from netbend.render.sound import SoundJob
from netbend.render.stream import TONAL, Listening, SoundStream

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes" / "music").rglob("*.yaml"))
SOUNDS = ["loop_tabla", "loop_garzul", "choir_phrase"]  # blows, a dense mix, soft tones
RATE, SECONDS = 44100, 3
CHROMA_WINDOW = 8192

Sound = np.ndarray


@pytest.fixture(scope="module")
def music() -> Model:
    model = load_model("music", "cpu")
    assert isinstance(model.output, AudioOutput)
    return model


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("excerpts")
    for name in SOUNDS:
        samples, _ = soundfile.read(ROOT / "sounds" / f"{name}.flac", frames=SECONDS * RATE)
        soundfile.write(folder / f"{name}.wav", samples.mean(axis=1), RATE, subtype="FLOAT")
    return {name: folder / f"{name}.wav" for name in SOUNDS}


def power(path: Path, low: float, high: float = np.inf) -> float:
    """Of the samples of a file, between two frequencies in Hz."""
    samples, rate = soundfile.read(path)
    spectrum, frequencies = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / rate)
    return float(spectrum[(low <= frequencies) & (frequencies < high)].sum())


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_music_is_not_drowned_in_ultrasound(
    music: Model, excerpts: dict[str, Path], tmp_path: Path, recipe: Path, sound: str
):
    source, out = excerpts[sound], tmp_path / "out.wav"
    bends = load_recipe(recipe)
    SoundJob(music).bent(bends, bends.seed).write(source, out)
    assert power(source, 16_000) < 0.01 * power(source, 0)
    assert power(out, 16_000) < 0.05 * power(out, 0)
    if "softer" not in bends.description:
        assert 10 * np.log10(power(out, 100, 8000) / power(source, 100, 8000)) > -6


def chroma(sound: Sound) -> np.ndarray:
    """Energy of the twelve pitch classes over time `(frames, 12)`, from 100 Hz to 5 kHz."""
    hop = CHROMA_WINDOW // 4
    frames = np.lib.stride_tricks.sliding_window_view(sound, CHROMA_WINDOW)[::hop] * np.hanning(CHROMA_WINDOW)
    energy = np.abs(np.fft.rfft(frames)) ** 2
    frequencies = np.fft.rfftfreq(CHROMA_WINDOW, 1 / RATE)
    inside = (frequencies > 100) & (frequencies < 5000)
    classes = np.round(12 * np.log2(frequencies[inside] / 440)).astype(int) % 12
    return np.stack([energy[:, inside][:, classes == each].sum(axis=1) for each in range(12)], axis=1)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Cosine of every frame's angle, weighed by the first's energy."""
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(np.average((one * other).sum(axis=1) / np.maximum(norms, 1e-12), weights=one.sum(axis=1)))


def levels(music: Model, sound: Sound) -> torch.Tensor:
    return music.output.spectrum.levels(music.output.spectrum.analyse(torch.from_numpy(sound)))


def rises(music: Model, sound: Sound) -> np.ndarray:
    return levels(music, sound).diff(dim=0).clamp(min=0).mean(dim=1).numpy()


def heard(music: Model, sound: Sound, detail: float | str, recipe: str | None = None) -> Sound:
    bends = None if recipe is None else load_recipe(ROOT / "recipes" / "music" / f"{recipe}.yaml")
    plan = SoundJob(music, recipe=bends, seed=bends and bends.seed).plan(SECONDS)
    stream = SoundStream(music, plan, 1, Listening(detail=detail), NonFinite.ERROR)
    return np.concatenate([stream.push(sound[None]), stream.flush()], axis=1)[0]


@pytest.mark.parametrize("name", SOUNDS)
def test_tonal_detail_brings_sounds_and_their_tones_nearer_to_the_source(
    music: Model, excerpts: dict[str, Path], name: str
):
    source, _ = soundfile.read(excerpts[name], dtype="float32")
    plain, detailed = heard(music, source, 0), heard(music, source, TONAL)
    error = [
        float((levels(music, sound) - levels(music, source)).square().mean().sqrt())
        for sound in (plain, detailed)
    ]
    assert error[1] < 0.9 * error[0]
    tones = [alike(chroma(source), chroma(sound)) for sound in (plain, detailed)]
    assert tones[1] > max(tones[0], 0.97)


def test_a_bend_keeps_its_own_rhythm_with_tonal_detail(music: Model, excerpts: dict[str, Path]):
    """More of it than with all of what is lost: rises of level from frame to frame, correlated."""
    kept: dict[float | str, list[float]] = {TONAL: [], 1.0: []}
    for name in ("loop_tabla", "loop_garzul"):
        source, _ = soundfile.read(excerpts[name], dtype="float32")
        for recipe in ("backwards", "stammer", "bones", "figure-3"):
            alone = rises(music, heard(music, source, 0, recipe))
            for detail, found in kept.items():
                found.append(np.corrcoef(alone, rises(music, heard(music, source, detail, recipe)))[0, 1])
    assert np.mean(kept[TONAL]) > 0.94
    assert np.mean(kept[1.0]) < np.mean(kept[TONAL]) - 0.05
