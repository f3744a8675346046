/* test_some.c - looking things up in a damaged log: what is whole is found, what is not is told of; whoever
 * has to be sure gets an error as ever. */
#include "audit/keep/archive.h"
#include "audit/audit.h"
#include "audit/read/chain.h"
#include "audit/read/grep.h"
#include "audit/read/lines.h"
#include "audit/read/reader.h"
#include "audit/segdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"
#include "tests/unit/audit/packed_log.h"

#define RECORDS_MAX 400U

struct looking {
    bool seen[RECORDS_MAX];
    size_t num;
    char told[8][320];
    size_t num_told;
};

static bool on_line(void *ctx, struct audit_grep *grep, const struct audit_line *line)
{
    struct looking *k = ctx;
    (void)grep;
    assert_true(line->seq < RECORDS_MAX);
    assert_false(k->seen[line->seq]);
    k->seen[line->seq] = true;
    k->num++;
    return true;
}

static void on_damage(void *ctx, const char *what)
{
    struct looking *k = ctx;
    assert_true(k->num_told < 8);
    (void)snprintf(k->told[k->num_told++], sizeof(k->told[0]), "%s", what);
}

/* look - everything that can be read; literal "": every line. */
static struct looking look(const char *dir, const char *literal)
{
    static struct looking k;
    struct cb_err err;
    struct audit_grep_want want = {.since_us = INT64_MIN,
                                   .until_us = INT64_MAX,
                                   .on_damage = on_damage,
                                   .damage_ctx = &k,
                                   .num_literals = literal[0] == '\0' ? 0 : 1};
    memset(&k, 0, sizeof(k));
    want.literals[0] = slice_of(literal);
    if (audit_grep(dir, &want, on_line, &k, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    /* Without on_damage it is an error, except where nothing is damaged. */
    static struct looking strict;
    memset(&strict, 0, sizeof(strict));
    want.on_damage = NULL;
    assert_int_equal(audit_grep(dir, &want, on_line, &strict, &err),
                     k.num_told == 0 ? CB_OK : CB_ECORRUPT);
    return k;
}

static void flip(const char *path, size_t at)
{
    struct buf bytes;
    read_file(path, &bytes);
    assert_true(at < bytes.len);
    bytes.data[at] ^= 4;
    write_file(path, buf_slice(&bytes));
    buf_free(&bytes);
}

/* offset_of - a byte within the nth line, and how many lines there are. */
static size_t offset_of(const char *path, size_t nth)
{
    struct buf bytes;
    read_file(path, &bytes);
    size_t at = 0;
    for (size_t i = 0; i < nth; i++) {
        at += slice_find(slice_from(buf_slice(&bytes), at), '\n') + 1;
    }
    buf_free(&bytes);
    return at + 150;
}

static void assert_told(const struct looking *k, const char *file, const char *what)
{
    assert_int_equal(k->num_told, 1);
    if (strstr(k->told[0], file) == NULL || strstr(k->told[0], what) == NULL) {
        fail_msg("told: %s", k->told[0]);
    }
}

/* first_of - the record a segment begins with; of the one behind the last: how many there are. */
static uint64_t first_of(const struct chain *chain, size_t i, size_t num)
{
    return i < chain->num ? chain->links[i].first_seq : num;
}

static void assert_all_but(const struct looking *k, size_t num, uint64_t from, uint64_t to)
{
    for (uint64_t seq = 0; seq < num; seq++) {
        assert_int_equal(k->seen[seq], seq < from || seq >= to);
    }
}

static void test_whole(void **state)
{
    (void)state;
    char *dir = some_log();
    struct looking k = look(dir, "");
    assert_int_equal(k.num_told, 0);
    assert_all_but(&k, k.num, 0, 0);
    remove_dir(dir);
}

/* One line of a segment, in whichever of them. */
static void test_a_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        char *dir = some_log();
        struct chain chain;
        struct cb_err err;
        char file[32];
        const size_t num = look(dir, "").num;
        assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
        const uint64_t no = chain.links[i].no;
        const uint64_t length = first_of(&chain, i + 1, num) - chain.links[i].first_seq;
        (void)snprintf(file, sizeof(file), "%08llu.jsonl: record ", (unsigned long long)no);
        if (length > 4) {
            flip(segment_path(dir, no), offset_of(segment_path(dir, no), 2));
            struct looking k = look(dir, "");
            const uint64_t bad = chain.links[i].first_seq + 2;
            assert_told(&k, file, i + 1 == chain.num ? "later records follow" : "damaged");
            assert_all_but(&k, num, bad, bad + 1);
        }
        chain_free(&chain);
        remove_dir(dir);
    }
}

/* Lines are stepped over from one text to the next. */
static void test_only_some_lines(void **state)
{
    (void)state;
    char *dir = some_log();
    const size_t all = look(dir, "").num;
    flip(segment_path(dir, 2), offset_of(segment_path(dir, 2), 3));
    const struct looking k = look(dir, "\"detail\"");
    assert_told(&k, "00000002.jsonl", "damaged");
    assert_true(k.num > 0 && k.num < all);
    remove_dir(dir);
}

static void test_a_packed_one(void **state)
{
    (void)state;
    char *dir = some_log();
    struct chain chain;
    struct cb_err err;
    const size_t num = look(dir, "").num;
    assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
    pack(dir, chain.links[2].no);
    assert_int_equal(unlink(segment_path(dir, chain.links[2].no)), 0);
    for (size_t at = 20; at < 400; at += 37) {
        flip(packed_path(dir, chain.links[2].no), at);
        struct looking k = look(dir, "");
        assert_told(&k, ".jsonl.zst", "damaged");
        for (uint64_t seq = 0; seq < num; seq++) {
            assert_true(k.seen[seq] ||
                        (seq >= chain.links[2].first_seq && seq < chain.links[3].first_seq));
        }
        flip(packed_path(dir, chain.links[2].no), at);
    }
    chain_free(&chain);
    remove_dir(dir);
}

/* Then nothing says how much of the segment before it counts; its torn tail is no damage. */
static void test_a_first_record(void **state)
{
    (void)state;
    for (size_t i = 1; i < 4; i++) {
        char *dir = some_log();
        struct chain chain;
        struct cb_err err;
        const size_t num = look(dir, "").num;
        assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
        flip(segment_path(dir, chain.links[i].no), 100);
        struct looking k = look(dir, "");
        assert_true(k.num_told >= 1);
        assert_non_null(strstr(k.told[0], "first record: damaged"));
        assert_all_but(&k, num, chain.links[i].first_seq, first_of(&chain, i + 1, num));
        chain_free(&chain);
        remove_dir(dir);
    }
}

static void test_a_missing_one(void **state)
{
    (void)state;
    char *dir = some_log();
    struct chain chain;
    struct cb_err err;
    const size_t num = look(dir, "").num;
    assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
    assert_int_equal(unlink(segment_path(dir, chain.links[1].no)), 0);
    struct looking k = look(dir, "");
    assert_told(&k, "seg: segment 2", "missing");
    assert_all_but(&k, num, chain.links[1].first_seq, chain.links[2].first_seq);
    chain_free(&chain);
    remove_dir(dir);
}

/* A torn tail is none of it: that is how a broker ends that was killed. */
static void test_a_torn_tail(void **state)
{
    (void)state;
    char *dir = some_log();
    struct chain chain;
    struct cb_err err;
    struct buf bytes;
    const size_t num = look(dir, "").num;
    assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
    const char *path = segment_path(dir, chain.links[chain.num - 1].no);
    read_file(path, &bytes);
    write_file(path, (struct slice){bytes.data, bytes.len - 20});
    buf_free(&bytes);
    struct looking k = look(dir, "");
    assert_int_equal(k.num_told, 0);
    assert_int_equal(k.num, num - 1);
    chain_free(&chain);
    remove_dir(dir);
}

static void test_no_log(void **state)
{
    (void)state;
    struct looking k = {.num = 0};
    struct cb_err err;
    const struct audit_grep_want want = {
        .since_us = INT64_MIN, .until_us = INT64_MAX, .on_damage = on_damage, .damage_ctx = &k};
    assert_int_equal(audit_grep("/nonexistent", &want, on_line, &k, &err), CB_ENOENT);
    assert_int_equal(k.num_told, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),           cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_only_some_lines), cmocka_unit_test(test_a_packed_one),
        cmocka_unit_test(test_a_first_record),  cmocka_unit_test(test_a_missing_one),
        cmocka_unit_test(test_a_torn_tail),     cmocka_unit_test(test_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
