/* json_scan.h - is this text strict JSON within our caps? Checked before any parser sees it.
 *
 * RFC 8259 exactly: no BOM, no comments, no trailing bytes, no control characters in strings, no
 * leading zeros, valid UTF-8, no lone surrogate escapes. Beyond that: no NUL (raw or escaped), no
 * member name twice in one object, also not when only letter case differs (CFSSL's decoder folds
 * case: ASCII letters, and U+017F and U+212A as s and k), depth, members and string lengths capped. */
#ifndef CB_BASE_JSON_SCAN_H
#define CB_BASE_JSON_SCAN_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct json_caps {
    unsigned depth;      /* nesting levels */
    unsigned members;    /* members of one object */
    unsigned elements;   /* elements of one array */
    size_t string_bytes; /* one string, unescaped */
    size_t text_bytes;   /* the whole text */
};

/* What json_scan can hold without allocating; a larger cap of the caller does not go beyond it. */
#define JSON_SCAN_DEPTH_MAX 32U
#define JSON_SCAN_NAMES_MAX 512U /* member names of all objects that are open at once */

/* json_scan - CB_OK, CB_EINPUT (malformed; the message gives the byte offset and never quotes the
 * text) or CB_ELIMIT. A single value of any kind is a text, as in RFC 8259. Allocates nothing, uses
 * about 7 KiB of stack; time linear in the text (times the members cap for the duplicate check).
 * Pure: any thread. */
enum cb_code json_scan(struct slice text, const struct json_caps *caps,
                       struct cb_err *err) CB_MUST_USE;

#endif
