/* pattern_parse.c - see pattern.h. Reads a pattern, and for the usual mistakes says what was
 * probably meant. Everything around the stars and placeholders is checked by name.c, by way of a
 * probe in which plain labels stand in for them: so a pattern can never hold what no canonical name
 * could equal. */
#include "broker/base/buf.h"
#include "policy/pattern.h"
#include "policy/placeholder.h"

#include <arpa/inet.h>
#include <stdio.h>

struct reading {
    struct arena *arena;
    struct slice text; /* as the admin wrote it */
    struct buf probe;  /* the same without stars and placeholders */
    struct buf out;    /* the same in canonical form */
    bool has_placeholder;
    char quoted[NAME_QUOTE_SIZE];
    struct cb_err *err;
};

static enum cb_code refuse(struct reading *r, const char *why)
{
    return cb_fail(r->err, CB_EINPUT, "\"%s\" %s", name_quote(r->text, r->quoted), why);
}

static enum cb_code keep(struct reading *r, struct slice text, struct pattern *ret)
{
    ret->has_placeholder = r->has_placeholder;
    ret->text = arena_slice(r->arena, text);
    return ret->text.ptr == NULL ? cb_fail(r->err, CB_ENOMEM, "out of memory") : CB_OK;
}

enum name_kind pattern_classify(struct slice text)
{
    const size_t slash = slice_find(text, '/');
    if (slash < text.len && name_classify((struct slice){text.ptr, slash}) == NAME_IP) {
        return NAME_IP; /* a network */
    }
    return name_classify(text);
}

static bool is_digits_and_signs(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]) && !slice_has_byte(SLICE(".:/*- "), text.ptr[i])) {
            return false;
        }
    }
    return true;
}

static enum cb_code check_kind(struct reading *r, enum name_kind wanted)
{
    static const char *const what[NAME_KIND_COUNT] = {
        [NAME_DNS] = "a host name",
        [NAME_IP] = "an IP address or network",
        [NAME_URI] = "a URI",
        [NAME_EMAIL] = "an e-mail address",
    };
    const enum name_kind kind = pattern_classify(r->text);
    if (kind == wanted) {
        return CB_OK;
    }
    if (wanted == NAME_IP && is_digits_and_signs(r->text)) {
        return refuse(r, "is no IP address: write one address, or a network such as 10.20.0.0/16 "
                         "(no range, no *)");
    }
    if (wanted == NAME_DNS && kind == NAME_URI) {
        return refuse(r, "looks like a URI: put it under uri:, or write the host name alone");
    }
    return cb_fail(r->err, CB_EINPUT, "\"%s\" looks like %s: put it under %s:, or mend it to be %s",
                   name_quote(r->text, r->quoted), what[kind], name_kind_word(kind), what[wanted]);
}

/* ---- stars, placeholders and the probe ---- */

/* take_stars - what stands in front of a host pattern; *text is left behind it. */
static enum cb_code take_stars(struct reading *r, struct slice *text, enum pattern_shape *ret)
{
    *ret = PATTERN_EXACT;
    if (slice_eq(*text, SLICE("**"))) {
        *ret = PATTERN_ALL;
        *text = SLICE("");
        return CB_OK;
    }
    if (slice_has_prefix(*text, SLICE("**."))) {
        *ret = PATTERN_MANY;
        *text = slice_from(*text, 3);
    } else if (slice_has_prefix(*text, SLICE("*."))) {
        *ret = PATTERN_ONE;
        *text = slice_from(*text, 2);
    }
    if (slice_eq(*text, SLICE("*")) || slice_eq(*text, SLICE("**"))) {
        return refuse(r, "has no domain behind the *: name it, as in \"*.example.org\", or write "
                         "\"**\" for every name there is");
    }
    if (slice_has_prefix(*text, SLICE("."))) {
        return refuse(r,
                      "begins with a dot: write \"*.\" for one label or \"**.\" for one or more");
    }
    if (!slice_has_byte(*text, '*')) {
        return CB_OK;
    }
    return refuse(r, *ret == PATTERN_ONE && slice_has_prefix(*text, SLICE("*"))
                         ? "has more than one *: \"**.\" in front stands for one or more labels"
                         : "has a * that is not the whole first label: write \"*.\" for one "
                           "label or \"**.\" for one or more, in front only");
}

/* take_part - one label or segment, up to its end byte, into the probe. */
static enum cb_code take_part(struct reading *r, struct slice *text, char end, const char *partly)
{
    const size_t skipped = placeholder_len(*text);
    const struct slice part = {text->ptr, skipped + slice_find(slice_from(*text, skipped), end)};
    *text = slice_from(*text, part.len);
    if (!slice_has_byte(part, '$')) {
        buf_add_slice(&r->probe, part);
        return CB_OK;
    }
    if (part.len != skipped) {
        return refuse(r, partly);
    }
    r->has_placeholder = true;
    buf_add_char(&r->probe, 'x');
    struct cb_err inner;
    return placeholder_check(part, &inner) == CB_OK ? CB_OK
                                                    : cb_fail(r->err, CB_EINPUT, "%s", inner.msg);
}

static enum cb_code probe_host(struct reading *r, struct slice host)
{
    for (;;) {
        TRY(take_part(r, &host, '.',
                      "has a $ that does not begin a whole label: a placeholder is written like "
                      "${client}, with a dot or nothing on either side"));
        if (host.len == 0) {
            return CB_OK;
        }
        buf_add_char(&r->probe, '.');
        host = slice_from(host, 1);
    }
}

/* check_probe - is it a name of this kind? A complaint about it that does not show the text that
 * the admin wrote gets that in front. */
static enum cb_code check_probe(struct reading *r, enum name_kind wanted, const char *otherwise)
{
    if (!buf_ok(&r->probe)) {
        return refuse(r, "is too long");
    }
    const struct slice probe = buf_slice(&r->probe);
    char checked[NAME_TEXT_MAX + 1];
    struct name name = {0};
    if (name_classify(probe) != wanted) {
        return refuse(r, otherwise);
    }
    const enum cb_code code = name_parse_into(probe, checked, &name, r->err);
    if (code == CB_OK || slice_eq(probe, r->text)) {
        return code;
    }
    const struct cb_err inner = *r->err;
    return cb_fail(r->err, CB_EINPUT, "\"%s\" is no good pattern: %s",
                   name_quote(r->text, r->quoted), inner.msg);
}

/* add_lower - to the canonical text; the names in placeholders are left alone. */
static void add_lower(struct reading *r, struct slice text)
{
    while (text.len > 0) {
        const size_t len = placeholder_len(text);
        if (len > 0) {
            buf_add_slice(&r->out, (struct slice){text.ptr, len});
        } else {
            buf_add_char(&r->out, ascii_lower(text.ptr[0]));
        }
        text = slice_from(text, len > 0 ? len : 1);
    }
}

static enum cb_code keep_out(struct reading *r, struct pattern *ret)
{
    return buf_ok(&r->out) ? keep(r, buf_slice(&r->out), ret) : refuse(r, "is too long");
}

/* ---- host names ---- */

static enum cb_code parse_dns(struct reading *r, struct pattern *ret)
{
    struct slice base = r->text;
    TRY(take_stars(r, &base, &ret->shape));
    if (ret->shape != PATTERN_ALL) {
        TRY(probe_host(r, base));
        TRY(check_probe(r, NAME_DNS, "is no host name with * in front"));
    }
    add_lower(r, base);
    return keep_out(r, ret);
}

/* ---- addresses ---- */

static bool has_host_bits(const struct name *ip, unsigned bits, unsigned char net[16])
{
    memset(net, 0, 16);
    for (unsigned i = 0; i < bits; i++) {
        net[i / 8] |= (unsigned char)(ip->ip[i / 8] & (0x80U >> (i % 8)));
    }
    return memcmp(net, ip->ip, ip->ip_len) != 0;
}

/* network_bits - the number behind the slash, in the terms of the folded address. */
static enum cb_code network_bits(struct reading *r, struct slice ip_text, struct slice bits_text,
                                 const struct name *ip, unsigned *ret)
{
    const bool was_mapped = ip->ip_len == 4 && slice_has_byte(ip_text, ':');
    const uint64_t max = was_mapped ? 128 : ip->ip_len * 8U;
    uint64_t bits = 0;
    if (!slice_to_u64(bits_text, &bits) || bits > max) {
        return cb_fail(r->err, CB_EINPUT, "\"%s\" must have a number from 0 to %u behind the /",
                       name_quote(r->text, r->quoted), (unsigned)max);
    }
    if (was_mapped && bits < 96) {
        return refuse(r, "reaches beyond the IPv4-mapped addresses: write the IPv4 network");
    }
    *ret = (unsigned)(was_mapped ? bits - 96 : bits);
    return CB_OK;
}

static enum cb_code parse_ip(struct reading *r, struct pattern *ret)
{
    char buf[NAME_TEXT_MAX + 1];
    struct name ip = {0};
    const size_t slash = slice_find(r->text, '/');
    const struct slice ip_text = {r->text.ptr, slash};
    TRY(name_parse_into(ip_text, buf, &ip, r->err));
    unsigned bits = ip.ip_len * 8U;
    if (slash < r->text.len) {
        TRY(network_bits(r, ip_text, slice_from(r->text, slash + 1), &ip, &bits));
    }
    unsigned char net[16];
    if (has_host_bits(&ip, bits, net)) {
        char right[INET6_ADDRSTRLEN];
        (void)inet_ntop(ip.ip_len == 4 ? AF_INET : AF_INET6, net, right, sizeof(right));
        return cb_fail(r->err, CB_EINPUT,
                       "\"%s\" has bits set behind its first %u: the network is %s/%u",
                       name_quote(r->text, r->quoted), bits, right, bits);
    }
    memcpy(ret->ip, ip.ip, sizeof(ret->ip));
    ret->ip_len = ip.ip_len;
    ret->bits = (unsigned char)bits;
    ret->shape = PATTERN_NET;
    return keep(r, ip.text, ret);
}

/* ---- URIs ---- */

/* probe_path - with an x for every star segment. */
static enum cb_code probe_path(struct reading *r, struct slice path)
{
    while (path.len > 0) {
        path = slice_from(path, 1);
        buf_add_char(&r->probe, '/');
        const struct slice segment = {path.ptr, slice_find(path, '/')};
        const bool many = slice_eq(segment, SLICE("**"));
        if (many && segment.len < path.len) {
            return refuse(r, "has a ** in the middle: it may only be the last path segment");
        }
        if (many || slice_eq(segment, SLICE("*"))) {
            buf_add_char(&r->probe, 'x');
            path = slice_from(path, segment.len);
            continue;
        }
        if (slice_has_byte(segment, '*')) {
            return refuse(r, "has a * inside a path segment: it stands for a whole one");
        }
        TRY(take_part(r, &path, '/',
                      "has a $ that does not begin a whole path segment: a placeholder is written "
                      "like ${client}, with a slash or the end on either side"));
    }
    return CB_OK;
}

/* parse_uri - the canonical text has scheme and host pattern in lower case, the path as written. */
static enum cb_code parse_uri(struct reading *r, struct pattern *ret)
{
    const char *at = memmem(r->text.ptr, r->text.len, "://", 3);
    CB_CHECK(at != NULL); /* pattern_classify said it is a URI */
    const struct slice scheme = {r->text.ptr, (size_t)(at - r->text.ptr) + 3};
    const struct slice rest = slice_from(r->text, scheme.len);
    const struct slice host = {rest.ptr, slice_find(rest, '/')};
    const struct slice path = slice_from(rest, host.len);
    struct slice base = host;
    enum pattern_shape stars = PATTERN_EXACT;
    buf_add_slice(&r->probe, scheme);
    if (slice_has_byte(host, '*')) {
        TRY(take_stars(r, &base, &stars));
    }
    TRY(probe_host(r, stars == PATTERN_ALL ? SLICE("x") : base));
    TRY(probe_path(r, path));
    TRY(check_probe(r, NAME_URI, "is no URI: write scheme://host/path"));
    add_lower(r, scheme);
    add_lower(r, host);
    buf_add_slice(&r->out, path);
    ret->shape = slice_has_byte(r->text, '*') ? PATTERN_GLOB : PATTERN_EXACT;
    return keep_out(r, ret);
}

/* ---- e-mail addresses ---- */

static enum cb_code parse_everybody(struct reading *r, struct slice domain, struct pattern *ret)
{
    static const char *const wanted =
        "must name one mail domain behind the @, or \"**.\" and a domain for all below it";
    enum pattern_shape shape = PATTERN_EXACT;
    if (slice_has_prefix(domain, SLICE("**.")) && domain.len > 3) {
        domain = slice_from(domain, 3);
        shape = PATTERN_MANY;
    }
    if (slice_has_byte(domain, '*') || slice_has_byte(domain, '@')) {
        return refuse(r, wanted);
    }
    TRY(probe_host(r, domain));
    TRY(check_probe(r, NAME_DNS, wanted));
    add_lower(r, domain);
    ret->shape = shape == PATTERN_MANY ? PATTERN_MANY : PATTERN_ONE;
    return keep_out(r, ret);
}

static enum cb_code parse_email(struct reading *r, struct pattern *ret)
{
    const size_t at = slice_find(r->text, '@');
    const struct slice local = {r->text.ptr, at};
    const struct slice domain = slice_from(r->text, at + 1);
    if (slice_eq(local, SLICE("*"))) {
        return parse_everybody(r, domain, ret);
    }
    if (slice_has_byte(local, '*')) {
        return refuse(r, "has a * that is not all there is in front of the @");
    }
    if (slice_has_byte(local, '$')) {
        return refuse(r, "has a $ in front of the @: a placeholder may be a label behind it");
    }
    if (slice_has_byte(domain, '*')) {
        return refuse(r, "has a * behind the @: only \"*@**.example.org\" may");
    }
    buf_add_slice(&r->probe, local);
    buf_add_char(&r->probe, '@');
    TRY(probe_host(r, domain));
    TRY(check_probe(r, NAME_EMAIL, "is no e-mail address"));
    buf_add_slice(&r->out, local);
    buf_add_char(&r->out, '@');
    add_lower(r, domain);
    ret->shape = PATTERN_EXACT;
    return keep_out(r, ret);
}

/* ---- the public functions ---- */

static enum cb_code parse_kind(struct reading *r, enum name_kind kind, struct pattern *ret)
{
    TRY(check_kind(r, kind));
    switch (kind) {
    case NAME_DNS:
        return parse_dns(r, ret);
    case NAME_IP:
        return parse_ip(r, ret);
    case NAME_URI:
        return parse_uri(r, ret);
    case NAME_EMAIL:
        break;
    }
    return parse_email(r, ret);
}

enum cb_code pattern_parse(struct arena *arena, enum name_kind kind, struct slice text,
                           struct pattern *ret, struct cb_err *err)
{
    struct reading r = {.arena = arena, .text = text.ptr == NULL ? SLICE("") : text, .err = err};
    struct pattern p = {.kind = kind};
    if (text.len > NAME_TEXT_MAX) {
        return refuse(&r, "is too long");
    }
    buf_init(&r.probe, NAME_TEXT_MAX);
    buf_init(&r.out, NAME_TEXT_MAX);
    const enum cb_code code = parse_kind(&r, kind, &p);
    buf_free(&r.probe);
    buf_free(&r.out);
    if (code == CB_OK) {
        *ret = p;
    }
    return code;
}

enum cb_code pattern_parse_regex(struct arena *arena, enum name_kind kind, struct slice text,
                                 struct pattern *ret, struct regex **ret_regex, struct cb_err *err)
{
    if (kind == NAME_IP) {
        return cb_fail(err, CB_EINPUT,
                       "a regular expression cannot stand under ip: write a network, such as "
                       "10.20.0.0/16");
    }
    struct reading r = {.arena = arena, .text = text, .err = err};
    struct pattern p = {.kind = kind, .shape = PATTERN_REGEX};
    struct regex *regex = NULL;
    if (text.len > 0 && memmem(text.ptr, text.len, "${", 2) != NULL) {
        return refuse(&r, "is a regular expression, in which placeholders do not work");
    }
    TRY(regex_new(text, &regex, err));
    const enum cb_code code = keep(&r, text, &p);
    if (code != CB_OK) {
        regex_free(regex);
        return code;
    }
    p.regex = regex;
    *ret = p;
    *ret_regex = regex;
    return CB_OK;
}
