/* order_check.c - see order_check.h. Writes nothing. */
#include "broker/server/order_check.h"

#include "audit/read/reader.h"
#include "broker/base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#define ARENA_MAX (256UL * 1024)

bool order_is_prune(const struct control_order *what)
{
    return strcmp(what->type, "segment.prune") == 0;
}

bool order_check_is_needed(const struct control_order *what)
{
    return order_is_prune(what) || what->ref[0] != '\0' || what->cert_ref[0] != '\0';
}

static uint64_t number_of(const char *text)
{
    uint64_t value = 0;
    (void)slice_to_u64(slice_of(text), &value); /* it was checked */
    return value;
}

/* ---- pruning ---- */

/* check_plan - may all go that was asked for, and is it what whoever asked has seen? */
static enum cb_code check_plan(const struct control_order *what, const struct prune_plan *plan,
                               struct cb_err *err)
{
    const uint64_t last = number_of(what->last_segment);
    if (plan->num == 0 || plan->last_segment != last) {
        return cb_fail(err, CB_EINPUT, "segments up to %llu may not be pruned: %s",
                       (unsigned long long)last, plan->why);
    }
    if (plan->size != number_of(what->tree_size) || strcmp(plan->root, what->root) != 0) {
        return cb_fail(
            err, CB_EINPUT,
            "tree_size, root: the broker finds %llu records there, with the root %.16s..: "
            "is that another log?",
            (unsigned long long)plan->size, plan->root);
    }
    return CB_OK;
}

static enum cb_code check_prune(struct order_check *c, struct cb_err *err)
{
    const struct control_order *what = &c->what;
    const bool has_archive = what->archive[0] != '\0';
    struct cb_err why = {0};
    if (!has_archive && c->archive_to != NULL) {
        return cb_fail(err, CB_EINPUT,
                       "archive: is missing: what is to go has to be in %.200s, which "
                       "audit.archive_to names",
                       c->archive_to);
    }
    const struct prune_options options = {.dir = c->dir,
                                          .archive = has_archive ? what->archive : NULL,
                                          .now_us = clock_wall_us(&cb_system_clock),
                                          .keep_s = number_of(what->keep_s),
                                          .before_us = INT64_MAX,
                                          .last_segment = number_of(what->last_segment),
                                          .stop = &c->stop};
    const enum cb_code code = prune_plan(&options, &c->plan, &why);
    return code == CB_OK ? check_plan(what, &c->plan, err)
                         : cb_fail(err, code, "as the broker sees it: %.400s", why.msg);
}

/* ---- references ---- */

struct wanted {
    uint64_t seq;
    bool is_found, is_pruned;
    enum audit_type type;
    struct arena arena;
};

static bool look(void *ctx, uint64_t seq, struct slice line)
{
    struct wanted *w = ctx;
    struct audit_record r;
    struct cb_err ignored;
    w->is_pruned = seq > w->seq;
    if (seq == w->seq && audit_line_parse(line, &w->arena, &r, &ignored) == CB_OK) {
        w->is_found = true;
        w->type = r.event.type;
    }
    return false;
}

static enum cb_code check_ref(const struct order_check *c, const char *name, const char *text,
                              const enum audit_type types[2], const char *which, struct cb_err *err)
{
    struct wanted w = {.seq = 0};
    if (text[0] == '\0') {
        return CB_OK;
    }
    w.seq = number_of(text);
    arena_init(&w.arena, ARENA_MAX);
    const enum cb_code code = audit_walk(c->dir, w.seq, look, &w, err);
    arena_free(&w.arena);
    TRY(code);
    if (w.is_pruned || (w.is_found && (w.type == types[0] || w.type == types[1]))) {
        return CB_OK;
    }
    return w.is_found ? cb_fail(err, CB_EINPUT, "%s: record %s is %s, not %s", name, text,
                                audit_type_word(w.type), which)
                      : cb_fail(err, CB_EINPUT, "%s: the log has no record %s", name, text);
}

static enum cb_code check_refs(const struct order_check *c, struct cb_err *err)
{
    static const enum audit_type attempts[] = {AUDIT_ISSUE_ATTEMPT, AUDIT_ISSUE_ATTEMPT};
    static const enum audit_type ends[] = {AUDIT_ISSUE_OK, AUDIT_ISSUE_FAIL};
    TRY(check_ref(c, "ref", c->what.ref, attempts, "an issue.attempt", err));
    return check_ref(c, "cert_ref", c->what.cert_ref, ends, "an issue.ok or issue.fail", err);
}

/* ---- both ---- */

enum cb_code order_check_run(struct order_check *c, struct cb_err *err)
{
    return order_is_prune(&c->what) ? check_prune(c, err) : check_refs(c, err);
}

static void *run(void *arg)
{
    struct order_check *c = arg;
    c->code = order_check_run(c, &c->err);
    mailbox_post(c->mailbox, &c->mail);
    return NULL;
}

enum cb_code order_check_start(struct order_check *c, struct cb_err *err)
{
    sigset_t all;
    sigset_t before;
    atomic_init(&c->stop, false);
    /* Signals belong to the main thread. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&c->thread, NULL, run, c);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    c->is_running = rc == 0;
    return rc == 0 ? CB_OK : cb_fail(err, CB_ESYS, "cannot start a thread: error %d", rc);
}

bool order_check_end(struct order_check *c, unsigned wait_s)
{
    struct timespec until;
    atomic_store(&c->stop, true);
    (void)clock_gettime(CLOCK_REALTIME, &until); /* what pthread_timedjoin_np goes by */
    until.tv_sec += (time_t)wait_s;
    return pthread_timedjoin_np(c->thread, NULL, &until) == 0;
}
