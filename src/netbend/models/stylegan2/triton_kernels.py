"""The passes between StyleGAN2's convolutions, each one kernel of Triton. `fused` calls them.

Maps are channels-last, so that the features of a pixel lie side by side; every sum is in float32.
"""
# mypy: ignore-errors
# ruff: noqa: E501, N803

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["total"])
def styles(
    table, w, out, w_sample, w_layer, width, total, gain, like, ROWS: tl.constexpr, BLOCK: tl.constexpr
):
    """Styles of all layers, in each program those of a block of rows of one layer's linear map.

    table: for each block the addresses of weight and bias, the layer, the first row, the end, and the
    place of the layer's styles in `out`. like: any tensor of the type of the weights.
    """
    entry = table + tl.program_id(0) * 6
    pointer = tl.pointer_type(like.dtype.element_ty)
    weight, bias = tl.load(entry).to(pointer), tl.load(entry + 1).to(pointer)
    layer, first, end, place = tl.load(entry + 2), tl.load(entry + 3), tl.load(entry + 4), tl.load(entry + 5)
    sample = tl.program_id(1)
    row = first + tl.arange(0, ROWS)
    sums = tl.zeros([ROWS, BLOCK], tl.float32)
    for start in range(0, width, BLOCK):
        column = start + tl.arange(0, BLOCK)
        inside = column < width
        latent = tl.load(w + sample * w_sample + layer * w_layer + column, mask=inside, other=0.0)
        mask = (row < end)[:, None] & inside[None, :]
        rows = tl.load(weight + row[:, None] * width + column[None, :], mask=mask, other=0.0)
        sums += rows.to(tl.float32) * latent.to(tl.float32)[None, :]
    style = tl.sum(sums, axis=1) * gain + tl.load(bias + row, mask=row < end, other=0.0).to(tl.float32)
    tl.store(out + sample * total + place + row, style, mask=row < end)


@triton.jit
def styled_kernels(
    weight,
    style,
    out,
    inputs,
    weight_output,
    weight_input,
    weight_row,
    weight_column,
    style_sample,
    gain,
    epsilon,
    STYLED: tl.constexpr,
    UP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The 3x3 kernel of one output feature of one sample: styled, and brought to unit gain.

    Written as `(N, O, 3, 3, I)`; or, for doubling, as the 2x2 kernels of the four phases of the result,
    `(N, 2, 2, O, 2, 2, I)`, in which some taps are zero.
    """
    feature, sample, outputs = tl.program_id(0), tl.program_id(1).to(tl.int64), tl.num_programs(0)
    slot = tl.arange(0, 16)
    if UP:
        y, x, row, column = (slot >> 3) & 1, (slot >> 2) & 1, (slot >> 1) & 1, slot & 1
        there = ((y == 0) | (row == 1)) & ((x == 0) | (column == 1))
        row, column = tl.where(y == 1, 1, 2 - 2 * row), tl.where(x == 1, 1, 2 - 2 * column)
        place = (((sample * 4 + (slot >> 2)) * outputs + feature) * 4 + (slot & 3)) * inputs
    else:
        there = slot < 9
        row, column = slot // 3, slot % 3
        place = ((sample * outputs + feature) * 9 + slot) * inputs
    weight += feature * weight_output
    taps = row * weight_row + column * weight_column
    factor = gain
    if STYLED:
        squares = tl.zeros([16, BLOCK], tl.float32)
        for start in range(0, inputs, BLOCK):
            i = start + tl.arange(0, BLOCK)
            scale = tl.load(style + sample * style_sample + i, mask=i < inputs, other=0.0) * gain
            mask = there[:, None] & (i < inputs)[None, :]
            values = tl.load(weight + taps[:, None] + i[None, :] * weight_input, mask=mask, other=0.0)
            values = values.to(tl.float32) * scale[None, :]
            squares += values * values
        energy = tl.sum(tl.sum(squares, axis=1), axis=0)
        # NaN, not 0, where the energy is infinite.
        factor = gain * tl.where(energy == float("inf"), float("nan"), 1 / tl.sqrt(energy + epsilon))
    for start in range(0, inputs, BLOCK):
        i = start + tl.arange(0, BLOCK)
        mask = there[:, None] & (i < inputs)[None, :]
        values = tl.load(weight + taps[:, None] + i[None, :] * weight_input, mask=mask, other=0.0)
        values = values.to(tl.float32) * factor
        if STYLED:
            values *= tl.load(style + sample * style_sample + i, mask=i < inputs, other=0.0)[None, :]
        written = ((slot < 9) | UP)[:, None] & (i < inputs)[None, :]
        tl.store(out + place[:, None] + i[None, :], values.to(out.dtype.element_ty), mask=written)


@triton.jit
def _activated(
    values,
    pixel,
    feature,
    features,
    pixels,
    sample,
    factors,
    noise,
    noise_sample,
    strength,
    bias,
    clamp,
    slope,
    gain,
    SCALED: tl.constexpr,
    NOISY: tl.constexpr,
    CLAMPED: tl.constexpr,
):
    """Values `[pixels, features]` demodulated, with noise, bias and activation."""
    inside = feature < features
    if SCALED:
        values *= tl.load(factors + sample * features + feature, mask=inside, other=0.0)[None, :]
    if NOISY:
        drawn = tl.load(noise + sample * noise_sample + pixel, mask=pixel < pixels, other=0.0).to(tl.float32)
        values += (drawn * tl.load(strength).to(tl.float32))[:, None]
    values += tl.load(bias + feature, mask=inside, other=0.0).to(tl.float32)[None, :]
    values = tl.where(values < 0, values * slope, values) * gain
    if CLAMPED:  # comparisons that NaN passes
        values = tl.where(values > clamp, clamp, tl.where(values < -clamp, -clamp, values))
    return values


@triton.jit
def finish(
    maps,
    out,
    factors,
    noise,
    noise_sample,
    strength,
    bias,
    clamp,
    slope,
    gain,
    pixels,
    features,
    SCALED: tl.constexpr,
    NOISY: tl.constexpr,
    CLAMPED: tl.constexpr,
    PIXELS: tl.constexpr,
    FEATURES: tl.constexpr,
):
    """Demodulation, noise, bias and activation of maps `(N, pixels, features)`."""
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    feature = tl.program_id(1) * FEATURES + tl.arange(0, FEATURES)
    sample = tl.program_id(2).to(tl.int64)
    mask = (pixel < pixels)[:, None] & (feature < features)[None, :]
    place = sample * pixels * features + pixel[:, None] * features + feature[None, :]
    values = tl.load(maps + place, mask=mask, other=0.0).to(tl.float32)
    values = _activated(
        values, pixel, feature, features, pixels, sample, factors, noise, noise_sample, strength, bias,
        clamp, slope, gain, SCALED, NOISY, CLAMPED,
    )  # fmt: skip
    tl.store(out + place, values.to(out.dtype.element_ty), mask=mask)


@triton.jit
def _filtered_row(phases, y, x, feature, height, width, features, inside):
    """A row of the maps between, low-passed along it: `[columns, features]`.

    phases: `(height + 1, width + 1, 2, 2, features)`, for each even and odd row and column.
    """
    sums = tl.zeros([x.shape[0], feature.shape[0]], tl.float32)
    for tap in tl.static_range(4):
        column = x + (tap - 1)
        there = (y >= 0) & (y <= 2 * height) & (column >= 0) & (column <= 2 * width)
        place = ((y >> 1) * (width + 1) + (column >> 1)) * 4 + (y & 1) * 2 + (column & 1)
        mask = there[:, None] & inside[None, :]
        values = tl.load(phases + place[:, None] * features + feature[None, :], mask=mask, other=0.0)
        sums += values.to(tl.float32) * (0.25 if tap == 0 or tap == 3 else 0.75)
    return sums


@triton.jit(do_not_specialize=["height", "width"])
def finish_doubled(
    phases,
    out,
    factors,
    noise,
    noise_sample,
    strength,
    bias,
    clamp,
    slope,
    gain,
    height,
    width,
    features,
    SCALED: tl.constexpr,
    NOISY: tl.constexpr,
    CLAMPED: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    FEATURES: tl.constexpr,
):
    """The low-pass after doubling `(height, width)`, then what `finish` does, of a block of ROWS x COLUMNS.

    The four rows that a row is made of are kept: each is read once in a block.
    """
    blocks = tl.cdiv(2 * width, COLUMNS)
    first = tl.program_id(0) // blocks * ROWS
    x = tl.program_id(0) % blocks * COLUMNS + tl.arange(0, COLUMNS)
    feature = tl.program_id(1) * FEATURES + tl.arange(0, FEATURES)
    sample = tl.program_id(2).to(tl.int64)
    inside = feature < features
    phases += sample * (height + 1) * (width + 1) * 4 * features
    pixels = 4 * height * width
    out += sample * pixels * features
    above = _filtered_row(phases, first - 1, x, feature, height, width, features, inside)
    here = _filtered_row(phases, first, x, feature, height, width, features, inside)
    below = _filtered_row(phases, first + 1, x, feature, height, width, features, inside)
    for row in range(ROWS):
        y = first + row
        last = _filtered_row(phases, y + 2, x, feature, height, width, features, inside)
        pixel = tl.where((x < 2 * width) & (y < 2 * height), y * 2 * width + x, pixels)
        values = _activated(
            0.25 * (above + last) + 0.75 * (here + below), pixel, feature, features, pixels, sample, factors,
            noise, noise_sample, strength, bias, clamp, slope, gain, SCALED, NOISY, CLAMPED,
        )  # fmt: skip
        mask = (pixel < pixels)[:, None] & inside[None, :]
        place = pixel[:, None] * features + feature[None, :]
        tl.store(out + place, values.to(out.dtype.element_ty), mask=mask)
        above, here, below = here, below, last


@triton.jit
def to_rgb(
    maps,
    weight,
    style,
    bias,
    out,
    weight_output,
    weight_input,
    style_sample,
    gain,
    clamp,
    pixels,
    features,
    CHANNELS: tl.constexpr,
    ROOM: tl.constexpr,
    CLAMPED: tl.constexpr,
    PIXELS: tl.constexpr,
    FEATURES: tl.constexpr,
):
    """Colours `(N, CHANNELS, pixels)` of maps `(N, pixels, features)`. ROOM: a power of 2 for the channels."""
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    sample = tl.program_id(1).to(tl.int64)
    channel = tl.arange(0, ROOM)
    colours = tl.zeros([PIXELS, ROOM], tl.float32)
    for start in range(0, features, FEATURES):
        feature = start + tl.arange(0, FEATURES)
        inside = feature < features
        mask = (pixel < pixels)[:, None] & inside[None, :]
        place = sample * pixels * features + pixel[:, None] * features + feature[None, :]
        values = tl.load(maps + place, mask=mask, other=0.0).to(tl.float32)
        scale = tl.load(style + sample * style_sample + feature, mask=inside, other=0.0) * gain
        for one in tl.static_range(CHANNELS):
            row = tl.load(weight + one * weight_output + feature * weight_input, mask=inside, other=0.0)
            product = tl.sum(values * (row.to(tl.float32) * scale)[None, :], axis=1)
            colours += tl.where(channel[None, :] == one, product[:, None], 0.0)
    colours += tl.load(bias + channel, mask=channel < CHANNELS, other=0.0).to(tl.float32)[None, :]
    if CLAMPED:
        colours = tl.where(colours > clamp, clamp, tl.where(colours < -clamp, -clamp, colours))
    place = (sample * CHANNELS + channel[None, :]) * pixels + pixel[:, None]
    tl.store(out + place, colours, mask=(pixel < pixels)[:, None] & (channel < CHANNELS)[None, :])


@triton.jit(do_not_specialize=["height", "width"])
def double_and_add(image, colours, out, height, width, BLOCK: tl.constexpr):
    """An image's planes `(P, height, width)` doubled by the filter [1, 3, 3, 1], plus colours of that size."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    plane = tl.program_id(1).to(tl.int64)
    y, x = pixel // (2 * width), pixel % (2 * width)
    mask = pixel < 4 * height * width
    near_y, near_x = y >> 1, x >> 1
    far_y, far_x = near_y + 2 * (y & 1) - 1, near_x + 2 * (x & 1) - 1
    image += plane * height * width
    in_y, in_x = (far_y >= 0) & (far_y < height), (far_x >= 0) & (far_x < width)
    near = 0.75 * tl.load(image + near_y * width + near_x, mask=mask, other=0.0)
    near += 0.25 * tl.load(image + near_y * width + far_x, mask=mask & in_x, other=0.0)
    far = 0.75 * tl.load(image + far_y * width + near_x, mask=mask & in_y, other=0.0)
    far += 0.25 * tl.load(image + far_y * width + far_x, mask=mask & in_x & in_y, other=0.0)
    place = plane * 4 * height * width + pixel
    tl.store(out + place, 0.75 * near + 0.25 * far + tl.load(colours + place, mask=mask), mask=mask)
