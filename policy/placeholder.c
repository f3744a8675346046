/* placeholder.c - see placeholder.h. Reads placeholders, fills them in, and writes patterns out for
 * people. Where in a pattern they may stand is checked by pattern_parse.c. */
#include "policy/placeholder.h"
#include "policy/policy.h"

#include <stdio.h>

#define CLAIM_MAX 64
#define SEGMENT_MAX 999U
#define LABEL_MAX 63

enum placeholder_kind { OF_CLIENT, OF_PATH, OF_CLAIM };

struct placeholder {
    enum placeholder_kind kind;
    size_t segment;
    struct slice claim;
};

/* A text that is being put together; full: it has not all found room. */
struct writing {
    char *out; /* NAME_TEXT_MAX + 1 bytes */
    size_t len;
    bool full;
};

/* is_made_of - letters, digits and these, and not empty. */
static bool is_made_of(struct slice s, bool upper, struct slice others)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool letter = ascii_is_alnum(c) && (upper || c == ascii_lower(c));
        if (!letter && !slice_has_byte(others, c)) {
            return false;
        }
    }
    return s.len > 0;
}

/* ---- reading ---- */

size_t placeholder_len(struct slice s)
{
    if (!slice_has_prefix(s, SLICE("${"))) {
        return 0;
    }
    const size_t end = slice_find(s, '}');
    return end == s.len ? 0 : end + 1;
}

static bool read_placeholder(struct slice text, struct placeholder *ret)
{
    static const struct slice path = {"mtls.uri.path[", 14};
    if (text.len < 3 || placeholder_len(text) != text.len) {
        return false;
    }
    const struct slice what = {text.ptr + 2, text.len - 3};
    if (slice_eq(what, SLICE("client"))) {
        *ret = (struct placeholder){.kind = OF_CLIENT};
        return true;
    }
    if (slice_has_prefix(what, path) && what.ptr[what.len - 1] == ']') {
        uint64_t segment = 0;
        const struct slice digits = {what.ptr + path.len, what.len - path.len - 1};
        const bool good = slice_to_u64(digits, &segment) && segment <= SEGMENT_MAX;
        *ret = (struct placeholder){.kind = OF_PATH, .segment = (size_t)segment};
        return good;
    }
    if (slice_has_prefix(what, SLICE("jwt."))) {
        *ret = (struct placeholder){.kind = OF_CLAIM, .claim = slice_from(what, 4)};
        return ret->claim.len <= CLAIM_MAX && is_made_of(ret->claim, true, SLICE("_.-"));
    }
    return false;
}

enum cb_code placeholder_check(struct slice text, struct cb_err *err)
{
    struct placeholder unused;
    char quoted[NAME_QUOTE_SIZE];
    if (read_placeholder(text, &unused)) {
        return CB_OK;
    }
    return cb_fail(
        err, CB_EINPUT,
        "\"%s\" is no placeholder: there are ${client}, ${mtls.uri.path[N]} (N from 0) and "
        "${jwt.CLAIM} (CLAIM: 1 to 64 of a-z A-Z 0-9 . _ -)",
        name_quote(text, quoted));
}

bool pattern_next_claim(const struct pattern *p, size_t *at, struct slice *ret)
{
    while (p->has_placeholder && *at < p->text.len) {
        const struct slice rest = slice_from(p->text, *at);
        const size_t len = placeholder_len(rest);
        struct placeholder ph;
        *at += len == 0 ? 1 : len;
        if (len > 0 && read_placeholder((struct slice){rest.ptr, len}, &ph) &&
            ph.kind == OF_CLAIM) {
            *ret = ph.claim;
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

/* uri_segment - absent unless the URI is a canonical name that has so many. Only its host could
 * have been in upper case, so its own bytes are what the canonical text has. */
static struct slice uri_segment(struct slice uri, size_t segment)
{
    char buf[NAME_TEXT_MAX + 1];
    struct name name;
    struct cb_err err;
    if (uri.ptr == NULL || name_parse_into(uri, buf, &name, &err) != CB_OK ||
        name.kind != NAME_URI) {
        return (struct slice){NULL, 0};
    }
    struct slice path = slice_from(uri, slice_find(uri, ':') + 3);
    path = slice_from(path, slice_find(path, '/'));
    for (; path.len > 0; segment--) {
        path = slice_from(path, 1);
        const size_t len = slice_find(path, '/');
        if (segment == 0) {
            return (struct slice){path.ptr, len};
        }
        path = slice_from(path, len);
    }
    return (struct slice){NULL, 0};
}

/* value_of - absent where the caller has no such property. */
static struct slice value_of(const struct placeholder *ph, const struct policy_caller *caller)
{
    const struct slice absent = {NULL, 0};
    if (caller == NULL) {
        return absent;
    }
    switch (ph->kind) {
    case OF_CLIENT:
        return caller->client == NULL ? absent : slice_of(policy_client_id(caller->client));
    case OF_PATH:
        return uri_segment(caller->uri, ph->segment);
    case OF_CLAIM:
        break;
    }
    for (size_t i = 0; i < caller->num_claims; i++) {
        if (slice_eq(caller->claims[i].name, ph->claim)) {
            return caller->claims[i].value;
        }
    }
    return absent;
}

/* is_label - last: of a host, where a number would make it an address. */
static bool is_label(struct slice value, bool last)
{
    return value.ptr != NULL && value.len <= LABEL_MAX && is_made_of(value, false, SLICE("-")) &&
           value.ptr[0] != '-' && value.ptr[value.len - 1] != '-' &&
           !(last && name_is_number(value));
}

static bool is_segment(struct slice value)
{
    return is_made_of(value, true, SLICE("._~-")) && !slice_eq(value, SLICE(".")) &&
           !slice_eq(value, SLICE(".."));
}

/* ---- writing ---- */

static void add(struct writing *w, struct slice s)
{
    w->full = w->full || s.len > NAME_TEXT_MAX - w->len;
    if (!w->full && s.len > 0) {
        memcpy(w->out + w->len, s.ptr, s.len);
        w->len += s.len;
    }
    w->out[w->len] = '\0';
}

/* host_end - how much of a pattern's text comes before a path. */
static size_t host_end(enum name_kind kind, struct slice text)
{
    if (kind != NAME_URI) {
        return text.len;
    }
    const size_t host = slice_find(text, ':') + 3;
    return host + slice_find(slice_from(text, host), '/');
}

/* add_filled - text with the values of its placeholders. False: some have no good one, and were
 * left as they are. */
static bool add_filled(struct writing *w, enum name_kind kind, struct slice text,
                       const struct policy_caller *caller)
{
    const size_t path = host_end(kind, text);
    bool all = true;
    size_t at = 0;
    while (at < text.len) {
        const struct slice rest = slice_from(text, at);
        const size_t len = placeholder_len(rest);
        if (len == 0) {
            const size_t plain = 1 + slice_find(slice_from(rest, 1), '$');
            add(w, (struct slice){rest.ptr, plain});
            at += plain;
            continue;
        }
        struct placeholder ph;
        struct slice value = {NULL, 0};
        if (read_placeholder((struct slice){rest.ptr, len}, &ph)) {
            value = value_of(&ph, caller);
        }
        const bool good = at < path ? is_label(value, at + len == path) : is_segment(value);
        add(w, good ? value : (struct slice){rest.ptr, len});
        all = all && good;
        at += len;
    }
    return all;
}

bool placeholder_fill(enum name_kind kind, struct slice text, const struct policy_caller *caller,
                      char out[NAME_TEXT_MAX + 1], struct slice *ret)
{
    struct writing w = {.out = out};
    if (!add_filled(&w, kind, text, caller) || w.full) {
        return false;
    }
    *ret = (struct slice){out, w.len};
    return true;
}

/* add_prefix - what of a pattern its text does not hold. */
static void add_prefix(struct writing *w, const struct pattern *p)
{
    const bool email = p->kind == NAME_EMAIL;
    switch (p->shape) {
    case PATTERN_ONE:
        add(w, email ? SLICE("*@") : SLICE("*."));
        break;
    case PATTERN_MANY:
        add(w, email ? SLICE("*@**.") : SLICE("**."));
        break;
    case PATTERN_ALL:
        add(w, SLICE("**"));
        break;
    case PATTERN_REGEX:
        add(w, SLICE("/"));
        break;
    case PATTERN_EXACT:
    case PATTERN_NET:
    case PATTERN_GLOB:
        break;
    }
}

const char *pattern_text(const struct pattern *p, char out[NAME_TEXT_MAX + 1])
{
    struct writing w = {.out = out};
    add_prefix(&w, p);
    add(&w, p->text);
    if (p->shape == PATTERN_REGEX) {
        add(&w, SLICE("/"));
    }
    if (p->shape == PATTERN_NET && p->bits < p->ip_len * 8U) {
        char bits[8];
        (void)snprintf(bits, sizeof(bits), "/%u", (unsigned)p->bits);
        add(&w, slice_of(bits));
    }
    return out;
}

bool pattern_expand(const struct pattern *p, const struct policy_caller *caller,
                    char out[NAME_TEXT_MAX + 1])
{
    struct writing w = {.out = out};
    if (!p->has_placeholder) {
        (void)pattern_text(p, out);
        return true;
    }
    add_prefix(&w, p);
    const bool all = add_filled(&w, p->kind, p->text, caller);
    if (w.full) {
        (void)pattern_text(p, out);
        return false;
    }
    return all;
}
