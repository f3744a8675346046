/* findings.c - see findings.h. Does not print; the list is bounded, the count is not. */
#include "audit/verify/findings.h"

#include <stdio.h>

void findings_init(struct findings *f)
{
    *f = (struct findings){.num = 0};
    CB_CHECK(pthread_mutex_init(&f->mutex, NULL) == 0);
}

void findings_free(struct findings *f)
{
    (void)pthread_mutex_destroy(&f->mutex);
}

/* comes_before - single records in their order, then the rest by what it says about records. */
static bool comes_before(const struct verify_finding *a, const struct verify_finding *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind;
    }
    if (a->seq != b->seq) {
        return a->seq < b->seq;
    }
    return a->line < b->line;
}

static void insert(struct findings *f, const struct verify_finding *found)
{
    size_t at = f->num;
    while (at > 0 && comes_before(found, &f->list[at - 1])) {
        at--;
    }
    if (at == VERIFY_FINDINGS_MAX) {
        return;
    }
    const size_t last = f->num < VERIFY_FINDINGS_MAX ? f->num : VERIFY_FINDINGS_MAX - 1;
    memmove(&f->list[at + 1], &f->list[at], (last - at) * sizeof(f->list[0]));
    f->list[at] = *found;
    f->num = last + 1;
}

void findings_add(struct findings *f, struct verify_finding found, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(found.what, sizeof(found.what), fmt, args);
    va_end(args);
    (void)pthread_mutex_lock(&f->mutex);
    f->total++;
    insert(f, &found);
    (void)pthread_mutex_unlock(&f->mutex);
}

void findings_notice(struct findings *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)pthread_mutex_lock(&f->mutex);
    if (f->num_notices < VERIFY_NOTICES_MAX) {
        char *out = f->notices[f->num_notices++];
        (void)vsnprintf(out, VERIFY_TEXT_MAX, fmt, args);
    }
    (void)pthread_mutex_unlock(&f->mutex);
    va_end(args);
}

void findings_newer(struct findings *f, struct verify_finding found, const char *what)
{
    (void)snprintf(found.what, sizeof(found.what), "%s", what);
    (void)pthread_mutex_lock(&f->mutex);
    if (f->num_newer++ == 0 || found.seq < f->newer.seq) {
        f->newer = found;
    }
    (void)pthread_mutex_unlock(&f->mutex);
}
