/* test_search.c - a search with all its short cuts finds the rows that decoding everything finds, for any
 * query, over any span: with attempts and outcomes in different segments, before and behind the span, and
 * texts that are spelled with escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/review/search.h"
#include "tests/unit/audit/helpers.h"

#define ROWS_MAX 4096U
#define OPEN_ROOM 24U
#define QUERIES 800U

static uint64_t random_state = 7;

static unsigned dice(unsigned sides)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % sides;
}

static const char *const clients[] = {"payments-api", "payments-web", "web", "web:pod-1", "caf\xc3\xa9",
                                      "a\"quote"};
static const char *const names[] = {"api.pay.example", "web.pay.example", "*.pods.example", "x/y.example"};
static const char *const rules[] = {"pay-server", "web-server", "never-apex"};
static const char *const reasons[] = {"name_not_allowed", "no_rule", "ca_mismatch"};
static const char *const peers[] = {"10.20.0.7:4123", "10.30.0.8:5", "[2001:db8::7]:443", "10.20.0.9"};
static const char *const serials[] = {"0f3a", "72ce5911f930d121", "1234", "04d2"};
#define PICK(list) list[dice(sizeof(list) / sizeof(list[0]))]

/* add_text - "key":"text", sometimes in another spelling than our writer's. */
static void add_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    if (dice(6) > 0) {
        buf_add_json_str(out, slice_of(text));
        return;
    }
    buf_add_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            buf_add_str(out, "\\u00E9");
            c++;
        } else if (*c == '/') {
            buf_add_str(out, "\\/");
        } else if (*c == '"' || dice(4) == 0) {
            buf_printf(out, "\\u%04x", (unsigned)*c);
        } else {
            buf_add_char(out, *c);
        }
    }
    buf_add_char(out, '"');
}

static uint64_t append_record(struct audit *a, enum audit_type type, uint64_t ref)
{
    struct buf body;
    struct cb_err err;
    uint64_t seq = UINT64_MAX;
    const bool is_outcome = audit_type_is_outcome(type);
    buf_init(&body, AUDIT_LINE_MAX);
    buf_printf(&body, "\"type\":\"%s\"", audit_type_word(type));
    if (ref != UINT64_MAX) {
        buf_printf(&body, ",\"ref\":%llu", (unsigned long long)ref);
    }
    buf_printf(&body, ",\"req\":\"%016llx%016x\"", (unsigned long long)random_state, dice(1000));
    if (dice(4) > 0) {
        buf_add_str(&body, ",\"who\":{");
        add_text(&body, "id", PICK(clients));
        buf_add_str(&body, "},");
        add_text(&body, "peer", PICK(peers));
    }
    if (!is_outcome) {
        buf_add_str(&body, ",\"want\":{\"dns\":[\"");
        buf_add_str(&body, PICK(names));
        buf_add_str(&body, "\"]}");
    }
    if (dice(2) == 0) {
        buf_add_char(&body, ',');
        add_text(&body, "rule", PICK(rules));
    }
    if (is_outcome) {
        buf_add_char(&body, ',');
        add_text(&body, "serial", PICK(serials));
    }
    if (dice(2) == 0) {
        buf_add_char(&body, ',');
        add_text(&body, "reason", PICK(reasons));
    }
    if (audit_append_wait(a, type, buf_slice(&body), &seq, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    buf_free(&body);
    return seq;
}

static enum audit_type outcome_type(void)
{
    static const enum audit_type types[] = {AUDIT_ISSUE_OK, AUDIT_ISSUE_FAIL, AUDIT_ISSUE_UNKNOWN};
    return PICK(types);
}

static char *make_log(void)
{
    char *dir = new_log();
    uint64_t open[OPEN_ROOM];
    size_t num_open = 0;
    for (unsigned run = 0; run < 4; run++) {
        struct audit *a = open_log(dir, NULL);
        for (unsigned i = 0; i < 120; i++) {
            const unsigned what = dice(6);
            if (what < 2 && num_open < OPEN_ROOM) {
                open[num_open++] = append_record(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX);
            } else if (what < 4 && num_open > 0) {
                const size_t which = dice((unsigned)num_open);
                (void)append_record(a, outcome_type(), open[which]);
                open[which] = open[--num_open];
            } else if (what == 4) {
                (void)append_record(a, AUDIT_AUTHZ_DENY, UINT64_MAX);
            } else {
                (void)append_record(a, AUDIT_REVOKE_OK, UINT64_MAX); /* nothing was attempted */
            }
        }
        audit_close(a);
    }
    return dir;
}

/* ---- the slow way ---- */

struct all_lines {
    char *text[ROWS_MAX];
    struct audit_line lines[ROWS_MAX];
    size_t num;
    struct arena arena;
};

static bool take_line(void *ctx, const struct audit_line *line)
{
    struct all_lines *all = ctx;
    const struct slice copy = arena_slice(&all->arena, line->whole);
    assert_true(all->num < ROWS_MAX && copy.ptr != NULL);
    struct audit_line *l = &all->lines[all->num++];
    *l = *line;
    l->whole = copy;
    l->body.ptr = copy.ptr + (line->body.ptr - line->whole.ptr);
    return true;
}

struct rows {
    uint64_t first[ROWS_MAX], last[ROWS_MAX];
    size_t num;
};

static void offer(struct rows *rows, const struct review_search *search,
                  const struct audit_line *first, const struct audit_line *second)
{
    struct arena arena;
    struct review_row row;
    struct cb_err err;
    arena_init(&arena, 1U << 20);
    assert_int_equal(row_decode(first, second, &arena, &row, &err), CB_OK);
    const int64_t ts_us = row_last(&row)->line.ts_us;
    if (ts_us >= search->since_us && ts_us < search->until_us &&
        query_matches(search->query, &row)) {
        rows->first[rows->num] = row_first(&row)->line.seq;
        rows->last[rows->num++] = row_last(&row)->line.seq;
    }
    arena_free(&arena);
}

static uint64_t ref_of(const struct audit_line *line)
{
    struct arena arena;
    struct audit_event e;
    struct slice trunc;
    struct cb_err err;
    arena_init(&arena, 1U << 20);
    assert_int_equal(audit_line_decode(line, &arena, &e, &trunc, &err), CB_OK);
    arena_free(&arena);
    return e.ref;
}

static void slowly(const struct all_lines *all, const uint64_t *refs,
                   const struct review_search *search, struct rows *rows)
{
    rows->num = 0;
    for (size_t i = 0; i < all->num; i++) { /* by the order of what completes a row */
        const struct audit_line *line = &all->lines[i];
        if (line->type == AUDIT_SEGMENT_OPEN || line->type == AUDIT_SEGMENT_CLOSE) {
            continue;
        }
        if (audit_type_is_outcome(line->type) && refs[i] != UINT64_MAX) {
            offer(rows, search, &all->lines[refs[i]], line);
        } else if (!audit_type_is_attempt(line->type)) {
            offer(rows, search, line, NULL);
        }
    }
    for (size_t i = 0; i < all->num; i++) { /* and those that nothing did */
        bool closed = false;
        for (size_t k = 0; k < all->num && !closed; k++) {
            closed = audit_type_is_outcome(all->lines[k].type) && refs[k] == i;
        }
        if (audit_type_is_attempt(all->lines[i].type) && !closed) {
            offer(rows, search, &all->lines[i], NULL);
        }
    }
}

/* ---- the fast way ---- */

static bool take_row(void *ctx, const struct review_row *row)
{
    struct rows *rows = ctx;
    assert_true(rows->num < ROWS_MAX);
    rows->first[rows->num] = row_first(row)->line.seq;
    rows->last[rows->num++] = row_last(row)->line.seq;
    return true;
}

static const char *const terms[] = {
    "client=payments-api", "client=payments-*", "client=web", "client!=web", "client~PAY",
    "client=caf\xc3\xa9", "client=a\"quote", "name=api.pay.example", "name=*.pay.example",
    "name=API.pay.example", "name=x/y.example", "name=\\*.pods.example", "rule=pay-server",
    "rule!=never-apex", "rule=*", "rule!=*", "reason=no_rule", "reason=ca_*", "peer=10.20.0.7",
    "peer=10.20.0.0/16", "peer=2001:db8::/32", "peer!=10.0.0.0/8", "serial=f3a", "serial=0F:3A",
    "serial=1234", "serial=72ce5911f930d121", "serial=72*", "type=issue.ok", "type=issue.*",
    "type=authz.deny", "result=issued", "result=open", "result=denied", "result!=issued",
    "result=revoked", "result=unknown", "seq>100", "seq<=300", "type!=issue.attempt"};
#define TERMS (sizeof(terms) / sizeof(terms[0]))

static size_t total; /* rows that were found, over all queries */

static void check(const struct all_lines *all, const uint64_t *refs, struct review_search *search,
                  const char *shown)
{
    static struct rows fast, slow;
    struct cb_err err;
    fast.num = 0;
    slowly(all, refs, search, &slow);
    total += slow.num;
    if (review_search(search, take_row, &fast, &err) != CB_OK) {
        fail_msg("%s: %s", shown, err.msg);
    }
    if (fast.num != slow.num || memcmp(fast.first, slow.first, fast.num * sizeof(uint64_t)) != 0 ||
        memcmp(fast.last, slow.last, fast.num * sizeof(uint64_t)) != 0) {
        for (size_t i = 0; i < fast.num && i < slow.num; i++) {
            if (fast.last[i] != slow.last[i]) {
                print_error("at %zu: %llu, %llu\n", i, (unsigned long long)fast.last[i],
                            (unsigned long long)slow.last[i]);
                break;
            }
        }
        fail_msg("%s: %zu rows, by decoding everything %zu", shown, fast.num, slow.num);
    }
}

/* since_us - some record's time, or just behind the beginning of a segment: then those before are not read,
 * and attempts in them that were still under way must be found all the same. */
static int64_t since_us(const struct all_lines *all)
{
    const unsigned from = dice((unsigned)all->num);
    for (size_t i = from; i < all->num && from % 4 != 0; i++) {
        if (all->lines[i].type == AUDIT_SEGMENT_OPEN) {
            return all->lines[i].ts_us + 1;
        }
    }
    return all->lines[from].ts_us;
}

static void random_query(struct query *q, char *shown, size_t size)
{
    struct cb_err err;
    const unsigned num = 1 + dice(3);
    shown[0] = '\0';
    query_init(q);
    for (unsigned i = 0; i < num; i++) {
        const char *term = PICK(terms);
        if (query_add(q, term, &err) != CB_OK) {
            fail_msg("%s: %s", term, err.msg);
        }
        const size_t used = strlen(shown);
        (void)snprintf(shown + used, size - used, "%s ", term);
    }
}

static void test_same_as_decoding(void **state)
{
    (void)state;
    static struct all_lines all;
    static uint64_t refs[ROWS_MAX];
    struct cb_err err;
    char *dir = make_log();
    arena_init(&all.arena, 64U << 20);
    assert_int_equal(audit_walk_span(dir, INT64_MIN, INT64_MAX, take_line, &all, &err), CB_OK);
    for (size_t i = 0; i < all.num; i++) {
        refs[i] = ref_of(&all.lines[i]);
    }
    for (unsigned i = 0; i < QUERIES + TERMS; i++) {
        char shown[300];
        struct query q;
        if (i < TERMS) {
            query_init(&q);
            assert_int_equal(query_add(&q, terms[i], &err), CB_OK);
            (void)snprintf(shown, sizeof(shown), "%s", terms[i]);
        } else {
            random_query(&q, shown, sizeof(shown));
        }
        struct review_search search = {
            .dir = dir, .since_us = INT64_MIN, .until_us = INT64_MAX, .query = &q};
        if (dice(2) == 0) {
            search.since_us = since_us(&all);
        }
        if (dice(3) == 0) {
            search.until_us = all.lines[dice((unsigned)all.num)].ts_us + 1;
        }
        check(&all, refs, &search, shown);
        query_free(&q);
    }
    assert_true(total > 10000);
    arena_free(&all.arena);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_decoding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
