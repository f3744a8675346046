/* crc32c.c - the checksum of a line, in two ways that must agree.
 *
 * Does not: stream. A line is at most 16 KiB and always in one piece. */
#include "audit/crc32c.h"

#define CRC_START 0xffffffffU

/* Four bits a step: sixteen entries of the reflected polynomial 0x82f63b78 are easy to check by
 * hand, and only machines without the instruction ever use them. */
static const uint32_t nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_table(struct slice bytes)
{
    uint32_t crc = CRC_START;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned char)bytes.ptr[i];
        crc = (crc >> 4) ^ nibble[crc & 0xf];
        crc = (crc >> 4) ^ nibble[crc & 0xf];
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(struct slice bytes)
{
    uint64_t crc = CRC_START;
    const char *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, p, sizeof(word));
        crc = __builtin_ia32_crc32di(crc, word);
        p += sizeof(word);
    }
    uint32_t rest = (uint32_t)crc;
    for (; left > 0; left--) {
        rest = __builtin_ia32_crc32qi(rest, (unsigned char)*p++);
    }
    return ~rest;
}

uint32_t crc32c(struct slice bytes)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(bytes) : crc32c_table(bytes);
}
#else
uint32_t crc32c(struct slice bytes)
{
    return crc32c_table(bytes);
}
#endif

void crc32c_hex(uint32_t crc, char out[CRC32C_HEX_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < CRC32C_HEX_LEN; i++) {
        out[i] = digits[(crc >> (28 - 4 * i)) & 0xf];
    }
}
