/* fuzz_csv.c - any bytes as a dump of the CA's table: no crash, the same rows in whatever pieces the
 * bytes come, and rows as wide as the first. */
#include "broker/reconcile/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t sum;
    size_t rows, width;
};

static enum cb_code on_row(void *ctx, const struct slice *fields, size_t num, uint64_t line,
                           struct cb_err *err)
{
    struct seen *s = ctx;
    (void)err;
    CB_CHECK(num > 0 && num <= CSV_COLUMNS_MAX && (s->rows == 0 || num == s->width));
    s->width = num;
    s->rows++;
    s->sum = s->sum * 31 + line;
    for (size_t i = 0; i < num; i++) {
        for (size_t k = 0; k < fields[i].len; k++) {
            CB_CHECK(fields[i].ptr[k] != '\0');
            s->sum = s->sum * 31 + (unsigned char)fields[i].ptr[k];
        }
        s->sum = s->sum * 31 + 257;
    }
    return CB_OK;
}

static enum cb_code read_csv(struct slice text, size_t piece, struct seen *ret)
{
    struct csv c;
    struct cb_err err;
    enum cb_code code = CB_OK;
    *ret = (struct seen){0};
    csv_init(&c, on_row, ret);
    for (size_t at = 0; at < text.len && code == CB_OK; at += piece) {
        const size_t len = text.len - at < piece ? text.len - at : piece;
        code = csv_feed(&c, (struct slice){text.ptr + at, len}, &err);
    }
    code = code == CB_OK ? csv_end(&c, &err) : code;
    csv_free(&c);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole;
    struct seen pieces;
    const struct slice text = {(const char *)data, size};
    const enum cb_code code = read_csv(text, size + 1, &whole);
    const enum cb_code again = read_csv(text, 1 + (size > 0 ? data[0] % 7U : 0), &pieces);
    CB_CHECK((code == CB_OK) == (again == CB_OK));
    CB_CHECK(code != CB_OK || (whole.rows == pieces.rows && whole.sum == pieces.sum));
    return 0;
}
