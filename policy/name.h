/* name.h - the names a certificate may carry, in canonical form. This is the only place where
 * names are classified, canonicalised and compared.
 *
 * Canonical: dns in ASCII lower case, LDH labels (an underscore is refused), no trailing dot, at
 * most 253 bytes and 63 a label, last label no number (all digits, or 0x and hex digits: some
 * resolvers read those as an address), optionally "*." in front; ip as 4 or 16 bytes with
 * IPv4-mapped IPv6 folded to IPv4, text as inet_ntop writes it; uri as scheme://host/path in ASCII
 * with lower-case scheme and host, no user, port, query, fragment, percent sign, empty, "." or ".."
 * segment; email as local@domain with a lower-case domain. What is not canonical after ASCII
 * lower-casing is refused, never repaired. */
#ifndef POLICY_NAME_H
#define POLICY_NAME_H

#include "broker/base/arena.h"
#include "broker/base/err.h"

enum name_kind { NAME_DNS, NAME_IP, NAME_URI, NAME_EMAIL };
#define NAME_KIND_COUNT 4
#define NAME_TEXT_MAX 2048 /* bytes of one name; only a URI comes near */

struct name {
    enum name_kind kind;
    struct slice text;    /* canonical, NUL-terminated, in the arena it was made with */
    unsigned char ip[16]; /* NAME_IP only */
    unsigned char ip_len; /* 4 or 16; 0 for the other kinds */
};

/* name_classify - which kind CFSSL would make of this text, decided by us alone: an IP address if
 * inet_pton takes it, an e-mail if it has '@', a URI if it has "://", else a DNS name. */
enum name_kind name_classify(struct slice text);

/* name_parse - classify, check and canonicalise one name.
 *   arena  owns the text of *ret.
 * Returns CB_EINPUT with a message that says which rule the name breaks (the message quotes at
 * most 80 printable bytes of it). Pure; no locale. Source: RFC 1123 2.1, RFC 5280 4.2.1.6. */
enum cb_code name_parse(struct arena *arena, struct slice text, struct name *ret,
                        struct cb_err *err) CB_MUST_USE;

/* name_parse_into - the same without an arena: ret->text points into out. */
enum cb_code name_parse_into(struct slice text, char out[NAME_TEXT_MAX + 1], struct name *ret,
                             struct cb_err *err) CB_MUST_USE;

/* name_is_wildcard - a DNS name with "*." in front. */
bool name_is_wildcard(const struct name *name);

/* name_is_number - would a resolver that follows inet_aton take this last label for a number? */
bool name_is_number(struct slice label);

/* name_quote - text as it may stand in a message: at most 80 bytes of printable ASCII, each other
 * byte as '?', "..." where it was cut. Returns out. */
#define NAME_QUOTE_SIZE 84
const char *name_quote(struct slice text, char out[NAME_QUOTE_SIZE]);

/* name_from_ip - the name of a binary address (4 or 16 bytes), folded as above. */
enum cb_code name_from_ip(struct arena *arena, const unsigned char *ip, size_t ip_len,
                          struct name *ret, struct cb_err *err) CB_MUST_USE;

/* name_cmp - total order over canonical names (kind, then bytes): 0 means equal. */
int name_cmp(const struct name *a, const struct name *b);

/* name_sort_unique - sort in place, drop repeats, return how many are left. */
size_t name_sort_unique(struct name *names, size_t num);

const char *name_kind_word(enum name_kind kind); /* "dns", "ip", "uri", "email" */

#endif
