/* fuzz_query.c - any text as a term: refused with a message, or a query that can be asked; and what it
 * looks for in a line is in every line that it fits. */
#include "audit/line.h"
#include "broker/review/query.h"

#include <stdlib.h>

#define TERMS 4U

/* One record, whatever its fields say; the terms are asked of it. */
static const char body[] =
    "\"type\":\"issue.ok\",\"ref\":41,\"req\":\"9f0c1a2b3c4d5e6f9f0c1a2b3c4d5e6f\","
    "\"who\":{\"id\":\"web:pod-1\"},\"peer\":\"10.20.0.7:41234\",\"serial\":\"0f3a\","
    "\"rule\":\"web-server\",\"reason\":\"ca\\u005fmismatch\",\"granted\":{\"cn\":\"A.example\",\"dns\":"
    "[\"a.example\",\"x\\/y\"]},\"not_after\":\"2026-08-21T16:20:00Z\",\"status\":200";

static bool holds_one(const struct audit_grep_want *want, struct slice line)
{
    for (size_t i = 0; i < want->num_literals; i++) {
        if (memmem(line.ptr, line.len, want->literals[i].ptr, want->literals[i].len) != NULL) {
            return true;
        }
    }
    return want->num_literals == 0 || memmem(line.ptr, line.len, "\\u", 2) != NULL ||
           memmem(line.ptr, line.len, "\\/", 2) != NULL;
}

static void ask(struct query *q)
{
    struct arena arena;
    struct review_row row;
    struct cb_err err;
    struct buf text;
    struct audit_grep_want want = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    buf_init(&text, AUDIT_LINE_MAX);
    arena_init(&arena, 1U << 20);
    line_frame(&text, 42, 42, INT64_C(1784736000000000), slice_of(body));
    const struct slice whole = {text.data, text.len - 1};
    struct audit_line line;
    if (audit_line_read(whole, &line, &err) != CB_OK ||
        row_decode(&line, NULL, &arena, &row, &err) != CB_OK) {
        abort();
    }
    query_want(q, &want);
    if (query_matches(q, &row) && !holds_one(&want, whole)) {
        abort();
    }
    arena_free(&arena);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query q;
    struct slice rest = {(const char *)data, size};
    query_init(&q);
    for (unsigned i = 0; i < TERMS && rest.len > 0; i++) { /* a line each */
        const size_t len = slice_find(rest, '\n');
        char *term = strndup(rest.ptr, len);
        struct cb_err err = {.code = CB_OK};
        if (term == NULL) {
            break;
        }
        if (query_add(&q, term, &err) != CB_OK && err.msg[0] == '\0') {
            abort();
        }
        for (const char *c = err.code == CB_OK ? "" : err.msg; *c != '\0'; c++) {
            if (!ascii_is_print(*c)) {
                abort();
            }
        }
        free(term);
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
    if (q.num > 0) {
        ask(&q);
    }
    query_free(&q);
    return 0;
}
