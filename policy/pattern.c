/* pattern.c - see pattern.h. Compares canonical names with patterns, and patterns with each other;
 * decides nothing: which patterns count for whom is in decide.c. Reading patterns is in
 * pattern_parse.c. Only regular expressions allocate, for the time of a match. */
#include "policy/pattern.h"

#include "policy/glob.h"
#include "policy/placeholder.h"
#include "policy/policy.h"

static struct slice domain_of(struct slice email)
{
    const char *at = memchr(email.ptr, '@', email.len);
    CB_CHECK(at != NULL); /* name.c said it is an e-mail address */
    return slice_from(email, (size_t)(at - email.ptr) + 1);
}

/* ---- host names ---- */

/* wildcard_covered - "*." in front of something: are all its names the pattern's? */
static bool wildcard_covered(const struct host_glob *glob, const struct name *name)
{
    const struct host_glob names = {PATTERN_ONE, slice_from(name->text, 2)};
    return host_glob_within(&names, glob);
}

static bool dns_covers(const struct pattern *p, const struct name *name)
{
    const struct host_glob glob = {p->shape, p->text};
    return name_is_wildcard(name) ? wildcard_covered(&glob, name)
                                  : host_glob_fits(&glob, name->text);
}

static bool dns_touches(const struct pattern *p, const struct name *name)
{
    return p->shape == PATTERN_EXACT && name_is_wildcard(name)
               ? host_is_child(p->text, slice_from(name->text, 2))
               : dns_covers(p, name);
}

/* ---- addresses ---- */

/* same_net - the first bits bits of two addresses. */
static bool same_net(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    const size_t whole = bits / 8U;
    const unsigned rest = bits % 8U;
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) >> (8U - rest)) == 0);
}

static bool ip_fits(const struct pattern *p, const struct name *name)
{
    return p->ip_len == name->ip_len && same_net(p->ip, name->ip, p->bits);
}

/* ---- URIs ---- */

static bool uri_covers(const struct pattern *p, const struct name *name)
{
    return p->shape == PATTERN_GLOB ? uri_glob_fits(p->text, name->text)
                                    : slice_eq(p->text, name->text);
}

/* ---- e-mail addresses ---- */

/* email_domains - the domains of a pattern that is about everybody there. */
static struct host_glob email_domains(const struct pattern *p)
{
    return (struct host_glob){p->shape == PATTERN_ONE ? PATTERN_EXACT : p->shape, p->text};
}

static bool email_covers(const struct pattern *p, const struct name *name)
{
    if (p->shape == PATTERN_EXACT) {
        return slice_eq(p->text, name->text);
    }
    const struct host_glob domains = email_domains(p);
    return host_glob_fits(&domains, domain_of(name->text));
}

static bool email_touches(const struct pattern *p, const struct name *name)
{
    return p->shape == PATTERN_EXACT ? slice_eq_nocase(p->text, name->text) : email_covers(p, name);
}

/* ---- regular expressions ---- */

static bool regex_covers(const struct pattern *p, const struct name *name,
                         struct regex_effort *effort)
{
    if (p->kind == NAME_DNS) {
        return !name_is_wildcard(name) &&
               regex_match_nocase(p->regex, name->text, effort) == REGEX_FITS;
    }
    return regex_match(p->regex, name->text, effort) == REGEX_FITS;
}

/* regex_touches - in a deny rule what takes long counts as fitting. */
static bool regex_touches(const struct pattern *p, const struct name *name)
{
    if (name_is_wildcard(name)) {
        return true; /* whether one of all those names fits would take trying them all */
    }
    return regex_match_once(p->regex, name->text, p->kind != NAME_URI) != REGEX_FITS_NOT;
}

/* ---- the public functions ---- */

/* covers - kinds are the same, and there are no placeholders. */
static bool covers(const struct pattern *p, const struct name *name)
{
    switch (p->kind) {
    case NAME_DNS:
        return dns_covers(p, name);
    case NAME_IP:
        return ip_fits(p, name);
    case NAME_URI:
        return uri_covers(p, name);
    case NAME_EMAIL:
        return email_covers(p, name);
    }
    return false;
}

/* filled_covers - for the caller whose properties the placeholders stand for. Apart, so that only
 * these patterns pay for the buffer. */
__attribute__((noinline)) static bool
filled_covers(const struct pattern *p, const struct name *name, const struct policy_caller *caller)
{
    char buf[NAME_TEXT_MAX + 1];
    struct pattern filled = *p;
    return placeholder_fill(p->kind, p->text, caller, buf, &filled.text) && covers(&filled, name);
}

bool pattern_covers(const struct pattern *p, const struct name *name,
                    const struct policy_caller *caller)
{
    if (p->kind != name->kind) {
        return false;
    }
    if (p->shape == PATTERN_REGEX) {
        return regex_covers(p, name, caller == NULL ? NULL : caller->effort);
    }
    return p->has_placeholder ? filled_covers(p, name, caller) : covers(p, name);
}

bool pattern_touches(const struct pattern *p, const struct name *name)
{
    if (p->kind != name->kind || p->has_placeholder) {
        return false;
    }
    if (p->shape == PATTERN_REGEX) {
        return regex_touches(p, name);
    }
    switch (p->kind) {
    case NAME_DNS:
        return dns_touches(p, name);
    case NAME_IP:
        return ip_fits(p, name);
    case NAME_URI:
        return uri_covers(p, name);
    case NAME_EMAIL:
        return email_touches(p, name);
    }
    return false;
}

static bool ip_within(const struct pattern *inner, const struct pattern *outer)
{
    return inner->ip_len == outer->ip_len && inner->bits >= outer->bits &&
           same_net(inner->ip, outer->ip, outer->bits);
}

static bool email_within(const struct pattern *inner, const struct pattern *outer)
{
    if (outer->shape == PATTERN_EXACT) {
        return false; /* written the same is within, and that was asked before */
    }
    const struct host_glob out = email_domains(outer);
    const struct host_glob in = inner->shape == PATTERN_EXACT
                                    ? (struct host_glob){PATTERN_EXACT, domain_of(inner->text)}
                                    : email_domains(inner);
    return host_glob_within(&in, &out);
}

/* regex_within - at least one of the two is a regular expression. */
static bool regex_within(const struct pattern *inner, const struct pattern *outer)
{
    if (inner->shape == PATTERN_REGEX) {
        return outer->shape == PATTERN_ALL;
    }
    const struct name only = {.kind = inner->kind, .text = inner->text};
    return inner->shape == PATTERN_EXACT && !inner->has_placeholder &&
           pattern_covers(outer, &only, NULL);
}

bool pattern_within(const struct pattern *inner, const struct pattern *outer)
{
    if (inner->kind != outer->kind) {
        return false;
    }
    if (inner->kind == NAME_IP) {
        return ip_within(inner, outer);
    }
    if (inner->shape == outer->shape && slice_eq(inner->text, outer->text)) {
        return true;
    }
    if (inner->shape == PATTERN_REGEX || outer->shape == PATTERN_REGEX) {
        return regex_within(inner, outer);
    }
    if (inner->kind == NAME_URI) {
        return uri_glob_within(inner->text, outer->text);
    }
    if (inner->kind == NAME_EMAIL) {
        return email_within(inner, outer);
    }
    const struct host_glob in = {inner->shape, inner->text};
    const struct host_glob out = {outer->shape, outer->text};
    return host_glob_within(&in, &out);
}

bool pattern_matches_wildcards(const struct pattern *p)
{
    return p->kind == NAME_DNS && p->shape != PATTERN_EXACT && p->shape != PATTERN_REGEX;
}
