/* csv.c - see csv.h. A state for each place in the grammar; what stands in quotes is copied in runs. */
#include "broker/reconcile/csv.h"

void csv_init(struct csv *c, csv_row_fn row, void *ctx)
{
    *c = (struct csv){.row = row, .ctx = ctx, .line = 1, .row_line = 1};
    buf_init(&c->text, CSV_ROW_MAX);
}

void csv_free(struct csv *c)
{
    buf_free(&c->text);
}

static enum cb_code bad(const struct csv *c, const char *what, struct cb_err *err)
{
    return cb_fail(err, CB_EINPUT, "line %llu: %s", (unsigned long long)c->line, what);
}

static enum cb_code end_field(struct csv *c, struct cb_err *err)
{
    if (c->num == CSV_COLUMNS_MAX) {
        return cb_fail(err, CB_ELIMIT, "line %llu: more than %u columns",
                       (unsigned long long)c->line, CSV_COLUMNS_MAX);
    }
    c->ends[c->num++] = c->text.len;
    c->state = CSV_FIELD;
    return CB_OK;
}

static enum cb_code hand_over(struct csv *c, struct cb_err *err)
{
    struct slice fields[CSV_COLUMNS_MAX];
    const struct slice text = buf_slice(&c->text);
    size_t from = 0;
    if (!buf_ok(&c->text)) {
        return cb_fail(err, CB_ELIMIT, "line %llu: a row of more than %zu bytes",
                       (unsigned long long)c->row_line, CSV_ROW_MAX);
    }
    if (c->width != 0 && c->num != c->width) {
        return cb_fail(err, CB_EINPUT, "line %llu: %zu fields, the first line has %zu",
                       (unsigned long long)c->row_line, c->num, c->width);
    }
    for (size_t i = 0; i < c->num; i++) {
        fields[i] = (struct slice){text.ptr + from, c->ends[i] - from};
        from = c->ends[i];
    }
    c->width = c->num;
    return c->row(c->ctx, fields, c->num, c->row_line, err);
}

static enum cb_code end_row(struct csv *c, struct cb_err *err)
{
    TRY(end_field(c, err));
    TRY(hand_over(c, err));
    buf_reset(&c->text);
    c->num = 0;
    c->has_any = false;
    c->line++;
    c->row_line = c->line;
    return CB_OK;
}

static enum cb_code at_field(struct csv *c, char byte, struct cb_err *err)
{
    c->has_any = true;
    switch (byte) {
    case '"':
        c->state = CSV_QUOTED;
        return CB_OK;
    case ',':
        return end_field(c, err);
    case '\n':
        return end_row(c, err);
    case '\r':
        c->state = CSV_CR;
        return CB_OK;
    default:
        c->state = CSV_PLAIN;
        buf_add_char(&c->text, byte);
        return CB_OK;
    }
}

static enum cb_code in_plain(struct csv *c, char byte, struct cb_err *err)
{
    if (byte == '"') {
        return bad(c, "a quote inside a field that does not begin with one", err);
    }
    if (byte == ',' || byte == '\n' || byte == '\r') {
        return at_field(c, byte, err);
    }
    buf_add_char(&c->text, byte);
    return CB_OK;
}

/* at_quote - a quote inside quotes: the first half of one that is meant, or the end. */
static enum cb_code at_quote(struct csv *c, char byte, struct cb_err *err)
{
    if (byte == '"') {
        buf_add_char(&c->text, '"');
        c->state = CSV_QUOTED;
        return CB_OK;
    }
    if (byte != ',' && byte != '\n' && byte != '\r') {
        return bad(c, "text behind a closing quote", err);
    }
    return at_field(c, byte, err);
}

static enum cb_code step(struct csv *c, char byte, struct cb_err *err)
{
    switch (c->state) {
    case CSV_FIELD:
        return at_field(c, byte, err);
    case CSV_PLAIN:
        return in_plain(c, byte, err);
    case CSV_QUOTE:
        return at_quote(c, byte, err);
    case CSV_CR:
        return byte == '\n' ? end_row(c, err) : bad(c, "a carriage return without a newline", err);
    case CSV_QUOTED:
        break; /* see quoted_run */
    }
    return CB_OK;
}

/* quoted_run - everything up to the next quote at once; returns how much that was. */
static size_t quoted_run(struct csv *c, struct slice bytes)
{
    const char *quote = memchr(bytes.ptr, '"', bytes.len);
    const size_t len = quote == NULL ? bytes.len : (size_t)(quote - bytes.ptr);
    buf_add(&c->text, bytes.ptr, len);
    for (const char *at = bytes.ptr;
         (at = memchr(at, '\n', len - (size_t)(at - bytes.ptr))) != NULL; at++) {
        c->line++;
    }
    if (quote == NULL) {
        return len;
    }
    c->state = CSV_QUOTE;
    return len + 1;
}

/* take - one byte, or a run of them; *ret_len is how many. */
static enum cb_code take(struct csv *c, struct slice bytes, size_t *ret_len, struct cb_err *err)
{
    enum cb_code code = CB_OK;
    *ret_len = 1;
    if (c->state == CSV_QUOTED) {
        *ret_len = quoted_run(c, bytes);
    } else {
        code = step(c, bytes.ptr[0], err);
    }
    if (code == CB_OK && !buf_ok(&c->text)) {
        code = cb_fail(err, CB_ELIMIT, "line %llu: a row of more than %zu bytes",
                       (unsigned long long)c->row_line, CSV_ROW_MAX);
    }
    return code;
}

enum cb_code csv_feed(struct csv *c, struct slice bytes, struct cb_err *err)
{
    if (bytes.len > 0 && memchr(bytes.ptr, '\0', bytes.len) != NULL) {
        return bad(c, "a NUL byte here or soon after: this is no text", err);
    }
    for (size_t at = 0; at < bytes.len;) {
        size_t len = 0;
        TRY(take(c, slice_from(bytes, at), &len, err));
        at += len;
    }
    return CB_OK;
}

enum cb_code csv_end(struct csv *c, struct cb_err *err)
{
    if (c->state == CSV_QUOTED) {
        return cb_fail(err, CB_EINPUT, "line %llu: a quoted field that does not end",
                       (unsigned long long)c->row_line);
    }
    if (c->state == CSV_CR) {
        return bad(c, "a carriage return without a newline", err);
    }
    return c->has_any ? end_row(c, err) : CB_OK;
}
