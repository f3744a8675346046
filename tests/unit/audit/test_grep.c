/* test_grep.c - a search that steps over most lines finds what decoding every line finds: also texts that
 * another writer spelled with escapes, attempts without the text, outcomes in a later segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/read/chain.h"
#include "audit/read/grep.h"
#include "tests/unit/audit/helpers.h"

#define OPEN_MAX_HERE 12U
#define FOUND_MAX 4096U

static uint64_t random_state = 42;

static unsigned dice(unsigned sides)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % sides;
}

static const char *const words[] = {"api",  "payments-api", "api-2",    "x/y",    "caf\xc3\xa9",
                                    "a\"b", "back\\slash",  "/u0061pi", "\\u0061", "ledger"};
#define WORDS (sizeof(words) / sizeof(words[0]))

/* add_spelled - the word as a JSON string, some of its characters spelled with an escape. */
static void add_spelled(struct buf *out, const char *word)
{
    const bool plain = dice(3) > 0;
    if (plain) {
        buf_add_json_str(out, slice_of(word));
        return;
    }
    buf_add_char(out, '"');
    for (const char *c = word; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            buf_add_str(out, "\\u00E9");
            c++;
        } else if (*c == '/' && dice(2) == 0) {
            buf_add_str(out, "\\/");
        } else if (*c == '"' || *c == '\\' || dice(3) == 0) {
            buf_printf(out, dice(2) == 0 ? "\\u%04x" : "\\u%04X", (unsigned)*c);
        } else {
            buf_add_char(out, *c);
        }
    }
    buf_add_char(out, '"');
}

static uint64_t append_body(struct audit *a, enum audit_type type, uint64_t ref, const char *word)
{
    struct buf body;
    struct cb_err err;
    uint64_t seq = UINT64_MAX;
    buf_init(&body, AUDIT_LINE_MAX);
    buf_printf(&body, "\"type\":\"%s\"", audit_type_word(type));
    if (ref != UINT64_MAX) {
        buf_printf(&body, ",\"ref\":%llu", (unsigned long long)ref);
    }
    buf_add_str(&body, ",\"req\":\"00112233445566778899aabbccddeeff\",\"who\":{\"id\":");
    add_spelled(&body, word);
    buf_add_str(&body, "},\"detail\":");
    buf_add_char(&body, '"');
    for (unsigned i = dice(1200); i > 0; i--) {
        buf_add_str(&body, dice(40) == 0 ? "\\\"" : "x");
    }
    buf_add_str(&body, "\"");
    if (audit_append_wait(a, type, buf_slice(&body), &seq, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    buf_free(&body);
    return seq;
}

/* make_log - several segments; attempts that are closed late, in another segment, or never. */
static char *make_log(unsigned runs, unsigned records)
{
    char *dir = new_log();
    uint64_t open[OPEN_MAX_HERE];
    size_t num_open = 0;
    for (unsigned run = 0; run < runs; run++) {
        struct audit *a = open_log(dir, NULL);
        for (unsigned i = 0; i < records; i++) {
            const char *word = words[dice(WORDS)];
            const unsigned what = dice(4);
            if (what == 0 && num_open < OPEN_MAX_HERE) {
                open[num_open++] = append_body(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, word);
            } else if (what == 1 && num_open > 0) {
                const size_t which = dice((unsigned)num_open);
                (void)append_body(a, AUDIT_ISSUE_OK, open[which], word);
                open[which] = open[--num_open];
            } else {
                (void)append_body(a, AUDIT_AUTHZ_DENY, UINT64_MAX, word);
            }
        }
        audit_close(a);
    }
    return dir;
}

/* ---- what is found, each way ---- */

struct found {
    const char *word; /* who.id is exactly this */
    int64_t since_us, until_us;
    uint64_t seqs[FOUND_MAX];
    size_t num, looked;
};

static void consider(struct found *f, const struct audit_line *line)
{
    struct arena arena;
    struct audit_event e;
    struct slice trunc;
    struct cb_err err;
    arena_init(&arena, 1U << 20);
    assert_int_equal(audit_line_decode(line, &arena, &e, &trunc, &err), CB_OK);
    assert_true(line->whole.len > line->body.len);
    assert_int_equal(line->whole.ptr[0], '{');
    assert_int_equal(line->whole.ptr[line->whole.len - 1], '}');
    if (slice_eq_str(e.who_id, f->word) && line->ts_us >= f->since_us &&
        line->ts_us < f->until_us) {
        assert_true(f->num < FOUND_MAX);
        f->seqs[f->num++] = line->seq;
    }
    f->looked++;
    arena_free(&arena);
}

static bool decode_each(void *ctx, const struct audit_line *line)
{
    consider(ctx, line);
    return true;
}

static bool grep_each(void *ctx, struct audit_grep *grep, const struct audit_line *line)
{
    struct found *f = ctx;
    consider(f, line);
    if (line->type == AUDIT_ISSUE_ATTEMPT) {
        assert_true(audit_grep_await(grep, line->seq)); /* what is awaited changes nothing else */
    }
    return true;
}

static void compare(const char *dir, struct found *by_decoding, bool attempts)
{
    struct found by_grep = *by_decoding;
    struct cb_err err;
    char literal[64];
    struct audit_grep_want want = {.since_us = by_decoding->since_us,
                                   .until_us = by_decoding->until_us,
                                   .attempts = attempts};
    by_decoding->num = by_decoding->looked = by_grep.num = by_grep.looked = 0;
    assert_int_equal(audit_walk_span(dir, by_decoding->since_us, by_decoding->until_us, decode_each,
                                     by_decoding, &err),
                     CB_OK);
    (void)snprintf(literal, sizeof(literal), "\"%s\"", by_decoding->word);
    if (slice_plain_run(slice_of(by_decoding->word)) == strlen(by_decoding->word)) {
        want.literals[want.num_literals++] = slice_of(literal);
    }
    if (audit_grep(dir, &want, grep_each, &by_grep, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    if (by_grep.num != by_decoding->num) {
        fail_msg("\"%s\": %zu by grep, %zu by decoding", by_decoding->word, by_grep.num,
                 by_decoding->num);
    }
    assert_memory_equal(by_grep.seqs, by_decoding->seqs, by_grep.num * sizeof(by_grep.seqs[0]));
    if (want.num_literals > 0 && !attempts) {
        assert_true(by_grep.looked < by_decoding->looked || by_decoding->looked == 0);
    }
}

static void test_same_as_decoding(void **state)
{
    (void)state;
    char *dir = make_log(4, 250);
    struct found all = {.word = "none", .since_us = INT64_MIN, .until_us = INT64_MAX};
    size_t found = 0;
    for (size_t i = 0; i < WORDS; i++) {
        all.word = words[i];
        compare(dir, &all, false);
        found += all.num;
        compare(dir, &all, true);
    }
    assert_true(found > 900);
    struct chain chain;
    struct cb_err err;
    assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
    assert_int_equal(chain.num, 5); /* audit_init makes the first */
    for (size_t i = 2; i < chain.num; i++) {
        struct found part = {.word = "api",
                             .since_us = chain.links[i - 1].first_us + 1000,
                             .until_us = chain.links[i].first_us + 1000};
        compare(dir, &part, false);
        assert_true(part.num > 0);
    }
    chain_free(&chain);
    remove_dir(dir);
}

/* ---- attempts and their outcomes ---- */

struct pairs {
    uint64_t attempt[FOUND_MAX]; /* attempt[i] is closed by outcome[i] */
    uint64_t outcome[FOUND_MAX];
    size_t num;
    bool only_awaited; /* nothing but attempts was looked for */
    char *dir;
};

static bool pair_each(void *ctx, struct audit_grep *grep, const struct audit_line *line)
{
    struct pairs *p = ctx;
    struct arena arena;
    struct audit_event e;
    struct slice trunc;
    struct cb_err err;
    arena_init(&arena, 1U << 20);
    assert_int_equal(audit_line_decode(line, &arena, &e, &trunc, &err), CB_OK);
    if (line->type == AUDIT_ISSUE_ATTEMPT) {
        assert_true(audit_grep_await(grep, line->seq));
    } else if (audit_type_is_outcome(line->type)) {
        struct buf copy;
        struct audit_line attempt;
        buf_init(&copy, AUDIT_LINE_MAX);
        assert_int_equal(audit_grep_record(grep, e.ref, &copy, &attempt, &err), CB_OK);
        assert_int_equal(attempt.seq, e.ref);
        assert_int_equal(attempt.type, AUDIT_ISSUE_ATTEMPT);
        buf_free(&copy);
        p->attempt[p->num] = e.ref;
        p->outcome[p->num++] = line->seq;
    } else {
        assert_false(p->only_awaited);
    }
    arena_free(&arena);
    return true;
}

static void test_attempts_meet_their_outcomes(void **state)
{
    (void)state;
    static struct pairs all, awaited;
    struct cb_err err;
    char *dir = make_log(3, 200);
    const struct audit_grep_want everything = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    struct audit_grep_want attempts = everything;
    attempts.literals[attempts.num_literals++] = SLICE("\"type\":\"issue.attempt\"");
    assert_int_equal(audit_grep(dir, &everything, pair_each, &all, &err), CB_OK);
    assert_int_equal(audit_grep(dir, &attempts, pair_each, &awaited, &err), CB_OK);
    assert_true(all.num > 60);
    assert_int_equal(all.num, awaited.num);
    assert_memory_equal(all.outcome, awaited.outcome, all.num * sizeof(all.outcome[0]));
    remove_dir(dir);
}

/* An attempt in the span, its outcome behind it, in a segment that begins behind it. */
static void test_awaited_beyond_the_span(void **state)
{
    (void)state;
    static struct pairs p;
    struct cb_err err;
    char *dir = new_log();
    struct audit *a = open_log(dir, NULL);
    const uint64_t seq = append_body(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "api");
    audit_close(a);
    a = open_log(dir, NULL);
    (void)append_body(a, AUDIT_ISSUE_UNKNOWN, seq, "api");
    audit_close(a);
    struct chain chain;
    assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
    const struct audit_grep_want want = {.since_us = INT64_MIN, .until_us = chain.links[2].first_us};
    assert_int_equal(audit_grep(dir, &want, pair_each, &p, &err), CB_OK);
    assert_int_equal(p.num, 1);
    assert_int_equal(p.attempt[0], seq);
    assert_true(p.outcome[0] > chain.links[2].first_seq);
    chain_free(&chain);
    remove_dir(dir);
}

/* ---- damage ---- */

static size_t count_of(const char *dir, const char *literal, enum cb_code expected,
                       struct cb_err *err)
{
    struct found f = {.word = "none", .since_us = INT64_MIN, .until_us = INT64_MAX};
    struct audit_grep_want want = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    if (literal != NULL) {
        want.literals[want.num_literals++] = slice_of(literal);
    }
    assert_int_equal(audit_grep(dir, &want, grep_each, &f, err), expected);
    return f.looked;
}

static void damage(const char *path, const char *find, const char *with)
{
    struct buf bytes;
    read_file(path, &bytes);
    char *at = memmem(bytes.data, bytes.len, find, strlen(find));
    assert_non_null(at);
    memcpy(at, with, strlen(with));
    write_file(path, buf_slice(&bytes));
    buf_free(&bytes);
}

static void test_damage(void **state)
{
    (void)state;
    struct cb_err err;
    char *dir = new_log();
    for (int run = 0; run < 2; run++) {
        struct audit *a = open_log(dir, NULL);
        for (int i = 0; i < 20; i++) {
            (void)append_ok(a, i == 10 ? "the tenth" : "another");
        }
        audit_close(a);
    }
    assert_int_equal(count_of(dir, "tenth", CB_OK, &err), 2);
    struct chain chain;
    char place[60];
    assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
    (void)snprintf(place, sizeof(place), "00000002.jsonl: record %llu: damaged",
                   (unsigned long long)chain.links[1].first_seq + 11);
    chain_free(&chain);
    damage(segment_path(dir, 2), "the tenth", "The tenth");
    (void)count_of(dir, "tenth", CB_ECORRUPT, &err);
    assert_non_null(strstr(err.msg, place));
    (void)count_of(dir, NULL, CB_ECORRUPT, &err);
    assert_non_null(strstr(err.msg, place));
    damage(segment_path(dir, 2), "The tenth", "the tenth");
    /* In the newest segment, with records behind it that prove it was whole. */
    damage(segment_path(dir, 3), "the tenth", "The tenth");
    (void)count_of(dir, "tenth", CB_ECORRUPT, &err);
    assert_non_null(strstr(err.msg, "damaged, and later records follow"));
    damage(segment_path(dir, 3), "The tenth", "the tenth");
    assert_int_equal(count_of(dir, "tenth", CB_OK, &err), 2);
    /* A torn tail is the end, whether looked at or not. */
    struct buf bytes;
    read_file(segment_path(dir, 3), &bytes);
    write_file(segment_path(dir, 3), (struct slice){bytes.data, bytes.len - 20});
    assert_int_equal(count_of(dir, "tenth", CB_OK, &err), 2);
    assert_int_equal(count_of(dir, NULL, CB_OK, &err), walk_ok(dir, 0).next);
    buf_free(&bytes);
    /* An older one that lost its end. */
    read_file(segment_path(dir, 2), &bytes);
    write_file(segment_path(dir, 2), (struct slice){bytes.data, bytes.len - 20});
    (void)count_of(dir, "no such text", CB_ECORRUPT, &err);
    assert_non_null(strstr(err.msg, "00000002.jsonl"));
    buf_free(&bytes);
    remove_dir(dir);
}

static void test_one_record(void **state)
{
    (void)state;
    struct buf line;
    struct audit_line found;
    struct cb_err err;
    char *dir = make_log(3, 60);
    const uint64_t end = walk_ok(dir, 0).next;
    buf_init(&line, AUDIT_LINE_MAX);
    for (uint64_t seq = 0; seq < end; seq++) {
        assert_int_equal(audit_read_record(dir, seq, &line, &found, &err), CB_OK);
        assert_int_equal(found.seq, seq);
        assert_true(found.whole.ptr == line.data);
    }
    assert_int_equal(audit_read_record(dir, end, &line, &found, &err), CB_ENOENT);
    assert_int_equal(audit_read_record(dir, UINT64_MAX, &line, &found, &err), CB_ENOENT);
    assert_int_equal(audit_read_record("/nonexistent", 0, &line, &found, &err), CB_ENOENT);
    buf_free(&line);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_decoding),
                                       cmocka_unit_test(test_attempts_meet_their_outcomes),
                                       cmocka_unit_test(test_awaited_beyond_the_span),
                                       cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_one_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
