/* pass.c - see pass.h. Does not open files, and does not compare segments with each other. */
#include "audit/verify/pass.h"

#include "audit/read/reader.h"

#include <stdio.h>

#define LOSS_ARENA (64UL * 1024)

void pass_begin(struct pass *p, const struct pass_scope *scope, const struct tree *given)
{
    const struct merkle m = p->m;
    *p = (struct pass){.scope = *scope, .tree = *given, .m = m};
    p->m.size = scope->first_seq;
    p->tree.m = &p->m;
    p->tree.file = scope->file;
}

/* ---- saying what is wrong ---- */

/* say_as - about records first to last, at the line just read. */
static void say_as(struct pass *p, enum verify_kind kind, uint64_t first, uint64_t last,
                   const char *what)
{
    struct verify_finding found = {.kind = kind, .seq = first, .last_seq = last, .line = p->line};
    (void)snprintf(found.file, sizeof(found.file), "%s", p->scope.file);
    findings_add(p->tree.findings, found, "%s", what);
    p->found++;
}

static void say(struct pass *p, uint64_t seq, const char *what)
{
    say_as(p, VERIFY_RECORD, seq, seq, what);
}

/* due - the number of the record that belongs where we are. */
static uint64_t due(const struct pass *p)
{
    return p->m.size + p->damaged;
}

/* ---- attempts ---- */

static void digest_attempts(struct pass *p, unsigned char ret[SHA256_LEN])
{
    struct {
        uint64_t seq, type;
    } item[OPEN_SET_MAX];
    for (size_t i = 0; i < p->open.num; i++) {
        item[i].seq = p->open.items[i].attempt.seq;
        item[i].type = (uint64_t)p->open.items[i].attempt.type;
    }
    merkle_sha256(&p->m, (struct slice){(const char *)item, p->open.num * sizeof(item[0])}, ret);
}

static void take_edge(struct pass *p, struct pass_edge *ret)
{
    ret->is_known = !p->tree.is_lost;
    merkle_root(&p->m, ret->root);
    digest_attempts(p, ret->attempts);
}

/* track - which attempts have no outcome yet. */
static void track(struct pass *p, const struct line_info *info)
{
    if (audit_type_is_attempt(info->type)) {
        if (!open_set_add(&p->open, info->seq, info->type, SLICE(""))) {
            say(p, info->seq, "there are more attempts without outcome than there can be");
        }
    } else if (audit_type_is_outcome(info->type)) {
        (void)open_set_remove(&p->open, info->ref);
    }
}

/* ---- segment.open and segment.close ---- */

/* read_open - the tree and the attempts that the segment begins with. NULL: good. */
static const char *read_open(struct pass *p, const struct line_info *info, struct cb_err *why)
{
    if (info->type != AUDIT_SEGMENT_OPEN) {
        return "a segment must begin with segment.open";
    }
    if (own_parse_segment_open(info->body, &p->start, &p->m, &p->open, why) != CB_OK) {
        return why->msg;
    }
    if (!slice_eq_str(p->start.origin, p->scope.origin)) {
        return "is of another log";
    }
    if (p->start.no != p->scope.no || p->start.tree_size != info->seq ||
        info->seq != p->scope.first_seq) {
        return "belongs to another segment";
    }
    return NULL;
}

/* take_open - the first line. Where it is no good one nothing that follows can be hashed in place. */
static enum cb_code take_open(struct pass *p, struct slice line, const struct line_info *info,
                              struct cb_err *err)
{
    struct cb_err why;
    unsigned char leaf[SHA256_LEN];
    const char *wrong = read_open(p, info, &why);
    p->start.origin = p->start.version = p->start.boot_id = p->start.host = (struct slice){0};
    p->opened = true;
    p->first_us = info->ts_us;
    if (wrong == NULL && info->floor != info->seq) {
        wrong = "its d is not its seq: segment.open begins a batch";
    }
    if (wrong != NULL) {
        say(p, p->scope.first_seq, wrong);
        p->m.size = p->scope.first_seq;
        p->tree.is_lost = true;
        return tree_gap(&p->tree, err);
    }
    tree_begin(&p->tree);
    take_edge(p, &p->begin);
    merkle_leaf(&p->m, line, leaf);
    return tree_leaf(&p->tree, leaf, p->line, err);
}

static void take_close(struct pass *p, const struct line_info *info)
{
    struct scan s = scan_over(info->body);
    struct slice text;
    unsigned char stated[SHA256_LEN];
    unsigned char computed[SHA256_LEN];
    uint64_t no = 0;
    uint64_t size = 0;
    p->closed = true;
    if (!scan_literal(&s, SLICE("\"type\":\"segment.close\",\"reason\":")) ||
        !scan_string(&s, &text) || !scan_literal(&s, SLICE(",\"segment\":")) ||
        !scan_u64(&s, &no) || !scan_literal(&s, SLICE(",\"tree_size\":")) || !scan_u64(&s, &size) ||
        !own_parse_segment_close(info->body, stated)) {
        say(p, info->seq, "segment.close does not have its usual form");
    } else if (no != p->scope.no || size != info->seq) {
        say(p, info->seq, "segment.close belongs to another segment");
    } else if (!p->tree.is_lost && !p->tree.has_twin) {
        merkle_root(&p->m, computed);
        if (memcmp(stated, computed, SHA256_LEN) != 0) {
            say_as(p, VERIFY_RECORDS, p->tree.good, info->seq,
                   "one of these was changed: segment.close states another root");
        }
    }
}

/* ---- lines that are records ---- */

/* check_floor - d: the first record of the batch. Behind a gap it cannot be told. */
static void check_floor(struct pass *p, const struct line_info *info)
{
    const bool starts_batch = info->floor == info->seq;
    if (!starts_batch && p->follows && info->floor != p->floor) {
        say(p, info->seq, "its d does not fit the record before");
    } else if (!starts_batch && info->floor < p->scope.first_seq) {
        say(p, info->seq, "its d lies before the segment");
    }
    p->floor = info->floor;
}

/* note_loss - the log is whole again because somebody gave records up: that must be heard. Its texts are
 * shown by whoever shows records; here only whole numbers of it. */
static void note_loss(struct pass *p, const struct line_info *info)
{
    struct arena arena;
    struct audit_event e;
    struct slice trunc;
    struct cb_err ignored;
    const struct audit_line line = {
        .seq = info->seq, .ts_us = info->ts_us, .type = info->type, .body = info->body};
    arena_init(&arena, LOSS_ARENA);
    if (audit_line_decode(&line, &arena, &e, &trunc, &ignored) != CB_OK ||
        e.first_seq == UINT64_MAX) {
        say(p, info->seq, "audit.loss does not say which records were lost");
    } else if (e.last_seq == UINT64_MAX) {
        findings_notice(
            p->tree.findings,
            "records from %llu on were damaged or lost, and that was accepted: record %llu "
            "says by whom and why",
            (unsigned long long)e.first_seq, (unsigned long long)info->seq);
    } else {
        findings_notice(
            p->tree.findings,
            "records that were numbered %llu to %llu were damaged or lost, and that was "
            "accepted: record %llu says by whom and why",
            (unsigned long long)e.first_seq, (unsigned long long)e.last_seq,
            (unsigned long long)info->seq);
    }
    arena_free(&arena);
}

/* note_policy - a record that puts one in force names bytes that are kept. */
static enum cb_code note_policy(struct pass *p, const struct line_info *info, struct cb_err *err)
{
    struct cb_err why;
    if (p->scope.policies == NULL ||
        (info->type != AUDIT_BROKER_START && info->type != AUDIT_POLICY_LOAD)) {
        return CB_OK;
    }
    const enum cb_code code = policies_named(p->scope.policies, info, &why);
    if (code == CB_ENOMEM) {
        return cb_fail(err, code, "%s", why.msg);
    }
    if (code != CB_OK) {
        say(p, info->seq, why.msg);
    }
    return CB_OK;
}

static void check_type(struct pass *p, const struct line_info *info)
{
    struct cb_err why;
    if (p->closed) {
        say(p, info->seq, "stands behind segment.close");
    } else if (troubles_take(p->scope.troubles, info, &why) != CB_OK) {
        say(p, info->seq, why.msg);
    } else if (info->type == AUDIT_SEGMENT_OPEN) {
        say(p, info->seq, "a segment.open within a segment");
    } else if (info->type == AUDIT_SEGMENT_CLOSE) {
        take_close(p, info);
    } else if (info->type == AUDIT_LOSS) {
        note_loss(p, info);
    } else if (info->type == AUDIT_KEY_ROTATE) {
        if (rotations_take(p->scope.rotations, info, p->scope.origin, &why) != CB_OK) {
            say(p, info->seq, why.msg);
        }
    } else {
        track(p, info);
    }
}

/* place - is the line the record that belongs here? True: m stands before it now. A line that cannot
 * be of this segment is left out; its number must not make us count towards it. */
static bool is_foreign(const struct pass *p, uint64_t seq)
{
    return seq < p->m.size || (seq > p->m.size && seq >= p->scope.end_seq);
}

static enum cb_code fill_gap(struct pass *p, uint64_t seq, struct cb_err *err)
{
    char what[VERIFY_TEXT_MAX];
    const uint64_t first = due(p);
    if (first < seq) {
        (void)snprintf(what, sizeof(what), "%s missing: record %llu stands in %s place",
                       first + 1 == seq ? "is" : "are", (unsigned long long)seq,
                       first + 1 == seq ? "its" : "their");
        say_as(p, VERIFY_RECORD, first, seq - 1, what);
    }
    p->damaged = 0;
    p->follows = p->m.size == seq;
    return tree_gaps(&p->tree, seq, err);
}

/* take_leaf - the record is in its place, and that is all that is asked of it here. */
static enum cb_code take_leaf(struct pass *p, struct slice line, uint64_t offset,
                              struct cb_err *err)
{
    unsigned char leaf[SHA256_LEN];
    merkle_leaf(&p->m, line, leaf);
    TRY(tree_leaf(&p->tree, leaf, p->line, err));
    p->offset = offset + line.len + 1;
    return CB_OK;
}

/* take_newer - a record that only a newer version knows: its hash counts like any, its meaning not. */
static enum cb_code take_newer(struct pass *p, struct slice line, const struct line_info *info,
                               uint64_t offset, const char *what, struct cb_err *err)
{
    struct verify_finding found = {
        .kind = VERIFY_RECORD, .seq = info->seq, .last_seq = info->seq, .line = p->line};
    (void)snprintf(found.file, sizeof(found.file), "%s", p->scope.file);
    findings_newer(p->tree.findings, found, what);
    p->newer = true;
    TRY(fill_gap(p, info->seq, err));
    check_floor(p, info);
    if (p->closed) {
        say(p, info->seq, "stands behind segment.close");
    }
    p->last_us = info->ts_us;
    return take_leaf(p, line, offset, err);
}

static enum cb_code take_record(struct pass *p, struct slice line, const struct line_info *info,
                                uint64_t offset, struct cb_err *err)
{
    char what[VERIFY_TEXT_MAX];
    if (is_foreign(p, info->seq)) {
        (void)snprintf(what, sizeof(what), "record %llu stands in its place%s",
                       (unsigned long long)info->seq, info->seq < p->m.size ? " once more" : "");
        say(p, due(p), what);
        return CB_OK;
    }
    TRY(fill_gap(p, info->seq, err));
    check_floor(p, info);
    check_type(p, info);
    TRY(note_policy(p, info, err));
    p->last_us = info->ts_us;
    return take_leaf(p, line, offset, err);
}

/* ---- lines that are none ---- */

/* look_at_tail - a crash may leave the end of the newest segment torn, but only what nobody was told
 * is on disk: not what is signed, nor what a later batch was written behind. */
static void look_at_tail(struct pass *p, struct slice bytes)
{
    if (p->damaged == 0 && line_proves_later(bytes, p->m.size)) {
        say(p, p->m.size, "is damaged, and later records show that it was whole once");
        p->damaged = 1;
        p->tree.is_lost = true;
    }
}

static void bad_line(struct pass *p, struct slice bytes, const char *what)
{
    const bool newest = p->scope.valid_bytes == UINT64_MAX;
    if (newest && p->opened && !p->closed && p->damaged == 0 && p->m.size >= p->scope.end_seq) {
        p->in_tail = true;
        look_at_tail(p, bytes);
        return;
    }
    say(p, due(p), what);
    p->damaged++;
    p->opened = true; /* a first line that is none: take_open would say it for each one */
    p->tree.is_lost = p->tree.is_lost || p->line == 1;
}

/* say_no_record - no crash leaves that. */
static void say_no_record(struct pass *p, const char *why)
{
    char what[VERIFY_TEXT_MAX];
    (void)snprintf(what, sizeof(what),
                   "its checksum is right, but it is not as records are: %.240s", why);
    say(p, due(p), what);
}

enum cb_code pass_broken(struct pass *p, struct slice bytes, struct cb_err *err)
{
    (void)err;
    p->line++;
    if (p->in_tail) {
        look_at_tail(p, bytes);
    } else {
        bad_line(p, bytes, "is damaged: it is no line of its own");
    }
    return CB_OK;
}

/* refused_line - its checksum is right and this version does not understand it. */
static enum cb_code refused_line(struct pass *p, struct slice line, uint64_t offset,
                                 const char *why, struct cb_err *err)
{
    char what[LINE_WHAT_MAX];
    struct line_info info;
    bool other_version = false;
    if (p->opened && line_is_newer(line, &info, &other_version, what)) {
        if (other_version) { /* its number is not known; it must be the one that belongs here */
            info.seq = due(p);
            info.floor = p->floor;
            info.ts_us = p->last_us;
        }
        if (!is_foreign(p, info.seq)) {
            return take_newer(p, line, &info, offset, what, err);
        }
    }
    say_no_record(p, why);
    p->damaged++;
    p->tree.is_lost = p->tree.is_lost || p->line == 1;
    p->opened = true;
    return CB_OK;
}

enum cb_code pass_line(struct pass *p, struct slice line, uint64_t offset, struct cb_err *err)
{
    struct line_info info = {0};
    struct cb_err why;
    p->line++;
    if (p->in_tail) {
        look_at_tail(p, line);
        return CB_OK;
    }
    const enum cb_code code = line_check(line, &info, &why);
    if (code == CB_ECORRUPT) {
        bad_line(p, line, "is damaged: its checksum is wrong");
        return CB_OK;
    }
    if (code != CB_OK) {
        return refused_line(p, line, offset, why.msg, err);
    }
    if (p->opened) {
        return take_record(p, line, &info, offset, err);
    }
    TRY(take_open(p, line, &info, err));
    p->follows = true;
    p->floor = info.floor;
    p->last_us = info.ts_us;
    p->offset = offset + line.len + 1;
    return CB_OK;
}

/* ---- the end ---- */

void pass_unreadable(struct pass *p, const char *why)
{
    say_as(p, VERIFY_SEGMENT, due(p), VERIFY_NO_SEQ, why);
    p->opened = true;
    p->unreadable = true;
    p->tree.is_lost = true;
}

static void check_end(struct pass *p)
{
    char what[VERIFY_TEXT_MAX];
    const uint64_t next = due(p);
    if (next < p->scope.end_seq) {
        p->line++; /* where it would stand */
        say_as(p, VERIFY_RECORD, next, p->scope.end_seq - 1,
               next + 1 == p->scope.end_seq ? "is missing: the segment ends before it"
                                            : "are missing: the segment ends before them");
    } else if (p->offset != p->scope.valid_bytes && p->damaged == 0) {
        (void)snprintf(what, sizeof(what),
                       "its records end at byte %llu, the next segment says at byte %llu",
                       (unsigned long long)p->offset, (unsigned long long)p->scope.valid_bytes);
        say_as(p, VERIFY_SEGMENT, VERIFY_NO_SEQ, VERIFY_NO_SEQ, what);
    }
}

void pass_end(struct pass *p)
{
    if (!p->opened) {
        say(p, p->scope.first_seq, "is missing: the segment is empty");
        p->tree.is_lost = true;
    } else if (p->scope.valid_bytes != UINT64_MAX && !p->unreadable) {
        check_end(p);
    }
    tree_end(&p->tree);
    if (p->damaged > 0 || p->m.size != p->scope.end_seq) {
        p->tree.is_lost = p->tree.is_lost || p->scope.valid_bytes != UINT64_MAX;
    }
    take_edge(p, &p->end);
}
