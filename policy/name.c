/* name.c - see name.h. Classifies, checks and canonicalises one name at a time and compares two.
 * It knows no patterns (pattern.c) and no policy, and nothing here depends on a locale. */
#include "policy/name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define DNS_MAX 253
#define LABEL_MAX 63
#define LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define QUOTED_MAX 80

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

const char *name_quote(struct slice text, char out[NAME_QUOTE_SIZE])
{
    const size_t len = text.len < QUOTED_MAX ? text.len : QUOTED_MAX;
    for (size_t i = 0; i < len; i++) {
        const char c = text.ptr[i];
        out[i] = '?';
        if (ascii_is_print(c)) {
            out[i] = c;
        }
    }
    memcpy(out + len, text.len > QUOTED_MAX ? "..." : "", text.len > QUOTED_MAX ? 4 : 1);
    return out;
}

static enum cb_code refuse(struct cb_err *err, struct slice text, const char *why)
{
    char quoted[NAME_QUOTE_SIZE];
    return cb_fail(err, CB_EINPUT, "\"%s\" %s", name_quote(text, quoted), why);
}

/* find - the offset of needle in s, or s.len. */
static size_t find(struct slice s, struct slice needle)
{
    const char *at = s.len == 0 ? NULL : memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

static void lower_into(struct slice s, char *out)
{
    for (size_t i = 0; i < s.len; i++) {
        out[i] = ascii_lower(s.ptr[i]);
    }
    out[s.len] = '\0';
}

/* ---- addresses ---- */

/* parse_ip - inet_pton is the only judge of what an address is. */
static bool parse_ip(struct slice text, unsigned char ip[16], size_t *ip_len)
{
    char buf[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(buf) || slice_has_byte(text, '\0')) {
        return false;
    }
    memcpy(buf, text.ptr, text.len);
    buf[text.len] = '\0';
    if (inet_pton(AF_INET, buf, ip) == 1) {
        *ip_len = 4;
        return true;
    }
    if (inet_pton(AF_INET6, buf, ip) == 1) {
        *ip_len = 16;
        return true;
    }
    return false;
}

/* set_ip - the canonical name of an address; out holds at least INET6_ADDRSTRLEN bytes. */
static void set_ip(const unsigned char *ip, size_t ip_len, char *out, struct name *ret)
{
    if (ip_len == 16 && memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        ip += sizeof(mapped_prefix);
        ip_len = 4;
    }
    struct name name = {.kind = NAME_IP, .ip_len = (unsigned char)ip_len};
    memcpy(name.ip, ip, ip_len);
    const char *text = inet_ntop(ip_len == 4 ? AF_INET : AF_INET6, name.ip, out, INET6_ADDRSTRLEN);
    CB_CHECK(text != NULL);
    name.text = slice_of(out);
    *ret = name;
}

/* parse_and_set_ip - for a text that name_classify called an address. */
static void parse_and_set_ip(struct slice text, char *out, struct name *ret)
{
    unsigned char ip[16];
    size_t ip_len = 0;
    CB_CHECK(parse_ip(text, ip, &ip_len));
    set_ip(ip, ip_len, out, ret);
}

/* ---- DNS names ---- */

/* label_problem - NULL if the label is letters, digits and inner hyphens (RFC 1123 2.1). */
static const char *label_problem(struct slice label)
{
    if (label.len == 0) {
        return "has an empty label: no leading, double or trailing dot";
    }
    if (label.len > LABEL_MAX) {
        return "has a label of more than 63 bytes";
    }
    for (size_t i = 0; i < label.len; i++) {
        const char c = label.ptr[i];
        if ((unsigned char)c >= 0x80) {
            return "is not ASCII: write an internationalised name as A-labels (xn--...)";
        }
        if (c == '*') {
            return "has a * elsewhere than as the whole first label";
        }
        if (c == '_') {
            return "has an underscore, which no host name may have";
        }
        if (c == ':') {
            return "has a colon, which no host name may have: leave the port out";
        }
        if (!ascii_is_alnum(c) && c != '-') {
            return "has a byte that no host name may have: only letters, digits, hyphens and dots";
        }
    }
    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-') {
        return "has a label that begins or ends with a hyphen";
    }
    return NULL;
}

/* host_problem - what is wrong with a host name without a wildcard, or NULL. */
static const char *host_problem(struct slice host)
{
    if (host.len > DNS_MAX) {
        return "is longer than the 253 bytes of a host name";
    }
    if (host.len > 1 && host.ptr[host.len - 1] == '.') {
        return "has a trailing dot: leave it out";
    }
    struct slice rest = host;
    for (;;) {
        const size_t dot = find(rest, SLICE("."));
        const struct slice label = {rest.ptr, dot};
        const char *problem = label_problem(label);
        if (problem != NULL) {
            return problem;
        }
        if (dot == rest.len) {
            return name_is_number(label) ? "ends in a number and is no IP address" : NULL;
        }
        rest = slice_from(rest, dot + 1);
    }
}

static const char *dns_problem(struct slice text)
{
    if (text.len == 0) {
        return "is empty";
    }
    if (text.len > DNS_MAX) {
        return "is longer than the 253 bytes of a host name";
    }
    if (slice_eq(text, SLICE("*"))) {
        return "alone would be every host there is";
    }
    return host_problem(slice_has_prefix(text, SLICE("*.")) ? slice_from(text, 2) : text);
}

/* ---- URIs ---- */

static const char *scheme_problem(struct slice scheme)
{
    bool good = scheme.len > 0 && ascii_is_alpha(scheme.ptr[0]);
    for (size_t i = 0; i < scheme.len && good; i++) {
        const char c = scheme.ptr[i];
        good = ascii_is_alnum(c) || c == '+' || c == '-' || c == '.';
    }
    return good ? NULL : "has no good scheme in front of ://";
}

static bool is_dots(struct slice segment)
{
    return slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."));
}

/* path_problem - path is empty or begins with a slash. The alphabet is narrower than RFC 3986: no
 * percent sign, so that a path has one spelling, and nothing that printed lists are split at. */
static const char *path_problem(struct slice path)
{
    while (path.len > 0) {
        path = slice_from(path, 1);
        const size_t end = find(path, SLICE("/"));
        const struct slice segment = {path.ptr, end};
        if (segment.len == 0) {
            return "has an empty path segment: no double and no trailing slash";
        }
        if (is_dots(segment)) {
            return "has a . or .. path segment";
        }
        for (size_t i = 0; i < segment.len; i++) {
            if (!ascii_is_alnum(segment.ptr[i]) &&
                !slice_has_byte(SLICE("-._~+=:"), segment.ptr[i])) {
                return "has a byte a URI name may not have in its path: only letters, digits and "
                       "-._~+=: (no query, fragment or percent sign)";
            }
        }
        path = slice_from(path, end);
    }
    return NULL;
}

/* uri_host_problem - a host name or an address; a port or a user is caught as a bad byte. */
static const char *uri_host_problem(struct slice host)
{
    unsigned char ip[16];
    size_t ip_len = 0;
    if (host.len == 0) {
        return "has no host after ://";
    }
    if (parse_ip(host, ip, &ip_len)) {
        return ip_len == 4 ? NULL : "has an IPv6 address as its host, which is not supported";
    }
    if (slice_has_byte(host, ':')) {
        return "has a port or an IPv6 address: a URI name is scheme://host/path";
    }
    return host_problem(host);
}

static const char *uri_problem(struct slice text, char *out)
{
    if (text.len > NAME_TEXT_MAX) {
        return "is longer than 2048 bytes";
    }
    const size_t scheme_len = find(text, SLICE("://"));
    const char *problem = scheme_problem((struct slice){text.ptr, scheme_len});
    if (problem != NULL) {
        return problem;
    }
    const struct slice rest = slice_from(text, scheme_len + 3);
    const size_t host_len = find(rest, SLICE("/"));
    problem = uri_host_problem((struct slice){rest.ptr, host_len});
    if (problem == NULL) {
        problem = path_problem(slice_from(rest, host_len));
    }
    if (problem == NULL) {
        const size_t authority = scheme_len + 3 + host_len;
        lower_into((struct slice){text.ptr, authority}, out);
        memcpy(out + authority, text.ptr + authority, text.len - authority);
        out[text.len] = '\0';
    }
    return problem;
}

/* ---- e-mail addresses ---- */

static const char *local_problem(struct slice local)
{
    if (local.len == 0 || local.len > LOCAL_MAX) {
        return "must have 1 to 64 bytes in front of the @";
    }
    char before = '.';
    for (size_t i = 0; i < local.len; i++) {
        const char c = local.ptr[i];
        if (!ascii_is_alnum(c) && !slice_has_byte(SLICE("._+-=~&"), c)) {
            return "has a byte an e-mail name may not have: only letters, digits and ._+-=~& in "
                   "front of the @";
        }
        if (c == '.' && before == '.') {
            return "has a leading or double dot in front of the @";
        }
        before = c;
    }
    return before == '.' ? "has a dot just before the @" : NULL;
}

static const char *email_problem(struct slice text, char *out)
{
    const size_t at = find(text, SLICE("@"));
    const struct slice local = {text.ptr, at};
    const struct slice domain = slice_from(text, at + 1);
    if (slice_has_byte(domain, '@')) {
        return "has more than one @";
    }
    const char *problem = local_problem(local);
    if (problem == NULL) {
        problem = host_problem(domain);
    }
    if (problem == NULL) {
        memcpy(out, local.ptr, local.len);
        out[at] = '@';
        lower_into(domain, out + at + 1);
    }
    return problem;
}

/* ---- the public functions ---- */

enum name_kind name_classify(struct slice text)
{
    unsigned char ip[16];
    size_t ip_len = 0;
    if (parse_ip(text, ip, &ip_len)) {
        return NAME_IP;
    }
    if (slice_has_byte(text, '@')) {
        return NAME_EMAIL;
    }
    return find(text, SLICE("://")) < text.len ? NAME_URI : NAME_DNS;
}

enum cb_code name_parse_into(struct slice text, char out[NAME_TEXT_MAX + 1], struct name *ret,
                             struct cb_err *err)
{
    const char *problem = NULL;
    const enum name_kind kind = name_classify(text);
    switch (kind) {
    case NAME_IP:
        parse_and_set_ip(text, out, ret);
        return CB_OK;
    case NAME_DNS:
        problem = dns_problem(text);
        if (problem == NULL) {
            lower_into(text, out);
        }
        break;
    case NAME_URI:
        problem = uri_problem(text, out);
        break;
    case NAME_EMAIL:
        problem = email_problem(text, out);
        break;
    }
    if (problem != NULL) {
        return refuse(err, text, problem);
    }
    *ret = (struct name){.kind = kind, .text = {out, text.len}};
    return CB_OK;
}

/* keep - move a name's text from a buffer into the arena. */
static enum cb_code keep(struct arena *arena, struct name *name, struct cb_err *err)
{
    name->text = arena_slice(arena, name->text);
    if (name->text.ptr == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory left for a name");
    }
    return CB_OK;
}

enum cb_code name_parse(struct arena *arena, struct slice text, struct name *ret,
                        struct cb_err *err)
{
    char buf[NAME_TEXT_MAX + 1];
    struct name name = {0};
    TRY(name_parse_into(text, buf, &name, err));
    TRY(keep(arena, &name, err));
    *ret = name;
    return CB_OK;
}

enum cb_code name_from_ip(struct arena *arena, const unsigned char *ip, size_t ip_len,
                          struct name *ret, struct cb_err *err)
{
    if (ip_len != 4 && ip_len != 16) {
        return cb_fail(err, CB_EINPUT, "an IP address has 4 or 16 bytes, not %zu", ip_len);
    }
    char buf[INET6_ADDRSTRLEN];
    struct name name = {0};
    set_ip(ip, ip_len, buf, &name);
    TRY(keep(arena, &name, err));
    *ret = name;
    return CB_OK;
}

bool name_is_wildcard(const struct name *name)
{
    return name->kind == NAME_DNS && slice_has_prefix(name->text, SLICE("*."));
}

bool name_is_number(struct slice label)
{
    const bool hex = label.len >= 2 && label.ptr[0] == '0' && ascii_lower(label.ptr[1]) == 'x';
    for (size_t i = hex ? 2 : 0; i < label.len; i++) {
        const char c = ascii_lower(label.ptr[i]);
        if (!ascii_is_digit(c) && !(hex && c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return true;
}

static int compare_size(size_t a, size_t b)
{
    return a < b ? -1 : (a > b ? 1 : 0);
}

int name_cmp(const struct name *a, const struct name *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind == NAME_IP) {
        const int lengths = compare_size(a->ip_len, b->ip_len);
        return lengths != 0 ? lengths : memcmp(a->ip, b->ip, a->ip_len);
    }
    const size_t common = a->text.len < b->text.len ? a->text.len : b->text.len;
    const int bytes = common == 0 ? 0 : memcmp(a->text.ptr, b->text.ptr, common);
    return bytes != 0 ? bytes : compare_size(a->text.len, b->text.len);
}

static int compare_names(const void *a, const void *b)
{
    return name_cmp(a, b);
}

size_t name_sort_unique(struct name *names, size_t num)
{
    if (num < 2) {
        return num;
    }
    qsort(names, num, sizeof(*names), compare_names);
    size_t kept = 1;
    for (size_t i = 1; i < num; i++) {
        if (name_cmp(&names[i], &names[kept - 1]) != 0) {
            names[kept++] = names[i];
        }
    }
    return kept;
}

const char *name_kind_word(enum name_kind kind)
{
    static const char *const words[NAME_KIND_COUNT] = {
        [NAME_DNS] = "dns",
        [NAME_IP] = "ip",
        [NAME_URI] = "uri",
        [NAME_EMAIL] = "email",
    };
    return words[kind];
}
