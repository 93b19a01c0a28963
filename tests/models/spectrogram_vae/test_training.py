import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from netbend.errors import DataError
from netbend.models.catalog import load_model
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.models.spectrogram_vae.training.export import finished, unfinished
from netbend.models.spectrogram_vae.training.loop import Trainer
from netbend.models.spectrogram_vae.training.settings import PAPER_PRESET, Settings
from netbend.models.spectrogram_vae.training.sounds import Sounds, find_sounds, load_sounds, set_apart
from netbend.models.spectrogram_vae.training.steps import StepsOnCuda
from netbend.sound.files import read_mono
from netbend.sound.writer import write_sound

RATE = 44100
SETTINGS = Settings(width=1 / 32, latent_dim=8, epochs=4, batch=4, learning_rate=0.003)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chords of three files: two to learn from, one to measure by."""
    folder = tmp_path_factory.mktemp("sounds")
    time = np.arange(4 * RATE) / RATE
    for number, pitch in enumerate((220.0, 330.0, 275.0)):
        chord = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in (1, 2, 3)) * 0.2
        write_sound(folder / f"{number}.flac", chord[None].astype(np.float32), RATE)
    return folder


def trainer(folder: Path, run: Path, settings: Settings = SETTINGS) -> Trainer:
    run.mkdir(exist_ok=True)
    files = find_sounds(folder)
    sounds = load_sounds(files[:2], RATE, 33536, run / "sounds.raw")
    apart = load_sounds(files[2:], RATE, 33536, run / "apart.raw")
    return Trainer(sounds, apart, settings, run, Fabric(accelerator="cpu"))


@pytest.fixture(scope="module")
def learnt(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, list[float]]:
    """A run that learnt something, and its errors."""
    settings = Settings(**{**vars(SETTINGS), "epochs": 12})
    training = trainer(folder, tmp_path_factory.mktemp("learnt") / "run", settings)
    errors: list[float] = []
    training.run(lambda progress: errors.append(progress.error))
    return training, errors


def test_it_learns_and_leaves_a_model_pictures_and_sounds(learnt: tuple[Trainer, list[float]]):
    training, errors = learnt
    assert np.mean(errors[-4:]) < np.mean(errors[:4]) - 3
    run = training.folder
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["training_rms_db"] < lines[0]["training_rms_db"]
    assert 0 < lines[-1]["apart_mean_db"] < lines[-1]["apart_rms_db"] < 20
    assert (run / "samples" / "epoch0012.png").exists()
    assert (run / "samples" / "epoch0012.wav").exists()
    assert load_model(run / "model.safetensors", "cpu").network.architecture.features == (16, 8, 4, 2)


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(folder: Path, tmp_path: Path):
    whole = trainer(folder, tmp_path / "whole")
    whole.run()

    class Interrupted(Exception):
        pass

    def interrupt(_: object) -> None:
        if parted.cuts_seen >= 12:
            raise Interrupted

    parted = trainer(folder, tmp_path / "parted")
    with pytest.raises(Interrupted):
        parted.run(interrupt)
    resumed = trainer(folder, tmp_path / "parted")
    resumed.resume()
    assert resumed.cuts_seen == 12
    resumed.run()
    for name, value in whole.steps.network.state_dict().items():
        torch.testing.assert_close(resumed.steps.network.state_dict()[name], value, msg=name)


@torch.no_grad()
def test_a_finished_network_that_learns_again_begins_as_it_ended(learnt: tuple[Trainer, list[float]]):
    training, _ = learnt
    levels, played = training.steps.levels(training.apart), training.network_to_play()
    expected = played(played.encode(levels))
    assert (expected > 0).float().mean() > 0.1
    learning = unfinished(played, levels).eval()
    mean, log_variance = learning.encode_distribution(levels)
    torch.testing.assert_close(mean, played.encode(levels), atol=1e-4, rtol=0)
    torch.testing.assert_close(learning(mean).relu(), expected, atol=1e-4, rtol=0)
    assert (log_variance == math.log(1e-3)).all()
    again = finished(learning, mean, log_variance.exp())
    torch.testing.assert_close(again(again.encode(levels)), expected, atol=1e-4, rtol=0)
    learning.train()  # normalised by the very levels that it was made with
    mean, _ = learning.encode_distribution(levels)
    torch.testing.assert_close(learning(mean).relu(), expected, atol=0.01, rtol=0)


def test_a_run_from_a_model_does_not_shake_it(learnt: tuple[Trainer, list[float]], tmp_path: Path):
    """Adam's first steps are as long as the rate allows, whichever way they go."""
    training, _ = learnt
    levels, played = training.steps.levels(training.apart), training.network_to_play()

    @torch.no_grad()
    def decoded(network: SpectrogramVAE) -> torch.Tensor:
        return network(network.encode(levels))

    def moved(warm_up: int) -> float:
        settings = Settings(batch=4, epochs=200, learning_rate=0.003, warm_up=warm_up)
        settings = settings.starting_from("played", played.architecture)
        run = tmp_path / f"from{warm_up}"
        run.mkdir()
        further = Trainer(training.sounds, training.sounds, settings, run, training.steps.fabric, played)
        for _ in range(3):
            further._step(total=100_000)
        return (decoded(further.network_to_play()) - decoded(played)).square().mean().sqrt().item()

    assert moved(500) < 0.1 * moved(0)


def test_a_run_from_a_model_takes_its_shape():
    settings = Settings().starting_from("small", Architecture((4, 3, 2, 1), 8, 22050))
    assert settings.architecture() == Architecture((4, 3, 2, 1), 8, 22050)
    with pytest.raises(DataError, match="analyses sounds otherwise"):
        Settings().starting_from("other", Architecture((4, 3, 2, 1), 8, 22050, floor=-60.0))


def test_random_cuts_never_cross_from_one_sound_into_another():
    samples = np.repeat(np.array([1000, 2000, 3000], np.int16) * 10, 500)
    sounds = Sounds(samples, np.array([0, 500, 1000, 1500]))
    cuts = sounds.random_cuts(200, 400, torch.Generator().manual_seed(0))
    assert (cuts == cuts[:, :1]).all()
    assert len(cuts[:, 0].unique()) == 3
    assert torch.equal(sounds.even_cuts(5, 400), sounds.even_cuts(5, 400))


def test_cuts_avoid_silence():
    samples = np.concatenate([np.zeros(9000, np.int16), np.full(9000, 8000, np.int16)])
    cuts = Sounds(samples, np.array([0, 18000])).random_cuts(50, 100, torch.Generator().manual_seed(0))
    assert (cuts.abs().amax(dim=1) > 0).float().mean() > 0.9


def steps_as_on_a_gpu(samples: np.ndarray, starts: list[int]) -> StepsOnCuda:
    return StepsOnCuda(Sounds(samples, np.array(starts)), SETTINGS, Fabric(accelerator="cpu"))


def test_cuts_made_on_a_gpu_cross_no_sounds_and_avoid_silence():
    length = 33536
    loud = np.repeat(np.array([10000, 20000, 30000], np.int16), length + 100)
    cuts = steps_as_on_a_gpu(loud, [0, length + 100, 2 * length + 200, 3 * length + 300])._cuts(60)
    assert cuts.shape == (60, length)
    assert (cuts == cuts[:, :1]).all()
    assert len(cuts[:, 0].unique()) == 3
    half = np.concatenate([np.zeros(9 * length, np.int16), np.full(9 * length, 8000, np.int16)])
    cuts = steps_as_on_a_gpu(half, [0, 9 * length, 18 * length])._cuts(60)
    assert (cuts.abs().amax(dim=1) > 0).float().mean() > 0.9
    assert not steps_as_on_a_gpu(np.zeros(2 * length, np.int16), [0, 2 * length])._cuts(2).any()


def test_steps_as_on_a_gpu_learn(folder: Path, tmp_path: Path):
    sounds = load_sounds(find_sounds(folder)[:2], RATE, 33536, tmp_path / "sounds.raw")
    steps = StepsOnCuda(sounds, SETTINGS, Fabric(accelerator="cpu"))
    errors = []
    for _ in range(60):
        steps.step(rate=0.003)
        errors.append(steps.error.item())
    assert np.mean(errors[-10:]) < np.mean(errors[:10]) - 3
    again = StepsOnCuda(sounds, SETTINGS, Fabric(accelerator="cpu"))
    again.load_state(steps.state())
    steps.step(rate=0.001)
    again.step(rate=0.001)
    assert again.error == steps.error


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_recorded_steps_learn_as_others_do(folder: Path, tmp_path: Path):
    sounds = load_sounds(find_sounds(folder)[:2], RATE, 33536, tmp_path / "sounds.raw")
    fabric = Fabric(accelerator="cuda", devices=1)
    recorded, plain = StepsOnCuda(sounds, SETTINGS, fabric), StepsOnCuda(sounds, SETTINGS, fabric)
    plain._recording = None
    for _ in range(8):
        recorded.step(rate=0.003)
        plain.step(rate=0.003)
        assert recorded.error.item() == pytest.approx(plain.error.item(), rel=0.02)


def test_sounds_are_decoded_once(folder: Path, tmp_path: Path):
    files = find_sounds(folder)
    decoded: list[int] = []
    first = load_sounds(files, RATE, 33536, tmp_path / "sounds.raw", decoded.append)
    again = load_sounds(files, RATE, 33536, tmp_path / "sounds.raw", decoded.append)
    assert decoded == [1, 2, 3]
    assert np.array_equal(first.samples, again.samples)
    load_sounds(files[:1], RATE, 33536, tmp_path / "sounds.raw", decoded.append)
    assert decoded == [1, 2, 3, 1]


def test_a_sound_of_any_length_is_decoded_in_the_same_memory(tmp_path: Path):
    noise = 0.2 * np.random.default_rng(0).standard_normal((2, 2_000_000)).astype(np.float32)
    write_sound(tmp_path / "long.wav", noise, RATE, "PCM_16")
    files = find_sounds(tmp_path)
    tracemalloc.start()
    load_sounds(files, 48000, 100, tmp_path / "sounds.raw")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4_000_000 < noise.nbytes / 3


def test_sounds_are_what_decoding_them_whole_gives_and_short_ones_are_repeated(tmp_path: Path):
    random = np.random.default_rng(0)
    lengths, shortest = (200_000, 5, 70_000, 1000), 1500
    for number, length in enumerate(lengths):
        sound = 0.4 * random.standard_normal((2, length)).astype(np.float32)
        write_sound(tmp_path / f"{number}.wav", sound, 22050)
    files = find_sounds(tmp_path)
    sounds = load_sounds(files, RATE, shortest, tmp_path / "sounds.raw")
    for file, start, end in zip(files, sounds.starts, sounds.starts[1:], strict=False):
        whole = (read_mono(file, RATE).clip(-1, 1) * 32767).round().astype(np.int16)
        expected = np.tile(whole, max(1, -(-shortest // len(whole))))
        np.testing.assert_array_equal(sounds.samples[start:end], expected)
        assert len(expected) >= shortest
    assert sounds.starts[-1] == len(sounds.samples)


def test_files_are_set_apart_whole():
    files = [Path(f"{number}.wav") for number in range(100)]
    learnt, measured = set_apart(files)
    assert 1 <= len(measured) <= 12
    assert sorted(learnt + measured) == sorted(files)
    more, still_measured = set_apart([*files, *(Path(f"new-{number}.wav") for number in range(100))])
    assert set(learnt) <= set(more)
    assert set(measured) & set(still_measured)
    assert len(set_apart(files[:2])[1]) == 1
    assert set_apart(files[:1]) == (files[:1], files[:1])


def test_the_papers_settings():
    assert (PAPER_PRESET.learning_rate, PAPER_PRESET.beta1, PAPER_PRESET.beta2) == (0.0003, 0.0, 0.99)
    assert (PAPER_PRESET.batch, PAPER_PRESET.epochs, PAPER_PRESET.width) == (64, 50.0, 1.0)
    assert (PAPER_PRESET.warm_up, PAPER_PRESET.anneal) == (0, False)


@pytest.mark.parametrize("wrong", [{"width": 0.0}, {"batch": 0}, {"beta1": 1.0}, {"kl_weight": -1.0}])
def test_settings_that_make_no_sense_are_refused_by_option(wrong: dict[str, float]):
    (name,) = wrong
    with pytest.raises(DataError, match="--" + name.replace("_", "-")):
        Settings(**wrong)


def test_what_a_run_wrote_is_not_learnt_from(folder: Path, tmp_path: Path):
    write_sound(tmp_path / "run" / "samples" / "epoch0001.wav", np.zeros((1, 100), np.float32), RATE)
    write_sound(tmp_path / "mine.wav", np.zeros((1, 100), np.float32), RATE)
    assert find_sounds(tmp_path, tmp_path / "run") == [tmp_path / "mine.wav"]
    assert len(find_sounds(folder, folder / "run")) == 3


def test_silence_to_measure_by_is_refused():
    with pytest.raises(DataError, match="silent"):
        Sounds(np.zeros(1000, np.int16), np.array([0, 1000])).even_cuts(3, 100)


def test_folders_without_sounds_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="no sounds found"):
        find_sounds(tmp_path)
