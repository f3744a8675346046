/* row.h - inside broker/reconcile only: what the texts of a row mean. */
#ifndef BROKER_RECONCILE_ROW_H
#define BROKER_RECONCILE_ROW_H

#include "broker/reconcile/source.h"

#define SERIAL_BYTES 20U

struct serial {
    unsigned char bytes[SERIAL_BYTES]; /* big-endian, zeros in front */
};
/* serial_from_dec, serial_from_hex - false: not a positive whole number of at most 20 bytes in its
 * usual form (decimal: no leading zero; hex: either case, colons and leading zeros are fine). */
bool serial_from_dec(struct slice text, struct serial *ret);
bool serial_from_hex(struct slice text, struct serial *ret);
void serial_to_hex(const struct serial *s, char out[41]); /* as the log writes it */
void serial_to_dec(const struct serial *s, char out[50]);

/* db_time - a time as databases write it: 2026-07-22 16:23:02, with T, a fraction, Z, +00:00, +02 or
 * "+0000 UTC" behind it, or seconds since 1970. False: none, or CFSSL's "never" (year 1). */
bool db_time(struct slice text, int64_t *ret_us);

/* aki_text - a key identifier as it is compared: lower case, no colons. False: no hex, or too long. */
bool aki_text(struct slice text, char out[65]);

/* revoke_code_word - RFC 5280's word for CFSSL's reason column; "" if it is none. */
const char *revoke_code_word(struct slice reason);

#endif
