/* source_postgres.c - CFSSL's certificate database in PostgreSQL: one read-only transaction, a cursor
 * on the server, FETCH_ROWS rows at a time.
 *
 * The connection string goes to libpq, which also reads PGSSLMODE, ~/.pgpass and the like. A password
 * in it is refused: arguments can be read by everybody on the machine. */
#include "broker/reconcile/source.h"

#include "broker/base/file.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#define FETCH_ROWS "1000"
#define PASSWORD_MAX 4096U
#define CONNECT_S "10"

struct reading {
    const char *url;
    PGconn *conn;
    row_fn row;
    void *ctx;
};

/* one_line - libpq's messages have several, and end with a newline. */
static enum cb_code pg_failed(const struct reading *r, const char *what, struct cb_err *err)
{
    char text[300];
    size_t len = 0;
    for (const char *c = PQerrorMessage(r->conn); *c != '\0' && len < sizeof(text) - 1; c++) {
        text[len++] = ascii_is_print(*c) ? *c : ' ';
    }
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    text[len] = '\0';
    return cb_fail(err, CB_EINPUT, "PostgreSQL: %s: %s", what, text);
}

/* ---- connecting ---- */

/* check_url - that libpq takes it, and that no secret stands in it. shown: without what may be one. */
static enum cb_code check_url(const char *url, char *shown, size_t shown_size, struct cb_err *err)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    if (options == NULL) {
        /* libpq's own words may quote the URL, and with it a password */
        PQfreemem(why);
        return cb_fail(err, CB_EINPUT,
                       "--certdb: this is no URL that libpq understands; write e.g. "
                       "postgresql://cfssl_reader@db.internal/cfssl?sslmode=verify-full");
    }
    bool has_password = false;
    const char *host = "";
    const char *port = "";
    const char *name = "";
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        const char *value = o->val == NULL ? "" : o->val;
        const bool is_secret =
            strcmp(o->keyword, "password") == 0 || strcmp(o->keyword, "sslpassword") == 0;
        has_password = has_password || (is_secret && value[0] != '\0');
        host = strcmp(o->keyword, "host") == 0 ? value : host;
        port = strcmp(o->keyword, "port") == 0 ? value : port;
        name = strcmp(o->keyword, "dbname") == 0 ? value : name;
    }
    (void)snprintf(shown, shown_size, "postgresql %.100s%s%.10s/%.100s", host,
                   port[0] == '\0' ? "" : ":", port, name);
    PQconninfoFree(options);
    return has_password
               ? cb_fail(err, CB_EINPUT,
                         "--certdb: leave the password out of the URL, everybody on this machine "
                         "can read arguments; give --password file:PATH or --password env:NAME")
               : CB_OK;
}

static enum cb_code read_password(const char *spec, struct buf *out, struct cb_err *err)
{
    const struct slice text = slice_of(spec);
    if (slice_has_prefix(text, SLICE("file:"))) {
        TRY(file_read(spec + 5, FILE_SECRET, PASSWORD_MAX, out, err));
        while (out->len > 0 &&
               (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r')) {
            out->data[--out->len] = '\0';
        }
    } else if (slice_has_prefix(text, SLICE("env:"))) {
        const char *value = getenv(spec + 4);
        buf_init_secret(out, PASSWORD_MAX);
        if (value != NULL) {
            buf_add_str(out, value);
        }
    } else {
        return cb_fail(err, CB_EINPUT, "--password says where it is: file:PATH or env:NAME");
    }
    if (!buf_ok(out) || out->len == 0 || memchr(out->data, '\0', out->len) != NULL) {
        buf_free(out);
        return cb_fail(err, CB_EINPUT, "--password: %s holds none", spec);
    }
    return CB_OK;
}

static enum cb_code connect_with(struct reading *r, const char *password, struct cb_err *err)
{
    /* What stands first in the list is overridden by what the URL says; what stands behind it is not. */
    const char *const keys[] = {"connect_timeout",
                                "application_name",
                                "dbname",
                                "client_encoding",
                                "options",
                                password == NULL ? NULL : "password",
                                NULL};
    const char *const values[] = {
        CONNECT_S,
        "certbroker reconcile",
        r->url,
        "SQL_ASCII",
        "-c default_transaction_read_only=on -c statement_timeout=120s -c lock_timeout=10s",
        password,
        NULL};
    r->conn = PQconnectdbParams(keys, values, 1);
    if (r->conn == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    return PQstatus(r->conn) == CONNECTION_OK ? CB_OK : pg_failed(r, "cannot connect", err);
}

static enum cb_code open_db(struct reading *r, const char *password, struct cb_err *err)
{
    struct buf secret = {0};
    if (password != NULL) {
        TRY(read_password(password, &secret, err));
    }
    const enum cb_code code = connect_with(r, password == NULL ? NULL : secret.data, err);
    buf_free(&secret);
    return code;
}

/* ---- the table ---- */

static enum cb_code run(struct reading *r, const char *sql, struct cb_err *err)
{
    PGresult *result = PQexec(r->conn, sql);
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return good ? CB_OK : pg_failed(r, "its certificates cannot be read", err);
}

/* column_sql - every column as bytes: text is text, times are RFC 3339 in UTC. */
static void column_sql(struct buf *sql, const char *name, const char *type)
{
    if (strstr(type, "timestamp with") != NULL) {
        buf_printf(sql, "to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                   name);
    } else if (strstr(type, "timestamp") != NULL) {
        buf_printf(sql, "to_char(%s, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')", name);
    } else if (strcmp(type, "bytea") == 0) {
        buf_add_str(sql, name);
    } else {
        buf_printf(sql, "%s::text", name);
    }
}

static const char *type_of(const PGresult *columns, const char *name)
{
    for (int i = 0; i < PQntuples(columns); i++) {
        if (strcmp(PQgetvalue(columns, i, 0), name) == 0) {
            return PQgetvalue(columns, i, 1);
        }
    }
    return NULL;
}

static enum cb_code declare(struct reading *r, const PGresult *columns, struct cb_err *err)
{
    struct buf sql;
    buf_init(&sql, 8192);
    buf_add_str(&sql, "DECLARE c NO SCROLL CURSOR FOR SELECT ");
    for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
        const char *type = type_of(columns, ca_row_names[i]);
        if (type == NULL && ca_row_is_required(i)) {
            buf_free(&sql);
            return cb_fail(err, CB_EINPUT,
                           "PostgreSQL: no table \"certificates\" with a column "
                           "\"%s\" that this user can see: is it CFSSL's database, and may it be "
                           "read (GRANT SELECT ON certificates)?",
                           ca_row_names[i]);
        }
        buf_add_str(&sql, i == 0 ? "" : ", ");
        if (type == NULL) {
            buf_add_str(&sql, "NULL::text");
        } else {
            column_sql(&sql, ca_row_names[i], type);
        }
    }
    buf_add_str(&sql, " FROM certificates ORDER BY serial_number, authority_key_identifier");
    const enum cb_code code =
        buf_ok(&sql) ? run(r, sql.data, err) : cb_fail(err, CB_ENOMEM, "out of memory");
    buf_free(&sql);
    return code;
}

static enum cb_code begin(struct reading *r, struct cb_err *err)
{
    TRY(run(r, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err));
    PGresult *columns =
        PQexec(r->conn, "SELECT attname, format_type(atttypid, NULL) FROM pg_catalog.pg_attribute "
                        "WHERE attrelid = to_regclass('certificates') AND attnum > 0 AND NOT "
                        "attisdropped");
    const enum cb_code code = PQresultStatus(columns) == PGRES_TUPLES_OK
                                  ? declare(r, columns, err)
                                  : pg_failed(r, "its tables cannot be read", err);
    PQclear(columns);
    return code;
}

/* ---- rows ---- */

static enum cb_code hand_over(struct reading *r, const PGresult *rows, int n, struct cb_err *err)
{
    struct ca_row row = {0};
    for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
        const int column = (int)i;
        if (PQgetisnull(rows, n, column) != 0) {
            continue;
        }
        const struct slice value = {PQgetvalue(rows, n, column),
                                    (size_t)PQgetlength(rows, n, column)};
        if (value.len > CA_FIELD_MAX) {
            return cb_fail(err, CB_ELIMIT,
                           "PostgreSQL: a certificate's %s has %zu bytes, at most "
                           "%zu are taken",
                           ca_row_names[i], value.len, CA_FIELD_MAX);
        }
        *ca_row_column(&row, slice_of(ca_row_names[i])) = value;
    }
    return r->row(r->ctx, &row, err);
}

/* fetch - one piece, in binary: bytea as its bytes. */
static enum cb_code fetch(struct reading *r, bool *ret_any, struct cb_err *err)
{
    PGresult *rows =
        PQexecParams(r->conn, "FETCH " FETCH_ROWS " FROM c", 0, NULL, NULL, NULL, NULL, 1);
    enum cb_code code = CB_OK;
    if (PQresultStatus(rows) != PGRES_TUPLES_OK || PQnfields(rows) != CA_ROW_COLUMNS) {
        code = pg_failed(r, "its certificates cannot be read", err);
    }
    const int num = code == CB_OK ? PQntuples(rows) : 0;
    for (int n = 0; n < num && code == CB_OK; n++) {
        code = hand_over(r, rows, n, err);
    }
    PQclear(rows);
    *ret_any = num > 0;
    return code;
}

static enum cb_code read_all(struct reading *r, const char *password, struct cb_err *err)
{
    bool any = true;
    TRY(open_db(r, password, err));
    TRY(begin(r, err));
    while (any) {
        TRY(fetch(r, &any, err));
    }
    return run(r, "COMMIT", err);
}

enum cb_code source_postgres(const char *url, const char *password, struct source_facts *facts,
                             row_fn row, void *ctx, struct cb_err *err)
{
    struct reading r = {.url = url, .row = row, .ctx = ctx};
    TRY(check_url(url, facts->text, sizeof(facts->text), err));
    facts->has_status = true;
    const enum cb_code code = read_all(&r, password, err);
    PQfinish(r.conn);
    return code;
}
