/* pattern_parse.c - see pattern.h. Reads a pattern, and for the usual mistakes says what was
 * probably meant. Everything around the stars is checked by name.c, so that a pattern can never
 * hold what no canonical name could equal. */
#include "broker/base/buf.h"
#include "policy/pattern.h"

#include <arpa/inet.h>
#include <stdio.h>

struct reading {
    struct arena *arena;
    struct slice text; /* as the admin wrote it */
    char quoted[NAME_QUOTE_SIZE];
    struct cb_err *err;
};

static struct slice slice_from(struct slice s, size_t start)
{
    return (struct slice){s.ptr + start, s.len - start};
}

static size_t find_byte(struct slice s, char byte)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

static enum cb_code refuse(struct reading *r, const char *why)
{
    return cb_fail(r->err, CB_EINPUT, "\"%s\" %s", name_quote(r->text, r->quoted), why);
}

static enum cb_code keep(struct reading *r, struct slice text, struct pattern *ret)
{
    ret->text = arena_slice(r->arena, text);
    return ret->text.ptr == NULL ? cb_fail(r->err, CB_ENOMEM, "out of memory") : CB_OK;
}

enum name_kind pattern_classify(struct slice text)
{
    const size_t slash = find_byte(text, '/');
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
    return cb_fail(r->err, CB_EINPUT, "\"%s\" looks like %s: put it under %s:, or mend it to be %s",
                   name_quote(r->text, r->quoted), what[kind], name_kind_word(kind), what[wanted]);
}

/* parse_host - a dns pattern into shape and base; base is left in out. */
static enum cb_code parse_host(struct reading *r, struct slice text, char out[NAME_TEXT_MAX + 1],
                               enum pattern_shape *ret_shape, struct name *ret_base)
{
    enum pattern_shape shape = PATTERN_EXACT;
    if (slice_has_prefix(text, SLICE("**."))) {
        shape = PATTERN_MANY;
        text = slice_from(text, 3);
    } else if (slice_has_prefix(text, SLICE("*."))) {
        shape = PATTERN_ONE;
        text = slice_from(text, 2);
    }
    if (slice_eq(text, SLICE("*")) || slice_eq(text, SLICE("**"))) {
        return refuse(r, "would be every name there is: name the domain, as in \"**.example.org\"");
    }
    if (slice_has_byte(text, '*')) {
        return refuse(r, shape == PATTERN_ONE && slice_has_prefix(text, SLICE("*"))
                             ? "has more than one *: \"**.\" in front stands for one or more labels"
                             : "has a * that is not the whole first label: write \"*.\" for one "
                               "label or \"**.\" for one or more, in front only");
    }
    if (slice_has_prefix(text, SLICE("."))) {
        return refuse(r,
                      "begins with a dot: write \"*.\" for one label or \"**.\" for one or more");
    }
    if (name_classify(text) != NAME_DNS) {
        return refuse(r, "is no host name with * in front");
    }
    TRY(name_parse_into(text, out, ret_base, r->err));
    *ret_shape = shape;
    return CB_OK;
}

static enum cb_code parse_dns(struct reading *r, struct pattern *ret)
{
    char buf[NAME_TEXT_MAX + 1];
    struct name base = {0};
    TRY(parse_host(r, r->text, buf, &ret->shape, &base));
    return keep(r, base.text, ret);
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
    const size_t slash = find_byte(r->text, '/');
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

/* probe_path - the path with an x for every star segment, so that name.c can check the rest. */
static enum cb_code probe_path(struct reading *r, struct slice path, struct buf *probe)
{
    while (path.len > 0) {
        path = slice_from(path, 1);
        const struct slice segment = {path.ptr, find_byte(path, '/')};
        path = slice_from(path, segment.len);
        const bool many = slice_eq(segment, SLICE("**"));
        if (many && path.len > 0) {
            return refuse(r, "has a ** in the middle: it may only be the last path segment");
        }
        const bool stars = many || slice_eq(segment, SLICE("*"));
        if (!stars && slice_has_byte(segment, '*')) {
            return refuse(r, "has a * inside a path segment: it stands for a whole one");
        }
        buf_add_char(probe, '/');
        buf_add_slice(probe, stars ? SLICE("x") : segment);
    }
    return CB_OK;
}

/* requote - a complaint about the probe, with the text that the admin wrote in front. */
static enum cb_code requote(struct reading *r)
{
    const struct cb_err inner = *r->err;
    return cb_fail(r->err, CB_EINPUT, "\"%s\" is no good pattern: %s",
                   name_quote(r->text, r->quoted), inner.msg);
}

/* parse_uri_into - checks the pattern with the help of probe and out, and gives its canonical
 * text: scheme and host pattern in lower case, the path as written. */
static enum cb_code parse_uri_into(struct reading *r, struct buf *probe, struct buf *out,
                                   struct pattern *ret)
{
    const char *at = memmem(r->text.ptr, r->text.len, "://", 3);
    CB_CHECK(at != NULL); /* pattern_classify said it is a URI */
    const struct slice scheme = {r->text.ptr, (size_t)(at - r->text.ptr) + 3};
    const struct slice rest = slice_from(r->text, scheme.len);
    const struct slice host = {rest.ptr, find_byte(rest, '/')};
    const struct slice path = slice_from(rest, host.len);
    buf_add_slice(probe, scheme);
    if (slice_has_byte(host, '*')) {
        char name_buf[NAME_TEXT_MAX + 1];
        struct name base = {0};
        enum pattern_shape shape = PATTERN_EXACT;
        TRY(parse_host(r, host, name_buf, &shape, &base));
        buf_add_slice(probe, base.text);
    } else {
        buf_add_slice(probe, host);
    }
    TRY(probe_path(r, path, probe));
    if (!buf_ok(probe)) {
        return refuse(r, "is too long");
    }
    char checked[NAME_TEXT_MAX + 1];
    struct name name = {0};
    if (name_parse_into(buf_slice(probe), checked, &name, r->err) != CB_OK) {
        return requote(r);
    }
    for (size_t i = 0; i < scheme.len + host.len; i++) {
        buf_add_char(out, ascii_lower(r->text.ptr[i]));
    }
    buf_add_slice(out, path);
    if (!buf_ok(out)) {
        return refuse(r, "is too long");
    }
    ret->shape = slice_has_byte(r->text, '*') ? PATTERN_GLOB : PATTERN_EXACT;
    return keep(r, buf_slice(out), ret);
}

static enum cb_code parse_uri(struct reading *r, struct pattern *ret)
{
    struct buf probe;
    struct buf out;
    buf_init(&probe, NAME_TEXT_MAX);
    buf_init(&out, NAME_TEXT_MAX);
    const enum cb_code code = parse_uri_into(r, &probe, &out, ret);
    buf_free(&probe);
    buf_free(&out);
    return code;
}

/* ---- e-mail addresses ---- */

static enum cb_code parse_email(struct reading *r, struct pattern *ret)
{
    char buf[NAME_TEXT_MAX + 1];
    struct name name = {0};
    if (!slice_has_prefix(r->text, SLICE("*@"))) {
        if (slice_has_byte(r->text, '*')) {
            return refuse(r, "has a * that is not all there is in front of the @");
        }
        TRY(name_parse_into(r->text, buf, &name, r->err));
        ret->shape = PATTERN_EXACT;
        return keep(r, name.text, ret);
    }
    const struct slice domain = slice_from(r->text, 2);
    if (slice_has_byte(domain, '*') || name_classify(domain) != NAME_DNS) {
        return refuse(r, "must name one mail domain behind the @");
    }
    TRY(name_parse_into(domain, buf, &name, r->err));
    ret->shape = PATTERN_ONE;
    return keep(r, name.text, ret);
}

enum cb_code pattern_parse(struct arena *arena, enum name_kind kind, struct slice text,
                           struct pattern *ret, struct cb_err *err)
{
    struct reading r = {.arena = arena, .text = text, .err = err};
    struct pattern p = {.kind = kind};
    if (text.len > NAME_TEXT_MAX) {
        return refuse(&r, "is too long");
    }
    TRY(check_kind(&r, kind));
    enum cb_code code = CB_EINTERNAL;
    switch (kind) {
    case NAME_DNS:
        code = parse_dns(&r, &p);
        break;
    case NAME_IP:
        code = parse_ip(&r, &p);
        break;
    case NAME_URI:
        code = parse_uri(&r, &p);
        break;
    case NAME_EMAIL:
        code = parse_email(&r, &p);
        break;
    }
    if (code == CB_OK) {
        *ret = p;
    }
    return code;
}
