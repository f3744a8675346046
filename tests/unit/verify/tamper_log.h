/* tamper_log.h - the log that is tampered with: 1,000 records in three segments, on a file system in
 * memory where there is one, and all its files in memory besides. */
#ifndef TESTS_UNIT_VERIFY_TAMPER_LOG_H
#define TESTS_UNIT_VERIFY_TAMPER_LOG_H

#include "audit/verify/run.h"
#include "tests/unit/verify/helpers.h"

#include <sys/wait.h>

#define TAMPER_RECORDS 1000U
#define TAMPER_STEP 50U /* a checkpoint every so many records */
#define TAMPER_VOID 137U
#define TAMPER_SEGMENTS 3U

struct tamper_line {
    size_t start, len; /* in its segment; len without the newline */
    uint64_t seq;
};

struct tamper_segment {
    char path[SEGMENT_PATH_MAX];
    struct buf bytes;
    size_t valid; /* bytes that count */
    struct tamper_line lines[TAMPER_RECORDS];
    size_t num_lines;
};

struct tamper_log {
    char *dir;
    struct note_signer *key;
    struct leaves leaves;
    char policy[SHA256_HEX_LEN + 1]; /* digest of the one that is kept */
    struct tamper_segment segments[TAMPER_SEGMENTS];
};

UNUSED static char *tamper_dir(void)
{
    char *path = strdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/certbroker-tamper-XXXXXX"
                                                      : ".build/test-tamper-XXXXXX");
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

/* fill - records as a broker writes them: attempts, outcomes, denials; up to this many in all. */
UNUSED static void fill(struct audit *a, uint64_t until)
{
    struct audit_stats stats;
    uint64_t seq = 0;
    audit_get_stats(a, &stats);
    for (uint64_t next = stats.next_seq; next + 70 < until; next = seq + 1) {
        uint64_t attempt = 0;
        assert_int_equal(
            append(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "asked for: api.pay.example", &attempt),
            CB_OK);
        append_bulk(a, 3);
        assert_int_equal(append(a, AUDIT_ISSUE_OK, attempt, "given: api.pay.example", &seq), CB_OK);
    }
    audit_get_stats(a, &stats);
    append_bulk(a, until - stats.next_seq);
}

/* crash - a process that writes and dies; then bytes of a record that was never finished. */
UNUSED static void crash(const char *dir, uint64_t until, uint64_t no)
{
    const pid_t child = fork();
    if (child == 0) {
        fill(open_log(dir, NULL), until);
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    FILE *f = fopen(segment_path(dir, no), "ab");
    assert_non_null(f);
    for (size_t i = 0; i < TAMPER_VOID; i++) {
        assert_true(fputc("{\"v\":1,\"seq\":"[i % 13], f) != EOF);
    }
    assert_int_equal(fclose(f), 0);
}

UNUSED static void keep_policy(struct audit *a, char ret_hex[SHA256_HEX_LEN + 1])
{
    static const struct slice text = {"version: 1\nclients: {}\nrules: []\n", 34};
    unsigned char digest[SHA256_LEN];
    struct merkle m;
    struct cb_err err;
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    merkle_sha256(&m, text, digest);
    merkle_free(&m);
    hex_encode(digest, sizeof(digest), ret_hex);
    assert_int_equal(audit_keep_policy(a, ret_hex, text, &err), CB_OK);
}

UNUSED static void load_segment(struct tamper_log *t, size_t index)
{
    struct tamper_segment *s = &t->segments[index];
    (void)snprintf(s->path, sizeof(s->path), "%s", segment_path(t->dir, index + 1));
    read_file(s->path, &s->bytes);
    uint64_t seq = index == 0 ? 0 : t->segments[index - 1].lines[0].seq;
    seq += index == 0 ? 0 : t->segments[index - 1].num_lines;
    for (size_t at = 0; at < s->bytes.len;) {
        const struct slice rest = slice_from(buf_slice(&s->bytes), at);
        const size_t len = slice_find(rest, '\n');
        if (len == rest.len) {
            break;
        }
        s->lines[s->num_lines++] = (struct tamper_line){at, len, seq++};
        at += len + 1;
        s->valid = at;
    }
}

UNUSED static struct tamper_log *tamper_log_new(void)
{
    struct tamper_log *t = calloc(1, sizeof(*t));
    struct cb_err err;
    uint64_t sizes[TAMPER_RECORDS / TAMPER_STEP];
    assert_non_null(t);
    t->dir = tamper_dir();
    t->key = new_key();
    assert_int_equal(audit_init_signed(t->dir, ORIGIN, t->key, &err), CB_OK);
    crash(t->dir, 500, 2);
    struct audit *a = open_log(t->dir, NULL);
    fill(a, TAMPER_RECORDS - 1);
    keep_policy(a, t->policy);
    audit_close(a);
    for (size_t i = 0; i < TAMPER_RECORDS / TAMPER_STEP; i++) {
        sizes[i] = (i + 1) * TAMPER_STEP;
    }
    hand_seal(t->dir, t->key, sizes, TAMPER_RECORDS / TAMPER_STEP);
    read_leaves(t->dir, &t->leaves);
    assert_int_equal(t->leaves.num, TAMPER_RECORDS);
    for (size_t i = 0; i < TAMPER_SEGMENTS; i++) {
        load_segment(t, i);
    }
    return t;
}

UNUSED static void tamper_log_free(struct tamper_log *t)
{
    for (size_t i = 0; i < TAMPER_SEGMENTS; i++) {
        buf_free(&t->segments[i].bytes);
    }
    free_leaves(&t->leaves);
    note_signer_free(t->key);
    remove_dir(t->dir);
    free(t);
}

/* restore - a segment's file as it was. */
UNUSED static void restore(const struct tamper_segment *s)
{
    write_file(s->path, buf_slice(&s->bytes));
}

#endif
