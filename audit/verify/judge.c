/* judge.c - see judge.h. Reads no file, but for the root of a statement that nothing else was held against. */
#include "audit/verify/judge.h"

#include "audit/seal/hashes.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t judge_num_records(const struct verifying *v)
{
    return v->run.results == NULL ? 0 : v->run.results[v->run.chain.num - 1].end_seq;
}

/* find_segment - in which record size - 1 stands. */
static size_t find_segment(const struct verifying *v, uint64_t size)
{
    size_t i = v->run.chain.num - 1;
    while (i > 0 && v->run.chain.links[i].first_seq >= size) {
        i--;
    }
    return i;
}

/* continues - is there proof that the records behind this promise are right, so that it is the promise
 * which is of another history? */
static bool continues(const struct verifying *v, size_t promise, size_t segment)
{
    const uint64_t end = v->run.results[segment].end_seq;
    for (size_t i = promise + 1; i < v->promises.num && v->promises.list[i].size <= end; i++) {
        if (v->promises.list[i].state == PROMISE_MATCHES) {
            return true;
        }
    }
    return segment + 1 < v->run.chain.num;
}

/* judge_other - a promise whose root is another one. Where something in that segment was found
 * before, that explains it. */
static void judge_other(struct verifying *v, size_t i, bool *said)
{
    const struct promise *promise = &v->promises.list[i];
    const size_t segment = find_segment(v, promise->size);
    const struct segment_result *result = &v->run.results[segment];
    struct verify_finding found = promises_place(&v->promises, promise);
    if (result->found > 0 || said[segment]) {
        return;
    }
    said[segment] = true;
    if (continues(v, i, segment)) {
        findings_add(&v->findings, found,
                     "the log's key has signed another history: its root for %llu records is not "
                     "that of the log",
                     (unsigned long long)promise->size);
        return;
    }
    char place[PROMISE_NAME_MAX];
    promises_name(&v->promises, promise, place);
    found.kind = VERIFY_RECORDS;
    found.seq = result->good;
    found.last_seq = promise->size - 1;
    found.line = 0;
    run_segment_file(&v->run, segment, found.file);
    findings_add(&v->findings, found, "one of these was changed: the root signed in %s is another",
                 place);
}

/* judge_short - a promise about more records than there are. */
static void judge_short(struct verifying *v, const struct promise *promise)
{
    const uint64_t have = judge_num_records(v);
    struct verify_finding found = {
        .kind = VERIFY_RECORD, .seq = have, .last_seq = promise->size - 1};
    char place[PROMISE_NAME_MAX];
    promises_name(&v->promises, promise, place);
    run_segment_file(&v->run, v->run.chain.num - 1, found.file);
    findings_add(&v->findings, found,
                 "cut off: the log has %llu records, and %s was signed when it had %llu",
                 (unsigned long long)have, place, (unsigned long long)promise->size);
}

/* judge_gone - a promise about records all of which were pruned: of the tree the hashes are left. */
static void judge_gone(struct verifying *v, const struct promise *promise)
{
    if (v->run.pruned_found && promise->source != PROMISE_OUTSIDE) {
        return; /* that explains it */
    }
    findings_add(&v->findings, promises_place(&v->promises, promise),
                 promise->state == PROMISE_DIFFERS
                     ? "the log does not continue it: its root for %llu records is not that of the "
                       "hashes kept of these pruned records"
                     : "the log does not continue it: the hashes of its %llu records, which were "
                       "pruned, are not there",
                 (unsigned long long)promise->size);
}

/* judge_open - a promise that nothing could be compared with. It is not broken for certain, but it was
 * given so that the log be held against it. */
static void judge_open(struct verifying *v, const struct promise *promise, bool *said)
{
    const size_t segment = find_segment(v, promise->size);
    if (promise->source != PROMISE_OUTSIDE &&
        (v->run.results[segment].found > 0 || said[segment])) {
        return;
    }
    said[segment] = true;
    findings_add(&v->findings, promises_place(&v->promises, promise),
                 "the log does not continue it: not all of its %llu records can be hashed",
                 (unsigned long long)promise->size);
}

static void take_good(struct verifying *v, const struct promise *promise)
{
    struct verify_report *r = v->report;
    if (promise->source == PROMISE_OUTSIDE) {
        r->outside++;
    }
    r->sealed = promise->size > r->sealed ? promise->size : r->sealed;
}

static enum cb_code judge_each(struct verifying *v, struct cb_err *err)
{
    const struct promise *longest = NULL;
    bool *said = calloc(v->run.chain.num + 1, sizeof(*said));
    if (said == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    for (size_t i = 0; i < v->promises.num; i++) {
        const struct promise *promise = &v->promises.list[i];
        if (promise->signature == PROMISE_FORGED) {
            continue;
        }
        if (promise->size > judge_num_records(v)) {
            longest = promise;
        } else if (promise->state == PROMISE_MATCHES) {
            take_good(v, promise);
        } else if (promise->size <= v->run.chain.pruned.size) {
            judge_gone(v, promise);
        } else if (promise->state == PROMISE_DIFFERS) {
            judge_other(v, i, said);
        } else {
            judge_open(v, promise, said);
        }
    }
    if (longest != NULL) {
        judge_short(v, longest);
    }
    free(said);
    return CB_OK;
}

/* is_sealing_over - has somebody signed for that record? Then it is no use to wait for it. */
static bool is_sealing_over(const struct verifying *v, uint64_t seq)
{
    size_t i = promises_from(&v->promises, seq);
    while (i < v->promises.num && v->promises.list[i].source == PROMISE_OUTSIDE) {
        i++;
    }
    return i < v->promises.num;
}

/* judge_pruned - that records were removed is believed only if the record which says so is signed for.
 * One that was written just now will be within a second: CB_EBUSY. */
static enum cb_code judge_pruned(struct verifying *v, struct cb_err *err)
{
    const struct chain_pruned *pruned = &v->run.chain.pruned;
    if (pruned->size == 0 || pruned->seq < v->report->sealed) {
        return CB_OK;
    }
    if (!v->is_last && !is_sealing_over(v, pruned->seq)) {
        return cb_fail(err, CB_EBUSY, "records were pruned just now");
    }
    const struct verify_finding found = {
        .kind = VERIFY_RECORD, .seq = pruned->seq, .last_seq = pruned->seq};
    findings_add(&v->findings, found,
                 "says that the first %llu records were pruned, and no checkpoint covers it",
                 (unsigned long long)pruned->size);
    return CB_OK;
}

/* check_empty - promises about no record at all are compared with nothing. */
static void check_empty(struct verifying *v)
{
    struct merkle m;
    struct cb_err ignored;
    unsigned char root[SHA256_LEN];
    if (v->promises.num == 0 || v->promises.list[0].size > 0 ||
        merkle_init(&m, &ignored) != CB_OK) {
        return;
    }
    merkle_root(&m, root);
    for (size_t i = 0; i < v->promises.num && v->promises.list[i].size == 0; i++) {
        struct promise *promise = &v->promises.list[i];
        promise->state =
            memcmp(root, promise->root, SHA256_LEN) == 0 ? PROMISE_MATCHES : PROMISE_DIFFERS;
    }
    merkle_free(&m);
}

enum cb_code judge_promises(struct verifying *v, struct cb_err *err)
{
    check_empty(v);
    TRY(judge_each(v, err));
    return judge_pruned(v, err);
}

enum cb_code judge_newer(struct verifying *v, struct cb_err *err)
{
    const struct verify_finding *f = &v->findings.newer;
    if (v->findings.num_newer == 0) {
        return CB_OK;
    }
    if (v->findings.total == 0) {
        return cb_fail(err, CB_EINPUT,
                       "%.60s:%llu: record %llu %.80s, which this version does not know: a newer "
                       "version of certbroker has written it, and can verify it",
                       f->file, (unsigned long long)f->line, (unsigned long long)f->seq, f->what);
    }
    findings_notice(&v->findings,
                    "%s:%llu: record %llu %s, and %llu in all are such as this version does not "
                    "know: a newer version of certbroker can tell more",
                    f->file, (unsigned long long)f->line, (unsigned long long)f->seq, f->what,
                    (unsigned long long)v->findings.num_newer);
    return CB_OK;
}

/* is_bound - is what a statement says of the log one of the things that were held against it? */
static bool is_bound(const struct verifying *v, const struct rotation_statement *s)
{
    for (size_t i = 0; i < v->promises.num; i++) {
        const struct promise *promise = &v->promises.list[i];
        if (promise->size == s->size && promise->signature != PROMISE_FORGED &&
            memcmp(promise->root, s->root, SHA256_LEN) == 0) {
            return true; /* and if it is not the log's root, that was said */
        }
    }
    return false;
}

/* is_root - by the records once more: an archive has the checkpoint of that size no longer. Not by tiles,
 * which are held against records only as far as something is signed. */
static bool is_root(const struct verifying *v, const struct rotation_statement *s)
{
    struct hashes *hashes = NULL;
    struct cb_err ignored;
    unsigned char root[SHA256_LEN];
    if (v->run.chain.pruned.size > 0 ||
        hashes_open(v->options->dir, s->size, HASHES_FROM_RECORDS, &hashes, &ignored) != CB_OK) {
        return false;
    }
    const bool same = proof_root(hashes_source(hashes), hashes_merkle(hashes), s->size, root,
                                 &ignored) == CB_OK &&
                      memcmp(root, s->root, SHA256_LEN) == 0;
    hashes_close(hashes);
    return same;
}

static bool is_pin_used(const struct verifying *v, uint64_t from)
{
    for (size_t i = v->promises.num; i > 0; i--) {
        const struct promise *promise = &v->promises.list[i - 1];
        if (promise->size >= from && promise->source != PROMISE_STATED &&
            promise->state == PROMISE_MATCHES && promise->signature == PROMISE_SIGNED) {
            return true;
        }
    }
    return false;
}

void judge_keys(struct verifying *v)
{
    const struct rotations *r = &v->run.rotations;
    for (size_t i = 0; i < r->num; i++) {
        const struct verify_finding found = {
            .kind = VERIFY_RECORD, .seq = r->list[i].seq, .last_seq = r->list[i].seq};
        if (r->list[i].s.size > r->list[i].seq ||
            (!is_bound(v, &r->list[i].s) && !is_root(v, &r->list[i].s))) {
            findings_add(&v->findings, found,
                         "changes the key by a statement that was not made in this log: it "
                         "names another root of the first %llu records",
                         (unsigned long long)r->list[i].s.size);
        }
    }
    const uint64_t from = keys_pinned_from(&v->keys);
    if (from > 0 && !is_pin_used(v, from)) {
        const struct verify_finding found = {.kind = VERIFY_STATE,
                                             .seq = VERIFY_NO_SEQ,
                                             .last_seq = VERIFY_NO_SEQ,
                                             .file = "state/checkpoint"};
        findings_add(&v->findings, found,
                     "nothing is signed by the key that is pinned, or a later one, though it is "
                     "the log's since %llu records: whoever has an older key could have made this "
                     "log",
                     (unsigned long long)from);
    }
}

/* is_stranger - a witness's note that no key of the log has signed: of nobody's history. */
static const struct verify_outside *is_stranger(const struct verifying *v,
                                                const struct promise *promise)
{
    if (promise->source != PROMISE_OUTSIDE || promise->signature != PROMISE_FORGED) {
        return NULL;
    }
    const struct verify_outside *o = &v->options->outside[promise->at];
    return o->witness != NULL ? o : NULL;
}

enum cb_code judge_outside(struct verifying *v, struct cb_err *err)
{
    for (size_t i = 0; i < v->promises.num; i++) {
        const struct promise *promise = &v->promises.list[i];
        const struct verify_outside *o = is_stranger(v, promise);
        if (o == NULL) {
            continue;
        }
        if (v->findings.total == 0) {
            return cb_fail(err, CB_ECRYPTO,
                           "%.150s: the witness %.100s shows a checkpoint of %llu records that is "
                           "not signed by the log's key",
                           o->name, o->witness->name, (unsigned long long)promise->size);
        }
        findings_notice(&v->findings,
                        "%.100s: the witness %.80s shows a checkpoint that is not signed by the "
                        "log's key: nothing was held against it",
                        o->name, o->witness->name);
    }
    if (v->findings.total == 0 && v->report->outside < v->options->num_outside) {
        const struct verify_finding found = {
            .kind = VERIFY_CHECKPOINT, .seq = VERIFY_NO_SEQ, .last_seq = VERIFY_NO_SEQ};
        findings_add(&v->findings, found, "of %zu checkpoints from outside the log continues %zu",
                     v->options->num_outside, v->report->outside);
    }
    return CB_OK;
}
