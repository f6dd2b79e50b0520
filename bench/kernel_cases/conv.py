"""Convolutions, their gradients, pools and normalizations of images."""

import numpy as np
from kernels import Case

# batch, height, channels, window, output channels, stride
IMAGES = [
    (64, 28, 1, 5, 32, 1),
    (64, 14, 32, 5, 64, 1),
    (16, 32, 3, 3, 32, 1),
    (16, 32, 64, 3, 64, 1),
    (8, 28, 128, 3, 128, 1),
    (8, 14, 256, 3, 256, 1),
    (8, 7, 512, 3, 512, 1),
    (8, 56, 64, 1, 256, 1),
    (4, 112, 3, 7, 64, 2),
    (8, 28, 128, 3, 256, 2),
    (8, 56, 64, 3, 64, 1),
    (8, 28, 32, 5, 32, 1),
    (64, 14, 64, 5, 128, 1),
    (64, 7, 16, 3, 16, 1),
    (16, 16, 64, 3, 10, 1),
    (9, 15, 33, 3, 65, 1),
]
SAME = 1


def random(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def axes(stride):
    """The attributes of a SAME window over rows and columns."""
    return (SAME, *(stride, 1, 0) * 2)


def of_image(image):
    """A convolution and its two gradients."""
    batch, height, channels, window, out, stride = image
    size = -(-height // stride)
    x, y = random(batch, height, height, channels), random(batch, size, size, out)
    filters, turned = random(window, window, channels, out), random(window, window, out, channels)
    name = f"{batch}x{height}x{height}x{channels} {window}x{window} to {out}" + (f" / {stride}" if stride > 1 else "")
    flops = 2.0 * y.size * window * window * channels
    yield Case("forward " + name, "conv", [x, filters], [np.empty_like(y)], axes(stride), flops)
    yield Case("image's " + name, "conv_image_gradient", [y, turned], [np.empty_like(x)], axes(stride), flops)
    yield Case("filter's " + name, "conv_filter_gradient", [x, y], [np.empty_like(filters)], axes(stride), flops)


def depthwise(batch, height, channels, window):
    x, filters = random(batch, height, height, channels), random(window, window, channels)
    name = f"{batch}x{height}x{height}x{channels} {window}x{window}"
    flops = 2.0 * x.size * window * window
    for kernel, inputs, out in (
        ("", [x, filters], x),
        ("_image_gradient", [x, filters], x),
        ("_filter_gradient", [x, x.copy()], filters),
    ):
        yield Case(f"depthwise{kernel} {name}", "conv_depthwise" + kernel, inputs, [np.empty_like(out)], axes(1), flops)


def pools(batch, height, channels, window, stride):
    size = -(-height // stride)
    x, y = random(batch, height, height, channels), random(batch, size, size, channels)
    attributes = (*axes(stride), window, window)
    name = f"{batch}x{height}x{height}x{channels} {window}x{window} / {stride}"
    yield Case("max_pool " + name, "max_pool", [x], [y], attributes)
    yield Case("max_pool_gradient " + name, "max_pool_gradient", [x, y], [np.empty_like(x)], attributes)
    yield Case("mean_pool " + name, "mean_pool", [x], [y], attributes)
    yield Case("mean_pool_gradient " + name, "mean_pool_gradient", [y], [np.empty_like(x)], attributes)


def normalizations(batch, height, channels):
    x = random(batch, height, height, channels)
    vectors = [np.ones(channels, np.float32) for _ in range(8)]
    name = f"{batch}x{height}x{height}x{channels}"
    yield Case("batch_norm " + name, "batch_norm", [x, *vectors[:4]], [np.empty_like(x), *vectors[4:]], (0.001, 1))
    inputs = [x, x.copy(), *vectors[:3]]
    yield Case(
        "batch_norm_gradient " + name, "batch_norm_gradient", inputs, [np.empty_like(x), *vectors[3:5]], (0.001, 1)
    )
    yield Case("lrn " + name, "lrn", [x], [np.empty_like(x)], (2, 1.0, 1e-4, 0.75))


def cases():
    for image in IMAGES:
        yield from of_image(image)
    yield from depthwise(16, 28, 128, 3)
    yield from pools(64, 28, 32, 2, 2)
    yield from pools(16, 28, 64, 3, 2)
    yield from normalizations(16, 28, 64)
