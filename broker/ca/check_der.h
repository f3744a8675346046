/* check_der.h - reading DER in place: every value is a slice of the input, nothing is copied.
 *
 * Strict on purpose: one-byte tags, definite lengths in their shortest form, nothing else. A
 * certificate that needs more leniency than that was not made by the CA we know. */
#ifndef BROKER_CA_CHECK_DER_H
#define BROKER_CA_CHECK_DER_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};
#define DER_CONTEXT(num) (0x80U | (num))      /* [num] IMPLICIT of a primitive type */
#define DER_CONTEXT_OPEN(num) (0xa0U | (num)) /* [num] EXPLICIT, or IMPLICIT of a constructed one */

/* der_any - take the next value off *in. whole (tag and length included) may be NULL. On false *in
 * is unchanged. */
bool der_any(struct slice *in, unsigned *tag, struct slice *content, struct slice *whole);
/* der_take - the same, but the tag must be this one; der_has - is it, without taking it? */
bool der_take(struct slice *in, unsigned tag, struct slice *content);
bool der_has(struct slice in, unsigned tag);
/* der_only - in is exactly one value with this tag. */
bool der_only(struct slice in, unsigned tag, struct slice *content);

/* der_uint - an INTEGER that is not negative; *ret is its magnitude without a leading zero byte
 * (empty for 0). */
bool der_uint(struct slice *in, struct slice *ret);
/* der_bits - a BIT STRING of whole bytes. */
bool der_bits(struct slice *in, struct slice *ret);
/* der_time - a UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 wants them; from 1970 on. */
bool der_time(struct slice *in, int64_t *ret_unix_s);

/* pem_read - text is exactly one PEM block and at most line ends around it. label ("CERTIFICATE")
 * is borrowed from text, the bytes are new in the arena, which must be a secret one for keys. No
 * headers inside, no junk, canonical base64. Source: RFC 7468 strict. */
bool pem_read(struct slice text, struct arena *arena, struct slice *ret_label,
              struct slice *ret_der);

#endif
