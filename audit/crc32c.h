/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4): names a damaged line. Not a security
 * feature: anybody can compute it. */
#ifndef AUDIT_CRC32C_H
#define AUDIT_CRC32C_H

#include "broker/base/bytes.h"

#define CRC32C_HEX_LEN 8

/* crc32c - of all bytes; with SSE4.2 where the processor has it, else by table. */
uint32_t crc32c(struct slice bytes);
/* crc32c_table - always by table: the reference the fast one is tested against. */
uint32_t crc32c_table(struct slice bytes);
/* crc32c_hex - eight lower-case digits; no NUL. */
void crc32c_hex(uint32_t crc, char out[CRC32C_HEX_LEN]);

#endif
