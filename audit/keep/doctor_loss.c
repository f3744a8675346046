/* doctor_loss.c - losses that somebody accepted: the log opens again, and is less than it was. */
#include "audit/keep/doctor_parts.h"

#include "audit/line.h"
#include "audit/read/reader.h"

#define LOSS_ARENA (64UL * 1024)
#define SHOWN_MAX 8U

struct losses {
    const struct doctor *d;
    size_t num;
};

static void say_loss(const struct losses *l, const struct line_info *info,
                     const struct audit_event *e)
{
    if (e->last_seq == UINT64_MAX) {
        doctor_say(l->d, DOCTOR_NOTE, NULL,
                   "records from %llu on were damaged or lost, and that was accepted, as record "
                   "%llu says, by %.*s: %.*s",
                   (unsigned long long)e->first_seq, (unsigned long long)info->seq, (int)e->by.len,
                   e->by.ptr, (int)e->note.len, e->note.ptr);
    } else {
        doctor_say(l->d, DOCTOR_NOTE, NULL,
                   "records that were numbered %llu to %llu were damaged or lost, and that was "
                   "accepted, as record %llu says, by %.*s: %.*s",
                   (unsigned long long)e->first_seq, (unsigned long long)e->last_seq,
                   (unsigned long long)info->seq, (int)e->by.len, e->by.ptr, (int)e->note.len,
                   e->note.ptr);
    }
}

static bool take(void *ctx, uint64_t seq, struct slice line)
{
    static const struct slice literal = {"\"type\":\"audit.loss\"", 19};
    struct losses *l = ctx;
    struct line_info info;
    struct arena arena;
    struct audit_event e;
    struct slice trunc;
    struct cb_err ignored;
    (void)seq;
    if (memmem(line.ptr, line.len, literal.ptr, literal.len) == NULL ||
        line_check(line, &info, &ignored) != CB_OK || info.type != AUDIT_LOSS) {
        return true;
    }
    const struct audit_line found = {
        .seq = info.seq, .ts_us = info.ts_us, .type = info.type, .body = info.body};
    arena_init(&arena, LOSS_ARENA);
    if (l->num < SHOWN_MAX && audit_line_decode(&found, &arena, &e, &trunc, &ignored) == CB_OK) {
        say_loss(l, &info, &e);
    }
    arena_free(&arena);
    l->num++;
    return true;
}

void doctor_losses(const struct doctor *d)
{
    struct losses l = {.d = d};
    struct cb_err ignored; /* what keeps the log from being read is said elsewhere */
    (void)!audit_walk(d->dir, 0, take, &l, &ignored);
    if (l.num > SHOWN_MAX) {
        doctor_say(d, DOCTOR_NOTE, NULL, "%zu losses were accepted in all", l.num);
    }
}
