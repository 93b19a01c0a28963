import pytest
import torch

from netbend.sound.chunks import Crossfade, Cutter, Cutting
from netbend.sound.spectrum import Spectrum
from netbend.sound.streaming import Analysis, Synthesis

SPECTRUM = Spectrum()


def noise(samples: int, channels: int = 2) -> torch.Tensor:
    return torch.rand(channels, samples, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_full_scale_sine_has_magnitude_one_and_level_one():
    bin_number = 24
    phase = 2 * torch.pi * bin_number / SPECTRUM.window * torch.arange(8192)
    spectra = SPECTRUM.analyse(phase.sin()[None])
    assert spectra.abs()[0, :, bin_number].sub(1).abs().max() < 1e-5
    assert SPECTRUM.levels(spectra)[0, :, bin_number].sub(1).abs().max() < 1e-5


def test_levels_go_back_to_magnitudes_above_the_floor_and_to_silence_below():
    magnitudes = torch.tensor([1.0, 0.1, 0.001, 1.1e-4, 0.9e-4, 0.0])
    back = SPECTRUM.magnitudes(SPECTRUM.levels(magnitudes))
    torch.testing.assert_close(back[:4], magnitudes[:4], rtol=1e-4, atol=0)
    assert (back[4:] == 0).all()


def test_levels_out_of_all_bounds_are_loud_and_finite():
    assert SPECTRUM.magnitudes(torch.tensor([1e6, -1e6])).tolist() == pytest.approx([10, 0])


@pytest.mark.parametrize("samples", [1, 255, 256, 1024, 5000, 44100])
@pytest.mark.parametrize("block", [1, 100, 1024, 50000])
def test_analysis_and_synthesis_are_transparent_below_minus_90_dbfs(samples: int, block: int):
    if samples > 100 * block:
        pytest.skip("many small blocks")
    sound = noise(samples)
    analysis, synthesis = Analysis(SPECTRUM, 2), Synthesis(SPECTRUM, 2)
    parts = [synthesis.push(analysis.push(part)) for part in sound.split(block, dim=1)]
    back = torch.cat([*parts, synthesis.push(analysis.flush())], dim=1)[:, :samples]
    assert back.shape == sound.shape
    assert (back - sound).abs().max() < 10 ** (-90 / 20)


@pytest.mark.parametrize("cutting", [Cutting(), Cutting(128, 0, 0), Cutting(128, 8, 96), Cutting(16, 4, 2)])
@pytest.mark.parametrize("frames", [1, 95, 96, 128, 129, 500])
def test_chunks_faded_together_are_what_was_cut(cutting: Cutting, frames: int):
    stream = torch.rand(2, frames, 3)
    cutter, crossfade = Cutter(cutting, 2, 3), Crossfade(cutting)
    parts = [crossfade.push(cutter.push(part)) for part in stream.split(7, dim=1)]
    together = torch.cat([*parts, crossfade.push(cutter.flush())], dim=1)
    torch.testing.assert_close(together[:, :frames], stream)
    assert together.shape[1] < frames + cutting.frames


def test_neighbouring_chunks_fade_evenly():
    cutting = Cutting(128, 32, 0)
    chunks = torch.stack([torch.zeros(1, 128, 1), torch.ones(1, 128, 1)])
    faded = Crossfade(cutting).push(chunks)[0, :, 0]
    assert faded[95] == 0
    assert faded[128] == 1
    assert faded.diff().abs().max() < 1.01 / 32


def test_a_cutting_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="too few"):
        Cutting(128, overlap=70)
