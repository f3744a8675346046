/* scan.h - a cursor over one line of strict JSON as this log writes it.
 *
 * Stricter than RFC 8259: printable ASCII only, no white space between tokens, whole numbers of at
 * most 2^53 without superfluous zeros, eight levels at most. Allocates nothing, never recurses.
 * Every function consumes what it names and returns true, or returns false: then the text is not
 * valid there and the cursor must not be used again (scan_byte excepted: it just did not match). */
#ifndef AUDIT_SCAN_H
#define AUDIT_SCAN_H

#include "broker/base/bytes.h"

#define SCAN_NUMBER_MAX (UINT64_C(1) << 53) /* what every JSON reader can hold exactly */
#define SCAN_DEPTH_MAX 8

struct scan {
    const char *at;
    const char *end;
};

static inline struct scan scan_over(struct slice text)
{
    return (struct scan){text.ptr, text.ptr + text.len};
}
static inline bool scan_at(const struct scan *s, char byte)
{
    return s->at < s->end && *s->at == byte;
}
static inline bool scan_byte(struct scan *s, char byte)
{
    if (!scan_at(s, byte)) {
        return false;
    }
    s->at++;
    return true;
}

bool scan_literal(struct scan *s, struct slice literal);
bool scan_u64(struct scan *s, uint64_t *ret);
/* scan_string - ret_raw: what stands between the quotes, escapes still in it but all valid. */
bool scan_string(struct scan *s, struct slice *ret_raw);
/* scan_key - a string without escapes, and its colon: one spelling a key, whoever reads it. */
bool scan_key(struct scan *s, struct slice *ret_raw);
bool scan_bool(struct scan *s, bool *ret);
/* scan_value - skip one value of any kind. */
bool scan_value(struct scan *s);

/* scan_unescape - decode a raw string; out must hold raw.len bytes (an escape never grows when
 * decoded). Returns the length. raw must come from scan_string. */
size_t scan_unescape(struct slice raw, char *out);

#endif
