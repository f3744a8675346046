/* prove_find.c - see prove_find.h. Proves nothing. */
#include "broker/review/prove_find.h"

#include "audit/grep.h"

#define ID_MAX 64U /* the longest serial: 20 bytes in hex are 40 digits, in decimal 49 */
#define LINE_ARENA (256UL * 1024)

struct finder {
    char id[ID_MAX + 1];       /* lower case, without colons */
    char stripped[ID_MAX + 1]; /* the same without leading zeros, as a serial stands in the log */
    struct arena arena;
    struct prove_found found;
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

static bool is_meant(const struct finder *f, const struct audit_event *e)
{
    return slice_eq_str(e->req, f->id) || slice_eq_str(e->serial, f->id) ||
           slice_eq_str(e->serial, f->stripped) || slice_eq_str(e->serial_dec, f->stripped);
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
    if (!is_meant(f, &e)) {
        return true;
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
        quoted[i][len + 1] = '"';
        want.literals[i] = (struct slice){quoted[i], len + 2};
    }
    want.num_literals = strcmp(f->id, f->stripped) == 0 ? 1 : 2;
    TRY(audit_grep(dir, &want, on_line, f, err));
    if (f->code != CB_OK) {
        *err = f->err;
        return f->code;
    }
    return CB_OK;
}

enum cb_code prove_find(const char *dir, struct slice text, struct prove_found *ret,
                        struct cb_err *err)
{
    struct finder f = {.code = CB_OK};
    uint64_t seq = 0;
    if (slice_to_u64(text, &seq)) {
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
    if (f.too_many) {
        return cb_fail(err, CB_ELIMIT, "more than %u records are about it: give a record's number",
                       PROVE_FOUND_MAX);
    }
    if (f.found.num == 0) {
        return cb_fail(err, CB_ENOENT, "no record of %s has this serial or request id", dir);
    }
    *ret = f.found;
    ret->best = best_of(&f.found);
    return CB_OK;
}
