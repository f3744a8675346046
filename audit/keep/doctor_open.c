/* doctor_open.c - what a start would find at the end of the log: the same reading that a start does. */
#include "audit/keep/doctor_parts.h"

#include "audit/recover.h"
#include "audit/seal/seals.h"
#include "audit/seal/unsigned.h"

#include <stdlib.h>

#define NEW_LOG                                                                                    \
    "or, if it is lost for good, begin a new log under another name (certbroker audit init --dir " \
    "OTHER --origin OTHER-NAME --key FILE), keep this directory as it is, and tell those who "     \
    "hold "                                                                                        \
    "its verifier key and its witnesses: under this name nothing could be signed that continues "  \
    "what was signed before"
#define RESTORE                                                                                    \
    "put the bytes back, from the archive, a backup, or a syslog receiver, which has every line "  \
    "as it was (a record's line with its newline is all that is needed: `certbroker audit "        \
    "verify` "                                                                                     \
    "then says whether it is genuine); "

/* checkpoint_size - of the newest signed one; 0: none. */
static uint64_t checkpoint_size(const struct doctor *d)
{
    struct checkpoint c = {.size = 0};
    struct cb_err err;
    if (d->vkeys->num == 0) {
        return 0;
    }
    if (seals_newest(d->io, d->dir, d->vkeys, &c, NULL, &err) != CB_OK) {
        doctor_say(d, DOCTOR_PROBLEM, "put state/checkpoint and state/checkpoints.log back", "%s",
                   err.msg);
        return 0;
    }
    doctor_say(d, DOCTOR_GOOD, NULL, "the newest signed checkpoint covers %llu records",
               (unsigned long long)c.size);
    return c.size;
}

static void say_cut(const struct doctor *d, const struct recovered *r, uint64_t sealed)
{
    doctor_say(d, DOCTOR_PROBLEM, RESTORE NEW_LOG,
               "it does not open: there are %llu records, and the newest signed checkpoint covers "
               "%llu: records were removed, or an older copy of the log was put back",
               (unsigned long long)r->tree.size, (unsigned long long)sealed);
}

static void say_open(const struct doctor *d, const struct recovered *r,
                     const struct unsigned_tail *tail)
{
    doctor_say(d, DOCTOR_GOOD, NULL, "it opens: %llu records, the last run %s",
               (unsigned long long)r->tree.size,
               r->prev.clean ? "ended properly" : "did not end properly");
    if (r->prev.void_bytes > 0) {
        doctor_say(
            d, DOCTOR_NOTE, NULL,
            "segment %llu ends in %llu bytes that were being written when the program or the "
            "machine stopped: nobody was told of them, they do not count and stay where they "
            "are",
            (unsigned long long)r->prev.no, (unsigned long long)r->prev.void_bytes);
    }
    if (tail->num > 0) {
        doctor_say(d, DOCTOR_NOTE, "the next start signs for them, and says so (audit.unsigned)",
                   "records %llu to %llu are not signed yet: nothing tells whether they are as the "
                   "broker wrote them",
                   (unsigned long long)tail->first,
                   (unsigned long long)(tail->first + tail->num - 1));
    }
    if (r->open.num > 0) {
        doctor_say(
            d, DOCTOR_NOTE,
            "the next start closes them as *.unknown; `certbroker audit reconcile` asks the CA",
            "%zu requests had been sent to the CA, or nearly, and have no outcome", r->open.num);
    }
}

/* say_closed - why it does not open, and whether that can be accepted. */
static void say_closed(const struct doctor *d, struct recovered *r, uint64_t sealed,
                       const struct cb_err *why)
{
    struct cb_err ignored;
    const bool can =
        unsigned_recover(d->dir, slice_of(d->origin), d->io, sealed, r, &ignored) == CB_OK &&
        r->loss.found;
    if (!can) {
        doctor_say(d, DOCTOR_PROBLEM, RESTORE NEW_LOG, "it does not open: %s", why->msg);
        return;
    }
    if (r->tree.size < sealed) {
        doctor_say(
            d, DOCTOR_PROBLEM, RESTORE NEW_LOG,
            "it does not open: %s. Records from %llu on are given up or damaged, and the newest "
            "signed checkpoint covers %llu",
            why->msg, (unsigned long long)r->tree.size, (unsigned long long)sealed);
    } else if (r->loss.is_unsigned) {
        doctor_say(
            d, DOCTOR_PROBLEM,
            "keep a copy of the directory and find out who wrote there; or, if a broker with "
            "this log's key did, where its records came from. Then end the log before them: "
            "certbroker audit doctor --accept-loss REASON",
            "it does not open: %s", why->msg);
    } else {
        doctor_say(d, DOCTOR_PROBLEM,
                   RESTORE
                   "or give up what is damaged and what follows it, none of which a checkpoint "
                   "covers: certbroker audit doctor --accept-loss REASON",
                   "it does not open: %s", why->msg);
    }
    merkle_free(&r->tree);
}

/* look - r is as a start found it. */
static void look(const struct doctor *d, struct recovered *r, uint64_t sealed)
{
    struct unsigned_tail tail = {.num = 0};
    struct cb_err why;
    if (r->tree.size < sealed) {
        say_cut(d, r, sealed);
    } else if (sealed == 0 || unsigned_check(d->io, d->dir, sealed, r->tree.size, &r->prev, &tail,
                                             &why) == CB_OK) {
        say_open(d, r, &tail);
    } else {
        merkle_free(&r->tree);
        say_closed(d, r, sealed, &why);
        return;
    }
    merkle_free(&r->tree);
}

enum cb_code doctor_open(struct doctor *d, struct cb_err *err)
{
    struct cb_err why;
    const uint64_t sealed = checkpoint_size(d);
    if (d->is_running || d->is_copy) {
        return CB_OK; /* its end is being written; or never will be */
    }
    struct recovered *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to read the log");
    }
    if (recover(d->dir, slice_of(d->origin), d->io, r, &why) == CB_OK) {
        look(d, r, sealed);
    } else {
        say_closed(d, r, sealed, &why);
    }
    free(r);
    return CB_OK;
}
