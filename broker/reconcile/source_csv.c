/* source_csv.c - a dump of the table: `sqlite3 -csv -header certs.db 'select * from certificates'`,
 * psql's \copy ... csv header, mysql's equivalent. The header says which column is which; columns
 * that are not ours are passed over. */
#include "broker/reconcile/csv.h"
#include "broker/reconcile/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ((size_t)256 << 10)

struct reading {
    row_fn row;
    void *ctx;
    int column[CSV_COLUMNS_MAX]; /* index into ca_row_names; -1: none of ours */
    bool has_header;
    struct buf unhexed; /* fields that came as \x3132 */
};

static enum cb_code missing_column(const bool *seen, struct cb_err *err)
{
    for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
        if (ca_row_is_required(i) && !seen[i]) {
            return cb_fail(err, CB_EINPUT,
                           "line 1: no column \"%s\": the first line must name the columns, as "
                           "sqlite3 -csv -header and psql's \\copy ... csv header do",
                           ca_row_names[i]);
        }
    }
    return CB_OK;
}

static enum cb_code read_header(struct reading *r, const struct slice *fields, size_t num,
                                struct cb_err *err)
{
    bool seen[CA_ROW_COLUMNS] = {false};
    for (size_t f = 0; f < num; f++) {
        struct slice name = fields[f];
        if (f == 0 && slice_has_prefix(name, SLICE("\xef\xbb\xbf"))) {
            name = slice_from(name, 3);
        }
        r->column[f] = -1;
        for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
            if (!slice_eq_str(name, ca_row_names[i])) {
                continue;
            }
            if (seen[i]) {
                return cb_fail(err, CB_EINPUT, "line 1: two columns \"%s\"", ca_row_names[i]);
            }
            seen[i] = true;
            r->column[f] = (int)i;
        }
    }
    r->has_header = true;
    return missing_column(seen, err);
}

static bool is_hex(struct slice text)
{
    unsigned char byte = 0;
    for (size_t i = 0; i + 2 <= text.len; i += 2) {
        if (!hex_decode((struct slice){text.ptr + i, 2}, &byte, 1)) {
            return false;
        }
    }
    return text.len % 2 == 0;
}

/* unhex - PostgreSQL writes bytea as \x and hex digits. Where the bytes are is known when the whole
 * row is in, see place_unhexed. */
static struct slice unhex(struct reading *r, struct slice field)
{
    if (!slice_has_prefix(field, SLICE("\\x")) || !is_hex(slice_from(field, 2))) {
        return field;
    }
    for (size_t i = 2; i < field.len; i += 2) {
        unsigned char byte = 0;
        (void)hex_decode((struct slice){field.ptr + i, 2}, &byte, 1);
        buf_add_char(&r->unhexed, (char)byte);
    }
    return (struct slice){NULL, field.len / 2 - 1};
}

static enum cb_code check_size(struct slice field, size_t column, uint64_t line, struct cb_err *err)
{
    return field.len <= CA_FIELD_MAX
               ? CB_OK
               : cb_fail(err, CB_ELIMIT, "line %llu: %s has %zu bytes, at most %zu are taken",
                         (unsigned long long)line, ca_row_names[column], field.len, CA_FIELD_MAX);
}

/* place_unhexed - the buffer does not move any more: point into it, in the order it was filled. */
static void place_unhexed(const struct reading *r, struct ca_row *row, size_t num)
{
    size_t at = 0;
    for (size_t f = 0; f < num; f++) {
        struct slice *member =
            r->column[f] < 0 ? NULL : ca_row_column(row, slice_of(ca_row_names[r->column[f]]));
        if (member != NULL && member->ptr == NULL && member->len > 0) {
            member->ptr = r->unhexed.data + at;
            at += member->len;
        }
    }
}

static enum cb_code on_row(void *ctx, const struct slice *fields, size_t num, uint64_t line,
                           struct cb_err *err)
{
    struct reading *r = ctx;
    struct ca_row row = {0};
    if (!r->has_header) {
        return read_header(r, fields, num, err);
    }
    buf_reset(&r->unhexed);
    for (size_t f = 0; f < num; f++) {
        if (r->column[f] < 0) {
            continue;
        }
        const size_t column = (size_t)r->column[f];
        TRY(check_size(fields[f], column, line, err));
        *ca_row_column(&row, slice_of(ca_row_names[column])) = unhex(r, fields[f]);
    }
    if (!buf_ok(&r->unhexed)) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    place_unhexed(r, &row, num);
    return r->row(r->ctx, &row, err);
}

static enum cb_code read_all(int fd, struct csv *csv, char *piece, struct cb_err *err)
{
    for (;;) {
        const ssize_t got = read(fd, piece, READ_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cb_fail_errno(err, "cannot be read");
        }
        if (got == 0) {
            return csv_end(csv, err);
        }
        TRY(csv_feed(csv, (struct slice){piece, (size_t)got}, err));
    }
}

static enum cb_code read_file(int fd, row_fn row, void *ctx, struct cb_err *err)
{
    struct reading r = {.row = row, .ctx = ctx};
    struct csv csv;
    char *piece = malloc(READ_BYTES);
    if (piece == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    csv_init(&csv, on_row, &r);
    buf_init(&r.unhexed, CSV_ROW_MAX);
    enum cb_code code = read_all(fd, &csv, piece, err);
    if (code == CB_OK && !r.has_header) {
        code = cb_fail(err, CB_EINPUT, "it is empty: not even the names of the columns");
    }
    buf_free(&r.unhexed);
    csv_free(&csv);
    free(piece);
    return code;
}

enum cb_code source_csv(const char *path, struct source_facts *facts, row_fn row, void *ctx,
                        struct cb_err *err)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        const enum cb_code code = cb_fail_errno(err, "%s", path);
        if (fd >= 0) {
            (void)close(fd);
        }
        return code;
    }
    (void)snprintf(facts->text, sizeof(facts->text), "csv %s", path);
    facts->has_status = true;
    struct cb_err why = {0};
    const enum cb_code code = S_ISREG(st.st_mode) ? read_file(fd, row, ctx, &why)
                                                  : cb_fail(&why, CB_EINPUT, "is no regular file");
    (void)close(fd);
    return code == CB_OK ? CB_OK : cb_fail(err, code, "%s: %s", path, why.msg);
}
