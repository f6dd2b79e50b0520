"""The regular expressions that TensorFlow's ops take, those of RE2, by Python's `re`."""

from __future__ import annotations

import re

# Classes of characters by their POSIX names, as they are written within brackets.
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7F", "blank": "\\t ", "cntrl": "\\x00-\\x1F\\x7F", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\t\\n\\v\\f\\r ", "upper": "A-Z",
    "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip

_CLASS_NAME = r"\[:\^?\w+:\]"
_PART = re.compile(
    rf"\\Q(?P<text>.*?)(?:\\E|\Z)|(?P<escaped>\\.)|\[(?P<brackets>\^?\]?(?:{_CLASS_NAME}|\\.|[^\]\\])*)\]|(?P<end>\$)",
    re.DOTALL,
)
_IN_BRACKETS = re.compile(rf"(?P<name>{_CLASS_NAME})|\\.|[\[&~|]", re.DOTALL)
_MAY_BE_EMPTY = re.compile(r"[*?{|^$]|\\[bBAZ]|\(\)|\A\Z")


class Expression:
    """A pattern of bytes. Its characters are those of UTF-8; a byte that belongs to none is one by itself.

    Raises:
      re.error: it is no pattern.
    """

    def __init__(self, pattern):
        pattern = characters(pattern)
        self._has_lines = re.search(r"\(\?\w*m", pattern) is not None
        pattern = _PART.sub(self._translated, pattern)
        self._compiled = re.compile(pattern, re.ASCII)
        self._may_be_empty = _MAY_BE_EMPTY.search(pattern) is not None
        self.groups = self._compiled.groups

    def _translated(self, part):
        if part["text"] is not None:
            return re.escape(part["text"])
        if part["brackets"] is not None:
            return f"[{_IN_BRACKETS.sub(_in_brackets, part['brackets'])}]"
        if part["end"] is not None:
            return "$" if self._has_lines else r"\Z"  # Python's also stands before a line's end that ends the text
        escaped = part["escaped"]
        if escaped == r"\Z" or escaped[1] in "123456789":
            raise re.error(f"invalid escape sequence: {escaped}")
        return r"\Z" if escaped == r"\z" else escaped

    def is_whole(self, text):
        """Whether it matches all of a text."""
        return self._compiled.fullmatch(characters(text)) is not None

    def replacing(self, pieces, everywhere):
        """A function that replaces in a text what is matched, the first place of it or `everywhere`.

        Args:
          pieces: what replaces it: texts, and numbers of groups.
          everywhere: whether all places are replaced.
        """
        if self._may_be_empty:
            return lambda text: in_bytes("".join(self._replaced(characters(text), pieces, everywhere)))
        template = "".join([f"\\g<{p}>" if isinstance(p, int) else p.replace("\\", r"\\") for p in pieces])
        substitute, count = self._compiled.sub, 0 if everywhere else 1
        return lambda text: in_bytes(substitute(template, characters(text), count))

    def _replaced(self, text, pieces, everywhere):
        found, at, end = [], 0, -1
        while at <= len(text) and (match := self._compiled.search(text, at)) is not None:
            start, stop = match.span()
            found.append(text[at:start])
            if start == stop == end:
                # Nothing right behind another match is none: the character behind it is left as it is.
                found.append(text[start : start + 1])
                at = start + 1
                continue
            found += [match[p] or "" if isinstance(p, int) else p for p in pieces]
            at = end = stop
            if not everywhere:
                break
        found.append(text[at:])
        return found


def _in_brackets(part):
    name = part["name"]
    if name is None:
        return part[0] if len(part[0]) > 1 else "\\" + part[0]  # those that may mean more to Python
    bare = name[2:-2].lstrip("^")
    if bare not in _CLASSES:
        raise re.error(f"invalid character class range: {name}")
    return _complement(_CLASSES[bare]) if name[2] == "^" else _CLASSES[bare]


def _complement(ranges):
    inside = re.compile(f"[{ranges}]")
    outside = [f"\\x{code:02x}" for code in range(128) if not inside.match(chr(code))]
    return "".join(outside) + "\\x80-\\U0010ffff"


def characters(text):
    return text.decode("utf-8", "surrogateescape")


def in_bytes(text):
    return text.encode("utf-8", "surrogateescape")
