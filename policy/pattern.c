/* pattern.c - see pattern.h. Compares canonical names with patterns; allocates nothing, and decides
 * nothing: which patterns count for whom is in decide.c. Reading patterns is in pattern_parse.c. */
#include "policy/pattern.h"

static struct slice slice_from(struct slice s, size_t start)
{
    return (struct slice){s.ptr + start, s.len - start};
}

static size_t find_byte(struct slice s, char byte)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

/* is_below - name is one or more labels in front of base. */
static bool is_below(struct slice name, struct slice base)
{
    return name.len > base.len + 1 && slice_has_suffix(name, base) &&
           name.ptr[name.len - base.len - 1] == '.';
}

static bool is_child(struct slice name, struct slice base)
{
    return is_below(name, base) && find_byte(name, '.') == name.len - base.len - 1;
}

/* host_fits - a name without a wildcard against a shape. */
static bool host_fits(enum pattern_shape shape, struct slice base, struct slice host)
{
    switch (shape) {
    case PATTERN_EXACT:
        return slice_eq(host, base);
    case PATTERN_ONE:
        return is_child(host, base);
    case PATTERN_MANY:
        return is_below(host, base);
    case PATTERN_NET:
    case PATTERN_GLOB:
        break;
    }
    return false;
}

/* wildcard_covered - "*." in front of parent: are all its names the pattern's? */
static bool wildcard_covered(const struct pattern *p, struct slice parent)
{
    return (p->shape == PATTERN_ONE && slice_eq(parent, p->text)) ||
           (p->shape == PATTERN_MANY && (slice_eq(parent, p->text) || is_below(parent, p->text)));
}

static bool dns_covers(const struct pattern *p, const struct name *name)
{
    return name_is_wildcard(name) ? wildcard_covered(p, slice_from(name->text, 2))
                                  : host_fits(p->shape, p->text, name->text);
}

static bool dns_touches(const struct pattern *p, const struct name *name)
{
    if (!name_is_wildcard(name)) {
        return host_fits(p->shape, p->text, name->text);
    }
    const struct slice parent = slice_from(name->text, 2);
    return p->shape == PATTERN_EXACT ? is_child(p->text, parent) : wildcard_covered(p, parent);
}

static bool ip_fits(const struct pattern *p, const struct name *name)
{
    if (p->ip_len != name->ip_len) {
        return false;
    }
    const size_t whole = p->bits / 8U;
    const unsigned rest = p->bits % 8U;
    if (memcmp(p->ip, name->ip, whole) != 0) {
        return false;
    }
    return rest == 0 || ((p->ip[whole] ^ name->ip[whole]) >> (8U - rest)) == 0;
}

/* take_segment - the first segment of a path that begins with a slash; *path moves behind it. */
static struct slice take_segment(struct slice *path)
{
    const struct slice inner = slice_from(*path, 1);
    const size_t end = find_byte(inner, '/');
    *path = slice_from(inner, end);
    return (struct slice){inner.ptr, end};
}

static bool path_fits(struct slice pattern, struct slice path)
{
    while (pattern.len > 0) {
        const struct slice wanted = take_segment(&pattern);
        if (path.len == 0) {
            return false;
        }
        if (slice_eq(wanted, SLICE("**"))) {
            return true; /* only ever the last segment, and there is one or more left */
        }
        const struct slice segment = take_segment(&path);
        if (!slice_eq(wanted, SLICE("*")) && !slice_eq(wanted, segment)) {
            return false;
        }
    }
    return path.len == 0;
}

/* take_host - the bytes in front of the first slash (or all); *s is left at the slash. */
static struct slice take_host(struct slice *s)
{
    const struct slice host = {s->ptr, find_byte(*s, '/')};
    *s = slice_from(*s, host.len);
    return host;
}

static bool uri_glob_fits(struct slice pattern, struct slice uri)
{
    const size_t scheme_len = find_byte(pattern, ':') + 3; /* with the "://" */
    if (uri.len <= scheme_len || memcmp(uri.ptr, pattern.ptr, scheme_len) != 0) {
        return false;
    }
    pattern = slice_from(pattern, scheme_len);
    uri = slice_from(uri, scheme_len);
    struct slice base = take_host(&pattern);
    const struct slice host = take_host(&uri);
    enum pattern_shape shape = PATTERN_EXACT;
    if (slice_has_prefix(base, SLICE("**."))) {
        shape = PATTERN_MANY;
        base = slice_from(base, 3);
    } else if (slice_has_prefix(base, SLICE("*."))) {
        shape = PATTERN_ONE;
        base = slice_from(base, 2);
    }
    return host_fits(shape, base, host) && path_fits(pattern, uri);
}

static bool uri_fits(const struct pattern *p, const struct name *name)
{
    return p->shape == PATTERN_GLOB ? uri_glob_fits(p->text, name->text)
                                    : slice_eq(p->text, name->text);
}

static bool email_covers(const struct pattern *p, const struct name *name)
{
    if (p->shape == PATTERN_EXACT) {
        return slice_eq(p->text, name->text);
    }
    return slice_eq(slice_from(name->text, find_byte(name->text, '@') + 1), p->text);
}

static bool email_touches(const struct pattern *p, const struct name *name)
{
    return p->shape == PATTERN_EXACT ? slice_eq_nocase(p->text, name->text) : email_covers(p, name);
}

bool pattern_covers(const struct pattern *p, const struct name *name)
{
    if (p->kind != name->kind) {
        return false;
    }
    switch (p->kind) {
    case NAME_DNS:
        return dns_covers(p, name);
    case NAME_IP:
        return ip_fits(p, name);
    case NAME_URI:
        return uri_fits(p, name);
    case NAME_EMAIL:
        return email_covers(p, name);
    }
    return false;
}

bool pattern_touches(const struct pattern *p, const struct name *name)
{
    if (p->kind != name->kind) {
        return false;
    }
    switch (p->kind) {
    case NAME_DNS:
        return dns_touches(p, name);
    case NAME_IP:
        return ip_fits(p, name);
    case NAME_URI:
        return uri_fits(p, name);
    case NAME_EMAIL:
        return email_touches(p, name);
    }
    return false;
}

bool pattern_matches_wildcards(const struct pattern *p)
{
    return p->kind == NAME_DNS && p->shape != PATTERN_EXACT;
}
