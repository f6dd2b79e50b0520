"""Public functions of convolutions; the ops are in `ops/conv.py`."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from ..graph.tensor import Tensor
from ..shapes import as_dimension
from . import conv as _ops  # noqa: F401 (defines the ops)
from .build import apply_op, convert_to_tensor
from .reduce import renamed
from .tensor_util import constant_value
from .windows import check_choice, is_channels_first, sequence

__all__: list = []

_PADDINGS = ("SAME", "VALID", "EXPLICIT")
_NAMES = {1: "conv1d", 2: "conv2d", 3: "conv3d"}


def _padding(padding):
    """The attributes `padding` and `explicit_paddings` for a text or a list of borders."""
    if padding == "EXPLICIT":
        raise ValueError(
            '"EXPLICIT" is not a valid value for the padding parameter. To use explicit padding, the padding '
            "parameter must be a list."
        )
    if not isinstance(padding, (list, tuple)):
        return padding, []
    borders = []
    for i, pair in enumerate(padding):
        prefix = (
            f"When padding is a list, each element of padding must be a list/tuple of size 2. Element with index {i}"
        )
        if not isinstance(pair, (list, tuple)):
            raise ValueError(f"{prefix} of padding is not a list/tuple")
        if len(pair) != 2:
            raise ValueError(f"{prefix} of padding has size {len(pair)}")
        borders.extend(int(p) for p in pair)
    if len(padding) != 4:
        raise ValueError(f"When padding is a list, it must be of size 4. Got padding of size: {len(padding)}")
    return "EXPLICIT", borders


def _node(type, inputs, strides, padding, data_format, dilations, name, **more):
    """One node of a convolution, its attributes checked."""
    three = type.startswith("Conv3D")
    data_format = data_format or ("NDHWC" if three else "NHWC")
    allowed = _PADDINGS if type.startswith("Conv2D") else _PADDINGS[:2]
    rank = 5 if three else 4
    strides, dilations = numbers_of(type, "strides", strides, rank), numbers_of(type, "dilations", dilations, rank)
    attrs = {
        "strides": strides,
        "padding": check_choice(type, "padding", padding, allowed),
        "data_format": check_choice(
            type, "data_format", data_format, ("NDHWC", "NCDHW") if three else ("NHWC", "NCHW")
        ),
        "dilations": dilations,
        **more,
    }
    return apply_op(type, inputs, attrs, name)


def numbers_of(type, attribute, values, count):
    """The numbers of an attribute that is a list of them.

    Raises:
      TypeError: where it is no list.
    """
    if values is None and attribute == "dilations":
        return [1] * count
    if not isinstance(values, (list, tuple, np.ndarray)):
        raise TypeError(f"Expected list for {attribute!r} argument to {type!r} Op, not {values!r}.")
    return [int(v) for v in values]


def conv2d(
    input, filter=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC", dilations=[1, 1, 1, 1],  # noqa: B006
    name=None, filters=None,
):  # fmt: skip
    """Convolves images with a filter.

    Args:
      input: [batch, height, width, channels], floats.
      filter: [height, width, channels, output channels].
      strides: one number, one for height and width each, or one for each axis of the input.
      padding: "SAME", "VALID", or a list of (before, behind) for each axis of the input.
      use_cudnn_on_gpu: kept in the node, without a meaning here.
      data_format: "NHWC", or "NCHW" for [batch, channels, height, width].
      dilations: the distances of the filter's elements, in the forms of strides.
      name: the node's name.
      filters: another name of filter.

    Returns:
      [batch, height, width, output channels], or channels first as the input.

    Raises:
      ValueError: where shapes, strides, dilations or padding do not fit.
    """
    filter = renamed("filters", filters, "filter", filter)
    padding, borders = _padding(padding)
    channels_first = is_channels_first(data_format)
    strides = sequence(strides, 2, channels_first, "strides")
    dilations = sequence(dilations, 2, channels_first, "dilations")
    return _node(
        "Conv2D", [input, filter], strides, padding, data_format, dilations, name,
        use_cudnn_on_gpu=use_cudnn_on_gpu, explicit_paddings=borders,
    )  # fmt: skip


def conv2d_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, use_cudnn_on_gpu=True, data_format="NHWC", dilations=[1, 1, 1, 1],  # noqa: B006
    name=None,
):  # fmt: skip
    """The gradient of conv2d for its filter.

    Args:
      input: the images.
      filter_sizes: the filter's shape.
      out_backprop: the gradient of conv2d's result.
      strides, dilations: one number for each axis of the input.
      padding, use_cudnn_on_gpu, data_format, name: as for conv2d.

    Returns:
      A tensor of the shape filter_sizes.
    """
    padding, borders = _padding(padding)
    return _node(
        "Conv2DBackpropFilter", [input, filter_sizes, out_backprop], strides, padding, data_format, dilations, name,
        use_cudnn_on_gpu=use_cudnn_on_gpu, explicit_paddings=borders,
    )  # fmt: skip


def conv2d_backprop_input(
    input_sizes, filter=None, out_backprop=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC",
    dilations=[1, 1, 1, 1], name=None, filters=None,  # noqa: B006
):  # fmt: skip
    """The gradient of conv2d for its images.

    Args:
      input_sizes: the images' shape.
      filter: the filter.
      out_backprop: the gradient of conv2d's result.
      strides, dilations: one number for each axis of the input.
      padding, use_cudnn_on_gpu, data_format, name: as for conv2d.
      filters: another name of filter.

    Returns:
      A tensor of the shape input_sizes.
    """
    filter = renamed("filters", filters, "filter", filter)
    padding, borders = _padding(padding)
    return _node(
        "Conv2DBackpropInput", [input_sizes, filter, out_backprop], strides, padding, data_format, dilations, name,
        use_cudnn_on_gpu=use_cudnn_on_gpu, explicit_paddings=borders,
    )  # fmt: skip


def conv2d_transpose(
    value=None, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NHWC", name=None, input=None,
    filters=None, dilations=None,
):  # fmt: skip
    """The transpose (gradient) of conv2d, which makes larger images of smaller ones.

    Args:
      value: [batch, height, width, channels].
      filter: [height, width, output channels, channels].
      output_shape: the shape of the result.
      strides: how much larger: one number, one for height and width each, or one for each axis.
      padding: "SAME" or "VALID".
      data_format: "NHWC" or "NCHW".
      name: the node's name.
      input, filters: other names of value and filter.
      dilations: the distances of the filter's elements.

    Raises:
      ValueError: where shapes, strides or padding do not fit.
    """
    value = renamed("input", input, "value", value)
    filter = renamed("filters", filters, "filter", filter)
    with name_scope(name, "conv2d_transpose", [value, filter, output_shape]) as scope:
        channels_first = is_channels_first(data_format)
        strides = sequence(strides, 2, channels_first, "strides")
        dilations = sequence(dilations, 2, channels_first, "dilations")
        inputs = [output_shape, filter, value]
        return _node("Conv2DBackpropInput", inputs, strides, padding, data_format, dilations, scope)


# --- one axis -------------------------------------------------------------------------------------------


def _line_format(data_format, allowed):
    """The format of images of one row, and the axis of the row."""
    if data_format is None or data_format in allowed[0]:
        return "NHWC", 1
    if data_format in allowed[1]:
        return "NCHW", 2
    raise ValueError('data_format must be "NWC" or "NCW".')


def conv1d(
    value=None, filters=None, stride=None, padding=None, use_cudnn_on_gpu=None, data_format=None, name=None, input=None,
    dilations=None,
):  # fmt: skip
    """Convolves sequences with a filter.

    Args:
      value: [batch, width, channels], or channels before width.
      filters: [width, channels, output channels].
      stride: a number.
      padding: "SAME" or "VALID".
      use_cudnn_on_gpu: kept in the node, without a meaning here.
      data_format: "NWC" (the default) or "NCW".
      name: the nodes' scope.
      input: another name of value.
      dilations: the distance of the filter's elements.
    """
    from .array import expand_dims, squeeze

    value = renamed("input", input, "value", value)
    with name_scope(name, "conv1d", [value, filters]) as scope:
        data_format, axis = _line_format(data_format, (("NHWC", "NWC"), ("NCHW", "NCW")))
        strides = [1, *sequence(stride, 1, axis == 2, "stride")]
        dilations = [1, *sequence(dilations, 1, axis == 2, "dilations")]
        value = expand_dims(value, axis)
        filters = expand_dims(filters, 0)
        more = {} if use_cudnn_on_gpu is None else {"use_cudnn_on_gpu": use_cudnn_on_gpu}
        result = _node("Conv2D", [value, filters], strides, padding, data_format, dilations, scope, **more)
        return squeeze(result, [axis])


def conv1d_transpose(
    input, filters, output_shape, strides, padding="SAME", data_format="NWC", dilations=None, name=None
):
    """The transpose (gradient) of conv1d.

    Args:
      input: [batch, width, channels].
      filters: [width, output channels, channels].
      output_shape: the shape of the result.
      strides: a number.
      padding, data_format, dilations, name: as for conv1d.
    """
    from .array import concat, expand_dims, squeeze

    with name_scope(name, "conv1d_transpose", [input, filters, output_shape]) as scope:
        data_format, axis = _line_format(data_format, (("NWC",), ("NCW",)))
        strides = [1, *sequence(strides, 1, axis == 2, "stride")]
        dilations = [1, *sequence(dilations, 1, axis == 2, "dilations")]
        input = expand_dims(input, axis)
        filters = expand_dims(filters, 0)
        if not isinstance(output_shape, Tensor):
            output_shape = list(output_shape)
        output_shape = concat([output_shape[:axis], [1], output_shape[axis:]], 0)
        result = _node(
            "Conv2DBackpropInput", [output_shape, filters, input], strides, padding, data_format, dilations, scope
        )
        return squeeze(result, axis)


# --- three axes -----------------------------------------------------------------------------------------


def conv3d(
    input, filter=None, strides=None, padding=None, data_format="NDHWC", dilations=[1, 1, 1, 1, 1], name=None,  # noqa: B006
    filters=None,
):  # fmt: skip
    """Convolves volumes [batch, depth, height, width, channels] with [depth, height, width, channels, output channels].

    Args:
      input: the volumes.
      filter: the filter.
      strides, dilations: one number for each axis of the input.
      padding: "SAME" or "VALID".
      data_format: "NDHWC" or "NCDHW".
      name: the node's name.
      filters: another name of filter.
    """
    filter = renamed("filters", filters, "filter", filter)
    return _node("Conv3D", [input, filter], strides, padding, data_format, dilations, name)


def conv3d_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, data_format="NDHWC", dilations=[1, 1, 1, 1, 1], name=None  # noqa: B006
):  # fmt: skip
    """The gradient of conv3d for its filter; the arguments are those of conv2d_backprop_filter."""
    inputs = [input, filter_sizes, out_backprop]
    return _node("Conv3DBackpropFilterV2", inputs, strides, padding, data_format, dilations, name)


conv3d_backprop_filter_v2 = conv3d_backprop_filter


def conv3d_transpose(
    value, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NDHWC", name=None, input=None,
    filters=None, dilations=None,
):  # fmt: skip
    """The transpose (gradient) of conv3d; the arguments are those of conv2d_transpose."""
    filter = renamed("filters", filters, "filter", filter)
    value = renamed("input", input, "value", value)
    with name_scope(name, "conv3d_transpose", [value, filter, output_shape]) as scope:
        channels_first = is_channels_first(data_format)
        strides = sequence(strides, 3, channels_first, "strides")
        dilations = sequence(dilations, 3, channels_first, "dilations")
        output_shape = convert_to_tensor(output_shape, name="input_sizes")
        inputs = [output_shape, filter, value]
        return _node("Conv3DBackpropInputV2", inputs, strides, padding, data_format, dilations, scope)


def conv_transpose(input, filters, output_shape, strides, padding="SAME", data_format=None, dilations=None, name=None):
    """The transpose of a convolution of one, two or three axes: conv1d_transpose, conv2d_transpose or conv3d_transpose."""
    with name_scope(name, "conv_transpose", [input, output_shape]) as scope:
        if isinstance(output_shape, Tensor):
            spatial = int(output_shape.shape[0]) - 2
        elif hasattr(output_shape, "__len__"):
            spatial = len(output_shape) - 2
        else:
            raise ValueError("output_shape must be a tensor or sized collection.")
        if not 1 <= spatial <= 3:
            raise ValueError(f"output_shape must be of length 3, 4 or 5 but was {spatial + 2}.")
        function = (conv1d_transpose, conv2d_transpose, conv3d_transpose)[spatial - 1]
        return function(input, filters, output_shape, strides, padding=padding, data_format=data_format,
                        dilations=dilations, name=scope)  # fmt: skip


# --- dilated, through batches ---------------------------------------------------------------------------


def convolution(
    input, filter, padding, strides=None, dilation_rate=None, name=None, data_format=None, filters=None, dilations=None
):
    """Convolves sequences, images or volumes; dilated ones by moving space into the batch.

    Args:
      input: [batch, spatial axes, channels], or channels first where the data format begins with "NC".
      filter: [spatial axes, channels, output channels].
      padding: "SAME" or "VALID".
      strides, dilation_rate: one number a spatial axis; only one of the two may exceed 1.
      name: the nodes' scope.
      data_format: "NWC", "NHWC", "NDHWC" (the default for the rank) or "NCW", "NCHW", "NCDHW".
      filters, dilations: other names of filter and dilation_rate.

    Raises:
      ValueError: where ranks, strides and dilations do not fit.
    """
    filter = renamed("filters", filters, "filter", filter)
    dilations = renamed("dilations", dilations, "dilation_rate", dilation_rate)
    with name_scope(name, "convolution", [input, filter]) as scope:
        # A variable is read by the node that takes it.
        if not hasattr(input, "get_shape"):
            input = convert_to_tensor(input, name="input")
        if not hasattr(filter, "get_shape"):
            filter = convert_to_tensor(filter, name="filter")
        return _convolved(input, filter, padding, strides, dilations, data_format, scope)


def _convolved(input, filter, padding, strides, dilations, data_format, scope):
    rank = input.shape.ndims if input.shape.ndims is not None else filter.shape.ndims
    if rank is None:
        raise ValueError("rank of input or filter must be known")
    spatial = rank - 2
    if not 1 <= spatial <= 3:
        raise ValueError(f"Input tensor must be of rank 3, 4 or 5 but was {rank}.")
    channels_first = is_channels_first(data_format)
    strides = sequence(strides, spatial, channels_first, "strides")
    dilations = sequence(dilations, spatial, channels_first, "dilations")
    if all(int(d) == 1 for d in dilations):
        return _undilated(input, filter, spatial, strides, padding, data_format, scope)
    middle = slice(2, None) if channels_first else slice(1, -1)
    return _dilated(input, filter, strides[middle], dilations[middle], padding, data_format, scope)


def _undilated(input, filter, spatial, strides, padding, data_format, scope):
    """One convolution; the strides are those of all axes."""
    if spatial == 1:
        return conv1d(input, filter, strides, padding, data_format=data_format, name=scope)
    type = "Conv2D" if spatial == 2 else "Conv3D"
    return _node(type, [input, filter], strides, padding, data_format, None, scope)


def _check_steps(strides, rates):
    for what, values in (("dilation_rate", rates), ("strides", strides)):
        if any(int(v) < 1 for v in values):
            raise ValueError(f"all values of {what} must be positive")
    if any(int(s) > 1 for s in strides) and any(int(r) > 1 for r in rates):
        raise ValueError("strides > 1 not supported in conjunction with dilation_rate > 1")


def _dilated(input, filter, strides, rates, padding, data_format, scope):
    spatial = len(rates)
    channels_first = is_channels_first(data_format)
    for tensor, what in ((input, "input"), (filter, "filter")):
        if tensor.shape.ndims not in (None, spatial + 2):
            raise ValueError(f"{what} tensor must have rank {spatial + 2}")
    channels = input.shape.dims[1 if channels_first else spatial + 1] if input.shape.ndims else None
    wanted = filter.shape.dims[spatial] if filter.shape.ndims else None
    if channels is not None and wanted is not None and not channels.is_compatible_with(wanted):
        raise ValueError(
            f"number of input channels does not match corresponding dimension of filter, {channels} != {wanted}"
        )
    _check_steps(strides, rates)
    steps = [1, 1, *strides] if channels_first else [1, *strides, 1]

    def op(inner, _, padding):
        with name_scope(scope) as inside:
            if spatial == 1:
                return conv1d(inner, filter, strides[0], padding, data_format=data_format, name=inside)
            return _undilated(inner, filter, spatial, steps, padding, data_format, inside)

    first = 2 if channels_first else 1
    shape = filter.shape if filter.shape.is_fully_defined() else convert_to_tensor(filter)
    return _space_in_batch(
        input, np.asarray(rates, np.int32), padding, op, shape, list(range(first, first + spatial)), data_format
    )


def atrous_conv2d(value, filters, rate, padding, name=None):
    """conv2d with holes: the filter's elements lie `rate` apart.

    Args:
      value: [batch, height, width, channels].
      filters: [height, width, channels, output channels].
      rate: a number.
      padding: "SAME" or "VALID".
      name: the nodes' scope.
    """
    rates = [int(r) for r in np.broadcast_to(rate, (2,))]
    return convolution(value, filters, padding, dilation_rate=rates, name=name)


def atrous_conv2d_transpose(value, filters, output_shape, rate, padding, name=None):
    """The transpose (gradient) of atrous_conv2d.

    Args:
      value: [batch, height, width, channels].
      filters: [height, width, output channels, channels].
      output_shape: the shape of the result.
      rate: a number.
      padding: "SAME" or "VALID".
      name: the nodes' scope.

    Raises:
      ValueError: where ranks, channels, the rate or the padding do not fit.
    """
    from .array import shape
    from .rearrange import batch_to_space, space_to_batch

    with name_scope(name, "atrous_conv2d_transpose", [value, filters, output_shape]):
        value = convert_to_tensor(value, name="value")
        filters = convert_to_tensor(filters, name="filters")
        if not value.shape[3:4].is_compatible_with(filters.shape[3:4]):
            raise ValueError(
                f"value's input channels does not match filters' input channels, {value.shape[3]} != {filters.shape[3]}"
            )
        if rate < 1:
            raise ValueError(f"rate {rate} cannot be less than one")
        if rate == 1:
            return conv2d_transpose(value, filters, output_shape, [1, 1, 1, 1], padding)
        tensor = convert_to_tensor(output_shape, name="output_shape")
        if not tensor.shape.is_compatible_with([4]):
            raise ValueError(f"output_shape must have shape (4,), got {tensor.shape}")
        if not isinstance(output_shape, Tensor):
            output_shape = list(output_shape)
            known = not isinstance(output_shape[3], Tensor)
            if known and not filters.shape[2:3].is_compatible_with(output_shape[3:4]):
                raise ValueError(
                    f"output_shape does not match filter's output channels, {output_shape[3]} != {filters.shape[2]}"
                )
        sizes = filters.shape.as_list() if filters.shape.is_fully_defined() else shape(filters)
        borders = [_same_border(sizes[i], rate) if padding == "SAME" else (0, 0) for i in (0, 1)]
        check_choice("Conv2DBackpropInput", "padding", padding, _PADDINGS[:2])
        full = [output_shape[i + 1] + borders[i][0] + borders[i][1] for i in (0, 1)]
        extra = [(rate - size % rate) % rate for size in full]
        value = space_to_batch(value, paddings=[[0, extra[0]], [0, extra[1]]], block_size=rate)
        inner = [
            rate * rate * output_shape[0],
            (full[0] + extra[0]) // rate,
            (full[1] + extra[1]) // rate,
            output_shape[3],
        ]
        value = conv2d_backprop_input(inner, filters, value, [1, 1, 1, 1], "VALID")
        crops = [[before, behind + more] for (before, behind), more in zip(borders, extra)]
        return batch_to_space(value, crops=crops, block_size=rate)


def _same_border(size, rate):
    total = size + (size - 1) * (rate - 1) - 1
    return total // 2, total - total // 2


def with_space_to_batch(input, dilation_rate, padding, op, filter_shape=None, spatial_dims=None, data_format=None):
    """What op(input, spatial axes, padding) gives with its window's elements dilation_rate apart.

    Space is moved into the batch, so that op sees every dilation_rate-th element alone, and back.

    Args:
      input: a tensor.
      dilation_rate: int32, one number a spatial axis.
      padding: "SAME" or "VALID".
      op: called with a tensor, the number of spatial axes and "VALID" (or `padding`, where nothing is dilated).
      filter_shape: the sizes of the window; needed for "SAME".
      spatial_dims: the spatial axes.
      data_format: channels are axis 1 where it begins with "NC".

    Raises:
      ValueError: where ranks, axes or rates do not fit.
    """
    input = convert_to_tensor(input, name="input")
    return _space_in_batch(input, dilation_rate, padding, op, filter_shape, spatial_dims, data_format)


def _space_in_batch(input, dilation_rate, padding, op, filter_shape, spatial_dims, data_format):
    rates = convert_to_tensor(dilation_rate, dtype=dtypes.int32, name="dilation_rate")
    if rates.shape.ndims not in (None, 1):
        raise ValueError("rate must be rank 1")
    if not rates.shape.is_fully_defined():
        raise ValueError("rate must have known shape")
    spatial = int(rates.shape[0])
    first = 2 if is_channels_first(data_format) else 1
    axes = list(range(first, first + spatial) if spatial_dims is None else spatial_dims)
    if axes != sorted({int(a) for a in axes}) or any(a < 1 for a in axes):
        raise ValueError("spatial_dims must be a montonically increasing sequence of positive integers")
    least = axes[-1] if is_channels_first(data_format) else axes[-1] + 1
    if input.shape.ndims is not None and input.shape.ndims < least:
        raise ValueError(f"input tensor must have rank {least} at least")
    known = constant_value(rates)
    if known is not None:
        if np.any(known < 1):
            raise ValueError("dilation_rate must be positive")
        if np.all(known == 1):
            return op(input, spatial, padding)
    borders = _borders(padding, filter_shape, spatial, rates if known is None else known)
    return _through_batch(input, rates, op, borders, axes, spatial, data_format)


def _borders(padding, filter_shape, spatial, rates):
    """(before, behind) for each spatial axis, of what SAME would add."""
    if padding == "VALID":
        return np.zeros([spatial, 2], np.int32)
    if padding != "SAME":
        raise ValueError(f"Invalid padding method {padding!r}")
    if filter_shape is None:
        raise ValueError("filter_shape must be specified for SAME padding")
    from .array import shape
    from .slicing import stack

    if isinstance(filter_shape, Tensor) and filter_shape.dtype.is_floating:
        sizes = shape(filter_shape)
    else:
        sizes = convert_to_tensor(filter_shape, name="filter_shape")
    known = constant_value(sizes)
    sizes = (sizes if known is None else known)[:spatial]
    extra = sizes + (sizes - 1) * (rates - 1) - 1
    before = extra // 2
    behind = extra - before
    return stack([[before[i], behind[i]] for i in range(spatial)])


def _through_batch(input, rates, op, borders, axes, spatial, data_format):
    from .array import shape
    from .rearrange import batch_to_space_nd, required_space_to_batch_paddings, space_to_batch_nd
    from .slicing import stack

    sizes = None
    if input.shape.ndims is not None:
        dims = input.shape.as_list()
        sizes = [dims[axis] for axis in axes]
    if sizes is None or None in sizes:
        found = shape(input)
        sizes = stack([found[axis] for axis in axes])
    paddings, crops = required_space_to_batch_paddings(sizes, rates, base_paddings=borders)
    rates = _on_axes(rates, 1, axes)
    paddings = _on_axes(paddings, 0, axes)
    crops = _on_axes(crops, 0, axes)
    inner = space_to_batch_nd(input, rates, paddings)
    return batch_to_space_nd(op(inner, spatial, "VALID"), rates, crops)


def _on_axes(values, filling, axes):
    """Values of the spatial axes, with `filling` for those between the batch and them."""
    from .array import concat

    known = constant_value(values)
    values = values if known is None else known
    parts, previous, i = [], 0, 0
    while i < len(axes):
        start = i
        if axes[i] > 1 and axes[i] - 1 - previous > 0:
            rest = [int(d) for d in values.shape[1:]]
            parts.append(np.full([axes[i] - 1 - previous, *rest], filling, np.int32))
        while i + 1 < len(axes) and axes[i + 1] == axes[i] + 1:
            i += 1
        parts.append(values[start : i + 1])
        previous = axes[i]
        i += 1
    return np.concatenate(parts) if known is not None else concat(parts, 0)


# --- a filter for each channel --------------------------------------------------------------------------


def depthwise_conv2d_native(input, filter, strides, padding, data_format="NHWC", dilations=[1, 1, 1, 1], name=None):  # noqa: B006
    """Convolves each channel of images with filters of its own.

    Args:
      input: [batch, height, width, channels].
      filter: [height, width, channels, multiplier].
      strides, dilations: one number for each axis of the input.
      padding: "SAME" or "VALID".
      data_format: "NHWC" or "NCHW".
      name: the node's name.

    Returns:
      [batch, height, width, channels * multiplier].
    """
    return _node("DepthwiseConv2dNative", [input, filter], strides, padding, data_format, dilations, name)


def depthwise_conv2d_native_backprop_input(
    input_sizes, filter, out_backprop, strides, padding, data_format="NHWC", dilations=[1, 1, 1, 1], name=None  # noqa: B006
):  # fmt: skip
    """The gradient of depthwise_conv2d_native for its images."""
    inputs = [input_sizes, filter, out_backprop]
    return _node("DepthwiseConv2dNativeBackpropInput", inputs, strides, padding, data_format, dilations, name)


def depthwise_conv2d_native_backprop_filter(
    input, filter_sizes, out_backprop, strides, padding, data_format="NHWC", dilations=[1, 1, 1, 1], name=None  # noqa: B006
):  # fmt: skip
    """The gradient of depthwise_conv2d_native for its filter."""
    inputs = [input, filter_sizes, out_backprop]
    return _node("DepthwiseConv2dNativeBackpropFilter", inputs, strides, padding, data_format, dilations, name)


depthwise_conv2d_backprop_input = depthwise_conv2d_native_backprop_input
depthwise_conv2d_backprop_filter = depthwise_conv2d_native_backprop_filter


def depthwise_conv2d(input, filter, strides, padding, rate=None, name=None, data_format=None, dilations=None):
    """Convolves each channel of images with filters of its own.

    Args:
      input: [batch, height, width, channels].
      filter: [height, width, channels, multiplier].
      strides: one number for each axis of the input.
      padding: "SAME" or "VALID".
      rate: the distances of the filter's elements, for height and width.
      name: the node's name.
      data_format: "NHWC" or "NCHW".
      dilations: another name of rate.

    Returns:
      [batch, height, width, channels * multiplier].
    """
    from .array import shape

    rate = renamed("dilations", dilations, "rate", rate)
    with name_scope(name, "depthwise", [input, filter]) as scope:
        input = convert_to_tensor(input, name="tensor_in")
        filter = convert_to_tensor(filter, name="filter_in")

        def op(inner, _, padding):
            return depthwise_conv2d_native(inner, filter, strides, padding, data_format, name=scope)

        return with_space_to_batch(
            input, [1, 1] if rate is None else rate, padding, op, filter_shape=shape(filter), data_format=data_format
        )


def separable_conv2d(
    input, depthwise_filter, pointwise_filter, strides, padding, rate=None, name=None, data_format=None, dilations=None
):
    """A depthwise convolution, and one of single positions that mixes its channels.

    Args:
      input: [batch, height, width, channels].
      depthwise_filter: [height, width, channels, multiplier].
      pointwise_filter: [1, 1, channels * multiplier, output channels].
      strides: of the depthwise convolution, one number for each axis of the input.
      padding, rate, data_format, dilations: as for depthwise_conv2d.
      name: the nodes' scope.

    Raises:
      ValueError: where the pointwise filter is of more than single positions.
    """
    from .array import shape

    rate = renamed("dilations", dilations, "rate", rate)
    with name_scope(name, "separable_conv2d", [input, depthwise_filter, pointwise_filter]) as scope:
        input = convert_to_tensor(input, name="tensor_in")
        depthwise_filter = convert_to_tensor(depthwise_filter, name="depthwise_filter")
        pointwise_filter = convert_to_tensor(pointwise_filter, name="pointwise_filter")
        sizes = pointwise_filter.shape.with_rank(4)
        for size in sizes[:2]:
            as_dimension(size).assert_is_compatible_with(1)

        def op(inner, _, padding):
            return depthwise_conv2d_native(inner, depthwise_filter, strides, padding, data_format, name="depthwise")

        depthwise = with_space_to_batch(
            input, [1, 1] if rate is None else rate, padding, op, filter_shape=shape(depthwise_filter),
            data_format=data_format,
        )  # fmt: skip
        return conv2d(depthwise, pointwise_filter, [1, 1, 1, 1], "VALID", data_format=data_format, name=scope)
