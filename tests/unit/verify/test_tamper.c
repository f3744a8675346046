/* test_tamper.c - whatever is done to a log is found, and the record named where that can be.
 *
 * In `make test` a sample, by fixed strides; with CERTBROKER_TAMPER=full (make test-tamper) every bit
 * of every file, every line, every length. What cannot be found, because it does not count, is named
 * as such in the test that shows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/crc32c.h"
#include "tests/unit/verify/tamper_pass.h"

static struct tamper_log *tlog;

static bool is_full(void)
{
    const char *text = getenv("CERTBROKER_TAMPER");
    return text != NULL && strcmp(text, "full") == 0;
}

/* stride - 1 in the full run, else a prime, so that all bits of all places have their turn. */
static size_t stride(size_t sample)
{
    return is_full() ? 1 : sample;
}

static void say(const char *what, size_t cases, size_t real, int64_t start_us)
{
    print_message("%-58s %8zu cases, %6zu of them by verify_log too, %6.1f s\n", what, cases, real,
                  (double)(clock_mono_us(&cb_system_clock) - start_us) / 1e6);
    (void)fflush(stdout);
}

static int64_t now_us(void)
{
    return clock_mono_us(&cb_system_clock);
}

/* ---- the real verifier ---- */

static const struct verify_report *verify_now(void)
{
    return verify_dir(tlog->dir, tlog->key, NULL, 0);
}

/* expect - the first finding is about this record, alone or first of several. */
static void expect(const struct verify_report *r, uint64_t seq, const char *what, size_t n)
{
    if (r->verdict != VERIFY_TAMPERED || r->findings[0].kind > VERIFY_RECORDS ||
        r->findings[0].seq > seq || r->findings[0].last_seq < seq) {
        print_findings(r);
        fail_msg("%s %zu: record %llu should have been named", what, n, (unsigned long long)seq);
    }
}

static void expect_exactly(const struct verify_report *r, uint64_t seq, const char *what, size_t n)
{
    expect(r, seq, what, n);
    if (r->findings[0].kind != VERIFY_RECORD || r->findings[0].seq != seq) {
        print_findings(r);
        fail_msg("%s %zu: record %llu alone should have been named", what, n,
                 (unsigned long long)seq);
    }
}

/* put - other bytes in place of a segment. */
static void put(size_t segment, struct slice bytes)
{
    write_file(tlog->segments[segment].path, bytes);
}

static void expect_same(const struct verify_finding *found, const struct verify_report *r,
                        const char *what, size_t n)
{
    const struct verify_finding *real = &r->findings[0];
    if (r->verdict != VERIFY_TAMPERED || found->kind != real->kind || found->seq != real->seq) {
        print_findings(r);
        fail_msg("%s %zu: verify_log does not say kind %d, record %llu", what, n, (int)found->kind,
                 (unsigned long long)found->seq);
    }
}

/* ---- every bit of every record ---- */

/* first_line_flips - the first line of a segment is read to find the order of segments, before any
 * pass: by the real verifier. It names the file and the line. */
static size_t first_line_flips(size_t segment)
{
    const struct tamper_segment *s = &tlog->segments[segment];
    const size_t step = stride(1499);
    size_t num = 0;
    for (size_t bit = segment; bit < (s->lines[0].len + 1) * 8; bit += step, num++) {
        s->bytes.data[bit / 8] = (char)(s->bytes.data[bit / 8] ^ (1 << bit % 8));
        restore(s);
        s->bytes.data[bit / 8] = (char)(s->bytes.data[bit / 8] ^ (1 << bit % 8));
        const struct verify_report *r = verify_now();
        if (r->verdict != VERIFY_TAMPERED || r->findings[0].kind != VERIFY_SEGMENT) {
            print_findings(r);
            fail_msg("flip of bit %zu in segment %zu", bit, segment + 1);
        }
    }
    restore(s);
    return num;
}

static void real_flip(struct tamper_pass *p, size_t bit, const struct verify_finding *found)
{
    const struct tamper_segment *s = &tlog->segments[p->segment];
    put(p->segment, (struct slice){p->changed, s->bytes.len});
    expect_same(found, verify_now(), "flip of bit", bit);
    restore(s);
}

static void test_flips(void **state)
{
    (void)state;
    struct tamper_pass *p = tamper_pass_new(tlog);
    const int64_t start = now_us();
    const size_t one_in = stride(997);
    const size_t real_one_in = is_full() ? 1009 : 67;
    size_t num = 0;
    size_t real = 0;
    for (size_t segment = 0; segment < TAMPER_SEGMENTS; segment++) {
        const struct tamper_segment *s = &tlog->segments[segment];
        enter(p, segment);
        size_t bit = s->lines[0].len * 8 + 8;
        step(p, &s->lines[0]);
        for (size_t i = 1; i < s->num_lines; i++) {
            const struct tamper_line *line = &s->lines[i];
            for (; bit < (line->start + line->len + 1) * 8; bit += one_in, num++) {
                p->changed[bit / 8] = (char)(p->changed[bit / 8] ^ (1 << bit % 8));
                const struct verify_finding *found = judge(p, line->start);
                if (found == NULL || found->kind != VERIFY_RECORD || found->seq != line->seq) {
                    fail_msg("flip of bit %zu in segment %zu, record %llu: %s", bit, segment + 1,
                             (unsigned long long)line->seq, found == NULL ? "" : found->what);
                }
                if (num % real_one_in == 0) {
                    real_flip(p, bit, found);
                    real++;
                }
                p->changed[bit / 8] = (char)(p->changed[bit / 8] ^ (1 << bit % 8));
            }
            p->findings.num = p->findings.total = 0;
            step(p, line);
        }
    }
    tamper_pass_free(p);
    say("bit flips in records, the record named", num, real, start);
    const int64_t first = now_us();
    num = 0;
    for (size_t segment = 0; segment < TAMPER_SEGMENTS; segment++) {
        num += first_line_flips(segment);
    }
    say("bit flips in a segment's first record, file and line named", num, num, first);
}

/* ---- every length ---- */

static void test_truncations(void **state)
{
    (void)state;
    struct tamper_pass *p = tamper_pass_new(tlog);
    const int64_t start = now_us();
    const size_t one_in = stride(499);
    const size_t real_one_in = is_full() ? 307 : 31;
    size_t num = 0;
    size_t real = 0;
    for (size_t segment = 0; segment < TAMPER_SEGMENTS; segment++) {
        const struct tamper_segment *s = &tlog->segments[segment];
        enter(p, segment);
        step(p, &s->lines[0]);
        size_t len = s->lines[1].start;
        for (size_t i = 1; i < s->num_lines; i++) {
            const struct tamper_line *line = &s->lines[i];
            for (; len < line->start + line->len + 1; len += one_in, num++) {
                p->len = len;
                const struct verify_finding *found = judge(p, line->start);
                if (found == NULL || found->kind != VERIFY_RECORD || found->seq != line->seq) {
                    fail_msg("segment %zu cut to %zu bytes, record %llu: %s", segment + 1, len,
                             (unsigned long long)line->seq, found == NULL ? "" : found->what);
                }
                if (num % real_one_in == 0) {
                    put(segment, (struct slice){p->changed, len});
                    expect_same(found, verify_now(), "segment cut to", len);
                    real++;
                }
            }
            p->len = s->valid;
            p->findings.num = p->findings.total = 0;
            step(p, line);
        }
        restore(s);
    }
    tamper_pass_free(p);
    say("segments cut to every length, first lost record named", num, real, start);
    const int64_t first = now_us();
    num = 0;
    for (size_t segment = 0; segment < TAMPER_SEGMENTS; segment++) {
        const struct tamper_segment *s = &tlog->segments[segment];
        for (size_t len = 0; len < s->lines[1].start; len += is_full() ? 5 : 97, num++) {
            put(segment, (struct slice){s->bytes.data, len});
            assert_int_equal(verify_now()->verdict, VERIFY_TAMPERED);
        }
        restore(s);
    }
    say("segments cut within their first record", num, num, first);
}

/* ---- lines ---- */

/* splice - segment with bytes from..to replaced; the result is good until the next call. */
static struct slice spliced(const struct tamper_segment *s, size_t from, size_t to,
                            struct slice with)
{
    static struct buf out;
    buf_free(&out);
    buf_init(&out, 1U << 20);
    buf_add(&out, s->bytes.data, from);
    buf_add_slice(&out, with);
    buf_add(&out, s->bytes.data + to, s->bytes.len - to);
    assert_true(buf_ok(&out));
    return buf_slice(&out);
}

static struct slice whole_line(const struct tamper_segment *s, size_t i)
{
    return (struct slice){s->bytes.data + s->lines[i].start, s->lines[i].len + 1};
}

/* forge - the record with one letter changed and its checksum made right; NULL: it has none. */
static struct slice forge(const struct tamper_segment *s, size_t i)
{
    static char text[AUDIT_LINE_MAX];
    const struct slice line = whole_line(s, i);
    static const char *const letters[] = {"api.pay", "\"stop\"", "\"init\"", "\"test\""};
    memcpy(text, line.ptr, line.len);
    char *at = NULL;
    for (size_t k = 0; k < 4 && at == NULL; k++) {
        at = memmem(text, line.len, letters[k], strlen(letters[k]));
        at = at == NULL ? NULL : at + 2;
    }
    assert_non_null(at);
    *at = *at == 'x' ? 'y' : 'x';
    crc32c_hex(crc32c((struct slice){text, line.len - 19}), text + line.len - 11);
    return (struct slice){text, line.len};
}

static void each_line(const char *what, size_t sample,
                      struct slice (*change)(const struct tamper_segment *s, size_t i,
                                             uint64_t *ret_seq))
{
    const int64_t start = now_us();
    size_t num = 0;
    for (size_t segment = 0; segment < TAMPER_SEGMENTS; segment++) {
        const struct tamper_segment *s = &tlog->segments[segment];
        for (size_t i = 1; i < s->num_lines; i += stride(sample), num++) {
            uint64_t seq = s->lines[i].seq;
            put(segment, change(s, i, &seq));
            const struct verify_report *r = verify_now();
            if (seq < TAMPER_RECORDS / TILE_WIDTH * TILE_WIDTH) {
                expect_exactly(r, seq, what, seq);
            } else {
                expect(r, seq, what, seq);
            }
        }
        restore(s);
    }
    say(what, num, num, start);
}

static struct slice delete_line(const struct tamper_segment *s, size_t i, uint64_t *ret_seq)
{
    (void)ret_seq;
    return spliced(s, s->lines[i].start, s->lines[i].start + s->lines[i].len + 1, SLICE(""));
}

static struct slice double_line(const struct tamper_segment *s, size_t i, uint64_t *ret_seq)
{
    if (i + 1 == s->num_lines) {
        i--; /* behind the last one nothing counts: test_void */
        *ret_seq -= 1;
    }
    *ret_seq += 1;
    const size_t end = s->lines[i].start + s->lines[i].len + 1;
    return spliced(s, end, end, whole_line(s, i));
}

static struct slice swap_lines(const struct tamper_segment *s, size_t i, uint64_t *ret_seq)
{
    static char both[2 * AUDIT_LINE_MAX];
    if (i + 1 == s->num_lines) {
        return delete_line(s, i, ret_seq); /* it has no neighbour */
    }
    const struct slice one = whole_line(s, i);
    const struct slice two = whole_line(s, i + 1);
    memcpy(both, two.ptr, two.len);
    memcpy(both + two.len, one.ptr, one.len);
    return spliced(s, s->lines[i].start, s->lines[i].start + one.len + two.len,
                   (struct slice){both, one.len + two.len});
}

static struct slice forge_line(const struct tamper_segment *s, size_t i, uint64_t *ret_seq)
{
    (void)ret_seq;
    return spliced(s, s->lines[i].start, s->lines[i].start + s->lines[i].len + 1, forge(s, i));
}

static void test_lines(void **state)
{
    (void)state;
    each_line("each record deleted", 23, delete_line);
    each_line("each record doubled", 29, double_line);
    each_line("each record swapped with the next one", 31, swap_lines);
    each_line("each record replaced by one with the right checksum", 19, forge_line);
}

/* ---- bytes that do not count ---- */

/* test_void - bytes behind the last record that counts. Of a segment that a crash ended the next one
 * states them, and they may be anything: said, and no alarm. Behind one that was closed there are none. */
static void test_void(void **state)
{
    (void)state;
    const int64_t start = now_us();
    const struct tamper_segment *s = &tlog->segments[1];
    size_t num = 0;
    assert_int_equal(s->bytes.len - s->valid, TAMPER_VOID);
    for (size_t bit = s->valid * 8; bit < s->bytes.len * 8; bit += stride(199), num++) {
        s->bytes.data[bit / 8] = (char)(s->bytes.data[bit / 8] ^ (1 << bit % 8));
        restore(s);
        s->bytes.data[bit / 8] = (char)(s->bytes.data[bit / 8] ^ (1 << bit % 8));
        const struct verify_report *r = verify_now();
        assert_int_equal(r->verdict, VERIFY_INTACT);
        assert_int_equal(r->num_notices, 1);
    }
    put(1, spliced(s, s->valid, s->valid, whole_line(s, s->num_lines - 1)));
    assert_int_equal(verify_now()->verdict, VERIFY_INTACT);
    assert_int_equal(verify_now()->num_notices, 1);
    restore(s);
    say("bit flips in a torn tail: do not count, and are mentioned", num + 1, num + 1, start);
    s = &tlog->segments[0];
    put(0, spliced(s, s->valid, s->valid, whole_line(s, s->num_lines - 1)));
    assert_int_equal(verify_now()->verdict, VERIFY_TAMPERED);
    assert_int_equal(verify_now()->findings[0].kind, VERIFY_SEGMENT);
    restore(s);
}

/* ---- segments ---- */

static void move(const char *from, const char *to)
{
    assert_int_equal(rename(from, to), 0);
}

/* expect_segment - tampered with, and this is said of a segment, or of the records that were in it. */
static void expect_segments(const char *what, uint64_t a, uint64_t b)
{
    const struct verify_report *r = verify_now();
    if (r->verdict != VERIFY_TAMPERED || r->findings[0].kind > VERIFY_SEGMENT) {
        print_findings(r);
        fail_msg("segment %llu %s %llu", (unsigned long long)a, what, (unsigned long long)b);
    }
}

static void test_segments(void **state)
{
    (void)state;
    const int64_t start = now_us();
    size_t num = 0;
    char away[SEGMENT_PATH_MAX + 8];
    for (uint64_t i = 1; i <= TAMPER_SEGMENTS; i++) {
        const char *path = tlog->segments[i - 1].path;
        (void)snprintf(away, sizeof(away), "%s/away", tlog->dir);
        move(path, away);
        expect_segments("removed", i, 0);
        write_file(path, SLICE(""));
        expect_segments("emptied", i, 0);
        num += 2;
        for (uint64_t k = 1; k <= TAMPER_SEGMENTS + 2; k++, num++) {
            if (k == i) {
                continue;
            }
            /* Its bytes under another number: in place of that segment, or beside the others. */
            char other[SEGMENT_PATH_MAX];
            assert_int_equal(unlink(path), 0);
            (void)snprintf(other, sizeof(other), "%s", segment_path(tlog->dir, k));
            write_file(other, buf_slice(&tlog->segments[i - 1].bytes));
            expect_segments("renamed to", i, k);
            if (k <= TAMPER_SEGMENTS) {
                write_file(path, buf_slice(&tlog->segments[k - 1].bytes));
                expect_segments("swapped with", i, k);
                restore(&tlog->segments[k - 1]);
            } else {
                assert_int_equal(unlink(other), 0);
                write_file(path, SLICE(""));
            }
        }
        move(away, path);
    }
    assert_int_equal(verify_now()->verdict, VERIFY_INTACT);
    say("segments removed, emptied, renamed, swapped", num, num, start);
}

/* ---- tiles ---- */

static void tile_file(uint64_t n, char out[SEGMENT_PATH_MAX])
{
    char name[TILE_PATH_MAX];
    tile_path(0, n, name);
    (void)snprintf(out, SEGMENT_PATH_MAX, "%s/%s", tlog->dir, name);
}

static void expect_tile(const struct verify_report *r, uint64_t n)
{
    char name[TILE_PATH_MAX];
    tile_path(0, n, name);
    if (r->verdict != VERIFY_TAMPERED || r->findings[0].kind != VERIFY_TILE ||
        strcmp(r->findings[0].file, name) != 0) {
        print_findings(r);
        fail_msg("tile %llu should have been named", (unsigned long long)n);
    }
}

static void test_tiles(void **state)
{
    (void)state;
    struct tamper_pass *p = tamper_pass_new(tlog);
    const int64_t start = now_us();
    const size_t one_in = stride(211);
    const size_t real_one_in = is_full() ? 503 : 101;
    size_t num = 0;
    size_t real = 0;
    size_t bit = 0;
    char path[SEGMENT_PATH_MAX];
    for (size_t segment = 0; segment < TAMPER_SEGMENTS; segment++) {
        const struct tamper_segment *s = &tlog->segments[segment];
        enter(p, segment);
        for (size_t i = 0; i < s->num_lines; i++) {
            const struct tamper_line *line = &s->lines[i];
            for (; bit < (line->seq + 1) * SHA256_LEN * 8 && bit < sizeof(p->tile) * 8;
                 bit += one_in, num++) {
                unsigned char *bytes = &p->tile[0][0];
                bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
                memset(&p->windows, 0, sizeof(p->windows));
                const struct verify_finding *found = judge(p, line->start);
                if (found == NULL || found->kind != VERIFY_TILE || found->seq != line->seq) {
                    fail_msg("flip of bit %zu in tiles: %s", bit, found == NULL ? "" : found->what);
                }
                if (num % real_one_in == 0) {
                    const uint64_t n = line->seq / TILE_WIDTH;
                    tile_file(n, path);
                    write_file(path, (struct slice){(const char *)p->tile[n], TILE_BYTES});
                    expect_tile(verify_now(), n);
                    real++;
                }
                bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
                if (num % real_one_in == 0) {
                    write_file(path, (struct slice){(const char *)p->tile[line->seq / TILE_WIDTH],
                                                    TILE_BYTES});
                }
            }
            memset(&p->windows, 0, sizeof(p->windows));
            p->findings.num = p->findings.total = 0;
            step(p, line);
        }
    }
    say("bit flips in tiles, tile and hash named", num, real, start);
    const int64_t rest = now_us();
    num = 0;
    for (uint64_t n = 0; n < 3; n++) {
        tile_file(n, path);
        for (size_t len = 0; len < TILE_BYTES; len += is_full() ? 61 : 2999, num++) {
            write_file(path, (struct slice){(const char *)p->tile[n], len});
            expect_tile(verify_now(), n);
        }
        write_file(path, (struct slice){(const char *)p->tile[(n + 1) % 3], TILE_BYTES});
        assert_int_equal(verify_now()->verdict, VERIFY_TAMPERED);
        assert_int_equal(unlink(path), 0);
        expect_tile(verify_now(), n);
        write_file(path, (struct slice){(const char *)p->tile[n], TILE_BYTES});
        num += 2;
    }
    tamper_pass_free(p);
    say("tiles cut, exchanged, removed", num, num, rest);
}

/* ---- checkpoints, keys and other state ---- */

static void state_path(const char *name, char out[SEGMENT_PATH_MAX])
{
    (void)snprintf(out, SEGMENT_PATH_MAX, "%s/state/%s", tlog->dir, name);
}

/* expect_file - something is wrong, and it is this file. */
static void expect_file(const struct verify_report *r, const char *file, size_t n)
{
    bool named = false;
    for (size_t i = 0; i < r->num_findings; i++) {
        named = named || strcmp(r->findings[i].file, file) == 0;
    }
    if (r->verdict != VERIFY_TAMPERED || !named) {
        print_findings(r);
        fail_msg("%s, %zu: should have been named", file, n);
    }
}

static void flip_file(const char *file, size_t sample)
{
    char path[SEGMENT_PATH_MAX];
    struct buf bytes;
    const int64_t start = now_us();
    size_t num = 0;
    (void)snprintf(path, sizeof(path), "%s/%s", tlog->dir, file);
    read_file(path, &bytes);
    for (size_t bit = 3; bit < bytes.len * 8; bit += stride(sample), num++) {
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ (1 << bit % 8));
        write_file(path, buf_slice(&bytes));
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ (1 << bit % 8));
        expect_file(verify_now(), file, bit);
    }
    write_file(path, buf_slice(&bytes));
    buf_free(&bytes);
    char what[128];
    (void)snprintf(what, sizeof(what), "bit flips in %.30s, the file named", file);
    say(what, num, num, start);
}

static void test_state(void **state)
{
    (void)state;
    char policy[128];
    flip_file("state/checkpoint", 211);
    flip_file("state/checkpoints.log", 3511);
    flip_file("state/vkeys", 101);
    flip_file("state/origin", 23);
    (void)snprintf(policy, sizeof(policy), "policy/%s.yaml", tlog->policy);
    flip_file(policy, 41);
}

/* sign - a checkpoint of this size, in *ret. */
static struct slice sign(uint64_t size, const struct note_signer *key, struct buf *ret)
{
    sign_size(NULL, &tlog->leaves, size, key, ret);
    return buf_slice(ret);
}

static void test_checkpoints(void **state)
{
    (void)state;
    const int64_t start = now_us();
    char newest[SEGMENT_PATH_MAX];
    char history[SEGMENT_PATH_MAX];
    struct buf kept;
    struct buf kept_history;
    struct buf note;
    size_t num = 0;
    state_path("checkpoint", newest);
    state_path("checkpoints.log", history);
    read_file(newest, &kept);
    read_file(history, &kept_history);
    for (uint64_t size = TAMPER_STEP; size < TAMPER_RECORDS; size += TAMPER_STEP, num++) {
        write_file(newest, sign(size, tlog->key, &note));
        expect_file(verify_now(), "state/checkpoint", size);
        buf_free(&note);
    }
    struct note_signer *other = new_key();
    write_file(newest, sign(TAMPER_RECORDS, other, &note)); /* a key nobody pinned */
    expect_file(verify_now(), "state/checkpoint", 0);
    buf_free(&note);
    write_file(newest, buf_slice(&kept));
    expect_file(verify_dir(tlog->dir, other, NULL, 0), "state/checkpoint", 1);
    note_signer_free(other);

    struct checkpoint foreign = {.origin = "audit.test/log-2", .size = TAMPER_RECORDS};
    struct cb_err err;
    struct note_signer *foreign_key = NULL;
    assert_int_equal(note_signer_new(SLICE("audit.test/log-2"), NOTE_LOG, &foreign_key, &err),
                     CB_OK);
    buf_init(&note, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&foreign, foreign_key, &note, &err), CB_OK);
    write_file(newest, buf_slice(&note));
    expect_file(verify_now(), "state/checkpoint", 2);
    buf_free(&note);
    note_signer_free(foreign_key);

    /* The log's own key for a root that the log never had: another history. */
    tlog->leaves.leaf[7][0] ^= 1;
    write_file(newest, sign(900, tlog->key, &note));
    tlog->leaves.leaf[7][0] ^= 1;
    expect_file(verify_now(), "state/checkpoint", 3);
    buf_free(&note);

    assert_int_equal(unlink(newest), 0);
    expect_file(verify_now(), "state/checkpoint", 4);
    assert_int_equal(unlink(history), 0);
    expect_file(verify_now(), "state/checkpoint", 5);
    write_file(newest, buf_slice(&kept));
    write_file(history, buf_slice(&kept_history));
    num += 6;

    /* An older checkpoint and a history cut to it: no record is touched, the log is whole and its
     * newest records are not sealed. That more was signed once only an outside checkpoint shows. */
    struct buf cut;
    buf_init(&cut, 1U << 20);
    buf_add_slice(&cut, sign(TAMPER_STEP, tlog->key, &note));
    write_file(newest, buf_slice(&cut));
    write_file(history, buf_slice(&cut));
    const struct verify_report *r = verify_now();
    assert_int_equal(r->verdict, VERIFY_INTACT);
    assert_int_equal(r->sealed, TAMPER_STEP);
    buf_free(&note);
    buf_free(&cut);
    write_file(newest, buf_slice(&kept));
    write_file(history, buf_slice(&kept_history));
    buf_free(&kept);
    buf_free(&kept_history);
    say("checkpoints put back, of other keys and logs, removed", num + 1, num + 1, start);
}

/* test_cosigned - the log keeps witnesses' signatures, too. Who asks that witness has its key; then a
 * wrong signature of it is found. A changed name or key id makes it somebody's who is not known: that
 * does not count, as nothing rests on signatures that the log itself keeps. */
static void test_cosigned(void **state)
{
    (void)state;
    const int64_t start = now_us();
    char path[SEGMENT_PATH_MAX];
    struct buf note;
    struct buf text;
    struct note parsed;
    struct note_signer *witness = NULL;
    struct cb_err err;
    size_t num = 0;
    size_t unknown = 0;
    assert_int_equal(note_signer_new(SLICE("witness.test"), NOTE_WITNESS, &witness, &err), CB_OK);
    sign_size(NULL, &tlog->leaves, TAMPER_RECORDS, tlog->key, &note);
    assert_int_equal(note_parse(buf_slice(&note), &parsed, &err), CB_OK);
    buf_init(&text, NOTE_BYTES_MAX);
    buf_add_slice(&text, parsed.text);
    const size_t own_len = note.len;
    assert_int_equal(note_sign(buf_slice(&text), witness, 1790000000, &note, &err), CB_OK);
    const size_t signature_at = own_len + sizeof("\xe2\x80\x94 witness.test ") - 1 + 6;
    struct buf kept;
    buf_init(&kept, NOTE_BYTES_MAX);
    buf_add_slice(&kept, buf_slice(&note));
    const struct verify_outside seen = {.name = "http://witness.test",
                                        .bytes = buf_slice(&kept),
                                        .witness = note_signer_key(witness)};
    state_path("cosigned", path);
    for (size_t bit = 0; bit < note.len * 8; bit += stride(173), num++) {
        note.data[bit / 8] = (char)(note.data[bit / 8] ^ (1 << bit % 8));
        write_file(path, buf_slice(&note));
        note.data[bit / 8] = (char)(note.data[bit / 8] ^ (1 << bit % 8));
        const struct verify_report *r = verify_dir(tlog->dir, tlog->key, &seen, 1);
        if (r->verdict == VERIFY_TAMPERED) {
            expect_file(r, "state/cosigned", bit);
        } else if (bit / 8 >= own_len && bit / 8 < signature_at) {
            unknown++;
        } else {
            fail_msg("flip of bit %zu in state/cosigned", bit);
        }
    }
    write_file(path, buf_slice(&note));
    assert_int_equal(verify_dir(tlog->dir, tlog->key, &seen, 1)->verdict, VERIFY_INTACT);
    assert_int_equal(unlink(path), 0);
    buf_free(&kept);
    buf_free(&text);
    buf_free(&note);
    note_signer_free(witness);
    say("bit flips in state/cosigned, the file named", num, num, start);
    print_message("  %zu of them in a witness's name or key id: do not count\n", unknown);
}

/* test_yesterday - everything as it was at an earlier time, and all of it consistent. */
static void test_yesterday(void **state)
{
    (void)state;
    const int64_t start = now_us();
    struct buf note;
    struct note_signer *key = new_key();
    char *dir = new_signed_log(key);
    static const uint64_t all = 0;
    hand_seal(dir, key, &all, 1); /* yesterday */
    assert_int_equal(verify_dir(dir, key, NULL, 0)->verdict, VERIFY_INTACT);
    struct leaves leaves;
    read_leaves(dir, &leaves);
    /* What was signed since, for 40 records more. */
    leaves.leaf = realloc(leaves.leaf, (leaves.num + 40) * SHA256_LEN);
    assert_non_null(leaves.leaf);
    memset(leaves.leaf[leaves.num], 7, (size_t)40 * SHA256_LEN);
    for (uint64_t more = 1; more <= 40; more++) {
        sign_size(NULL, &leaves, leaves.num + more, key, &note);
        const struct verify_outside saved = {.name = "saved.txt", .bytes = buf_slice(&note)};
        const struct verify_report *r = verify_dir(dir, key, &saved, 1);
        assert_int_equal(r->outside, 0);
        expect_exactly(r, leaves.num, "yesterday's volume", more);
        buf_free(&note);
    }
    free_leaves(&leaves);
    remove_dir(dir);
    note_signer_free(key);
    say("a volume of yesterday against a saved checkpoint", 40, 40, start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flips),    cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_lines),    cmocka_unit_test(test_void),
        cmocka_unit_test(test_segments), cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_state),    cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_cosigned), cmocka_unit_test(test_yesterday),
    };
    tlog = tamper_log_new();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tamper_log_free(tlog);
    return failed;
}
