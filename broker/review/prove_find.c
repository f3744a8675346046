/* prove_find.c - see prove_find.h. Proves nothing. */
#include "broker/review/prove_find.h"

#include "audit/read/grep.h"
#include "audit/read/records.h"

#include <stdio.h>

#define ID_MAX 64U /* the longest serial: 20 bytes in hex are 40 digits, in decimal 49 */
#define BEGINNING_MIN 8U
#define LINE_ARENA (256UL * 1024)

struct finder {
    char id[ID_MAX + 1];       /* lower case, without colons */
    char stripped[ID_MAX + 1]; /* the same without leading zeros, as a serial stands in the log */
    struct arena arena;
    struct prove_found found;
    char whole[129]; /* what was found under the id, or its beginning; "": nothing yet */
    bool is_several; /* another one begins so, too */
    bool too_many;
    struct cb_err err;
    enum cb_code code;
};

/* normalise - false: text is no id of any kind. */
static bool normalise(struct slice text, struct finder *f)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char c = ascii_lower(text.ptr[i]);
        if (c == ':') {
            continue;
        }
        if ((!ascii_is_digit(c) && (c < 'a' || c > 'f')) || len == ID_MAX) {
            return false;
        }
        f->id[len++] = c;
    }
    f->id[len] = '\0';
    size_t zeros = 0;
    while (zeros + 1 < len && f->id[zeros] == '0') {
        zeros++;
    }
    memcpy(f->stripped, f->id + zeros, len - zeros + 1);
    return len > 0;
}

static bool begins(struct slice text, const char *with)
{
    return text.ptr != NULL && strlen(with) >= BEGINNING_MIN &&
           slice_has_prefix(text, slice_of(with));
}

/* meant - the text of the record that is asked for; absent: it is about something else. */
static struct slice meant(const struct finder *f, const struct audit_event *e)
{
    if (slice_eq_str(e->req, f->id) || begins(e->req, f->id)) {
        return e->req;
    }
    if (slice_eq_str(e->serial, f->id) || slice_eq_str(e->serial, f->stripped) ||
        slice_eq_str(e->serial_dec, f->stripped) || begins(e->serial, f->id)) {
        return e->serial;
    }
    return (struct slice){NULL, 0};
}

/* is_same - as what was found before. */
static bool is_same(struct finder *f, struct slice text)
{
    if (f->whole[0] == '\0') {
        (void)snprintf(f->whole, sizeof(f->whole), "%.*s", (int)text.len, text.ptr);
    }
    return slice_eq_str(text, f->whole);
}

static bool on_line(void *ctx, struct audit_grep *grep, const struct audit_line *line)
{
    struct finder *f = ctx;
    struct audit_event e;
    struct slice trunc;
    (void)grep;
    arena_reset(&f->arena);
    f->code = audit_line_decode(line, &f->arena, &e, &trunc, &f->err);
    if (f->code != CB_OK) {
        return false;
    }
    const struct slice text = meant(f, &e);
    if (text.ptr == NULL) {
        return true;
    }
    if (!is_same(f, text)) {
        f->is_several = true;
        return false;
    }
    if (f->found.num == PROVE_FOUND_MAX) {
        f->too_many = true;
        return false;
    }
    f->found.list[f->found.num].seq = line->seq;
    f->found.list[f->found.num].type = line->type;
    f->found.num++;
    return true;
}

/* rank - how much a record of this type says about what came of a request. */
static unsigned rank(enum audit_type type)
{
    if (type == AUDIT_ISSUE_OK) {
        return 3;
    }
    if (type == AUDIT_REVOKE_OK) {
        return 2;
    }
    return audit_type_is_outcome(type) ? 1 : 0;
}

static size_t best_of(const struct prove_found *found)
{
    size_t best = 0;
    for (size_t i = 1; i < found->num; i++) {
        if (rank(found->list[i].type) >= rank(found->list[best].type)) {
            best = i;
        }
    }
    return best;
}

static enum cb_code search(const char *dir, struct finder *f, struct cb_err *err)
{
    char quoted[2][ID_MAX + 3];
    struct audit_grep_want want = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    const char *const ids[] = {f->id, f->stripped};
    for (size_t i = 0; i < 2; i++) {
        const size_t len = strlen(ids[i]);
        quoted[i][0] = '"';
        memcpy(quoted[i] + 1, ids[i], len);
        quoted[i][len + 1] = '"'; /* of a beginning it stands further behind */
        want.literals[i] = (struct slice){quoted[i], len + (len < BEGINNING_MIN ? 2 : 1)};
    }
    want.num_literals = strcmp(f->id, f->stripped) == 0 ? 1 : 2;
    TRY(audit_grep(dir, &want, on_line, f, err));
    if (f->code != CB_OK) {
        *err = f->err;
        return f->code;
    }
    return CB_OK;
}

/* is_number - digits alone are a record's number, unless the log has not so many and they are enough for the
 * beginning of something else. */
static bool is_number(const char *dir, struct slice text, uint64_t *ret)
{
    struct records *records = NULL;
    struct cb_err ignored;
    uint64_t num = UINT64_MAX;
    if (!slice_to_u64(text, ret)) {
        return false;
    }
    if (text.len >= BEGINNING_MIN && records_open(dir, &records, &ignored) == CB_OK) {
        if (records_count(records, &num, &ignored) != CB_OK) {
            num = UINT64_MAX;
        }
        records_close(records);
    }
    return *ret < num;
}

enum cb_code prove_find(const char *dir, struct slice text, struct prove_found *ret,
                        struct cb_err *err)
{
    struct finder f = {.code = CB_OK};
    uint64_t seq = 0;
    if (is_number(dir, text, &seq)) {
        *ret = (struct prove_found){.list = {{.seq = seq}}, .num = 1, .by_number = true};
        return CB_OK;
    }
    if (!normalise(text, &f)) {
        return cb_fail(
            err, CB_EINPUT,
            "neither a record's number, nor the serial of a certificate (hex or decimal), "
            "nor a request's id (32 hex digits)");
    }
    arena_init(&f.arena, LINE_ARENA);
    const enum cb_code code = search(dir, &f, err);
    arena_free(&f.arena);
    TRY(code);
    if (f.is_several) {
        return cb_fail(err, CB_ELIMIT,
                       "%s and others begin so: write more of it, or give a record's number",
                       f.whole);
    }
    if (f.too_many) {
        return cb_fail(err, CB_ELIMIT, "more than %u records are about it: give a record's number",
                       PROVE_FOUND_MAX);
    }
    if (f.found.num == 0) {
        return cb_fail(err, CB_ENOENT,
                       "no record of %s has this serial or request id, nor one that begins so (%u "
                       "digits or more)",
                       dir, BEGINNING_MIN);
    }
    *ret = f.found;
    ret->best = best_of(&f.found);
    return CB_OK;
}
