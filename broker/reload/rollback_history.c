/* rollback_history.c - see rollback_history.h. Believes the records of policy.load and broker.start;
 * whether the bytes of those policies are still kept is not looked at here. */
#include "broker/reload/rollback_history.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_ARENA_MAX (256U << 10)
#define LATELY_US (INT64_C(30) * 86400 * 1000000)
#define FIRST_LOOK_US (INT64_C(3600) * 1000000)
#define PREFIX_MIN 8U

/* push - at the end; false: no memory. */
static bool push(struct rollback_step **items, size_t *num, size_t *room,
                 const struct rollback_step *step)
{
    if (*num == *room) {
        const size_t more = *room == 0 ? 16 : *room * 2;
        struct rollback_step *grown = realloc(*items, more * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        *items = grown;
        *room = more;
    }
    (*items)[(*num)++] = *step;
    return true;
}

/* cut_back - to where this policy was in force before; to nothing if that is not known. */
static void cut_back(struct rollback_history *h, const char *sha256)
{
    while (h->num > 0 && strcmp(h->steps[h->num - 1].sha256, sha256) != 0) {
        h->num--;
    }
}

void rollback_history_add(struct rollback_history *h, struct slice sha256, int64_t ts_us,
                          bool is_rollback)
{
    struct rollback_step step = {.since_us = ts_us};
    if (sha256.len != SHA256_HEX_LEN) {
        return;
    }
    memcpy(step.sha256, sha256.ptr, SHA256_HEX_LEN);
    if (h->num_all == 0 || strcmp(h->all[h->num_all - 1].sha256, step.sha256) != 0) {
        h->no_memory |= !push(&h->all, &h->num_all, &h->room_all, &step);
    }
    if (is_rollback) {
        cut_back(h, step.sha256);
    }
    if (h->num == 0 || strcmp(h->steps[h->num - 1].sha256, step.sha256) != 0) {
        h->no_memory |= !push(&h->steps, &h->num, &h->room, &step);
    }
}

struct reading {
    struct rollback_history *history;
    struct arena arena;
    enum cb_code code;
    struct cb_err *err;
};

static bool on_line(void *ctx, const struct audit_line *line)
{
    struct reading *r = ctx;
    struct audit_event event;
    struct slice trunc;
    if (line->type != AUDIT_POLICY_LOAD && line->type != AUDIT_BROKER_START) {
        return true;
    }
    arena_init(&r->arena, LINE_ARENA_MAX);
    r->code = audit_line_decode(line, &r->arena, &event, &trunc, r->err);
    if (r->code == CB_OK) {
        rollback_history_add(r->history, event.policy_sha256, line->ts_us,
                             slice_has_prefix(event.forced, SLICE(ROLLBACK_MARK)));
    }
    arena_free(&r->arena);
    return r->code == CB_OK && !r->history->no_memory;
}

static enum cb_code read_span(const char *audit_dir, int64_t since_us, int64_t until_us,
                              struct rollback_history *ret, struct cb_err *err)
{
    struct reading r = {.history = ret, .err = err};
    enum cb_code code = audit_walk_span(audit_dir, since_us, until_us, on_line, &r, err);
    code = code == CB_OK ? r.code : code;
    if (code == CB_OK && ret->no_memory) {
        code = cb_fail(err, CB_ENOMEM, "out of memory");
    }
    if (code != CB_OK) {
        rollback_history_free(ret);
    }
    return code;
}

enum cb_code rollback_history_read(const char *audit_dir, int64_t now_us,
                                   struct rollback_history *ret, struct cb_err *err)
{
    struct rollback_history h = {.num = 0};
    TRY(read_span(audit_dir, now_us - LATELY_US, INT64_MAX, &h, err));
    if (h.num < 2) {
        rollback_history_free(&h);
        TRY(read_span(audit_dir, 0, INT64_MAX, &h, err));
    }
    *ret = h;
    return CB_OK;
}

enum cb_code rollback_history_last(const char *audit_dir, int64_t now_us,
                                   char ret[SHA256_HEX_LEN + 1], struct cb_err *err)
{
    int64_t until_us = INT64_MAX;
    int64_t back_us = FIRST_LOOK_US;
    ret[0] = '\0';
    while (until_us > 0 && ret[0] == '\0') {
        struct rollback_history h = {.num = 0};
        const int64_t since_us = back_us < now_us ? now_us - back_us : 0;
        TRY(read_span(audit_dir, since_us, until_us, &h, err));
        if (h.num_all > 0) {
            (void)snprintf(ret, SHA256_HEX_LEN + 1, "%s", h.all[h.num_all - 1].sha256);
        }
        rollback_history_free(&h);
        until_us = since_us;
        back_us = back_us < now_us ? back_us * 2 : back_us;
    }
    return CB_OK;
}

enum cb_code rollback_history_find(const struct rollback_history *h, struct slice prefix,
                                   const struct rollback_step **ret, struct cb_err *err)
{
    const struct rollback_step *found = NULL;
    if (prefix.len < PREFIX_MIN) {
        return cb_fail(err, CB_EINPUT, "give at least the first %u digits of the policy's sha256",
                       PREFIX_MIN);
    }
    for (size_t i = h->num_all; i > 0; i--) {
        const struct rollback_step *step = &h->all[i - 1];
        if (!slice_has_prefix(slice_of(step->sha256), prefix)) {
            continue;
        }
        if (found != NULL && strcmp(found->sha256, step->sha256) != 0) {
            return cb_fail(err, CB_EINPUT, "%.*s fits more than one policy: %.12s and %.12s",
                           (int)prefix.len, prefix.ptr, found->sha256, step->sha256);
        }
        found = found == NULL ? step : found;
    }
    if (found == NULL) {
        return cb_fail(err, CB_EINPUT,
                       "no policy with sha256 %.*s was in force, says the audit log",
                       (int)prefix.len, prefix.ptr);
    }
    *ret = found;
    return CB_OK;
}

void rollback_history_free(struct rollback_history *h)
{
    free(h->steps);
    free(h->all);
    *h = (struct rollback_history){.num = 0};
}
