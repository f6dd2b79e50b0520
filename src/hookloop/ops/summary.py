"""Summaries: ops whose value is a serialized `Summary` message."""

from __future__ import annotations

import functools
import io
import re

import numpy as np

from .. import dtypes, errors
from . import kinds
from .registry import OpDef, no_gradient, register
from .shape_functions import scalar

__all__ = ["clean_tag", "fill_histogram"]

_NUMBERS = kinds.REAL
_LEAST_RANGE = 1e-6  # of an image's values: below it, they are all the same
_MANY = 1000  # numbers whose buckets are looked up by their bits
_SAMPLES = 32768  # of which a sample of 1.0 would be one more than the largest


@functools.cache
def _summary_class():
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary


def _message():
    return _summary_class()()


def _invalid(text):
    return errors.InvalidArgumentError(None, None, text)


def _tag(tags, refusal="Tags must be a scalar"):
    if tags.shape:
        raise _invalid(refusal)
    return tags[()].decode(errors="replace")


# --- scalars ----------------------------------------------------------------------------------------------


def _run_scalar(call, tags, values):
    if tags.shape != values.shape:
        where = f" (tag '{_tag(tags)}')" if tags.ndim == 0 else ""
        raise _invalid(f"tags and values not the same shape: {list(tags.shape)} != {list(values.shape)}{where}")
    summary = _message()
    for tag, value in zip(tags.ravel(), values.ravel()):
        summary.value.add(tag=tag.decode(errors="replace"), simple_value=float(value))
    return summary.SerializeToString()


# --- histograms -------------------------------------------------------------------------------------------


def _bucket_limits():
    """TensorBoard's buckets: each 10% wider than the one before, the same on both sides of zero."""
    limits, limit = [], 1e-12
    while limit < 1e20:
        limits.append(limit)
        limit *= 1.1
    largest = float(np.finfo(np.float64).max)
    limits.append(largest)
    return np.array([-limit for limit in reversed(limits)] + [0.0] + limits)


_LIMITS = _bucket_limits()


def fill_histogram(message, values):
    """Writes the distribution of an array's elements into a `HistogramProto`."""
    values = np.asarray(values, np.float64).ravel()
    largest = _LIMITS[-1]
    message.min = float(values.min()) if values.size else largest
    message.max = float(values.max()) if values.size else -largest
    message.num = float(values.size)
    with np.errstate(over="ignore", invalid="ignore"):
        message.sum = float(values.sum())
        message.sum_squares = float((values * values).sum())
    counts = np.bincount(_places(values), minlength=len(_LIMITS))
    filled = counts != 0
    shown = filled | np.append(filled[1:], True)  # of a run of empty buckets the last stands for all
    message.bucket_limit.extend(_LIMITS[shown].tolist())
    message.bucket.extend(counts[shown].tolist())


def _places(values):
    """The bucket of each number."""
    if values.size < _MANY or not np.isfinite(values).all():
        return np.minimum(np.searchsorted(_LIMITS, values, side="right"), len(_LIMITS) - 1)
    first = _first_buckets()[values.view(np.uint64) >> np.uint64(48)]
    return np.minimum(first + (values >= _LIMITS[first]), len(_LIMITS) - 1)


@functools.cache
def _first_buckets():
    """The bucket of the least finite number of each sign, exponent and four bits behind it: the others are in it or the next."""
    heads = np.arange(1 << 16, dtype=np.uint64) << np.uint64(48)
    least = np.where(heads >> np.uint64(63), heads | np.uint64((1 << 48) - 1), heads).view(np.float64)
    return np.minimum(np.searchsorted(_LIMITS, least, side="right"), len(_LIMITS) - 1)


def _run_histogram(call, tag, values):
    name = _tag(tag, "tags must be scalar")
    numbers = np.asarray(values, np.float64)
    if not np.isfinite(numbers).all():
        what = "Nan" if np.isnan(numbers).any() else "Infinity"
        raise _invalid(f"{what} in summary histogram for: {call.op_name}")
    summary = _message()
    fill_histogram(summary.value.add(tag=name).histo, numbers)
    return summary.SerializeToString()


# --- images and sound -------------------------------------------------------------------------------------


def _bytes_of(image, bad_color):
    """An image's pixels from 0 to 255: floats are stretched to that range, from -127 to 127 where some are negative."""
    if image.dtype == np.uint8:
        return image
    image = image.astype(np.float32)
    finite = np.isfinite(image).all(axis=-1)
    values = image[finite]
    least, most = (values.min(), values.max()) if values.size else (0.0, 0.0)
    offset, span = (128.0, 127.0) if least < 0 else (0.0, 255.0)
    extent = max(abs(least), abs(most))
    scale = span / extent if extent >= _LEAST_RANGE else 0.0
    out = np.empty(image.shape, np.uint8)
    out[finite] = values * np.float32(scale) + np.float32(offset)
    out[~finite] = bad_color
    return out


def _png(pixels):
    try:
        from PIL import Image
    except ImportError:
        raise errors.FailedPreconditionError(
            None, None, "images in summaries need Pillow: pip install 'hookloop[image]'"
        ) from None
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _run_image(call, tag, images):
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        shape = ",".join(map(str, images.shape))
        raise _invalid(f"Tensor must be 4-D with last dim 1, 3, or 4, not [{shape}]")
    if images.size == 0 and len(images):
        raise _invalid(f"input tensor must have non-zero dims. Found: {list(images.shape)}.")
    most = call.attr("max_images")
    bad = np.ravel(call.attr("bad_color"))[: images.shape[-1]]
    name = _tag(tag)
    summary = _message()
    for i, image in enumerate(images[:most]):
        value = summary.value.add(tag=f"{name}/image" + (f"/{i}" if most > 1 else ""))
        value.image.height, value.image.width, value.image.colorspace = image.shape
        value.image.encoded_image_string = _png(_bytes_of(image, bad))
    return summary.SerializeToString()


def _wave(clip, rate):
    """A sound as a WAVE file of 16-bit numbers, each the nearest one: what lies between two goes away from zero."""
    import wave

    scaled = clip.astype(np.float64) * _SAMPLES
    samples = np.clip(np.trunc(scaled + np.copysign(0.5, scaled)), -_SAMPLES, _SAMPLES - 1)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(clip.shape[1])
        file.setsampwidth(2)
        file.setframerate(max(round(rate), 1))
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def _run_audio(call, tag, clips, rate):
    if clips.ndim not in (2, 3):
        raise _invalid(f"Tensor must be 3-D or 2-D, got: {list(clips.shape)}")
    if rate.size != 1:  # a list of one is one, as in TensorFlow
        raise _invalid("sample_rate must be a scalar")
    rate = rate.item()
    if rate <= 0:
        raise _invalid("sample_rate must be > 0")
    clips = clips[..., None] if clips.ndim == 2 else clips
    most = call.attr("max_outputs")
    name = _tag(tag, "Tag must be a scalar")
    summary = _message()
    for i, clip in enumerate(clips[:most]):
        value = summary.value.add(tag=f"{name}/audio" + (f"/{i}" if most > 1 else ""))
        value.audio.sample_rate = rate
        value.audio.length_frames, value.audio.num_channels = clip.shape
        value.audio.content_type = "audio/wav"
        value.audio.encoded_audio_string = _wave(clip, rate)
    return summary.SerializeToString()


# --- tensors, and several summaries as one ----------------------------------------------------------------


def _run_tensor(call, tag, tensor, metadata):
    from ..graph.tensor_proto import array_to_content_proto

    summary = _message()
    value = summary.value.add(tag=_tag(tag, "tag must be scalar"))
    value.tensor.CopyFrom(array_to_content_proto(tensor, call.op.inputs[1].dtype.base_dtype))
    if metadata.size != 1:  # as `sample_rate`
        raise _invalid("serialized_summary_metadata must be scalar")
    value.metadata.ParseFromString(metadata.item())
    return summary.SerializeToString()


def _run_merge(call, *summaries):
    texts, tags, parse = [], set(), _summary_class().FromString
    for serialized in summaries:
        for text in np.ravel(serialized):
            try:
                part = parse(text)
            except Exception:  # the class of this error is of the package that reads messages
                raise _invalid("Could not parse one of the summary inputs") from None
            for value in part.value:
                if value.tag in tags:
                    raise _invalid(f"Duplicate tag {value.tag} found in summary inputs")
                tags.add(value.tag)
            texts.append(text)
    return b"".join(texts)  # which is how messages are put together


_BAD_COLOR = np.array([255, 0, 0, 255], np.uint8)


_PIXELS = frozenset((dtypes.uint8, dtypes.float16, dtypes.float32, dtypes.float64))


def _summary(name, inputs, host, attrs=None, types=None, minima=None):
    return OpDef(
        name,
        inputs,
        "summary: string",
        attrs=attrs,
        types=types,
        minima=minima,
        shape=scalar,
        host=host,
        gradient=no_gradient,
    )


register(
    _summary("ScalarSummary", "tags: string, values: T", _run_scalar, types={"T": _NUMBERS}),
    _summary("HistogramSummary", "tag: string, values: T", _run_histogram, {"T": dtypes.float32}, {"T": _NUMBERS}),
    _summary(
        "ImageSummary",
        "tag: string, tensor: T",
        _run_image,
        {"T": dtypes.float32, "max_images": 3, "bad_color": _BAD_COLOR},
        types={"T": _PIXELS},
        minima={"max_images": 1},
    ),
    _summary(
        "AudioSummaryV2",
        "tag: string, tensor: float32, sample_rate: float32",
        _run_audio,
        {"max_outputs": 3},
        minima={"max_outputs": 1},
    ),
    _summary("TensorSummaryV2", "tag: string, tensor: T, serialized_summary_metadata: string", _run_tensor),
    _summary("MergeSummary", "inputs: N * string", _run_merge),
)


def clean_tag(name):
    """A name that a node can have: other characters become "_"; slashes in front go. None stays None."""
    if name is None:
        return None
    clean = re.sub(r"[^-/\w\.]", "_", name).lstrip("/")
    if clean != name:
        from .. import logging

        logging.info(f"Summary name {name} is illegal; using {clean} instead.")
    return clean
