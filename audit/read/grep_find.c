/* grep_find.c - see grep_find.h. Each text is looked for once over the block, however many lines others
 * were found in. */
#include "audit/read/grep_find.h"

/* find_escape - \u or \/: any printable character may be spelled so. What our own writer spells \u is not
 * printable. */
static const char *find_escape(const char *at, const char *end)
{
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        if (backslash == NULL || backslash + 1 >= end) {
            return end;
        }
        if (backslash[1] == 'u' || backslash[1] == '/') {
            return backslash;
        }
        at = backslash + 2;
    }
    return end;
}

static const char *find(const struct grep_find *f, size_t i, const char *at)
{
    if (i == f->num) {
        return find_escape(at, f->end);
    }
    const char *found = memmem(at, (size_t)(f->end - at), f->literals[i].ptr, f->literals[i].len);
    return found == NULL ? f->end : found;
}

void grep_find_begin(struct grep_find *f, const struct slice *literals, size_t num,
                     struct slice block)
{
    f->literals = literals;
    f->num = num;
    f->end = block.ptr + block.len;
    for (size_t i = 0; i <= num; i++) {
        f->next[i] = NULL; /* not looked for yet */
    }
}

const char *grep_find_from(struct grep_find *f, const char *at)
{
    const char *first = f->end;
    for (size_t i = 0; i <= f->num; i++) {
        if (f->next[i] == NULL || f->next[i] < at) {
            f->next[i] = find(f, i, at);
        }
        first = f->next[i] < first ? f->next[i] : first;
    }
    return first == f->end ? NULL : first;
}
