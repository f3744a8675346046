/* row_table.c - see row_table.h. */
#include "broker/review/row_table.h"

#include "broker/base/clock.h"

#define WIDE 110U /* from here on there is room for the year, and for more of an id */
#define NARROW 60U
#define SHORT_ID 10U
#define NAMES_SHOWN 3U

/* On a narrow terminal what it was about must still be read; the record's number goes first. */
static const struct cli_column narrow[] = {
    {.title = "RECORD", .min = 16, .max = 16, .drop = 3},
    {.title = "TIME (UTC)", .min = 11, .max = 11},
    {.title = "RESULT", .min = 6, .max = 18, .fair = 10},
    {.title = "CLIENT", .min = 8, .max = 40, .fair = 12, .drop = 1},
    {.title = "WHAT", .min = 35, .max = 70},
    {.title = "WHY", .min = 8, .max = 40, .fair = 14, .drop = 2},
    {.title = "REQUEST", .min = SHORT_ID, .max = SHORT_ID, .is_extra = true, .drop = 4},
    {.title = "SERIAL", .min = SHORT_ID, .max = SHORT_ID, .is_extra = true, .drop = 5},
    {.title = "PEER", .min = 9, .max = 46, .is_extra = true, .drop = 6},
};

static const struct cli_column slim[] = {
    {.title = "RECORD", .min = 16, .max = 16, .drop = 3},
    {.title = "TIME (UTC)", .min = 11, .max = 11},
    {.title = "RESULT", .min = 6, .max = 14},
    {.title = "CLIENT", .min = 8, .max = 40, .drop = 1},
    {.title = "WHAT", .min = 16, .max = 70},
    {.title = "WHY", .min = 8, .max = 40, .drop = 2},
    {.title = "REQUEST", .min = SHORT_ID, .max = SHORT_ID, .is_extra = true, .drop = 4},
    {.title = "SERIAL", .min = SHORT_ID, .max = SHORT_ID, .is_extra = true, .drop = 5},
    {.title = "PEER", .min = 9, .max = 46, .is_extra = true, .drop = 6},
};

static const struct cli_column wide[] = {
    {.title = "RECORD", .min = 16, .max = 16},
    {.title = "TIME (UTC)", .min = 19, .max = 19},
    {.title = "RESULT", .min = 8, .max = 18, .fair = 12},
    {.title = "CLIENT", .min = 12, .max = 48, .fair = 18},
    {.title = "WHAT", .min = 20, .max = 90, .fair = 36},
    {.title = "WHY", .min = 12, .max = 48, .fair = 18},
    {.title = "REQUEST", .min = SHORT_ID, .max = SHORT_ID, .is_extra = true, .drop = 1},
    {.title = "SERIAL", .min = SHORT_ID, .max = SHORT_ID, .is_extra = true, .drop = 2},
    {.title = "PEER", .min = 9, .max = 46, .fair = 22, .is_extra = true, .drop = 3},
};

void row_table_init(struct cli_table *t, const struct cli_terminal *terminal)
{
    const bool is_wide = terminal->width == 0 || terminal->width >= WIDE;
    cli_table_init(t,
                   is_wide                     ? wide
                   : terminal->width >= NARROW ? narrow
                                               : slim,
                   sizeof(wide) / sizeof(wide[0]), terminal);
}

/* ---- what it was about ---- */

static void add_some(struct buf *out, const struct slice *names, size_t num, size_t *shown)
{
    for (size_t i = 0; i < num && *shown < NAMES_SHOWN; i++) {
        buf_add_str(out, *shown == 0 ? "" : " ");
        buf_add_slice(out, names[i]);
        *shown += 1;
    }
}

static bool add_names(const struct audit_names *n, struct buf *out)
{
    const size_t num = n->num_dns + n->num_ip + n->num_uri + n->num_email;
    size_t shown = 0;
    add_some(out, n->dns, n->num_dns, &shown);
    add_some(out, n->ip, n->num_ip, &shown);
    add_some(out, n->uri, n->num_uri, &shown);
    add_some(out, n->email, n->num_email, &shown);
    if (num == 0 && n->cn.ptr != NULL) {
        buf_add_slice(out, n->cn);
        return true;
    }
    if (num > shown) {
        buf_printf(out, " +%zu", num - shown);
    }
    return num > 0;
}

/* add_person - who made the broker do it, and what was said to it. */
static void add_person(const struct review_row *row, struct buf *out)
{
    const struct slice note = row_text(row, note);
    if (row_text(row, by).len == 0) {
        return;
    }
    buf_add_str(out, " by ");
    buf_add_slice(out, row_text(row, by));
    buf_add_str(out, note.len > 0 ? ": " : "");
    buf_add_slice(out, note);
}

static void add_revocation(const struct review_row *row, struct buf *out)
{
    const struct slice serial = row_text(row, serial);
    const struct slice reason = row_text(row, revoke_reason);
    const struct slice owner = row_text(row, cert_owner);
    buf_add_slice(out, serial.len > SHORT_ID ? (struct slice){serial.ptr, SHORT_ID} : serial);
    if (reason.ptr != NULL) {
        buf_add_char(out, ' ');
        buf_add_slice(out, reason);
    }
    if (owner.len > 0 && !slice_eq(owner, row_text(row, who_id))) {
        buf_add_str(out, " of ");
        buf_add_slice(out, owner);
    }
    add_person(row, out);
}

/* add_policy - of a reload: who wanted it, then what was said about it. */
static bool add_policy(const struct review_row *row, struct buf *out)
{
    const struct audit_event *e = &row_last(row)->event;
    const enum audit_type type = row_last(row)->line.type;
    if (type != AUDIT_POLICY_LOAD && type != AUDIT_POLICY_REJECT) {
        return false;
    }
    if (e->forced.len > 0) {
        buf_add_str(out, "FORCED ");
    }
    buf_add_str(out, "by ");
    buf_add_slice(out, e->by.len > 0 ? e->by : SLICE("nobody who is named"));
    const struct slice said[] = {e->forced, e->note, e->forced.len > 0 ? SLICE("") : e->detail};
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        if (said[i].len > 0) {
            buf_add_str(out, ": ");
            buf_add_slice(out, said[i]);
        }
    }
    return true;
}

/* add_other - of records that are about no certificate. */
static void add_other(const struct review_row *row, struct buf *out)
{
    const struct audit_event *e = &row_last(row)->event;
    const struct slice candidates[] = {e->detail, e->profile, e->by, e->listen, e->version};
    if (e->method.ptr != NULL || e->path.ptr != NULL) {
        buf_add_slice(out, e->method);
        buf_add_str(out, " ");
        buf_add_slice(out, e->path);
        return;
    }
    if (e->count != UINT64_MAX && e->count > 1) {
        buf_printf(out, "%llu times", (unsigned long long)e->count);
        return;
    }
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        if (candidates[i].ptr != NULL) {
            buf_add_slice(out, candidates[i]);
            return;
        }
    }
}

void row_what(const struct review_row *row, struct buf *out)
{
    const bool is_revocation = slice_eq_str(row_text(row, action), "revoke");
    if (is_revocation && row_text(row, serial).ptr != NULL) {
        add_revocation(row, out);
    } else if (!add_policy(row, out) && !add_names(row_names(row), out)) {
        add_other(row, out);
    }
}

struct slice row_why(const struct review_row *row)
{
    const struct slice reason = row_last(row)->event.reason;
    const struct slice stage = row_last(row)->event.stage;
    switch (row->result) {
    case RESULT_ISSUED:
    case RESULT_OPEN:
    case RESULT_REVOKED:
    case RESULT_ALREADY_REVOKED:
    case RESULT_REVOKE_OPEN:
    case RESULT_INFO:
        return row_text(row, rule);
    case RESULT_DENIED:
    case RESULT_FAILED:
    case RESULT_UNKNOWN:
    case RESULT_UNDELIVERED:
    case RESULT_REVOKE_FAILED:
    case RESULT_REVOKE_UNKNOWN:
    case RESULT_REFUSED:
    case RESULT_STRANGER:
    case RESULT_OTHER:
        break;
    }
    return reason.ptr != NULL ? reason : stage;
}

const char *row_colour(const struct review_row *row, const struct cli_colours *c)
{
    switch (row->result) {
    case RESULT_ISSUED:
        return c->good;
    case RESULT_DENIED:
    case RESULT_FAILED:
    case RESULT_REVOKE_FAILED:
    case RESULT_STRANGER:
        return c->bad;
    case RESULT_UNKNOWN:
    case RESULT_UNDELIVERED:
    case RESULT_REVOKE_UNKNOWN:
    case RESULT_OPEN:
    case RESULT_REVOKE_OPEN:
    case RESULT_REFUSED:
        return c->warn;
    case RESULT_REVOKED:
        return c->bold;
    case RESULT_ALREADY_REVOKED:
    case RESULT_INFO:
    case RESULT_OTHER:
        break;
    }
    return c->dim;
}

/* ---- a line ---- */

/* add_time - where there is little room without what it shares with the present: today only the hour, this
 * year no year, and before that no hour. */
static void add_time(struct cli_table *t, int64_t us)
{
    char text[21];
    char now[21];
    time_format_s(us / 1000000, text);
    time_format_s(clock_wall_us(&cb_system_clock) / 1000000, now);
    text[10] = ' ';
    struct slice shown = {text, 19};
    if (t->columns != wide && memcmp(text, now, 10) == 0) {
        shown = slice_from(shown, 11);
    } else if (t->columns != wide && memcmp(text, now, 4) == 0) {
        shown = (struct slice){text + 5, 11};
    } else if (t->columns != wide) {
        shown = (struct slice){text, 10};
    }
    cli_table_cell(t, "", shown);
}

static void add_id(struct cli_table *t, struct slice id)
{
    cli_table_cell(t, t->colours.dim, id.len > SHORT_ID ? (struct slice){id.ptr, SHORT_ID} : id);
}

void row_table_add(struct cli_table *t, const struct review_row *row)
{
    char number[24];
    struct buf what;
    buf_init(&what, (size_t)64 << 10);
    row_what(row, &what);
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)row_last(row)->line.seq);
    cli_table_cell(t, t->colours.dim, slice_of(number));
    add_time(t, row_last(row)->line.ts_us);
    cli_table_cell(t, row_colour(row, &t->colours), slice_of(row_result_word(row)));
    cli_table_cell(t, "", row_text(row, who_id));
    cli_table_cell(t, "", buf_slice(&what));
    cli_table_cell(t, "", row_why(row));
    add_id(t, row_text(row, req));
    add_id(t, row_text(row, serial));
    cli_table_cell(t, "", row_text(row, peer));
    buf_free(&what);
}
