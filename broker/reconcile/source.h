/* source.h - inside broker/reconcile only: where the rows of the CA's certificate table come from.
 *
 * A source reads and changes nothing. It hands rows over one by one, as text, however the place it
 * reads from stores them; what they mean is row.h's. */
#ifndef BROKER_RECONCILE_SOURCE_H
#define BROKER_RECONCILE_SOURCE_H

#include "broker/reconcile/reconcile.h"

/* A row of CFSSL's table `certificates`. Slices are borrowed for the call; absent: NULL, or no such
 * column (the last two came with a later version of CFSSL's schema). */
struct ca_row {
    struct slice serial; /* decimal */
    struct slice aki;    /* lower-case hex; empty in builds of before 2017 */
    struct slice label, status, reason, expiry, revoked_at, pem;
    struct slice issued_at, not_before;
};
#define CA_ROW_COLUMNS 10
/* ca_row_column - the member for a column's name; NULL: none of ours. */
struct slice *ca_row_column(struct ca_row *row, struct slice name);
extern const char *const ca_row_names[CA_ROW_COLUMNS]; /* in the order of the members */
bool ca_row_is_required(size_t column);

#define CA_FIELD_MAX ((size_t)64 << 10) /* bytes of one field: a PEM is 2 KiB */

/* What a source says of itself. */
struct source_facts {
    char text[256];    /* "sqlite /var/lib/cfssl/certs.db" */
    bool is_in_order;  /* rows come in the order in which they were inserted */
    bool is_selective; /* it can only be asked for what is known: finds nothing that is not */
    bool has_status;   /* it knows of revocations */
};

typedef enum cb_code (*row_fn)(void *ctx, const struct ca_row *row, struct cb_err *err);

/* Each calls row for every row; what row returns ends it. CB_EINPUT: not such a database, or a row
 * that cannot be one. CB_ENOENT: not there. facts are filled before the first row. */
enum cb_code source_sqlite(const char *path, struct source_facts *facts, row_fn row, void *ctx,
                           struct cb_err *err) CB_MUST_USE;
enum cb_code source_csv(const char *path, struct source_facts *facts, row_fn row, void *ctx,
                        struct cb_err *err) CB_MUST_USE;
/* source_postgres - url without a password; password: NULL, or where it is: "file:PATH", "env:NAME". */
enum cb_code source_postgres(const char *url, const char *password, struct source_facts *facts,
                             row_fn row, void *ctx, struct cb_err *err) CB_MUST_USE;

/* What certinfo is asked about, one after the other. False: that was all. */
struct certinfo_question {
    char serial_dec[50], aki_hex[65];
};
typedef bool (*question_fn)(void *ctx, struct certinfo_question *ret);
enum cb_code source_certinfo(const struct ca_settings *settings, question_fn next, void *next_ctx,
                             struct source_facts *facts, row_fn row, void *ctx,
                             struct cb_err *err) CB_MUST_USE;

#endif
