/* fuzz_report.c - records of any content into a report, and the report as page, text and JSON: nothing
 * that a record says may become part of how the page is written.
 *
 * Input: records' bodies without their type, one a line; the line's first byte chooses the type. Or, if it begins with 'd', two
 * texts, for the diff. */
#include "broker/report/collect.h"
#include "broker/report/html.h"
#include "broker/report/text_diff.h"
#include "broker/report/writers.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_US INT64_C(1784736000000000)
#define HOUR_US INT64_C(3600000000)
#define RECORDS_MAX 40U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

/* check_page - no byte that does not belong, no tag that is not ours. */
static void check_page(struct slice page)
{
    static const char *const tags[] = {
        "a",     "body",       "code",   "dd",      "details", "div",   "dl",      "!DOCTYPE",
        "dt",    "figcaption", "figure", "footer",  "g",       "h1",    "h2",      "h3",
        "head",  "header",     "html",   "li",      "line",    "main",  "meta",    "nav",
        "p",     "pre",        "rect",   "section", "span",    "style", "summary", "svg",
        "table", "tbody",      "td",     "text",    "th",      "thead", "time",    "title",
        "tr",    "ul",         "b",      "br"};
    must(utf8_valid(page));
    for (size_t i = 0; i < page.len; i++) {
        must((unsigned char)page.ptr[i] >= 0x20 || page.ptr[i] == '\n');
        if (page.ptr[i] != '<') {
            continue;
        }
        size_t from = i + 1;
        from += page.ptr[from] == '/';
        size_t len = 0;
        while (from + len < page.len && page.ptr[from + len] != '>' &&
               page.ptr[from + len] != ' ' && page.ptr[from + len] != '/') {
            len++;
        }
        bool is_ours = false;
        for (size_t k = 0; k < sizeof(tags) / sizeof(tags[0]); k++) {
            is_ours |= slice_eq_str((struct slice){page.ptr + from, len}, tags[k]);
        }
        must(is_ours);
    }
}

static void take_line(struct report *r, struct arena *arena, struct slice line, uint64_t seq)
{
    struct buf body;
    struct cb_err err;
    if (line.len == 0) {
        return;
    }
    const enum audit_type type = (enum audit_type)((unsigned char)line.ptr[0] % AUDIT_TYPE_COUNT);
    buf_init(&body, 1U << 20);
    buf_printf(&body, "\"type\":\"%s\"", audit_type_word(type));
    buf_add_slice(&body, slice_from(line, 1));
    const struct audit_line record = {.seq = seq,
                                      .ts_us = NOW_US - (int64_t)(line.len % 97) * HOUR_US,
                                      .type = type,
                                      .body = buf_slice(&body)};
    must(collect_line(r, arena, &record, &err) == CB_OK || err.code == CB_ENOMEM);
    arena_reset(arena);
    buf_free(&body);
}

static void fuzz_records(struct slice rest)
{
    struct report *r = report_new("/nowhere", NOW_US - 72 * HOUR_US, INT64_MAX, NOW_US + HOUR_US);
    struct arena arena;
    struct buf out;
    must(r != NULL);
    arena_init(&arena, 1U << 20);
    for (uint64_t seq = 0; rest.len > 0 && seq < RECORDS_MAX; seq++) {
        const size_t len = slice_find(rest, '\n');
        take_line(r, &arena, (struct slice){rest.ptr, len}, seq);
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
    report_finish(r);
    buf_init(&out, 16U << 20);
    html_page(r, &out);
    check_page(buf_slice(&out));
    buf_reset(&out);
    text_report(r, &(struct cli_terminal){.width = 80}, &out);
    for (size_t i = 0; i < out.len; i++) {
        must(ascii_is_print(out.data[i]) || out.data[i] == '\n');
    }
    buf_reset(&out);
    json_report(r, &out);
    must(buf_ok(&out));
    buf_free(&out);
    arena_free(&arena);
    report_free(r);
}

static size_t lines_of(struct slice text)
{
    size_t num = text.len > 0 && text.ptr[text.len - 1] != '\n';
    for (size_t i = 0; i < text.len; i++) {
        num += text.ptr[i] == '\n';
    }
    return num;
}

static void fuzz_diff(struct slice both)
{
    const size_t middle = slice_find(both, '\0');
    const struct slice a = {both.ptr, middle};
    const struct slice b = slice_from(both, middle < both.len ? middle + 1 : middle);
    struct buf out;
    struct text_diff d;
    buf_init(&out, 16U << 20);
    must(text_diff(a, b, 1U << 20, &out, &d));
    must(lines_of(a) + d.added == lines_of(b) + d.removed);
    must((d.added + d.removed == 0) == (out.len == 0));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice all = {(const char *)data, size};
    if (size > 0 && data[0] == 'd') {
        fuzz_diff(slice_from(all, 1));
    } else if (size > 0) {
        fuzz_records(all);
    }
    return 0;
}
