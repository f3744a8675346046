/* glob.c - see glob.h. All texts are canonical, as pattern_parse.c and name.c leave them: that is
 * what makes comparing bytes enough. */
#include "policy/glob.h"
#include "policy/placeholder.h"

struct uri_glob {
    struct slice scheme; /* with its "://" */
    struct slice host;
    struct slice path; /* empty, or begins with a slash */
};

/* ---- hosts ---- */

size_t label_len(struct slice host)
{
    const size_t skipped = placeholder_len(host);
    return skipped + slice_find(slice_from(host, skipped), '.');
}

/* is_below - host is one or more labels in front of base. */
static bool is_below(struct slice host, struct slice base)
{
    return host.len > base.len + 1 && slice_has_suffix(host, base) &&
           host.ptr[host.len - base.len - 1] == '.';
}

bool host_is_child(struct slice host, struct slice base)
{
    return is_below(host, base) && label_len(host) == host.len - base.len - 1;
}

/* is_address - of a canonical host: no other ends in a number. */
static bool is_address(struct slice host)
{
    const char *dot = memrchr(host.ptr, '.', host.len);
    return dot != NULL && name_is_number(slice_from(host, (size_t)(dot - host.ptr) + 1));
}

struct host_glob host_glob_of(struct slice text)
{
    if (slice_eq(text, SLICE("**"))) {
        return (struct host_glob){PATTERN_ALL, SLICE("")};
    }
    if (slice_has_prefix(text, SLICE("**."))) {
        return (struct host_glob){PATTERN_MANY, slice_from(text, 3)};
    }
    if (slice_has_prefix(text, SLICE("*."))) {
        return (struct host_glob){PATTERN_ONE, slice_from(text, 2)};
    }
    return (struct host_glob){PATTERN_EXACT, text};
}

bool host_glob_fits(const struct host_glob *glob, struct slice host)
{
    const struct host_glob exact = {PATTERN_EXACT, host};
    return host_glob_within(&exact, glob);
}

bool host_glob_within(const struct host_glob *inner, const struct host_glob *outer)
{
    const bool same_base = slice_eq(inner->base, outer->base);
    switch (outer->shape) {
    case PATTERN_EXACT:
        return inner->shape == PATTERN_EXACT && same_base;
    case PATTERN_ONE:
        return (inner->shape == PATTERN_ONE && same_base) ||
               (inner->shape == PATTERN_EXACT && host_is_child(inner->base, outer->base));
    case PATTERN_MANY:
        return inner->shape != PATTERN_ALL &&
               ((inner->shape != PATTERN_EXACT && same_base) || is_below(inner->base, outer->base));
    case PATTERN_ALL:
        return inner->shape != PATTERN_EXACT || !is_address(inner->base);
    case PATTERN_NET:
    case PATTERN_GLOB:
    case PATTERN_REGEX:
        break;
    }
    return false;
}

/* ---- URIs ---- */

static struct uri_glob split_uri(struct slice text)
{
    const size_t scheme = slice_find(text, ':') + 3;
    const struct slice rest = slice_from(text, scheme);
    const size_t host = slice_find(rest, '/');
    return (struct uri_glob){
        {text.ptr, scheme},
        {rest.ptr, host},
        slice_from(rest, host),
    };
}

/* take_segment - the first segment of a path that begins with a slash; *path moves behind it. */
static struct slice take_segment(struct slice *path)
{
    const struct slice inner = slice_from(*path, 1);
    const size_t end = slice_find(inner, '/');
    *path = slice_from(inner, end);
    return (struct slice){inner.ptr, end};
}

/* path_within - a path without stars is within what it fits. */
static bool path_within(struct slice inner, struct slice outer)
{
    while (outer.len > 0) {
        const struct slice wanted = take_segment(&outer);
        if (inner.len == 0) {
            return false;
        }
        if (slice_eq(wanted, SLICE("**"))) {
            return true; /* only ever the last segment, and inner has one or more left */
        }
        const struct slice segment = take_segment(&inner);
        if (slice_eq(segment, SLICE("**")) ||
            (!slice_eq(wanted, SLICE("*")) && !slice_eq(wanted, segment))) {
            return false;
        }
    }
    return inner.len == 0;
}

bool uri_glob_within(struct slice inner, struct slice outer)
{
    const struct uri_glob in = split_uri(inner);
    const struct uri_glob out = split_uri(outer);
    const struct host_glob in_host = host_glob_of(in.host);
    const struct host_glob out_host = host_glob_of(out.host);
    return slice_eq(in.scheme, out.scheme) && host_glob_within(&in_host, &out_host) &&
           path_within(in.path, out.path);
}

bool uri_glob_fits(struct slice glob, struct slice uri)
{
    return uri_glob_within(uri, glob); /* a name has no stars */
}
