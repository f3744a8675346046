/* print.c - the outcome of a comparison: a summary first, then each finding with its evidence and what
 * to do about it. Everything that came from the log or the CA is escaped. */
#include "broker/reconcile/reconcile.h"

#include "broker/cli/escape.h"
#include "broker/cli/output.h"
#include "broker/cli/terminal.h"

#include <inttypes.h>

#define LEFT_OUT_MAX ((size_t)1 << 10)
#define SHOWN_MAX 100U /* findings of one verdict, for people; --json has them all */

struct printer {
    const struct reconcile_result *result;
    struct buf *out;
    struct cli_colours colours;
    enum cli_charset charset;
};

static void add_time(struct buf *out, int64_t us)
{
    if (us <= 0) {
        buf_add_str(out, "?");
    } else {
        cli_add_time(out, us);
    }
}

/* ---- the summary ---- */

static void print_sides(const struct printer *p, const char *audit_dir)
{
    const struct reconcile_result *r = p->result;
    buf_add_str(p->out, "CA   ");
    cli_add_escaped(p->out, slice_of(r->source), p->charset);
    buf_printf(p->out, ": %" PRIu64 " certificates, read as sha256 %.16s...\n", r->num_rows,
               r->source_sha256);
    buf_add_str(p->out, "log  ");
    cli_add_escaped(p->out, slice_of(audit_dir), p->charset);
    buf_printf(p->out, ": %" PRIu64 " certificates, ", r->num_logged);
    add_time(p->out, r->log_from_us);
    buf_add_str(p->out, " to ");
    add_time(p->out, r->log_to_us);
    buf_add_str(p->out, "\n\n");
}

static void print_counts(const struct printer *p)
{
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        const uint64_t count = p->result->counts[v];
        const bool is_bad = verdict_is_problem((enum verdict)v);
        if (count == 0 && v != VERDICT_OK) {
            continue;
        }
        buf_printf(p->out, "%9" PRIu64 "  %s%-14s%s  %s\n", count,
                   is_bad            ? p->colours.bad
                   : v == VERDICT_OK ? p->colours.good
                                     : "",
                   verdict_word((enum verdict)v), is_bad || v == VERDICT_OK ? p->colours.off : "",
                   verdict_sentence((enum verdict)v));
    }
    if (p->result->num_undelivered > 0) {
        buf_printf(p->out,
                   "\n%" PRIu64 " of the valid ones may not have reached who asked for them "
                   "(issue.undelivered)\n",
                   p->result->num_undelivered);
    }
}

uint64_t reconcile_left_out(const struct reconcile_result *result, struct buf *out)
{
    const struct {
        uint64_t num;
        const char *option;
    } left[] = {{result->counts[VERDICT_OTHER_KEY], "--aki"},
                {result->counts[VERDICT_KNOWN], "--known"},
                {result->num_before_option, "--ignore-before"},
                {result->counts[VERDICT_OUTSIDE], "--since or --until"}};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        if (left[i].num > 0) {
            buf_printf(out, "%s%" PRIu64 " by %s", sum > 0 ? ", " : "", left[i].num,
                       left[i].option);
        }
        sum += left[i].num;
    }
    return sum;
}

static void print_limits(const struct printer *p)
{
    const struct reconcile_result *r = p->result;
    if (r->is_selective) {
        buf_add_str(p->out,
                    "\nAsked by certinfo, the CA tells of certificates that the log knows and "
                    "of nothing else: what was\nissued behind the broker's back, or revoked, "
                    "does not show here. Compare with --certdb for that.\n");
    }
    if (r->hint != NULL) {
        buf_printf(p->out, "\n%sBefore you act on this: %s.%s\n", p->colours.bold, r->hint,
                   p->colours.off);
    }
    struct buf left;
    buf_init(&left, LEFT_OUT_MAX);
    if (reconcile_left_out(r, &left) > 0) {
        buf_printf(p->out, "\nNot held against the log, because of options: %.*s\n", (int)left.len,
                   left.data);
    }
    buf_free(&left);
    if (r->num_before_claimed > 0) {
        buf_printf(p->out,
                   "\nWarning: that %" PRIu64 " certificate%s older than the log only "
                   "notBefore says, which whoever reaches the\nCA can choose, and this source does "
                   "not tell in which order they were stored. Look at them (before),\nor compare "
                   "with the database in SQLite.\n",
                   r->num_before_claimed, r->num_before_claimed == 1 ? " is" : "s are");
    }
    if (r->num_unlisted > 0) {
        buf_printf(p->out, "\n%" PRIu64 " more findings were counted and are not listed\n",
                   r->num_unlisted);
    }
}

static void print_new(const struct printer *p)
{
    const struct reconcile_result *r = p->result;
    if (reconcile_has_problems(r)) {
        buf_printf(p->out, "\n%" PRIu64 " of the problems were not recorded by an earlier run\n",
                   reconcile_num_new(r));
    }
}

/* ---- findings ---- */

static void print_text(const struct printer *p, const char *what, struct slice text)
{
    if (text.len > 0) {
        buf_printf(p->out, "    %-10s", what);
        cli_add_escaped(p->out, text, p->charset);
        buf_add_char(p->out, '\n');
    }
}

static void print_times(const struct printer *p, const struct finding *f)
{
    const bool is_attempt = f->serial_hex[0] == '\0' && f->raw_serial.ptr == NULL;
    buf_printf(p->out, "    %-10s%s", is_attempt ? "asked" : "issued",
               f->is_reckoned ? "about " : "");
    add_time(p->out, f->issued_us);
    if (f->not_after_s > 0) {
        buf_add_str(p->out, ", valid until ");
        add_time(p->out, f->not_after_s * 1000000);
    }
    if (f->is_revoked || f->revoked_us > 0) {
        buf_add_str(p->out, ", revoked ");
        add_time(p->out, f->revoked_us);
    }
    buf_add_char(p->out, '\n');
}

static void print_finding(const struct printer *p, const struct finding *f)
{
    buf_printf(p->out, "  %s", p->colours.bold);
    if (f->serial_hex[0] != '\0') {
        buf_printf(p->out, "serial %s", f->serial_hex);
    } else if (f->raw_serial.ptr != NULL) {
        buf_add_str(p->out, "serial ");
        cli_add_escaped(p->out, f->raw_serial, p->charset);
    } else {
        buf_printf(p->out, "attempt %" PRIu64, f->ref);
    }
    buf_printf(p->out, "%s%s\n", p->colours.off, f->is_recorded ? " (recorded before)" : "");
    print_text(p, "names", f->names);
    print_times(p, f);
    print_text(p, "asked by", f->who);
    print_text(p, "request", f->req);
    print_text(p, "label", f->label);
    print_text(p, "evidence", f->detail);
    if (f->serial_dec[0] != '\0') {
        print_text(p, "decimal", slice_of(f->serial_dec));
    }
}

static void print_verdict(const struct printer *p, enum verdict v)
{
    unsigned shown = 0;
    for (size_t i = 0; i < p->result->num_findings && shown < SHOWN_MAX; i++) {
        const struct finding *f = &p->result->findings[i];
        if (f->verdict != v) {
            continue;
        }
        if (shown++ == 0) {
            buf_printf(p->out, "\n%s%s%s: %s\n", p->colours.bold, verdict_word(v), p->colours.off,
                       verdict_sentence(v));
            if (verdict_advice(v) != NULL) {
                buf_printf(p->out, "  -> %s\n", verdict_advice(v));
            }
        }
        print_finding(p, f);
    }
    if (shown == SHOWN_MAX && p->result->counts[v] > SHOWN_MAX) {
        buf_printf(p->out, "  ... and %" PRIu64 " more; --json has them\n",
                   p->result->counts[v] - SHOWN_MAX);
    }
}

void reconcile_print(const struct reconcile_result *result, const char *audit_dir, struct buf *out)
{
    const struct cli_terminal terminal = cli_terminal();
    const struct printer p = {.result = result,
                              .out = out,
                              .colours = cli_colours(),
                              .charset = terminal.is_utf8 ? CLI_UTF8 : CLI_ASCII};
    print_sides(&p, audit_dir);
    print_counts(&p);
    print_new(&p);
    print_limits(&p);
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        print_verdict(&p, (enum verdict)v);
    }
}

/* ---- JSON ---- */

static void json_text(struct buf *out, const char *key, const char *text)
{
    if (text[0] != '\0') {
        cli_json_text(out, key, text);
    }
}

static void json_slice(struct buf *out, const char *key, struct slice text)
{
    if (text.ptr != NULL) {
        cli_json_slice(out, key, text);
    }
}

static void json_us(struct buf *out, const char *key, int64_t us)
{
    if (us > 0) {
        cli_json_time(out, key, us / 1000000);
    }
}

static void json_finding(struct buf *out, const struct finding *f)
{
    cli_json_item(out);
    buf_add_char(out, '{');
    cli_json_text(out, "verdict", verdict_word(f->verdict));
    cli_json_bool(out, "problem", verdict_is_problem(f->verdict));
    cli_json_bool(out, "recorded", f->is_recorded);
    json_text(out, "serial", f->serial_hex);
    json_text(out, "serial_dec", f->serial_dec);
    json_slice(out, "raw_serial", f->raw_serial);
    json_text(out, "aki", f->aki_hex);
    json_text(out, "cert_sha256", f->sha256);
    json_slice(out, "names", f->names);
    json_us(out, "issued", f->issued_us);
    json_us(out, "not_before", f->not_before_s * 1000000);
    json_us(out, "not_after", f->not_after_s * 1000000);
    cli_json_bool(out, "revoked", f->is_revoked);
    json_us(out, "revoked_at", f->revoked_us);
    if (f->ref != UINT64_MAX) {
        cli_json_u64(out, "ref", f->ref);
    }
    if (f->cert_ref != UINT64_MAX) {
        cli_json_u64(out, "cert_ref", f->cert_ref);
    }
    json_slice(out, "who", f->who);
    json_slice(out, "req", f->req);
    json_slice(out, "label", f->label);
    json_slice(out, "evidence", f->detail);
    if (verdict_advice(f->verdict) != NULL) {
        cli_json_text(out, "advice", verdict_advice(f->verdict));
    }
    buf_add_char(out, '}');
}

static void json_counts(struct buf *out, const struct reconcile_result *result)
{
    cli_json_key(out, "counts");
    buf_add_char(out, '{');
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        cli_json_u64(out, verdict_word((enum verdict)v), result->counts[v]);
    }
    buf_add_char(out, '}');
}

static void json_left_out(struct buf *out, const struct reconcile_result *result)
{
    cli_json_key(out, "left_out");
    buf_add_char(out, '{');
    cli_json_u64(out, "aki", result->counts[VERDICT_OTHER_KEY]);
    cli_json_u64(out, "known", result->counts[VERDICT_KNOWN]);
    cli_json_u64(out, "ignore_before", result->num_before_option);
    cli_json_u64(out, "period", result->counts[VERDICT_OUTSIDE]);
    buf_add_char(out, '}');
}

void reconcile_json_members(const struct reconcile_result *result, const char *audit_dir,
                            struct buf *out)
{
    cli_json_bool(out, "ok", !reconcile_has_problems(result));
    cli_json_text(out, "source", result->source);
    cli_json_text(out, "source_sha256", result->source_sha256);
    cli_json_u64(out, "before_claimed", result->num_before_claimed);
    cli_json_bool(out, "finds_bypasses", !result->is_selective);
    cli_json_bool(out, "knows_revocations", result->has_status);
    cli_json_text(out, "log", audit_dir);
    json_us(out, "log_from", result->log_from_us);
    json_us(out, "log_to", result->log_to_us);
    cli_json_u64(out, "log_records", result->log_next_seq);
    cli_json_u64(out, "certificates_at_ca", result->num_rows);
    cli_json_u64(out, "certificates_in_log", result->num_logged);
    cli_json_u64(out, "attempts_without_outcome", result->num_attempts);
    cli_json_u64(out, "undelivered", result->num_undelivered);
    cli_json_u64(out, "unlisted", result->num_unlisted);
    cli_json_u64(out, "new_problems", reconcile_num_new(result));
    json_left_out(out, result);
    if (result->hint != NULL) {
        cli_json_text(out, "hint", result->hint);
    }
    json_counts(out, result);
    cli_json_key(out, "findings");
    buf_add_char(out, '[');
    for (size_t i = 0; i < result->num_findings; i++) {
        json_finding(out, &result->findings[i]);
    }
    buf_add_char(out, ']');
}
