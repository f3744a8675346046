/* bytes.h - slices (pointer + length) and the few byte-level helpers everybody needs.
 *
 * Client data travels as slices: it may hold any byte, so NUL-terminated functions are only for
 * our own strings. All comparisons and case folding here are ASCII-only, whatever the locale. */
#ifndef CB_BASE_BYTES_H
#define CB_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr; /* borrowed; NULL means "absent", which differs from empty */
    size_t len;
};

/* SLICE - a slice over a string literal; slice_of - over a NUL-terminated string (NULL: absent). */
#define SLICE(literal) ((struct slice){("" literal), sizeof(literal) - 1})
struct slice slice_of(const char *str);

bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *b);
bool slice_eq_nocase(struct slice a, struct slice b); /* ASCII letters only */
bool slice_has_prefix(struct slice s, struct slice prefix);
bool slice_has_suffix(struct slice s, struct slice suffix);
bool slice_has_byte(struct slice s, char byte);
/* slice_from - what is left behind the first start bytes, of which there are so many. */
static inline struct slice slice_from(struct slice s, size_t start)
{
    return (struct slice){s.ptr + start, s.len - start};
}
/* slice_find - where the byte is first, or s.len. */
size_t slice_find(struct slice s, char byte);
/* slice_trim - without leading and trailing spaces and tabs. */
struct slice slice_trim(struct slice s);

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool ascii_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool ascii_is_alnum(char c)
{
    return ascii_is_digit(c) || ascii_is_alpha(c);
}
static inline char ascii_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}
/* ascii_is_print - 0x20..0x7e. */
static inline bool ascii_is_print(char c)
{
    return c >= 0x20 && c <= 0x7e;
}

/* slice_plain_run - how many bytes at the start stand for themselves in a JSON string: printable
 * ASCII, but neither quote nor backslash. */
size_t slice_plain_run(struct slice s);

/* slice_to_u64 - parse an all-digit decimal number: no sign, no space, no leading zero (but "0"
 * itself), no overflow. False leaves *ret untouched. */
bool slice_to_u64(struct slice s, uint64_t *ret);

/* utf8_valid - strict RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF. */
bool utf8_valid(struct slice s);

/* hex_encode - lower-case hex of len bytes plus NUL; out must hold 2*len+1. */
void hex_encode(const unsigned char *in, size_t len, char *out);
/* hex_decode - exactly out_len bytes from 2*out_len hex digits (either case). False if not. */
bool hex_decode(struct slice in, unsigned char *out, size_t out_len);
/* hash_encode - "sha256" style lower-case hex of a 32-byte digest; out must hold 65. */
#define SHA256_LEN 32
#define SHA256_HEX_LEN 64

/* secret_wipe - overwrite memory that held a secret; the compiler may not drop it. NULL is fine. */
void secret_wipe(void *ptr, size_t len);
/* secret_eq - compare without telling by time where the first difference is. The length leaks. */
bool secret_eq(const void *a, const void *b, size_t len);

#endif
