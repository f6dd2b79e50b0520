"""`tf.logging`: the package's logger, with TensorFlow 1's functions and levels."""

from __future__ import annotations

import logging as _logging
import sys as _sys
import threading as _threading

DEBUG, INFO, WARN, ERROR, FATAL = (
    _logging.DEBUG, _logging.INFO, _logging.WARNING, _logging.ERROR, _logging.FATAL
)  # fmt: skip

__all__ = [
    "DEBUG", "ERROR", "FATAL", "INFO", "TaskLevelStatusMessage", "WARN", "debug", "error", "fatal",
    "flush", "get_verbosity", "info", "log", "log_every_n", "log_first_n", "log_if", "set_verbosity",
    "vlog", "warn", "warning",
]  # fmt: skip

_lock = _threading.Lock()
_logger = None
_counts: dict = {}


def get_logger():
    """The logger "hookloop"; it writes to standard error where the program has set up no handler."""
    global _logger
    if _logger is None:
        with _lock:
            if _logger is None:
                _logger = _make_logger()
    return _logger


def _make_logger():
    logger = _logging.getLogger("hookloop")
    if logger.level == _logging.NOTSET:
        logger.setLevel(INFO if hasattr(_sys, "ps1") else WARN)
    if not _logging.getLogger().handlers:
        handler = _logging.StreamHandler(_sys.stderr)
        handler.setFormatter(_logging.Formatter(_logging.BASIC_FORMAT))
        logger.addHandler(handler)
        logger.propagate = False
    return logger


def log(level, msg, *args, **kwargs):
    """Logs a message, which is formatted with the arguments by `%`, at a level."""
    get_logger().log(level, msg, *args, **kwargs)


def debug(msg, *args, **kwargs):
    """Logs at the level DEBUG."""
    get_logger().debug(msg, *args, **kwargs)


def info(msg, *args, **kwargs):
    """Logs at the level INFO."""
    get_logger().info(msg, *args, **kwargs)


def warning(msg, *args, **kwargs):
    """Logs at the level WARN."""
    get_logger().warning(msg, *args, **kwargs)


warn = warning


def error(msg, *args, **kwargs):
    """Logs at the level ERROR."""
    get_logger().error(msg, *args, **kwargs)


def fatal(msg, *args, **kwargs):
    """Logs at the level FATAL; the program goes on."""
    get_logger().fatal(msg, *args, **kwargs)


def vlog(level, msg, *args, **kwargs):
    """Logs at a level given as a number."""
    log(level, msg, *args, **kwargs)


def log_if(level, msg, condition, *args):
    """Logs where `condition` holds."""
    if condition:
        log(level, msg, *args)


def log_every_n(level, msg, n, *args):
    """Logs the first of every n calls that come from the same line."""
    log_if(level, msg, _calls_from_here() % n == 0, *args)


def log_first_n(level, msg, n, *args):
    """Logs the first n calls that come from the same line."""
    log_if(level, msg, _calls_from_here() < n, *args)


def _calls_from_here():
    frame = _sys._getframe(2)
    place = frame.f_code.co_filename, frame.f_lineno
    with _lock:
        count = _counts.get(place, 0)
        _counts[place] = count + 1
    return count


def TaskLevelStatusMessage(msg):
    """Logs at the level ERROR."""
    error(msg)


def flush():
    """Flushes what the logger writes to."""
    for handler in get_logger().handlers:
        handler.flush()


def get_verbosity():
    """The level from which messages are shown."""
    return get_logger().getEffectiveLevel()


def set_verbosity(v):
    """Sets the level from which messages are shown: a number or a name such as "INFO"."""
    get_logger().setLevel(v)


def __dir__():
    return sorted(__all__)
