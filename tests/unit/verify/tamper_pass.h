/* tamper_pass.h - what the verifier says about a changed segment, without reading what lies before
 * the change again: the same pass over the same lines, from a copy of its state at the changed line.
 *
 * Only what stands above the pass is done here once more: that too few records are fewer than were
 * signed. The test holds samples of it against verify_log on the changed files. */
#ifndef TESTS_UNIT_VERIFY_TAMPER_PASS_H
#define TESTS_UNIT_VERIFY_TAMPER_PASS_H

#include "tests/unit/verify/tamper_log.h"

struct tamper_pass {
    struct tamper_log *log;
    struct promises promises;
    struct findings findings;
    struct tile_source tiles;
    struct rotations rotations;
    unsigned char tile[3][TILE_BYTES]; /* of level 0 */
    struct tile_windows windows;
    struct pass before; /* at the line that is changed */
    struct pass work;
    char *changed; /* the segment's bytes */
    size_t segment, len;
    char file[40];
};

UNUSED static enum tile_got read_tile(void *ctx, unsigned level, uint64_t n,
                                      unsigned char out[TILE_BYTES], struct cb_err *err)
{
    (void)err;
    const struct tamper_pass *p = ctx;
    if (level > 0 || n >= 3) {
        return TILE_ABSENT;
    }
    memcpy(out, p->tile[n], TILE_BYTES);
    return TILE_THERE;
}

UNUSED static struct tamper_pass *tamper_pass_new(struct tamper_log *log)
{
    struct tamper_pass *p = calloc(1, sizeof(*p));
    struct cb_err err;
    const struct verify_options options = {.dir = log->dir};
    assert_non_null(p);
    p->log = log;
    findings_init(&p->findings);
    assert_int_equal(promises_read(&p->promises, &options, ORIGIN, &p->findings, &err), CB_OK);
    assert_int_equal(p->findings.total, 0);
    assert_int_equal(p->promises.promised, TAMPER_RECORDS);
    p->tiles = (struct tile_source){.read = read_tile, .ctx = p, .covered = TAMPER_RECORDS};
    memcpy(p->tile, log->leaves.leaf, sizeof(p->tile));
    assert_int_equal(merkle_init(&p->before.m, &err), CB_OK);
    p->changed = malloc(1U << 20);
    assert_non_null(p->changed);
    return p;
}

UNUSED static void tamper_pass_free(struct tamper_pass *p)
{
    merkle_free(&p->before.m);
    findings_free(&p->findings);
    promises_free(&p->promises);
    free(p->changed);
    free(p);
}

/* next_line - as lines.h has it, of a file that ends at p->len. *at goes on. False: the end. */
UNUSED static bool next_line(const struct tamper_pass *p, size_t *at, struct slice *ret,
                             bool *ret_whole)
{
    const size_t left = p->len - *at;
    const char *start = p->changed + *at;
    const char *newline = left == 0 ? NULL : memchr(start, '\n', left);
    const size_t len = newline == NULL ? left : (size_t)(newline - start);
    *ret = (struct slice){start, len};
    *ret_whole = newline != NULL && len < AUDIT_LINE_MAX;
    *at += len + (newline == NULL ? 0 : 1);
    return left > 0;
}

UNUSED static void feed(struct pass *pass, struct slice line, size_t offset, bool whole)
{
    struct cb_err err;
    const enum cb_code code =
        whole ? pass_line(pass, line, offset, &err) : pass_broken(pass, line, &err);
    assert_int_equal(code, CB_OK);
}

/* enter - begin with a segment: before stands at its first line, changed holds its bytes. */
UNUSED static void enter(struct tamper_pass *p, size_t segment)
{
    const struct tamper_segment *s = &p->log->segments[segment];
    const bool newest = segment + 1 == TAMPER_SEGMENTS;
    (void)snprintf(p->file, sizeof(p->file), "seg/%08zu.jsonl", segment + 1);
    const struct pass_scope scope = {.file = p->file,
                                     .origin = ORIGIN,
                                     .rotations = &p->rotations,
                                     .no = segment + 1,
                                     .first_seq = s->lines[0].seq,
                                     .valid_bytes = newest ? UINT64_MAX : s->valid,
                                     .end_seq = s->lines[s->num_lines - 1].seq + 1};
    const struct tree given = {.findings = &p->findings,
                               .promises = &p->promises,
                               .tiles = &p->tiles,
                               .windows = &p->windows};
    pass_begin(&p->before, &scope, &given);
    p->segment = segment;
    memcpy(p->changed, s->bytes.data, s->bytes.len);
    p->len = s->valid; /* as the limit that the real one reads up to */
}

UNUSED static void step(struct tamper_pass *p, const struct tamper_line *line)
{
    p->before.tree.m = &p->before.m;
    feed(&p->before, (struct slice){p->changed + line->start, line->len}, line->start, true);
    assert_int_equal(p->findings.total, 0);
}

/* copy_pass - without the places of attempts that are free: they are most of it. */
UNUSED static void copy_pass(struct pass *to, const struct pass *from)
{
    const size_t used =
        offsetof(struct pass, open.items) + from->open.num * sizeof(from->open.items[0]);
    const size_t rest = offsetof(struct pass, start);
    memcpy(to, from, used);
    memcpy((char *)to + rest, (const char *)from + rest, sizeof(*to) - rest);
    to->tree.m = &to->m;
}

/* judge - from the line on that before stands at: the first thing found; NULL: nothing. */
UNUSED static const struct verify_finding *judge(struct tamper_pass *p, size_t at)
{
    struct slice line;
    bool whole = false;
    p->findings.num = 0;
    p->findings.total = 0;
    copy_pass(&p->work, &p->before);
    size_t offset = at;
    while (p->findings.total == 0 && next_line(p, &at, &line, &whole)) {
        feed(&p->work, line, offset, whole);
        offset = at;
    }
    if (p->findings.total == 0) {
        pass_end(&p->work);
    }
    const uint64_t have = p->work.m.size + p->work.damaged;
    if (p->findings.total == 0 && p->work.scope.valid_bytes == UINT64_MAX &&
        have < p->promises.promised) {
        findings_add(&p->findings,
                     (struct verify_finding){
                         .kind = VERIFY_RECORD, .seq = have, .last_seq = p->promises.promised - 1},
                     "cut off");
    }
    return p->findings.total == 0 ? NULL : &p->findings.list[0];
}

#endif
