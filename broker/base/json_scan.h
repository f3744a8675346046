/* json_scan.h - is this text strict JSON within our caps? Checked before any parser sees it.
 *
 * RFC 8259 exactly: no BOM, no comments, no trailing bytes, no control characters in strings, no
 * leading zeros, valid UTF-8, no lone surrogate escapes. Beyond that: no NUL (raw or escaped), no
 * member name twice in one object, also not when only ASCII case differs (CFSSL's decoder folds
 * case), depth, members and string lengths capped. */
#ifndef CB_BASE_JSON_SCAN_H
#define CB_BASE_JSON_SCAN_H

#include "broker/base/err.h"
#include "broker/base/bytes.h"

struct json_caps {
    unsigned depth;      /* nesting levels */
    unsigned members;    /* members of one object */
    unsigned elements;   /* elements of one array */
    size_t string_bytes; /* one string, unescaped */
    size_t text_bytes;   /* the whole text */
};

/* json_scan - CB_OK, CB_EINPUT (malformed; the message gives the byte offset) or CB_ELIMIT.
 * Allocates nothing; time linear in the text (times the members cap for the duplicate check). */
enum cb_code json_scan(struct slice text, const struct json_caps *caps, struct cb_err *err)
    CB_MUST_USE;

#endif
