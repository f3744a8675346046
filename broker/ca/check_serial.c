/* check_serial.c - a certificate's serial number as text: lower-case hex, as the log has it, and
 * decimal, as CFSSL wants it. See check_fields.h. */
#include "broker/ca/check_fields.h"

#define SERIAL_BYTES_MAX 20U
#define GROUP_DIGITS 9U
#define GROUP_BASE 1000000000U

/* to_decimal - by repeated division, nine digits at a time. */
static void to_decimal(struct slice magnitude, char out[50])
{
    unsigned char rest[SERIAL_BYTES_MAX];
    char digits[54]; /* 20 bytes have at most 49 digits, which is six groups; padded with zeros */
    size_t at = sizeof(digits);
    memcpy(rest, magnitude.ptr, magnitude.len);
    while (at > 0) {
        uint64_t group = 0;
        for (size_t i = 0; i < magnitude.len; i++) {
            const uint64_t value = group << 8 | rest[i];
            rest[i] = (unsigned char)(value / GROUP_BASE);
            group = value % GROUP_BASE;
        }
        for (size_t i = 0; i < GROUP_DIGITS; i++) {
            digits[--at] = (char)('0' + group % 10);
            group /= 10;
        }
    }
    while (at < sizeof(digits) - 1 && digits[at] == '0') {
        at++;
    }
    memcpy(out, digits + at, sizeof(digits) - at);
    out[sizeof(digits) - at] = '\0';
}

bool serial_read(struct slice integer, char hex[41], char dec[50])
{
    struct slice s = integer;
    if (s.len > 1 && s.ptr[0] == 0 && (unsigned char)s.ptr[1] >= 0x80) {
        s = (struct slice){s.ptr + 1, s.len - 1};
    } else if (s.len == 0 || (unsigned char)s.ptr[0] >= 0x80 || s.ptr[0] == 0) {
        return false;
    }
    if (s.len > SERIAL_BYTES_MAX) {
        return false;
    }
    hex_encode((const unsigned char *)s.ptr, s.len, hex);
    to_decimal(s, dec);
    return true;
}
