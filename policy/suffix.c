/* suffix.c - see suffix.h. Asks libpsl's built-in list and reads no file. It does not find every
 * name above an entry of the list: amazonaws.com belongs to one owner, whatever is listed below. */
#include "policy/suffix.h"
#include "policy/placeholder.h"

#include <libpsl.h>

/* fixed_part - what is to the right of the last placeholder and its dot. */
static struct slice fixed_part(struct slice host)
{
    const char *end = host.len == 0 ? NULL : memrchr(host.ptr, '}', host.len);
    if (end == NULL) {
        return host;
    }
    const size_t used = (size_t)(end - host.ptr) + 1;
    return slice_from(host, used < host.len ? used + 1 : used);
}

/* is_at_suffix - host is canonical and has no stars. */
static bool is_at_suffix(struct slice host)
{
    static const char below[] = "0-0."; /* a label that no entry spells out */
    char text[sizeof(below) + NAME_TEXT_MAX];
    const struct slice fixed = fixed_part(host);
    if (fixed.len == 0 || fixed.len > NAME_TEXT_MAX) {
        return true;
    }
    memcpy(text, below, sizeof(below) - 1);
    memcpy(text + sizeof(below) - 1, fixed.ptr, fixed.len);
    text[sizeof(below) - 1 + fixed.len] = '\0';
    const psl_ctx_t *list = psl_builtin();
    return psl_is_public_suffix2(list, text + sizeof(below) - 1, PSL_TYPE_ANY) != 0 ||
           psl_is_public_suffix2(list, text, PSL_TYPE_ANY) != 0; /* directly above a wildcard */
}

/* Names that are nobody's: an expression that fits one of them was not written for one domain. */
static const char *const strangers[NAME_KIND_COUNT][12] = {
    [NAME_DNS] = {"qxz", "qxz.com", "x1.com", "www.qxz.com", "x-1.qxz.net", "a.b.qxz.org",
                  "qxz.co.uk", "www.qxz.io", "qxz.internal", "x1.qxz.internal", "qxz.local",
                  "x-1.qxz.local"},
    [NAME_URI] = {"https://qxz.com", "https://qxz.com/x", "https://www.qxz.net/x/y/z",
                  "https://qxz.internal/x", "spiffe://qxz", "spiffe://qxz/x",
                  "spiffe://qxz.com/ns/x/sa/y", "spiffe://qxz.internal", "spiffe://qxz.internal/x",
                  "spiffe://qxz.internal/ns/x/sa/y", "spiffe://x1.qxz.local/x/y",
                  "urn://qxz.org/x"},
    [NAME_EMAIL] = {"qxz@qxz.com", "x.y@qxz.net", "x1@www.qxz.org", "root@qxz.co.uk",
                    "admin@qxz.internal", "qxz@x1.qxz.internal", "root@qxz", "info@qxz.local",
                    "qxz@qxz.io"},
};

static bool fits_a_stranger(const struct pattern *p)
{
    for (size_t i = 0; i < sizeof(strangers[0]) / sizeof(strangers[0][0]); i++) {
        const char *text = strangers[p->kind][i];
        const struct name name = {.kind = p->kind, .text = slice_of(text)};
        if (text != NULL && pattern_touches(p, &name)) {
            return true;
        }
    }
    return false;
}

static struct slice uri_host(struct slice uri)
{
    const struct slice rest = slice_from(uri, slice_find(uri, ':') + 3);
    return (struct slice){rest.ptr, slice_find(rest, '/')};
}

static bool uri_is_broad(struct slice uri)
{
    const struct slice host = uri_host(uri);
    const char *star = memrchr(host.ptr, '*', host.len);
    if (star == NULL) {
        return slice_has_byte(host, '$') && is_at_suffix(host);
    }
    const size_t behind = (size_t)(star - host.ptr) + 1; /* "." or nothing */
    return behind == host.len || is_at_suffix(slice_from(host, behind + 1));
}

bool suffix_is_broad(const struct pattern *p)
{
    if (p->shape == PATTERN_REGEX) {
        return fits_a_stranger(p);
    }
    switch (p->kind) {
    case NAME_IP:
        return false;
    case NAME_DNS:
        return p->shape == PATTERN_ALL || is_at_suffix(p->text);
    case NAME_URI:
        return uri_is_broad(p->text);
    case NAME_EMAIL:
        break;
    }
    const size_t at = p->shape == PATTERN_EXACT ? slice_find(p->text, '@') + 1 : 0;
    return is_at_suffix(slice_from(p->text, at));
}
