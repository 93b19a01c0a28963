"""The passes between StyleGAN2's convolutions, each one kernel of Triton. `fused` calls them.

Maps are channels-last, so that the features of a pixel lie side by side; every sum is in float32.
"""
# mypy: ignore-errors
# ruff: noqa: E501, N803

import triton
import triton.language as tl

from netbend.transforms.triton_kernels import _mixed, bend_values, corner, sources


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
    weight, bias = tl.multiple_of(tl.load(entry).to(pointer), 16), tl.load(entry + 1).to(pointer)
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
    which,
    table,
    gains,
    styles,
    out,
    like,
    style_sample,
    out_sample,
    epsilon,
    STYLED: tl.constexpr,
    ONCE: tl.constexpr,
    LAST: tl.constexpr,
    ALIGNED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The 3x3 kernel of one output feature of one layer and sample: styled, and brought to unit gain.

    Written as `(O, 3, 3, I)`; or, for doubling, as the 2x2 kernels of the four phases of the result,
    `(2, 2, O, 2, 2, I)`, in which some taps are zero. which: the layer of each program. table: of each layer
    the address of its weight `(O, I, 3, 3)` and its strides, I, O, where its styles and where its kernels
    are, whether it doubles, and its first program. gains: of each layer. like: any tensor of the weights'
    type. ONCE: whether no layer has more than BLOCK inputs. LAST: whether weights are channels-last. ALIGNED:
    whether addresses, and all inputs and strides but those of a LAST input, are multiples of 16.
    """
    program, sample = tl.program_id(0), tl.program_id(1).to(tl.int64)
    layer = tl.load(which + program)
    entry = table + layer * 11
    gain = tl.load(gains + layer)
    weight = tl.load(entry).to(tl.pointer_type(like.dtype.element_ty))
    weight_output, apart = tl.load(entry + 1), tl.load(entry + 2)
    weight_row, weight_column = tl.load(entry + 3), tl.load(entry + 4)
    inputs, outputs = tl.load(entry + 5).to(tl.int32), tl.load(entry + 6).to(tl.int32)
    first_style, first_kernel = tl.load(entry + 7), tl.load(entry + 8)
    if LAST:
        apart = 1
    if ALIGNED:  # so that values are read and written several at a time
        weight, inputs = tl.multiple_of(weight, 16), tl.multiple_of(inputs, 16)
        weight_output = tl.multiple_of(weight_output, 16)
        weight_row, weight_column = tl.multiple_of(weight_row, 16), tl.multiple_of(weight_column, 16)
        first_style, first_kernel = tl.multiple_of(first_style, 16), tl.multiple_of(first_kernel, 16)
    styles += sample * style_sample + first_style
    out += sample * out_sample + first_kernel
    up = tl.load(entry + 9) != 0
    feature = program - tl.load(entry + 10).to(tl.int32)
    slot = tl.arange(0, 16)
    # Of a phase: its row and column of taps, even ones first; odd phases have the middle of the kernel alone.
    y, x, below, beside = (slot >> 3) & 1, (slot >> 2) & 1, (slot >> 1) & 1, slot & 1
    row = tl.where(up, tl.where(y == 1, 1, 2 - 2 * below), slot // 3)
    column = tl.where(up, tl.where(x == 1, 1, 2 - 2 * beside), slot % 3)
    there = tl.where(up, ((y == 0) | (below == 1)) & ((x == 0) | (beside == 1)), slot < 9)
    place = tl.where(up, ((slot >> 2) * outputs + feature) * 4 + (slot & 3), feature * 9 + slot) * inputs
    written = up | (slot < 9)
    weight += feature * weight_output
    taps = row * weight_row + column * weight_column
    if ONCE:
        values = _styled(weight, taps, apart, styles, 0, inputs, there, gain, STYLED, BLOCK)
        if STYLED:
            values *= _unit_gain(tl.sum(tl.sum(values * values, axis=1), axis=0), epsilon)
        _store_taps(out, place, 0, inputs, written, values, BLOCK)
    else:
        factor = 1.0
        if STYLED:
            squares = tl.zeros([16, BLOCK], tl.float32)
            for start in range(0, inputs, BLOCK):
                values = _styled(weight, taps, apart, styles, start, inputs, there, gain, STYLED, BLOCK)
                squares += values * values
            factor = _unit_gain(tl.sum(tl.sum(squares, axis=1), axis=0), epsilon)
        for start in range(0, inputs, BLOCK):
            values = _styled(weight, taps, apart, styles, start, inputs, there, gain, STYLED, BLOCK)
            _store_taps(out, place, start, inputs, written, values * factor, BLOCK)


@triton.jit
def _styled(
    weight, taps, apart, styles, start, inputs, there, gain, STYLED: tl.constexpr, BLOCK: tl.constexpr
):
    i = start + tl.arange(0, BLOCK)
    mask = there[:, None] & (i < inputs)[None, :]
    values = tl.load(weight + taps[:, None] + i[None, :] * apart, mask=mask, other=0.0).to(tl.float32) * gain
    if STYLED:
        values *= tl.load(styles + i, mask=i < inputs, other=0.0)[None, :]
    return values


@triton.jit
def _unit_gain(energy, epsilon):
    """NaN, not 0, where the energy is infinite."""
    return tl.where(energy == float("inf"), float("nan"), 1 / tl.sqrt(energy + epsilon))


@triton.jit
def _store_taps(out, place, start, inputs, written, values, BLOCK: tl.constexpr):
    i = start + tl.arange(0, BLOCK)
    mask = written[:, None] & (i < inputs)[None, :]
    tl.store(out + place[:, None] + i[None, :], values.to(out.dtype.element_ty), mask=mask)


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
    numbers,
    chosen,
    seen,
    pixels,
    features,
    SCALED: tl.constexpr,
    NOISY: tl.constexpr,
    CLAMPED: tl.constexpr,
    KIND: tl.constexpr,
    MIXED: tl.constexpr,
    SOME: tl.constexpr,
    LOOK: tl.constexpr,
    PIXELS: tl.constexpr,
    FEATURES: tl.constexpr,
):
    """Demodulation, noise, bias and activation of maps `(N, pixels, features)`, then a bend, if KIND has one."""
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
    if KIND >= 0:
        row = tl.where(feature < features, feature, 0)[None, :]
        values = bend_values(values, row, mask, numbers, chosen, seen, out, KIND, MIXED, SOME, LOOK)
    tl.store(out + place, values.to(out.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["height", "width"])
def finish_warped(
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
    numbers,
    chosen,
    height,
    width,
    features,
    SCALED: tl.constexpr,
    NOISY: tl.constexpr,
    CLAMPED: tl.constexpr,
    MIXED: tl.constexpr,
    SOME: tl.constexpr,
    PIXELS: tl.constexpr,
    FEATURES: tl.constexpr,
):
    """What `finish` does, and a bilinear warp: each pixel is finished where it is read, up to four times."""
    pixels = height * width
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    feature = tl.program_id(1) * FEATURES + tl.arange(0, FEATURES)
    sample = tl.program_id(2).to(tl.int64)
    maps += sample * pixels * features
    left, top, beside, below = sources(numbers, pixel, width)
    inside = (pixel < pixels)[:, None] & (feature < features)[None, :]
    sums = tl.zeros([PIXELS, FEATURES], tl.float32)
    for number in tl.static_range(4):
        place, weight, used = corner(left, top, beside, below, height, width, number)
        mask = inside & used[:, None]
        values = tl.load(maps + place[:, None] * features + feature[None, :], mask=mask, other=0.0)
        values = _activated(
            values.to(tl.float32), place, feature, features, pixels, sample, factors, noise, noise_sample,
            strength, bias, clamp, slope, gain, SCALED, NOISY, CLAMPED,
        )  # fmt: skip
        values = values.to(out.dtype.element_ty).to(tl.float32)
        sums += tl.where(mask, values, 0.0) * weight[:, None]
    place = pixel[:, None] * features + feature[None, :]
    moved = sums.to(out.dtype.element_ty)
    if MIXED or SOME:
        values = tl.load(maps + place, mask=inside, other=0.0)
        unbent = _activated(
            values.to(tl.float32), pixel, feature, features, pixels, sample, factors, noise, noise_sample,
            strength, bias, clamp, slope, gain, SCALED, NOISY, CLAMPED,
        )  # fmt: skip
        unbent = unbent.to(out.dtype.element_ty)
        if MIXED:
            mixed = _mixed(unbent.to(tl.float32), moved.to(tl.float32), tl.load(numbers).to(tl.float32))
            moved = mixed.to(out.dtype.element_ty)
        if SOME:
            selected = tl.load(chosen + feature, mask=feature < features, other=0) != 0
            moved = tl.where(selected[None, :], moved, unbent)
    tl.store(out + sample * pixels * features + place, moved, mask=inside)


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
    numbers,
    chosen,
    seen,
    height,
    width,
    features,
    SCALED: tl.constexpr,
    NOISY: tl.constexpr,
    CLAMPED: tl.constexpr,
    KIND: tl.constexpr,
    MIXED: tl.constexpr,
    SOME: tl.constexpr,
    LOOK: tl.constexpr,
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
        if KIND >= 0:
            column = tl.where(inside, feature, 0)[None, :]
            values = bend_values(values, column, mask, numbers, chosen, seen, out, KIND, MIXED, SOME, LOOK)
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
