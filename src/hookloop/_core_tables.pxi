# Blocks of sorted tables, the form of a checkpoint's index, and its entries: what is done for every tensor of a file.

cdef extern from *:
    """
    /* A number as LevelDB and protocol buffers write it, seven bits a byte; returns the place behind it. */
    static inline uint8_t *hl_put_varint(uint8_t *out, uint64_t value) {
        for (; value >= 0x80; value >>= 7) *out++ = (uint8_t)(value | 0x80);
        *out++ = (uint8_t)value;
        return out;
    }

    /* Takes a number; NULL where it does not end before `end` or has more bits than a number has. */
    static inline const uint8_t *hl_take_varint(const uint8_t *at, const uint8_t *end, uint64_t *value) {
        *value = 0;
        for (int shift = 0; at < end && shift < 64; shift += 7) {
            *value |= (uint64_t)(*at & 0x7F) << shift;
            if (*at++ < 0x80) return at;
        }
        return 0;
    }
    """
    uint8_t *hl_put_varint(uint8_t *out, uint64_t value) noexcept
    const uint8_t *hl_take_varint(const uint8_t *at, const uint8_t *end, uint64_t *value) noexcept

cdef enum:
    MOST_VARINT = 10     # bytes of a number
    RESTART_BYTES = 4


def table_block(list items, Py_ssize_t begin, int restart_interval, Py_ssize_t limit):
    """One block of a sorted table: entries until it has so many bytes, at least one where there is any.

    Args:
      items: (key, value) pairs of bytes.
      begin: the first pair to take.
      restart_interval: after how many entries a key is written whole.
      limit: bytes after which no entry is added.

    Returns:
      The block's bytes, and the place of the first pair that is not in it.

    Raises:
      ValueError: a key does not stand behind the one before.
    """
    cdef Py_ssize_t i = begin, n = len(items), size = 0, room = 0, restarts = 0, restart_room = 0, shared, length, last_length = 0
    cdef int count = restart_interval
    cdef uint8_t *data = NULL
    cdef uint32_t *restart = NULL
    cdef uint8_t *at
    cdef const char *key_data
    cdef const char *last_data = NULL
    cdef bytes key, value, last = items[begin - 1][0] if begin else None
    try:
        if last is not None:
            last_data, last_length = PyBytes_AS_STRING(last), len(last)
        while i < n and (i == begin or size < limit):
            key, value = items[i]
            key_data, length = PyBytes_AS_STRING(key), len(key)
            shared = 0
            if last is not None:
                while shared < min(length, last_length) and key_data[shared] == last_data[shared]:
                    shared += 1
                if shared == length or (shared < last_length and <uint8_t>key_data[shared] < <uint8_t>last_data[shared]):
                    raise ValueError(f"keys must increase, got {key!r} after {last!r}")
            if count == restart_interval:
                if restarts == restart_room:
                    restart_room = 2 * restart_room + 16
                    restart = <uint32_t *>_grown(restart, restart_room * RESTART_BYTES)
                restart[restarts] = <uint32_t>size
                restarts += 1
                count = shared = 0
            if size + length + len(value) + 3 * MOST_VARINT > room:
                room = 2 * (room + length + len(value)) + 4096
                data = <uint8_t *>_grown(data, room)
            at = hl_put_varint(hl_put_varint(hl_put_varint(data + size, shared), length - shared), len(value))
            memcpy(at, key_data + shared, length - shared)
            memcpy(at + length - shared, PyBytes_AS_STRING(value), len(value))
            size = at - data + length - shared + len(value)
            last, last_data, last_length = key, key_data, length
            count += 1
            i += 1
        if not restarts:  # a block without entries has a beginning too
            restart = <uint32_t *>_grown(restart, RESTART_BYTES)
            restart[0], restarts = 0, 1
        tail = (<char *>restart)[: restarts * RESTART_BYTES] + (<uint32_t>restarts).to_bytes(RESTART_BYTES, "little")
        return (b"" if data == NULL else (<char *>data)[:size]) + tail, i
    finally:
        free(data)
        free(restart)


cdef void *_grown(void *memory, Py_ssize_t size) except NULL:
    cdef void *grown = realloc(memory, size)
    if grown == NULL:
        raise MemoryError()
    return grown


def table_entries(bytes block, list entries):
    """Appends the (key, value) pairs of a block of a sorted table.

    Raises:
      ValueError: the block is cut short.
    """
    cdef const uint8_t *begin = <const uint8_t *>PyBytes_AS_STRING(block)
    cdef const uint8_t *at = begin
    cdef const uint8_t *end
    cdef uint64_t restarts, shared, fresh, size
    cdef bytes key = b""
    if len(block) < RESTART_BYTES:
        raise ValueError("a block is cut short")
    restarts = int.from_bytes(block[len(block) - RESTART_BYTES :], "little")
    if RESTART_BYTES * (restarts + 1) > <uint64_t>len(block):
        raise ValueError("a block is cut short")
    end = begin + len(block) - RESTART_BYTES * (restarts + 1)
    while at < end:
        at = hl_take_varint(at, end, &shared)
        if at != NULL:
            at = hl_take_varint(at, end, &fresh)
        if at != NULL:
            at = hl_take_varint(at, end, &size)
        if at == NULL or shared > <uint64_t>len(key) or fresh > <uint64_t>(end - at) or size > <uint64_t>(end - at) - fresh:
            raise ValueError("an entry is cut short")
        key = key[: <Py_ssize_t>shared] + (<const char *>at)[: <Py_ssize_t>fresh]
        at += fresh
        entries.append((key, (<const char *>at)[: <Py_ssize_t>size]))
        at += size


def bundle_entry(bytes head, uint64_t offset, uint64_t size, uint32_t crc):
    """A `BundleEntryProto`: its type and shape, written before, and where the bytes lie, in the order of the fields' numbers."""
    cdef uint8_t tail[2 * MOST_VARINT + 7]
    cdef uint8_t *at = tail
    if offset:
        at[0] = 4 << 3
        at = hl_put_varint(at + 1, offset)
    if size:
        at[0] = 5 << 3
        at = hl_put_varint(at + 1, size)
    if crc:
        at[0] = 6 << 3 | 5  # four bytes, the lowest first
        at[1], at[2], at[3], at[4] = crc & 0xFF, crc >> 8 & 0xFF, crc >> 16 & 0xFF, crc >> 24
        at += 5
    return head + (<char *>tail)[: at - tail]
