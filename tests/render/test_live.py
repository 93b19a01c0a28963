"""A stream beside an audio callback: late by what is asked for, and never waiting."""

import threading
import time
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
import torch

from netbend.errors import NonFiniteError, RenderError
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.render.live import LiveStream, _Ring
from netbend.render.stream import Listening, SoundStream

RATE = 44100
LOW = Listening(overlap=8, context=96)


@pytest.fixture(scope="module")
def tiny() -> SpectrogramModel:
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)
    return SpectrogramModel(vae, "tiny", "0" * 64)


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.1, 0.1, (2, samples)).astype("f4")


class Gated:
    """A stream whose work is done when it is told to; it gives back twice what comes, 100 samples late."""

    channels, sample_rate, latency = 2, 1000, 100

    def __init__(self) -> None:
        self.allowed = threading.Semaphore(0)
        self.held = np.zeros((2, 0), np.float32)
        self.done = 0

    def warm_up(self) -> None:
        pass

    def push(self, samples: np.ndarray) -> np.ndarray:
        self.allowed.acquire()
        self.held = np.concatenate([self.held, 2 * samples], axis=1)
        ready, self.held = np.split(self.held, [max(0, self.held.shape[1] - 100)], axis=1)
        self.done += 1
        return ready


def wait_until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        time.sleep(0.001)


class Watched:
    """Waits until what went in has come to where it is taken from."""

    def __init__(self, live: LiveStream):
        self.live, self.given, self.made = live, 0, 0
        self.put = live._ring.put
        live._ring.put = self.count  # type: ignore[method-assign]

    def count(self, samples: np.ndarray) -> None:
        self.put(samples)
        self.made += 1

    def process(self, block: np.ndarray) -> np.ndarray:
        self.given += 1
        return self.live.process(block)

    def catch_up(self) -> None:
        wait_until(lambda: self.made == self.given)


@pytest.mark.parametrize("size", [64, 512, 3000])
def test_what_comes_out_is_the_stream_so_much_later(tiny: SpectrogramModel, size: int) -> None:
    sound = noise(60 * 512)
    stream = SoundStream(tiny, channels=2, listening=LOW)
    expected = np.concatenate([stream.push(sound), stream.flush()], axis=1)
    inner = SoundStream(tiny, channels=2, listening=LOW)
    delay = 10_000
    with LiveStream(inner, delay / RATE) as live:
        watched, made = Watched(live), []
        for start in range(0, sound.shape[1] - size + 1, size):
            made.append(watched.process(sound[:, start : start + size]))
            watched.catch_up()
    together = np.concatenate(made, axis=1)
    assert live.missed == 0
    assert not together[:, :delay].any()
    later = together[:, delay:]
    assert np.array_equal(later, expected[:, : later.shape[1]])


def test_what_is_not_ready_is_silence_and_what_comes_too_late_is_left_out() -> None:
    inner = Gated()
    sound = np.arange(1, 2001, dtype=np.float32).reshape(1, -1).repeat(2, axis=0)
    blocks = np.split(sound, 40, axis=1)  # of 50 samples
    with LiveStream(cast(SoundStream, inner), 0.2) as live:
        watched = Watched(live)
        made = [watched.process(block) for block in blocks[:6]]  # nothing is worked on
        assert live.missed == 100
        inner.allowed.release(100)
        watched.catch_up()
        for block in blocks[6:]:
            made.append(watched.process(block))
            watched.catch_up()
    together = np.concatenate(made, axis=1)
    assert not together[:, :300].any()
    assert np.array_equal(together[:, 300:], 2 * sound[:, 100:1800])  # the delay is what it was
    assert live.missed == 100


def test_a_callback_never_waits_for_the_network() -> None:
    inner = Gated()
    live = LiveStream(cast(SoundStream, inner), 0.1)
    assert all(live.process(np.ones((2, 50), np.float32)).shape == (2, 50) for _ in range(100))
    assert inner.done == 0
    inner.allowed.release(100)
    live.close()


def test_memory_of_the_caller_may_be_used_again() -> None:
    inner = Gated()
    with LiveStream(cast(SoundStream, inner), 0.1) as live:
        watched, block = Watched(live), np.ones((2, 300), np.float32)
        watched.process(block)
        block[:] = 7
        inner.allowed.release(2)
        watched.catch_up()
        made = watched.process(np.zeros((2, 150), np.float32))
    assert set(np.unique(made)) <= {0.0, 2.0}


def test_a_delay_below_the_streams_own_is_refused(tiny: SpectrogramModel) -> None:
    with pytest.raises(RenderError, match=r"0\.1 s: the stream alone is 0\.2.. s late; expected more"):
        LiveStream(SoundStream(tiny, channels=2, listening=LOW), 0.1)


def test_what_ends_the_work_is_raised_in_the_callback() -> None:
    class Broken(Gated):
        def push(self, samples: np.ndarray) -> np.ndarray:
            raise NonFiniteError(f"NaN in {samples.shape}")

    live = LiveStream(cast(SoundStream, Broken()), 0.2)
    live.process(np.zeros((2, 10), np.float32))
    wait_until(lambda: not live._worker.is_alive())
    with pytest.raises(NonFiniteError, match="NaN"):
        live.process(np.zeros((2, 10), np.float32))
    with pytest.raises(RenderError, match=r"takes \(2, samples\)"):
        LiveStream(cast(SoundStream, Gated()), 0.2).process(np.zeros((3, 10), np.float32))
    live.close()


def test_a_ring_gives_what_was_put_in_order() -> None:
    random = np.random.default_rng(0)
    ring, delay = _Ring(2, 1000), 1000
    expected = np.zeros((2, delay), np.float32)
    for _ in range(300):
        count = int(random.integers(0, 3000))
        samples = random.standard_normal((2, count)).astype("f4")
        ring.put(samples)
        expected = np.concatenate([expected, samples], axis=1)
        taken = ring.take(int(random.integers(0, 4000)))
        assert np.array_equal(taken, expected[:, : taken.shape[1]])
        expected = expected[:, taken.shape[1] :]
