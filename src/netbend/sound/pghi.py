"""Phases that fit magnitudes by how these rise and fall: phase gradient heap integration.

After Průša, Balazs and Søndergaard (A noniterative method for reconstruction of phase from STFT magnitude,
2017). The slope of log magnitudes over time is the slope of phases over frequency, and the other way round;
phases are integrated along the loudest path to each bin.
"""

import heapq
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netbend.sound.spectrum import Spectrum

HANN = 0.25645  # of the Gaussian window nearest to a Hann window, times its length squared (table I)
TOLERANCE = 1e-6  # of the largest magnitude: what is softer has random phases


def integrated_phases(magnitudes: Tensor, spectrum: Spectrum, known: Tensor, random: Tensor) -> Tensor:
    """Phases `(C, F, bins)`, in radians, that fit magnitudes of that shape.

    known: those of the first frames `(C, K, bins)`, which stay. random: `(C, F - K, bins)`, for silent bins.
    """
    floor = TOLERANCE * magnitudes.amax().clamp(min=1e-30)
    slopes = gradients(magnitudes.clamp(min=floor).double().log().numpy(), spectrum)
    phases = torch.cat([known, random], dim=1).double().numpy()
    integrate = _compiled()
    for phase, loud, over_time, over_bins in zip(phases, magnitudes.double().numpy(), *slopes, strict=True):
        order = np.argsort(-loud, axis=None, kind="stable")
        integrate(phase, loud, over_time, over_bins, order, known.shape[1], float(floor))
    return torch.from_numpy(phases).to(magnitudes.dtype)


def gradients(logarithms: np.ndarray, spectrum: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """How phases grow from frame to frame, and from bin to bin, by log magnitudes `(..., F, bins)`."""
    gamma = HANN * spectrum.window**2
    over_bins = _slope(logarithms, axis=-1)
    over_frames = _slope(logarithms, axis=-2)
    step = spectrum.hop / spectrum.window
    bins = np.arange(spectrum.bins)
    time = over_bins * spectrum.hop * spectrum.window / gamma + 2 * np.pi * step * bins
    frequency = -over_frames * gamma / (spectrum.hop * spectrum.window) - np.pi
    return time, frequency


def _slope(values: np.ndarray, axis: int) -> np.ndarray:
    """Central differences; 0 where there is but one value."""
    return np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)


def _integrate(
    phases: Any, loud: Any, over_time: Any, over_bins: Any, order: Any, settled: int, floor: float
) -> None:
    """Fill in phases `(F, bins)` of one channel: from its `settled` first frames on, the loudest bins first.

    order: all bins, counted through the frames, from loud to soft.
    """
    frames, bins = loud.shape
    done = loud <= floor
    done[:settled] = True
    heap = [(0.0, 0, 0)]
    heap.pop()
    for bin in range(bins if settled else 0):
        if loud[settled - 1, bin] > floor:
            heapq.heappush(heap, (-loud[settled - 1, bin], settled - 1, bin))
    for place in order:
        if not done[place // bins, place % bins]:  # no path leads here: begin another
            done[place // bins, place % bins] = True
            phases[place // bins, place % bins] = 0.0
            heapq.heappush(heap, (0.0, place // bins, place % bins))
        while len(heap) > 0:
            _, frame, bin = heapq.heappop(heap)
            for next_frame, next_bin in (
                (frame + 1, bin),
                (frame - 1, bin),
                (frame, bin + 1),
                (frame, bin - 1),
            ):
                if not (0 <= next_frame < frames and 0 <= next_bin < bins) or done[next_frame, next_bin]:
                    continue
                slope = over_time if next_bin == bin else over_bins
                steps = (next_frame - frame) + (next_bin - bin)
                mean = (slope[frame, bin] + slope[next_frame, next_bin]) / 2
                phases[next_frame, next_bin] = phases[frame, bin] + steps * mean
                done[next_frame, next_bin] = True
                heapq.heappush(heap, (-loud[next_frame, next_bin], next_frame, next_bin))


@cache
def _compiled() -> Callable[..., None]:
    """Fifty times as fast, where there is numba; the same to the bit without."""
    try:
        from numba import njit
    except ImportError:
        return _integrate
    try:
        return njit(_integrate, nogil=True, cache=True)
    except RuntimeError:  # nowhere to keep it
        return njit(_integrate, nogil=True)
