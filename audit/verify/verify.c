/* verify.c - see verify.h: the order of things, and what they mean together. */
#include "audit/verify/verify.h"

#include "audit/segdir.h"
#include "audit/verify/judge.h"
#include "audit/verify/links.h"
#include "audit/verify/policies.h"
#include "audit/verify/signatures.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS_MAX 3 /* segments may be packed or pruned while we read */

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

/* check_cosigned - the signatures that the log keeps, of the witnesses whose keys are known here. */
static void check_cosigned(struct verifying *v)
{
    struct note note;
    struct cb_err ignored;
    uint64_t time_s = 0;
    if (v->promises.cosigned.data == NULL ||
        note_parse(buf_slice(&v->promises.cosigned), &note, &ignored) != CB_OK) {
        return;
    }
    for (size_t i = 0; i < v->options->num_outside; i++) {
        const struct note_key *witness = v->options->outside[i].witness;
        if (witness != NULL && note_verify(&note, witness, &time_s) == NOTE_BAD) {
            const struct promise place = {.source = PROMISE_COSIGNED};
            findings_add(&v->findings, promises_place(&v->promises, &place),
                         "has a wrong signature of the witness %.100s", witness->name);
        }
    }
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

/* check_signed - is there anything signed at all, and a key to check it with? */
static enum cb_code check_signed(struct verifying *v, struct cb_err *err)
{
    keys_settle(&v->keys, &v->run.rotations, judge_num_records(v), v->run.chain.pruned.size,
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
    r->records = judge_num_records(v);
    r->pruned = v->run.chain.pruned.size;
    for (size_t i = 0; i < num && v->run.results != NULL; i++) {
        r->bytes += v->run.results[i].bytes;
        r->unread += v->run.results[i].unread;
    }
    if (v->run.results != NULL) {
        r->in_order = true;
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
        if (promise->source != PROMISE_OUTSIDE && promise->source != PROMISE_STATED &&
            promise->size != last) {
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
    check_cosigned(v);
    promises_check_history(&v->promises, &v->findings);
    TRY(policies_check(&v->run.policies, v->options->dir, &v->findings, &v->report->policies, err));
    if (v->run.results != NULL) {
        TRY(judge_promises(v, err));
        judge_keys(v);
        troubles_judge(&v->run.troubles, v->report->sealed, &v->findings);
    }
    TRY(judge_outside(v, err));
    TRY(judge_newer(v, err));
    report_segments(v);
    report_promises(v);
    report_findings(v);
    return CB_OK;
}

/* read_promises - everything that is signed, before any record is read. */
static enum cb_code read_promises(struct verifying *v, struct cb_err *err)
{
    struct note_key *known = calloc(KEYS_KNOWN_MAX, sizeof(*known));
    if (known == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    enum cb_code code = keys_read_kept(&v->keys, v->options->dir, v->origin, &v->findings, err);
    if (code == CB_OK) {
        code = promises_read(&v->promises, v->options, v->origin, &v->findings, err);
    }
    if (code == CB_OK) {
        code = promises_trust(&v->promises, known, keys_known(&v->keys, known), err);
        for (size_t i = 0; i < v->keys.num_kept && code == CB_OK; i++) {
            code = promises_stated(&v->promises, v->keys.kept[i].size, v->keys.kept[i].root, err);
        }
        if (code != CB_OK) {
            promises_free(&v->promises);
        }
    }
    free(known);
    return code;
}

static enum cb_code attempt(const struct verify_options *options, bool is_last,
                            struct verify_report *report, struct cb_err *err)
{
    struct verifying *v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    v->options = options;
    v->report = report;
    v->is_last = is_last;
    findings_init(&v->findings);
    rotations_init(&v->run.rotations);
    troubles_init(&v->run.troubles);
    policies_init(&v->run.policies);
    enum cb_code code = keys_read(&v->keys, options->dir, options->key, &v->findings, err);
    code = code == CB_OK ? check_witnesses(v, err) : code;
    code = code == CB_OK ? read_origin(v, err) : code;
    if (code == CB_OK) {
        code = read_promises(v, err);
        if (code == CB_OK) {
            code = look(v, err);
            promises_free(&v->promises);
        }
    }
    chain_free(&v->run.chain);
    free(v->run.results);
    rotations_free(&v->run.rotations);
    troubles_free(&v->run.troubles);
    policies_free(&v->run.policies);
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
    for (int i = 1; i <= ATTEMPTS_MAX && (code == CB_ENOENT || code == CB_EBUSY); i++) {
        static const struct timespec until_sealed = {.tv_sec = 1, .tv_nsec = 200000000};
        if (code == CB_EBUSY) {
            (void)nanosleep(&until_sealed, NULL);
        }
        *report = (struct verify_report){.records = 0};
        if (options->progress != NULL) {
            atomic_store(&options->progress->bytes, 0);
            atomic_store(&options->progress->notes, 0);
        }
        code = attempt(options, i == ATTEMPTS_MAX || code == CB_EBUSY, report, err);
    }
    if (code == CB_OK) {
        *ret = *report;
    }
    free(report);
    return code;
}
