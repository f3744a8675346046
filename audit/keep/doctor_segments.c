/* doctor_segments.c - every closed segment: its records, and the root that the next one states. Where one
 * is damaged, is a whole copy at hand? */
#include "audit/keep/doctor_parts.h"

#include "audit/keep/archive_parts.h"
#include "audit/keep/segment_digest.h"

#include <stdio.h>
#include <stdlib.h>

/* advise - how to get a segment back. */
static void advise(const struct doctor *d, const struct closed *c, char *out, size_t size)
{
    char plain[SEGMENT_PATH_MAX];
    char packed[SEGMENT_PATH_MAX];
    struct cb_err ignored;
    if (d->options->archive == NULL ||
        segdir_path(d->options->archive, c->link->no, plain, &ignored) != CB_OK ||
        segdir_packed(plain, packed, &ignored) != CB_OK ||
        segment_root_file(d->io, plain, c->link, c->end_seq, c->root, &ignored) != CB_OK) {
        (void)snprintf(
            out, size,
            "put the file back from an archive (--archive DIR looks into one) or a backup; "
            "new records are written and signed all the same, but these cannot be read");
        return;
    }
    const bool is_plain = archive_has(d->io, plain);
    (void)snprintf(
        out, size,
        "%s is whole: move %s out of seg/ (keep it: it is evidence) and copy that one there",
        is_plain ? plain : packed, archive_has(d->io, c->plain) ? c->plain : c->packed);
}

static void check_both(const struct doctor *d, const struct closed *c)
{
    struct cb_err err;
    if (!archive_has(d->io, c->plain) || !archive_has(d->io, c->packed)) {
        return;
    }
    if (archive_check_packed(d->io, c, c->packed, &err) == CB_OK) {
        doctor_say(d, DOCTOR_NOTE, "the next `certbroker audit archive` removes the plain one",
                   "segment %llu is there in both forms", (unsigned long long)c->link->no);
    } else {
        doctor_say(d, DOCTOR_PROBLEM,
                   "the plain one counts; if it is genuine, move the packed one out of seg/", "%s",
                   err.msg);
    }
}

/* check_one - false: damaged. */
static bool check_one(const struct doctor *d, const struct closed *c)
{
    char advice[2 * SEGMENT_PATH_MAX + 256];
    struct cb_err err;
    check_both(d, c);
    if (segment_root_file(d->io, c->plain, c->link, c->end_seq, c->root, &err) == CB_OK) {
        return true;
    }
    advise(d, c, advice, sizeof(advice));
    doctor_say(d, DOCTOR_PROBLEM, advice, "segment %llu is damaged: %s",
               (unsigned long long)c->link->no, err.msg);
    return false;
}

/* check_newest - of a copy, where it is packed: what it holds no later segment states. 1: damaged. */
static size_t check_newest(const struct doctor *d, const struct chain_link *link)
{
    char path[SEGMENT_PATH_MAX];
    struct segment_digest digest;
    struct cb_err err;
    if (!d->is_copy || segdir_path(d->dir, link->no, path, &err) != CB_OK ||
        segment_digest_file(d->io, path, &digest, &err) == CB_OK) {
        return 0;
    }
    doctor_say(d, DOCTOR_PROBLEM, "copy it again from the log", "segment %llu is damaged: %s",
               (unsigned long long)link->no, err.msg);
    return 1;
}

static enum cb_code check_all(const struct doctor *d, const struct chain *chain, struct cb_err *err)
{
    size_t bad = 0;
    struct closed *c = malloc(sizeof(*c));
    if (c == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to look at segments");
    }
    for (size_t i = 0; i + 1 < chain->num; i++) {
        struct cb_err why;
        if (archive_closed(chain, i, d->dir, d->io, c, &why) != CB_OK) {
            doctor_say(d, DOCTOR_PROBLEM, "put the file back from an archive or a backup", "%s",
                       why.msg);
            bad++;
        } else {
            bad += check_one(d, c) ? 0 : 1;
        }
    }
    free(c);
    bad += check_newest(d, &chain->links[chain->num - 1]);
    if (bad == 0 && chain->num > 1) {
        doctor_say(d, DOCTOR_GOOD, NULL, "%zu closed segment%s whole", chain->num - 1,
                   chain->num == 2 ? " is" : "s are");
    }
    return CB_OK;
}

enum cb_code doctor_segments(struct doctor *d, struct cb_err *err)
{
    struct chain chain;
    struct cb_err why;
    if (chain_read(d->dir, &chain, &why) != CB_OK) {
        doctor_say(
            d, DOCTOR_PROBLEM,
            "put the file back, from an archive (it may be the packed form) or a backup; until "
            "then nothing that reads the whole log works",
            "%s", why.msg);
        return CB_OK;
    }
    if (chain.pruned.size > 0) {
        doctor_say(d, DOCTOR_NOTE, NULL, "records 0 to %llu were pruned, as record %llu says",
                   (unsigned long long)chain.pruned.size - 1, (unsigned long long)chain.pruned.seq);
    }
    const enum cb_code code = check_all(d, &chain, err);
    chain_free(&chain);
    return code;
}
