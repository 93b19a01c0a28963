"""What the losses see, and what they do not."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.latents.projection.losses import contrast_loss, noise_regularity, pixel_loss, rmse


def picture(seed: int = 0, side: int = 32) -> Tensor:
    """Soft blots, `(1, 3, side, side)`."""
    blots = torch.randn(1, 3, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(blots, scale_factor=4, mode="bilinear").tanh()


@pytest.mark.parametrize("loss", [pixel_loss, contrast_loss])
def test_equal_pictures_have_no_loss_and_others_one_each(loss) -> None:
    pair = torch.cat([picture(0), picture(1)])
    assert loss(pair, pair).tolist() == [0, 0]
    losses = loss(pair, torch.cat([picture(0), picture(2)]))
    assert losses[0] == 0
    assert losses[1] > 0.01


def test_pixels_are_compared_at_every_scale() -> None:
    even, chequered = torch.zeros(1, 1, 32, 32), torch.ones(1, 1, 32, 32)
    chequered[:, :, ::2, 1::2] = chequered[:, :, 1::2, ::2] = -1
    assert pixel_loss(chequered, even) == pytest.approx(1 / 3)  # nothing is left of it at 16x16 and 8x8
    assert pixel_loss(even + 1, even) == pytest.approx(1)


def test_contrast_counts_a_faint_line_more_than_pixels_do() -> None:
    target = picture()
    lined = target.clone()
    lined[:, :, 16] += 0.1
    darker = target - 0.1
    assert pixel_loss(lined, target) < pixel_loss(darker, target) / 10
    assert contrast_loss(lined, target) > 10 * contrast_loss(darker, target)


def test_the_pixel_error_is_in_levels() -> None:
    black = torch.full((1, 3, 4, 4), -1.0)
    assert rmse(black + 2 / 255, black).item() == pytest.approx(1, abs=1e-4)
    assert rmse(black - 9, black).item() == 0  # blacker than black is black


def test_noise_is_regular_and_a_picture_in_it_is_not() -> None:
    noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = F.avg_pool2d(noise, 3, 1, 1)
    assert noise_regularity([noise]) < 0.01
    assert noise_regularity([smooth / smooth.std()]) > 0.5
