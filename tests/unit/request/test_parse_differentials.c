/* test_parse_differentials.c - request bodies that a careless broker and CFSSL read differently.
 * Each newcert and revoke case of tests/data/differentials.json must be refused, or read as exactly
 * the typed ask that tests/data/differentials_expected.tsv spells out. Cases of endpoints that do
 * not exist here (sign, authsign, odd paths) never reach a parser and are marked "elsewhere". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/buf.h"
#include "broker/request/parse.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#define CASES_FILE "tests/data/differentials.json"
#define EXPECTED_FILE "tests/data/differentials_expected.tsv"
#define CASES_NUM 135
#define FILE_MAX (1U << 20)

static struct buf expected;

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char chunk[4096];
    size_t len = 0;
    while ((len = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        buf_add(out, chunk, len);
    }
    (void)fclose(f);
    assert_true(buf_ok(out));
}

/* expected_for - the rest of the line that starts with "id<TAB>". */
static struct slice expected_for(const char *id)
{
    struct slice rest = buf_slice(&expected);
    const struct slice want = slice_of(id);
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        assert_non_null(end);
        const struct slice line = {rest.ptr, (size_t)(end - rest.ptr)};
        rest = (struct slice){end + 1, rest.len - line.len - 1};
        if (line.len > want.len && slice_has_prefix(line, want) && line.ptr[want.len] == '\t') {
            return (struct slice){line.ptr + want.len + 1, line.len - want.len - 1};
        }
    }
    fail_msg("%s has no line for %s", EXPECTED_FILE, id);
    return rest;
}

static void decode_base64(const char *text, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned num = 0;
    for (; *text != '\0' && *text != '='; text++) {
        const char *digit = strchr(digits, *text);
        assert_non_null(digit);
        bits = (bits << 6) | (uint32_t)(digit - digits);
        num += 6;
        if (num >= 8) {
            num -= 8;
            buf_add_char(out, (char)(unsigned char)((bits >> num) & 0xffU));
        }
    }
}

/* add_filled_in - the body with the placeholders of the revoke cases replaced by real values. */
static void add_filled_in(struct buf *out, const char *body)
{
    static const struct {
        const char *placeholder, *value;
    } table[] = {
        {"\"SERIAL\"", "\"481152203193473354004800344190482527686564340030\""},
        {"\"OTHER\"", "\"99258715663042407675350001341925224804453429297\""},
        {"\"AKI\"", "\"f665c74868165f03e955b7efd517ec362b773704\""},
    };
    while (*body != '\0') {
        size_t i = 0;
        while (i < 3 && strncmp(body, table[i].placeholder, strlen(table[i].placeholder)) != 0) {
            i++;
        }
        if (i < 3) {
            buf_add_str(out, table[i].value);
            body += strlen(table[i].placeholder);
        } else {
            buf_add_char(out, *body++);
        }
    }
}

static void body_of(const cJSON *item, struct buf *out)
{
    const cJSON *base64 = cJSON_GetObjectItemCaseSensitive(item, "body_b64");
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(item, "body");
    if (base64 != NULL) {
        decode_base64(base64->valuestring, out);
    } else {
        assert_non_null(body);
        add_filled_in(out, body->valuestring);
    }
    assert_true(buf_ok(out));
}

static void describe_newcert(const struct policy_ask *ask, struct buf *out)
{
    buf_add_str(out, "ask\tcn=");
    buf_add_slice(out, ask->common_name);
    buf_add_str(out, " hosts=");
    for (size_t i = 0; i < ask->num_names; i++) {
        buf_printf(out, "%s%s:", i == 0 ? "" : ",", name_kind_word(ask->names[i].kind));
        buf_add_slice(out, ask->names[i].text);
    }
    buf_printf(out, " key=%s-%u", ask->key_algo == KEY_RSA ? "rsa" : "ecdsa", ask->key_bits);
    buf_add_str(out, " profile=");
    buf_add_slice(out, ask->profile);
    buf_printf(out, " subject=%zu", ask->num_subject);
}

static void describe_revoke(const struct revoke_ask *ask, struct buf *out)
{
    buf_printf(out, "ask\tserial=%s hex=%s aki=%s reason=%s", ask->serial_dec, ask->serial_hex,
               ask->aki_hex, revoke_reason_word(ask->reason));
}

/* describe - what became of one case, as the expected file spells it. */
static void describe(const char *endpoint, struct slice body, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, 1U << 20);
    struct cb_err err = {.code = CB_OK};
    struct policy_ask newcert;
    struct revoke_ask revoke;
    if (strcmp(endpoint, "newcert") == 0) {
        if (parse_newcert(&arena, body, &newcert, &err) == CB_OK) {
            describe_newcert(&newcert, out);
        }
    } else if (strcmp(endpoint, "revoke") == 0) {
        if (parse_revoke(&arena, body, &revoke, &err) == CB_OK) {
            describe_revoke(&revoke, out);
        }
    } else {
        buf_add_str(out, "elsewhere");
    }
    if (err.code != CB_OK) {
        assert_true(err.code == CB_EINPUT || err.code == CB_ELIMIT);
        assert_true(err.msg[0] != '\0');
        for (const char *c = err.msg; *c != '\0'; c++) {
            assert_true(ascii_is_print(*c));
        }
        buf_add_str(out, "refused");
    }
    arena_free(&arena);
}

static void test_every_case(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, FILE_MAX);
    read_file(CASES_FILE, &text);
    cJSON *cases = cJSON_ParseWithLength(text.data, text.len);
    assert_non_null(cases);
    assert_int_equal(cJSON_GetArraySize(cases), CASES_NUM);
    const bool is_printing = getenv("DIFFERENTIALS_PRINT") != NULL;
    unsigned failures = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cases)
    {
        const char *id = cJSON_GetObjectItemCaseSensitive(item, "id")->valuestring;
        const char *endpoint = cJSON_GetObjectItemCaseSensitive(item, "endpoint")->valuestring;
        struct buf body;
        struct buf got;
        buf_init(&body, FILE_MAX);
        buf_init(&got, 4096);
        body_of(item, &body);
        describe(endpoint, buf_slice(&body), &got);
        assert_true(buf_ok(&got));
        if (is_printing) {
            (void)printf("%s\t%s\n", id, got.data);
        } else if (!slice_eq(buf_slice(&got), expected_for(id))) {
            const struct slice want = expected_for(id);
            print_error("%s:\n  got  %s\n  want %.*s\n", id, got.data, (int)want.len, want.ptr);
            failures++;
        }
        buf_free(&body);
        buf_free(&got);
    }
    assert_int_equal(failures, 0);
    cJSON_Delete(cases);
    buf_free(&text);
}

int main(void)
{
    buf_init(&expected, FILE_MAX);
    FILE *f = fopen(EXPECTED_FILE, "rb");
    if (f != NULL) {
        (void)fclose(f);
        read_file(EXPECTED_FILE, &expected);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&expected);
    return failed;
}
