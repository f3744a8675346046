/* links.c - see links.h. Reads nothing but bytes behind those that count. */
#include "audit/verify/links.h"

#include "audit/read/lines.h"
#include "audit/segdir.h"

#include <stdio.h>

/* place - of a finding in the segment of this link. */
static struct verify_finding place(const struct run *run, size_t index, enum verify_kind kind,
                                   uint64_t first, uint64_t last)
{
    struct verify_finding found = {.kind = kind, .seq = first, .last_seq = last};
    run_segment_file(run, index, found.file);
    return found;
}

/* check_edges - does segment i end with what i + 1 begins with? */
static void check_edges(const struct run *run, size_t i)
{
    const struct segment_result *before = &run->results[i];
    const struct segment_result *after = &run->results[i + 1];
    const uint64_t next_seq = run->chain.links[i + 1].first_seq;
    if (!before->end.is_known || !after->begin.is_known || before->found > 0) {
        return;
    }
    if (memcmp(before->end.root, after->begin.root, SHA256_LEN) != 0) {
        findings_add(run->findings, place(run, i, VERIFY_RECORDS, before->good, next_seq),
                     "one of these was changed: record %llu, which begins the next segment, states "
                     "another root",
                     (unsigned long long)next_seq);
    } else if (!before->newer &&
               memcmp(before->end.attempts, after->begin.attempts, SHA256_LEN) != 0) {
        struct verify_finding found = place(run, i + 1, VERIFY_RECORD, next_seq, next_seq);
        found.line = 1;
        findings_add(run->findings, found, "names other attempts without outcome than there are");
    }
}

/* say_void - bytes behind those that count. Whatever they are, no record is in them: after a failed
 * sync they may even change by themselves. */
static void say_void(const struct run *run, size_t i, const char *what)
{
    char file[RUN_FILE_MAX];
    run_segment_file(run, i, file);
    findings_notice(run->findings, "%s: the bytes behind its records %s: they do not count", file,
                    what);
}

static enum cb_code check_void(const struct run *run, size_t i, const char *path,
                               const struct segment_prev *prev, uint64_t *ret_bytes,
                               struct cb_err *err)
{
    unsigned char digest[SHA256_LEN];
    TRY(lines_digest(&audit_system_io, path, prev->valid_bytes, ret_bytes, digest, err));
    if (*ret_bytes != prev->void_bytes) {
        say_void(run, i, "are not as many as the next segment says");
    } else if (prev->has_void_sha256 && memcmp(digest, prev->void_sha256, SHA256_LEN) != 0) {
        say_void(run, i, "are not those that the next segment describes");
    }
    return CB_OK;
}

/* check_rest - what lies behind the bytes of segment i that count. */
static enum cb_code check_rest(const struct run *run, size_t i, uint64_t *ret_bytes,
                               struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    const struct segment_prev *prev = &run->results[i + 1].prev;
    uint64_t size = 0;
    TRY(segdir_path(run->options->dir, run->chain.links[i].no, path, err));
    TRY(lines_size(&audit_system_io, path, &size, err));
    if (prev->no != run->chain.links[i].no ||
        (size <= prev->valid_bytes && prev->void_bytes == 0)) {
        return CB_OK;
    }
    if (!prev->clean) {
        return check_void(run, i, path, prev, ret_bytes, err);
    }
    *ret_bytes = size - prev->valid_bytes;
    findings_add(run->findings, place(run, i, VERIFY_SEGMENT, VERIFY_NO_SEQ, VERIFY_NO_SEQ),
                 "%llu bytes stand behind its end, and it was closed without any",
                 (unsigned long long)*ret_bytes);
    return CB_OK;
}

static void check_clean(const struct run *run, size_t i)
{
    const struct segment_result *before = &run->results[i];
    if (run->results[i + 1].prev.clean && !before->closed && before->found == 0) {
        struct verify_finding found =
            place(run, i + 1, VERIFY_RECORD, run->chain.links[i + 1].first_seq,
                  run->chain.links[i + 1].first_seq);
        found.line = 1;
        findings_add(run->findings, found, "says the segment before was closed, and it was not");
    }
}

enum cb_code links_check(const struct run *run, uint64_t *ret_void_bytes, struct cb_err *err)
{
    uint64_t total = 0;
    for (size_t i = 0; i + 1 < run->chain.num; i++) {
        uint64_t bytes = 0;
        check_edges(run, i);
        check_clean(run, i);
        TRY(check_rest(run, i, &bytes, err));
        total += bytes;
    }
    *ret_void_bytes = total;
    return CB_OK;
}
