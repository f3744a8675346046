/* query_glob.c - see query.h: * and ? against a text. Not fnmatch: that has brackets, and a locale. */
#include "broker/review/query.h"

bool query_is_glob(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\') {
            i++;
        } else if (text.ptr[i] == '*' || text.ptr[i] == '?') {
            return true;
        }
    }
    return false;
}

static bool same(char a, char b, enum glob_case letters)
{
    return letters == GLOB_ANY_CASE ? ascii_lower(a) == ascii_lower(b) : a == b;
}

/* literal_at - does the glob stand for one character here, and which? *ret_len: bytes of the glob. */
static bool literal_at(struct slice glob, size_t at, char *ret, size_t *ret_len)
{
    if (at >= glob.len || glob.ptr[at] == '*') {
        return false;
    }
    const bool escaped = glob.ptr[at] == '\\' && at + 1 < glob.len;
    *ret = glob.ptr[at + (escaped ? 1 : 0)];
    *ret_len = escaped ? 2 : 1;
    return true;
}

bool query_glob(struct slice glob, struct slice text, enum glob_case letters)
{
    size_t g = 0;
    size_t t = 0;
    size_t star = SIZE_MAX; /* behind the last star ... */
    size_t from = 0;        /* ... and what it has not taken yet */
    while (t < text.len) {
        char wanted = 0;
        size_t len = 0;
        if (literal_at(glob, g, &wanted, &len) &&
            ((len == 1 && wanted == '?') || same(wanted, text.ptr[t], letters))) {
            g += len;
            t++;
        } else if (g < glob.len && glob.ptr[g] == '*') {
            star = ++g;
            from = t;
        } else if (star != SIZE_MAX) {
            g = star;
            t = ++from;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.ptr[g] == '*') {
        g++;
    }
    return g == glob.len;
}
