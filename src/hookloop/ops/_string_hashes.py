"""The 64-bit hashes of text behind the string_to_hash_bucket functions: MurmurHash64A, FarmHash and SipHash-2-4."""

from __future__ import annotations

_MASK = (1 << 64) - 1
_MURMUR = 0xC6A4A7935BD1E995
_MURMUR_SEED = 0xDECAFCAFFE
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def murmur(text):
    """MurmurHash64A with the seed that TensorFlow takes."""
    size = len(text)
    whole = size & ~7
    hash_ = _MURMUR_SEED ^ (size * _MURMUR & _MASK)
    for at in range(0, whole, 8):
        word = _word(text, at) * _MURMUR & _MASK
        word = (word ^ word >> 47) * _MURMUR & _MASK
        hash_ = (hash_ ^ word) * _MURMUR & _MASK
    if whole < size:
        hash_ = (hash_ ^ int.from_bytes(text[whole:], "little")) * _MURMUR & _MASK
    hash_ = (hash_ ^ hash_ >> 47) * _MURMUR & _MASK
    return hash_ ^ hash_ >> 47


def _word(text, at):
    return int.from_bytes(text[at : at + 8], "little")


def _half(text, at):
    return int.from_bytes(text[at : at + 4], "little")


def _rotate_right(value, count):
    value &= _MASK
    return (value >> count | value << 64 - count) & _MASK


def _mixed(value):
    value &= _MASK
    return value ^ value >> 47


def _pair(u, v, factor):
    a = _mixed((u ^ v) * factor)
    b = _mixed(((v & _MASK) ^ a) * factor)
    return b * factor & _MASK


def farm(text):
    """FarmHash's Fingerprint64."""
    size = len(text)
    if size <= 16:
        return _farm_to_16(text, size)
    factor = _K2 + size * 2
    if size <= 32:
        a, b = _word(text, 0) * _K1, _word(text, 8)
        c, d = _word(text, size - 8) * factor, _word(text, size - 16) * _K2
        return _pair(
            (_rotate_right(a + b, 43) + _rotate_right(c, 30) + d) & _MASK,
            (a + _rotate_right(b + _K2, 18) + c) & _MASK, factor,
        )  # fmt: skip
    if size <= 64:
        return _farm_to_64(text, size, factor)
    return _farm_long(text, size)


def _farm_to_16(text, size):
    factor = _K2 + size * 2
    if size >= 8:
        a, b = _word(text, 0) + _K2, _word(text, size - 8)
        c = _rotate_right(b, 37) * factor + a
        d = (_rotate_right(a, 25) + b) * factor
        return _pair(c & _MASK, d & _MASK, factor)
    if size >= 4:
        return _pair(size + (_half(text, 0) << 3), _half(text, size - 4), factor)
    if size:
        y = text[0] + (text[size >> 1] << 8)
        z = size + (text[size - 1] << 2)
        return _mixed((y * _K2 & _MASK) ^ (z * _K0 & _MASK)) * _K2 & _MASK
    return _K2


def _farm_to_64(text, size, factor):
    a, b = _word(text, 0) * _K2, _word(text, 8)
    c, d = _word(text, size - 8) * factor, _word(text, size - 16) * _K2
    y = _rotate_right(a + b, 43) + _rotate_right(c, 30) + d & _MASK
    z = _pair(y, (a + _rotate_right(b + _K2, 18) + c) & _MASK, factor)
    e, f = _word(text, 16) * factor, _word(text, 24)
    g = (y + _word(text, size - 32)) * factor
    h = (z + _word(text, size - 24)) * factor
    return _pair(
        (_rotate_right(e + f, 43) + _rotate_right(g, 30) + h) & _MASK,
        (e + _rotate_right(f + a, 18) + g) & _MASK, factor,
    )  # fmt: skip


def _weak(text, at, a, b):
    """32 bytes mixed into two words."""
    w, x, y, z = (_word(text, at + 8 * i) for i in range(4))
    a = a + w & _MASK
    b = _rotate_right(b + a + z, 21)
    c = a
    a = a + x + y & _MASK
    b = b + _rotate_right(a, 44) & _MASK
    return a + z & _MASK, b + c & _MASK


def _farm_block(text, at, state, factor, last):
    """One block of 64 bytes; the last one weighs two terms nine times."""
    x, y, z, v, w = state
    weight = 9 if last else 1
    x = _rotate_right(x + y + v[0] + _word(text, at + 8), 37) * factor & _MASK
    y = _rotate_right(y + v[1] + _word(text, at + 48), 42) * factor & _MASK
    x ^= w[1] * weight & _MASK
    y = y + v[0] * weight + _word(text, at + 40) & _MASK
    z = _rotate_right(z + w[0], 33) * factor & _MASK
    v = _weak(text, at, v[1] * factor, x + w[0])
    w = _weak(text, at + 32, z + w[1], y + _word(text, at + 16))
    return z, y, x, v, w


def _farm_long(text, size):
    seed = 81
    y = seed * _K1 + 113 & _MASK
    z = _mixed(y * _K2 + 113) * _K2 & _MASK
    state = seed * _K2 + _word(text, 0) & _MASK, y, z, (0, 0), (0, 0)
    end = (size - 1) // 64 * 64
    for at in range(0, end, 64):
        state = _farm_block(text, at, state, _K1, False)
    x, y, z, v, w = state
    rest = size - 1 & 63
    factor = _K1 + ((z & 0xFF) << 1)
    w0 = w[0] + rest & _MASK
    v0 = v[0] + w0 & _MASK
    w0 = w0 + v0 & _MASK
    x, y, z, v, w = _farm_block(text, end + rest - 63, (x, y, z, (v0, v[1]), (w0, w[1])), factor, True)
    return _pair(_pair(v[0], w[0], factor) + _mixed(y) * _K0 + z & _MASK, _pair(v[1], w[1], factor) + x & _MASK, factor)


def _rotate_left(value, count):
    return (value << count | value >> 64 - count) & _MASK


def _sip_round(v0, v1, v2, v3):
    v0 = v0 + v1 & _MASK
    v1 = _rotate_left(v1, 13) ^ v0
    v0 = _rotate_left(v0, 32)
    v2 = v2 + v3 & _MASK
    v3 = _rotate_left(v3, 16) ^ v2
    v0 = v0 + v3 & _MASK
    v3 = _rotate_left(v3, 21) ^ v0
    v2 = v2 + v1 & _MASK
    v1 = _rotate_left(v1, 17) ^ v2
    return v0, v1, _rotate_left(v2, 32), v3


def sip(text, key):
    """SipHash-2-4 with a key of two 64-bit words."""
    k0, k1 = key[0] & _MASK, key[1] & _MASK
    state = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    size = len(text)
    padded = text + bytes(7 - size % 8) + bytes([size & 255])
    for at in range(0, len(padded), 8):
        word = _word(padded, at)
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _sip_round(*_sip_round(v0, v1, v2, v3 ^ word))
        state = v0 ^ word, v1, v2, v3
    v0, v1, v2, v3 = state
    v2 ^= 0xFF
    for _ in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


# --- 128 bits: CityHash128 of version 1.0.3, which is FarmHash's Fingerprint128 -----------------------------------

_HASH_LENGTH_16 = 0x9DDFEA08EB382D69


def _hash_16(u, v):
    """Two words as one."""
    return _pair(u & _MASK, v & _MASK, _HASH_LENGTH_16)


def _city_murmur(text, low, high):
    """The hash of up to 127 bytes, from a seed of two words."""
    size = len(text)
    if size <= 16:
        a = _mixed(low * _K1) * _K1
        c = high * _K1 + _farm_to_16(text, size)
        d = _mixed(a + (_word(text, 0) if size >= 8 else c))
        b = high
    else:
        a, b = low, high
        c = _hash_16(_word(text, size - 8) + _K1, a)
        d = _hash_16(b + size, c + _word(text, size - 16))
        a = a + d & _MASK
        for at in range(0, size - 16, 16):
            a = (a ^ _mixed(_word(text, at) * _K1) * _K1 & _MASK) * _K1 & _MASK
            b ^= a
            c = (c ^ _mixed(_word(text, at + 8) * _K1) * _K1 & _MASK) * _K1 & _MASK
            d ^= c
    a, b = _hash_16(a, c), _hash_16(d, b)
    return a ^ b, _hash_16(b, a)


def _city_block(text, at, state):
    x, y, z, v, w = state
    x = _rotate_right(x + y + v[0] + _word(text, at + 8), 37) * _K1 & _MASK
    y = _rotate_right(y + v[1] + _word(text, at + 48), 42) * _K1 & _MASK
    x ^= w[1]
    y = y + v[0] + _word(text, at + 40) & _MASK
    z = _rotate_right(z + w[0], 33) * _K1 & _MASK
    v = _weak(text, at, v[1] * _K1, x + w[0])
    w = _weak(text, at + 32, z + w[1], y + _word(text, at + 16))
    return z, y, x, v, w


def _city_long(text, x, y):
    size = len(text)
    v0 = _rotate_right(y ^ _K1, 49) * _K1 + _word(text, 0) & _MASK
    z = size * _K1 & _MASK
    v = v0, _rotate_right(v0, 42) * _K1 + _word(text, 8) & _MASK
    w = _rotate_right(y + z, 35) * _K1 + x & _MASK, _rotate_right(x + _word(text, 88), 53) * _K1 & _MASK
    state = x, y, z, v, w
    end = size & ~127
    for at in range(0, end, 64):
        state = _city_block(text, at, state)
    x, y, z, v, w = state
    x = x + _rotate_right(v[0] + z, 49) * _K0 & _MASK
    y = y * _K0 + _rotate_right(w[1], 37) & _MASK
    z = z * _K0 + _rotate_right(w[0], 27) & _MASK
    w = w[0] * 9 & _MASK, w[1]
    v = v[0] * _K0 & _MASK, v[1]
    for done in range(32, size - end + 32, 32):
        at = size - done
        y = _rotate_right(x + y, 42) * _K0 + v[1] & _MASK
        w0 = w[0] + _word(text, at + 16) & _MASK
        x = x * _K0 + w0 & _MASK
        z = z + w[1] + _word(text, at) & _MASK
        w = w0, w[1] + v[0] & _MASK
        v = _weak(text, at, v[0] + z, v[1])
        v = v[0] * _K0 & _MASK, v[1]
    x, y = _hash_16(x, v[0]), _hash_16(y + z, w[0])
    return _hash_16(x + v[1], w[1]) + y & _MASK, _hash_16(x + w[1], y + v[1])


def farm_128(text):
    """FarmHash's Fingerprint128: the low word and the high one."""
    seed = _K0, _K1
    if len(text) >= 16:
        seed, text = (_word(text, 0), _word(text, 8) + _K0 & _MASK), text[16:]
    return _city_murmur(text, *seed) if len(text) < 128 else _city_long(text, *seed)
