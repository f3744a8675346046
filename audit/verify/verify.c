/* verify.c - see verify.h: the order of things, and what they mean together. */
#include "audit/verify/verify.h"

#include "audit/segdir.h"
#include "audit/verify/links.h"
#include "audit/verify/signatures.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS_MAX 3 /* segments may be packed or pruned while we read */

/* One attempt. */
struct verifying {
    const struct verify_options *options;
    struct findings findings;
    struct promises promises;
    struct keys keys;
    struct run run;
    char origin[NOTE_NAME_MAX + 1];
    struct verify_report *report;
};

/* ---- the log's name ---- */

/* read_origin - state/origin holds it, but a key names it, too, and cannot be changed by half. */
static enum cb_code read_origin(struct verifying *v, struct cb_err *err)
{
    struct buf text;
    TRY(io_read_file(&audit_system_io, v->options->dir, "state/origin", NOTE_NAME_MAX + 1, &text,
                     err));
    struct slice name = buf_slice(&text);
    name.len -= name.len > 0 && name.ptr[name.len - 1] == '\n' ? 1 : 0;
    const bool fits = name.len + 1 == text.len && name.len <= NOTE_NAME_MAX;
    const char *by_key = keys_name(&v->keys);
    if (by_key != NULL) {
        (void)snprintf(v->origin, sizeof(v->origin), "%s", by_key);
    } else if (fits) {
        (void)snprintf(v->origin, sizeof(v->origin), "%.*s", (int)name.len, name.ptr);
    }
    if (!fits || !slice_eq_str(name, v->origin)) {
        struct verify_finding found = {
            .kind = VERIFY_STATE, .file = "state/origin", .seq = VERIFY_NO_SEQ};
        findings_add(&v->findings, found, "does not name the log that the key is of, \"%s\"",
                     v->origin);
    }
    buf_free(&text);
    return CB_OK;
}

/* ---- witnesses ---- */

static enum cb_code check_witnesses(const struct verifying *v, struct cb_err *err)
{
    for (size_t i = 0; i < v->options->num_outside; i++) {
        const struct verify_outside *o = &v->options->outside[i];
        struct note note;
        struct cb_err why;
        uint64_t time_s = 0;
        if (o->witness == NULL) {
            continue;
        }
        if (note_parse(o->bytes, &note, &why) != CB_OK ||
            note_verify(&note, o->witness, &time_s) != NOTE_GOOD) {
            return cb_fail(err, CB_ECRYPTO,
                           "%.150s: the checkpoint is not cosigned by the witness %.100s", o->name,
                           o->witness->name);
        }
    }
    return CB_OK;
}

/* ---- segments ---- */

static void count_bytes(struct verifying *v)
{
    uint64_t total = 0;
    for (size_t i = 0; i < v->run.chain.num; i++) {
        const struct chain_link *link = &v->run.chain.links[i];
        char path[SEGMENT_PATH_MAX];
        struct cb_err ignored;
        struct stat st;
        if (link->valid_bytes != UINT64_MAX) {
            total += link->valid_bytes;
        } else if (segdir_path(v->options->dir, link->no, path, &ignored) == CB_OK &&
                   stat(path, &st) == 0) {
            total += (uint64_t)st.st_size;
        }
    }
    if (v->options->progress != NULL) {
        atomic_store(&v->options->progress->total_bytes, total);
    }
}

/* say_chain - why the segments have no order. The message begins with the log's directory. */
static void say_chain(struct verifying *v, const char *message)
{
    struct verify_finding found = {
        .kind = VERIFY_SEGMENT, .seq = VERIFY_NO_SEQ, .last_seq = VERIFY_NO_SEQ};
    const size_t dir_len = strlen(v->options->dir);
    if (strncmp(message, v->options->dir, dir_len) == 0 && message[dir_len] == '/') {
        message += dir_len + 1;
    }
    const char *colon = strstr(message, ": ");
    if (colon != NULL && (size_t)(colon - message) < sizeof(found.file)) {
        memcpy(found.file, message, (size_t)(colon - message));
        message = colon + 2;
    }
    found.line = strncmp(message, "first record", 12) == 0 ? 1 : 0;
    findings_add(&v->findings, found, "%s", message);
}

static unsigned count_threads(const struct verify_options *options)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned wanted =
        options->threads > 0 ? options->threads : (processors > 0 ? (unsigned)processors : 1);
    return wanted < VERIFY_THREADS_MAX ? wanted : VERIFY_THREADS_MAX;
}

static enum cb_code read_segments(struct verifying *v, struct cb_err *err)
{
    struct cb_err why;
    const enum cb_code code = chain_read(v->options->dir, &v->run.chain, &why);
    if (code == CB_ECORRUPT) {
        say_chain(v, why.msg);
        return CB_OK;
    }
    if (code != CB_OK) {
        return cb_fail(err, code, "%s", why.msg);
    }
    count_bytes(v);
    tiles_in_dir(&v->run.tiles, v->options->dir, v->promises.sealed);
    if (v->run.tiles.covered == 0 && v->run.chain.pruned.size > 0) {
        v->run.tiles.covered = v->promises.sealed; /* then there must be tiles */
    }
    TRY(run_segments(&v->run, err));
    TRY(run_pruned(&v->run, err));
    return links_check(&v->run, &v->report->void_bytes, err);
}

/* ---- what checkpoints mean ---- */

static uint64_t num_records(const struct verifying *v)
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
    char place[sizeof(found.file)];
    memcpy(place, found.file, sizeof(place));
    found.kind = VERIFY_RECORDS;
    found.seq = result->good;
    found.last_seq = promise->size - 1;
    found.line = 0;
    (void)snprintf(found.file, sizeof(found.file), "seg/%08llu.jsonl",
                   (unsigned long long)v->run.chain.links[segment].no);
    findings_add(&v->findings, found, "one of these was changed: the root signed in %s is another",
                 place);
}

/* judge_short - a promise about more records than there are. */
static void judge_short(struct verifying *v, const struct promise *promise)
{
    const uint64_t have = num_records(v);
    struct verify_finding found = {
        .kind = VERIFY_RECORD, .seq = have, .last_seq = promise->size - 1};
    struct verify_finding place = promises_place(&v->promises, promise);
    (void)snprintf(found.file, sizeof(found.file), "seg/%08llu.jsonl",
                   (unsigned long long)v->run.chain.links[v->run.chain.num - 1].no);
    findings_add(&v->findings, found,
                 "cut off: the log has %llu records, and %s was signed when it had %llu",
                 (unsigned long long)have, place.file, (unsigned long long)promise->size);
}

static void take_good(struct verifying *v, const struct promise *promise)
{
    struct verify_report *r = v->report;
    if (promise->source == PROMISE_OUTSIDE) {
        r->outside++;
    }
    r->sealed = promise->size > r->sealed ? promise->size : r->sealed;
}

static enum cb_code judge_promises(struct verifying *v, struct cb_err *err)
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
        if (promise->size > num_records(v)) {
            longest = promise;
        } else if (promise->state == PROMISE_DIFFERS) {
            judge_other(v, i, said);
        } else if (promise->state == PROMISE_MATCHES) {
            take_good(v, promise);
        }
    }
    if (longest != NULL) {
        judge_short(v, longest);
    }
    free(said);
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

/* check_signed - is there anything signed at all, and a key to check it with? */
static enum cb_code check_signed(struct verifying *v, struct cb_err *err)
{
    keys_settle(&v->keys, &v->run.rotations, num_records(v), v->run.chain.pruned.size,
                &v->findings);
    if (v->keys.in_force.num == 0) {
        return cb_fail(err, CB_ENOENT,
                       "%s: no key of the log is known, so nothing that is signed can be checked: "
                       "give it with --key",
                       v->options->dir);
    }
    if (!v->promises.has_any) {
        struct verify_finding found = {
            .kind = VERIFY_STATE, .file = "state/checkpoint", .seq = VERIFY_NO_SEQ};
        findings_add(&v->findings, found,
                     "is missing: nothing that the log's key has signed is left");
    }
    return CB_OK;
}

/* ---- the report ---- */

static void report_segments(struct verifying *v)
{
    struct verify_report *r = v->report;
    const size_t num = v->run.chain.num;
    r->segments = num;
    r->records = num_records(v);
    r->pruned = v->run.chain.pruned.size;
    for (size_t i = 0; i < num && v->run.results != NULL; i++) {
        r->bytes += v->run.results[i].bytes;
    }
    if (v->run.results != NULL) {
        r->first_us = v->run.results[0].first_us;
        r->last_us = v->run.results[num - 1].last_us;
        r->torn_bytes = v->run.results[num - 1].torn_bytes;
    }
}

static void report_promises(struct verifying *v)
{
    uint64_t last = UINT64_MAX;
    for (size_t i = 0; i < v->promises.num; i++) {
        const struct promise *promise = &v->promises.list[i];
        if (promise->source != PROMISE_OUTSIDE && promise->size != last) {
            v->report->checkpoints++;
            last = promise->size;
        }
    }
    for (size_t i = 0; i < v->keys.in_force.num && i < VERIFY_KEYS_MAX; i++) {
        v->report->keys[i] = v->keys.in_force.list[i].key;
        v->report->key_from[i] = v->keys.in_force.list[i].from;
        v->report->num_keys++;
    }
}

static void report_findings(struct verifying *v)
{
    struct verify_report *r = v->report;
    const struct findings *f = &v->findings;
    memcpy(r->findings, f->list, sizeof(r->findings));
    r->num_findings = f->num;
    r->total_findings = f->total;
    memcpy(r->notices, f->notices, sizeof(r->notices));
    r->num_notices = f->num_notices;
    r->verdict = f->total > 0 ? VERIFY_TAMPERED : VERIFY_INTACT;
    r->pinned = v->options->key != NULL;
    r->tiles = atomic_load(&v->run.tiles.num_read);
    memcpy(r->origin, v->origin, sizeof(r->origin));
}

static enum cb_code look(struct verifying *v, struct cb_err *err)
{
    v->run.options = v->options;
    v->run.origin = v->origin;
    v->run.promises = &v->promises;
    v->run.findings = &v->findings;
    v->run.threads = count_threads(v->options);
    TRY(read_segments(v, err));
    TRY(check_signed(v, err));
    TRY(signatures_check(v->options, &v->promises, &v->keys.in_force, v->run.threads, &v->findings,
                         &v->report->signatures, err));
    check_empty(v);
    if (v->run.results != NULL) {
        TRY(judge_promises(v, err));
    }
    report_segments(v);
    report_promises(v);
    report_findings(v);
    return CB_OK;
}

static enum cb_code attempt(const struct verify_options *options, struct verify_report *report,
                            struct cb_err *err)
{
    struct verifying *v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    v->options = options;
    v->report = report;
    findings_init(&v->findings);
    rotations_init(&v->run.rotations);
    enum cb_code code = keys_read(&v->keys, options->dir, options->key, &v->findings, err);
    code = code == CB_OK ? check_witnesses(v, err) : code;
    code = code == CB_OK ? read_origin(v, err) : code;
    if (code == CB_OK) {
        code = promises_read(&v->promises, options, v->origin, &v->findings, err);
        if (code == CB_OK) {
            code = look(v, err);
            promises_free(&v->promises);
        }
    }
    chain_free(&v->run.chain);
    free(v->run.results);
    rotations_free(&v->run.rotations);
    findings_free(&v->findings);
    free(v);
    return code;
}

enum cb_code verify_log(const struct verify_options *options, struct verify_report *ret,
                        struct cb_err *err)
{
    struct verify_report *report = calloc(1, sizeof(*report));
    if (report == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    enum cb_code code = CB_ENOENT;
    for (int i = 0; i < ATTEMPTS_MAX && code == CB_ENOENT; i++) {
        *report = (struct verify_report){.records = 0};
        if (options->progress != NULL) {
            atomic_store(&options->progress->bytes, 0);
            atomic_store(&options->progress->notes, 0);
        }
        code = attempt(options, report, err);
    }
    if (code == CB_OK) {
        *ret = *report;
    }
    free(report);
    return code;
}
