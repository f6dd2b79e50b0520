# Hashes of texts, many at a time: what `ops/_string_hashes.py` does one by one, in the arithmetic of words.

cdef uint64_t FARM_0 = 0xC3A5C85C97CB3127
cdef uint64_t FARM_1 = 0xB492B66FBE98F273
cdef uint64_t FARM_2 = 0x9AE16A3B2F90404F
cdef uint64_t MURMUR_FACTOR = 0xC6A4A7935BD1E995
cdef uint64_t MURMUR_SEED = 0xDECAFCAFFE


cdef struct FarmState:
    uint64_t x, y, z, v0, v1, w0, w1


cdef inline uint64_t _word_at(const char *text) noexcept:
    cdef uint64_t word
    memcpy(&word, text, 8)
    return word


cdef inline uint64_t _half_at(const char *text) noexcept:
    cdef uint32_t half
    memcpy(&half, text, 4)
    return half


cdef inline uint64_t _turned(uint64_t value, int count) noexcept:
    return value >> count | value << (64 - count)


cdef inline uint64_t _folded(uint64_t value) noexcept:
    return value ^ value >> 47


cdef inline uint64_t _pair_of(uint64_t u, uint64_t v, uint64_t factor) noexcept:
    cdef uint64_t a = _folded((u ^ v) * factor)
    return _folded((v ^ a) * factor) * factor


cdef uint64_t _farm_to_16(const char *text, uint64_t size) noexcept:
    cdef uint64_t factor = FARM_2 + size * 2, a, b
    if size >= 8:
        a, b = _word_at(text) + FARM_2, _word_at(text + size - 8)
        return _pair_of(_turned(b, 37) * factor + a, (_turned(a, 25) + b) * factor, factor)
    if size >= 4:
        return _pair_of(size + (_half_at(text) << 3), _half_at(text + size - 4), factor)
    if size:
        a = <uint8_t>text[0] + (<uint64_t><uint8_t>text[size >> 1] << 8)
        b = size + (<uint64_t><uint8_t>text[size - 1] << 2)
        return _folded(a * FARM_2 ^ b * FARM_0) * FARM_2
    return FARM_2


cdef uint64_t _farm_to_32(const char *text, uint64_t size) noexcept:
    cdef uint64_t factor = FARM_2 + size * 2
    cdef uint64_t a = _word_at(text) * FARM_1, b = _word_at(text + 8)
    cdef uint64_t c = _word_at(text + size - 8) * factor, d = _word_at(text + size - 16) * FARM_2
    return _pair_of(_turned(a + b, 43) + _turned(c, 30) + d, a + _turned(b + FARM_2, 18) + c, factor)


cdef uint64_t _farm_to_64(const char *text, uint64_t size) noexcept:
    cdef uint64_t factor = FARM_2 + size * 2
    cdef uint64_t a = _word_at(text) * FARM_2, b = _word_at(text + 8)
    cdef uint64_t c = _word_at(text + size - 8) * factor, d = _word_at(text + size - 16) * FARM_2
    cdef uint64_t y = _turned(a + b, 43) + _turned(c, 30) + d
    cdef uint64_t z = _pair_of(y, a + _turned(b + FARM_2, 18) + c, factor)
    cdef uint64_t e = _word_at(text + 16) * factor, f = _word_at(text + 24)
    cdef uint64_t g = (y + _word_at(text + size - 32)) * factor, h = (z + _word_at(text + size - 24)) * factor
    return _pair_of(_turned(e + f, 43) + _turned(g, 30) + h, e + _turned(f + a, 18) + g, factor)


cdef inline void _mix_32(const char *text, uint64_t a, uint64_t b, uint64_t *first, uint64_t *second) noexcept:
    """32 bytes mixed into two words."""
    cdef uint64_t c
    a += _word_at(text)
    b = _turned(b + a + _word_at(text + 24), 21)
    c = a
    a += _word_at(text + 8) + _word_at(text + 16)
    b += _turned(a, 44)
    first[0] = a + _word_at(text + 24)
    second[0] = b + c


cdef inline void _farm_block(const char *text, FarmState *s, uint64_t factor, uint64_t weight) noexcept:
    """64 bytes; of the last ones two terms weigh nine times."""
    cdef uint64_t x, y, z
    x = _turned(s.x + s.y + s.v0 + _word_at(text + 8), 37) * factor
    y = _turned(s.y + s.v1 + _word_at(text + 48), 42) * factor
    x ^= s.w1 * weight
    y += s.v0 * weight + _word_at(text + 40)
    z = _turned(s.z + s.w0, 33) * factor
    _mix_32(text, s.v1 * factor, x + s.w0, &s.v0, &s.v1)
    _mix_32(text + 32, z + s.w1, y + _word_at(text + 16), &s.w0, &s.w1)
    s.x, s.y, s.z = z, y, x


cdef uint64_t _farm_long(const char *text, uint64_t size) noexcept:
    cdef FarmState s
    cdef uint64_t end = (size - 1) // 64 * 64, rest = size - 1 & 63, at, factor
    s.x = 81 * FARM_2 + _word_at(text)
    s.y = 81 * FARM_1 + 113
    s.z = _folded(s.y * FARM_2 + 113) * FARM_2
    s.v0 = s.v1 = s.w0 = s.w1 = 0
    for at in range(0, end, 64):
        _farm_block(text + at, &s, FARM_1, 1)
    factor = FARM_1 + ((s.z & 0xFF) << 1)
    s.w0 += rest
    s.v0 += s.w0
    s.w0 += s.v0
    _farm_block(text + size - 64, &s, factor, 9)
    return _pair_of(_pair_of(s.v0, s.w0, factor) + _folded(s.y) * FARM_0 + s.z, _pair_of(s.v1, s.w1, factor) + s.x, factor)


cdef uint64_t _farm(const char *text, uint64_t size) noexcept:
    if size <= 16:
        return _farm_to_16(text, size)
    if size <= 32:
        return _farm_to_32(text, size)
    return _farm_to_64(text, size) if size <= 64 else _farm_long(text, size)


cdef uint64_t _murmur(const char *text, uint64_t size) noexcept:
    cdef uint64_t found = MURMUR_SEED ^ size * MURMUR_FACTOR, whole = size & ~<uint64_t>7, at, rest = 0
    for at in range(0, whole, 8):
        found = (found ^ _folded(_word_at(text + at) * MURMUR_FACTOR) * MURMUR_FACTOR) * MURMUR_FACTOR
    if whole < size:
        memcpy(&rest, text + whole, size - whole)
        found = (found ^ rest) * MURMUR_FACTOR
    return _folded(_folded(found) * MURMUR_FACTOR)


def text_buckets(list texts not None, uint64_t count, bint is_farm):
    """The hashes of texts modulo a number, as an array of int64.

    Args:
      texts: of bytes.
      count: that number.
      is_farm: whether the hash is FarmHash's Fingerprint64; else MurmurHash64A.
    """
    cdef np.ndarray out = np.empty(len(texts), np.int64)
    cdef int64_t *found = <int64_t *>np.PyArray_DATA(out)
    cdef Py_ssize_t i
    cdef uint64_t size
    cdef const char *data
    for i in range(len(texts)):
        text = texts[i]
        if not isinstance(text, bytes):
            raise TypeError(f"expected bytes, got {type(text).__name__}")
        data, size = PyBytes_AS_STRING(text), <uint64_t>len(text)
        found[i] = <int64_t>((_farm(data, size) if is_farm else _murmur(data, size)) % count)
    return out
