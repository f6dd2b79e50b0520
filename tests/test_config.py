"""`tf.config` and `tf.sysconfig`: what programs ask of devices and of the installation."""

from pathlib import Path

import pytest

import hookloop as tf

devices = tf.config.experimental


def test_there_is_one_cpu():
    (cpu,) = devices.list_physical_devices()
    assert repr(cpu) == "PhysicalDevice(name='/physical_device:CPU:0', device_type='CPU')"  # TensorFlow 1.15's
    assert devices.list_physical_devices("GPU") == devices.list_logical_devices("GPU") == []
    assert devices.get_visible_devices("CPU") == devices.list_physical_devices("CPU") == [cpu]
    (logical,) = devices.list_logical_devices("CPU")
    assert [logical.name] == tf.config.experimental_list_devices() == ["/job:localhost/replica:0/task:0/device:CPU:0"]
    for gpu in devices.list_physical_devices("GPU"):
        devices.set_memory_growth(gpu, True)
    devices.set_visible_devices([], "GPU")
    devices.set_visible_devices(cpu)


def test_what_the_cpu_has_not_is_refused():
    (cpu,) = devices.list_physical_devices()
    assert devices.get_memory_growth(cpu) is False
    with pytest.raises(ValueError, match="Cannot set memory growth on non-GPU devices"):
        devices.set_memory_growth(cpu, True)
    with pytest.raises(ValueError, match="Unrecognized device: 'GPU:0'"):
        devices.set_visible_devices(["GPU:0"])
    with pytest.raises(ValueError, match="Unrecognized device: 'GPU:0'"):
        devices.get_memory_growth("GPU:0")
    with pytest.raises(ValueError, match="the CPU cannot be hidden"):
        devices.set_visible_devices([], "CPU")
    with pytest.raises(ValueError, match="Unrecognized device"):
        devices.set_visible_devices([cpu], "GPU")
    with pytest.raises(ValueError, match="loud is not a valid device policy"):
        devices.set_device_policy("loud")


@pytest.mark.parametrize(
    ("module", "name", "first", "other"),
    [
        (tf.config, "soft_device_placement", False, True),
        (tf.config.threading, "intra_op_parallelism_threads", 0, 2),
        (tf.config.threading, "inter_op_parallelism_threads", 0, 3),
        (tf.config.optimizer, "jit", False, True),
        (devices, "device_policy", "silent", "warn"),
        (devices, "synchronous_execution", True, False),
    ],
)
def test_settings_are_remembered(module, name, first, other):
    get, set_ = getattr(module, f"get_{name}"), getattr(module, f"set_{name}")
    assert get() == first
    set_(other)
    assert get() == other
    set_(first)


def test_options_of_the_optimizer_are_remembered():
    options = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"constant_folding": True})
    assert tf.config.optimizer.get_experimental_options() == {**options, "constant_folding": True}


def test_flags_name_the_header():
    assert (Path(tf.sysconfig.get_include()) / "hookloop.h").is_file()
    assert tf.sysconfig.get_compile_flags() == [f"-I{tf.get_include()}"] and tf.sysconfig.get_link_flags() == []
    assert Path(tf.sysconfig.get_lib()).name == "hookloop"
    assert tf.sysconfig.CXX11_ABI_FLAG == tf.sysconfig.MONOLITHIC_BUILD == 0
