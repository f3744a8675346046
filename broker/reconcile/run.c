/* run.c - the order of things: the log, then the CA's side, then what the log has gained, then the
 * verdicts. */
#include "broker/reconcile/join.h"

#include "broker/base/clock.h"
#include "broker/base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULT_MAX ((size_t)64 << 20) /* texts of findings */
#define SCRATCH_MAX ((size_t)1 << 20)
#define SCRATCH_USUAL ((size_t)32 << 10)
#define KNOWN_BYTES_MAX ((size_t)8 << 20)

/* ---- which source ---- */

static bool is_url(struct slice text, const char *scheme)
{
    return slice_has_prefix(text, slice_of(scheme));
}

enum cb_code reconcile_kind_of(const char *certdb, enum reconcile_kind *ret, struct cb_err *err)
{
    static const char magic[] = "SQLite format 3";
    const struct slice text = slice_of(certdb);
    char head[sizeof(magic)] = "";
    if (is_url(text, "postgres://") || is_url(text, "postgresql://")) {
        *ret = RECONCILE_POSTGRES;
        return CB_OK;
    }
    if (is_url(text, "mysql://") || is_url(text, "mariadb://")) {
        return cb_fail(err, CB_EINPUT,
                       "--certdb: MySQL is not read directly; dump the table as CSV with a header "
                       "and give that file");
    }
    const int fd = open(certdb, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return cb_fail_errno(err, "--certdb: %s", certdb);
    }
    struct stat st;
    const bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    const ssize_t got = is_file ? read(fd, head, sizeof(head)) : 0;
    (void)close(fd);
    if (!is_file) {
        return cb_fail(err, CB_EINPUT, "--certdb: %s is no regular file", certdb);
    }
    if (got < 0) {
        return cb_fail_errno(err, "--certdb: %s", certdb);
    }
    *ret = (size_t)got == sizeof(head) && memcmp(head, magic, sizeof(head)) == 0 ? RECONCILE_SQLITE
                                                                                 : RECONCILE_CSV;
    return CB_OK;
}

/* ---- the list of --known ---- */

static int by_serial(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct serial));
}

/* known_line - a serial number, decimal or (with colons, letters or 0x) hex; # begins a comment. */
static enum cb_code known_line(struct join *j, struct slice line, unsigned number,
                               struct cb_err *err)
{
    struct serial serial;
    line = slice_trim((struct slice){line.ptr, slice_find(line, '#')});
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line = slice_trim((struct slice){line.ptr, line.len - 1});
    }
    if (line.len == 0) {
        return CB_OK;
    }
    const bool is_hex = slice_has_prefix(line, SLICE("0x"));
    if (!(is_hex ? serial_from_hex(slice_from(line, 2), &serial)
                 : serial_from_dec(line, &serial) || serial_from_hex(line, &serial))) {
        return cb_fail(err, CB_EINPUT,
                       "%s:%u: no serial number: write it in decimal, or in hex with 0x in front",
                       j->options->known_path, number);
    }
    if (j->num_known == RECONCILE_KNOWN_MAX) {
        return cb_fail(err, CB_ELIMIT, "%s: more than %u serial numbers", j->options->known_path,
                       RECONCILE_KNOWN_MAX);
    }
    if ((j->num_known & (j->num_known - 1)) == 0) { /* full at each power of two */
        const size_t room = j->num_known == 0 ? 1 : 2 * j->num_known;
        void *items = reallocarray(j->known, room, sizeof(*j->known));
        if (items == NULL) {
            return cb_fail(err, CB_ENOMEM, "out of memory");
        }
        j->known = items;
    }
    j->known[j->num_known++] = serial;
    return CB_OK;
}

static enum cb_code read_known(struct join *j, struct cb_err *err)
{
    struct buf text;
    if (j->options->known_path == NULL) {
        return CB_OK;
    }
    TRY(file_read(j->options->known_path, FILE_PUBLIC, KNOWN_BYTES_MAX, &text, err));
    struct slice rest = buf_slice(&text);
    enum cb_code code = CB_OK;
    for (unsigned number = 1; rest.len > 0 && code == CB_OK; number++) {
        const size_t len = slice_find(rest, '\n');
        code = known_line(j, (struct slice){rest.ptr, len}, number, err);
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
    buf_free(&text);
    if (j->num_known > 0) {
        qsort(j->known, j->num_known, sizeof(*j->known), by_serial);
    }
    return code;
}

/* ---- the CA's side ---- */

/* next_question - certinfo can only be asked for certificates that the log names. */
static bool next_question(void *ctx, struct certinfo_question *ret)
{
    struct join *j = ctx;
    const unsigned must = CERT_ISSUED | CERT_IN_PERIOD;
    while (j->asked < j->log.certs.num) {
        const struct log_cert *cert = &j->log.certs.certs[j->asked++];
        if ((cert->flags & must) == must) {
            serial_to_dec(&cert->serial, ret->serial_dec);
            memcpy(ret->aki_hex, cert_table_aki(&j->log.certs, cert), sizeof(ret->aki_hex));
            return true;
        }
    }
    return false;
}

static enum cb_code read_source(struct join *j, struct cb_err *err)
{
    const struct reconcile_options *o = j->options;
    switch (o->kind) {
    case RECONCILE_SQLITE:
        return source_sqlite(o->certdb, &j->facts, join_row, j, err);
    case RECONCILE_CSV:
        return source_csv(o->certdb, &j->facts, join_row, j, err);
    case RECONCILE_POSTGRES:
        return source_postgres(o->certdb, o->password, &j->facts, join_row, j, err);
    case RECONCILE_CERTINFO:
        return source_certinfo(o->ca, next_question, j, &j->facts, join_row, j, err);
    }
    return CB_OK;
}

/* ---- the order ---- */

static enum cb_code prepare(struct join *j, struct cb_err *err)
{
    arena_init(&j->result->arena, RESULT_MAX);
    arena_init(&j->scratch, SCRATCH_MAX);
    TRY(log_side_init(&j->log, j->options, err));
    j->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    j->cert_md = EVP_MD_CTX_new();
    j->rows_md = EVP_MD_CTX_new();
    if (j->sha256 == NULL || j->cert_md == NULL || j->rows_md == NULL ||
        EVP_DigestInit_ex(j->rows_md, j->sha256, NULL) != 1 ||
        arena_alloc(&j->scratch, SCRATCH_USUAL) == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    return read_known(j, err);
}

static void clean_up(struct join *j)
{
    log_side_free(&j->log);
    EVP_MD_free(j->sha256);
    EVP_MD_CTX_free(j->cert_md);
    EVP_MD_CTX_free(j->rows_md);
    arena_free(&j->scratch);
    free(j->strangers);
    free(j->revocations);
    free(j->known);
}

static void tell(const struct join *j)
{
    struct reconcile_result *r = j->result;
    (void)snprintf(r->source, sizeof(r->source), "%s", j->facts.text);
    r->is_selective = j->facts.is_selective;
    r->has_status = j->facts.has_status;
    r->log_from_us = j->log.from_us;
    r->log_to_us = j->log.to_us;
    r->log_next_seq = j->log.next_seq;
}

static enum cb_code run(struct join *j, struct cb_err *err)
{
    unsigned char digest[SHA256_LEN];
    TRY(prepare(j, err));
    TRY(log_side_read(&j->log, err));
    j->before_us = j->options->before_us == INT64_MIN ? j->log.from_us : j->options->before_us;
    progress_phase(j->options, RECONCILE_READING_CA);
    TRY(read_source(j, err));
    progress_phase(j->options, RECONCILE_SETTLING);
    if (EVP_DigestFinal_ex(j->rows_md, digest, NULL) != 1) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    hex_encode(digest, sizeof(digest), j->result->source_sha256);
    j->log.is_late = true;
    TRY(log_side_read(&j->log, err));
    tell(j);
    return join_settle(j, err);
}

enum cb_code reconcile_run(const struct reconcile_options *options, struct reconcile_result *ret,
                           struct cb_err *err)
{
    struct reconcile_result result = {0};
    struct join j = {.options = options, .result = &result};
    const enum cb_code code = run(&j, err);
    tell(&j);
    clean_up(&j);
    if (code != CB_OK) {
        reconcile_free(&result);
        return code;
    }
    *ret = result;
    return CB_OK;
}

void reconcile_free(struct reconcile_result *result)
{
    free(result->findings);
    arena_free(&result->arena);
    *result = (struct reconcile_result){0};
}
