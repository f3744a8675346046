/* json.c - the report for programs: the head and the tables. Lists are in json_lists.c. */
#include "broker/cli/output.h"
#include "broker/report/findings.h"
#include "broker/report/writers.h"

#define TOP_JSON 1000U /* rows of each table */

static void add_when(struct buf *out, const char *key, int64_t us)
{
    if (us == 0) {
        cli_json_text(out, key, NULL);
    } else {
        cli_json_time(out, key, us / 1000000);
    }
}

static void add_counts(struct buf *out, const uint64_t count[HAPPENING_COUNT])
{
    for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
        cli_json_u64(out, happening_word((enum happening)k), count[k]);
    }
}

static void add_series(const struct report *r, struct buf *out)
{
    cli_json_key(out, "series");
    buf_add_char(out, '{');
    cli_json_u64(out, "bucket_s", (uint64_t)r->series.bucket_us / 1000000);
    add_when(out, "start", r->series.start_us);
    for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
        cli_json_key(out, happening_word((enum happening)k));
        buf_add_char(out, '[');
        for (size_t i = 0; i < r->series.num; i++) {
            buf_printf(out, "%s%llu", i == 0 ? "" : ",", (unsigned long long)r->series.count[k][i]);
        }
        buf_add_char(out, ']');
    }
    buf_add_char(out, '}');
}

static void add_rows(const struct tally *t, const char *key, bool by_happening, struct buf *out)
{
    const size_t used = tally_used(t);
    cli_json_key(out, key);
    buf_add_str(out, "{\"rows\":[");
    for (size_t i = 0; i < used && i < TOP_JSON; i++) {
        const struct tally_row *row = &t->rows[i];
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_slice(out, "name", row->text);
        if (by_happening) {
            add_counts(out, row->count);
        } else {
            cli_json_u64(out, "count", row->total);
        }
        add_when(out, "first", row->first_us);
        add_when(out, "last", row->last_us);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    cli_json_u64(out, "not_shown", used > TOP_JSON ? used - TOP_JSON : 0);
    cli_json_u64(out, "not_told_apart", t->others.total);
    buf_add_char(out, '}');
}

static void add_findings(struct report *r, struct buf *out)
{
    struct finding findings[FINDINGS_MAX];
    const size_t num = findings_of(r, findings);
    cli_json_key(out, "findings");
    buf_add_char(out, '[');
    for (size_t i = 0; i < num; i++) {
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "level", finding_level_word(findings[i].level));
        cli_json_text(out, "about", findings[i].section);
        cli_json_slice(out, "text", findings[i].text);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_head(const struct report *r, struct buf *out)
{
    cli_json_u64(out, "version", 1);
    cli_json_text(out, "origin", r->origin);
    cli_json_text(out, "host", r->host);
    add_when(out, "since", report_begin_us(r));
    add_when(out, "until", r->until_us);
    add_when(out, "made", r->made_us);
    cli_json_u64(out, "records", r->records);
    cli_json_u64(out, "records_in_period", r->in_period);
    cli_json_u64(out, "records_after", r->after);
    cli_json_u64(out, "records_not_understood", r->undecoded);
    add_when(out, "log_begins", r->first_us);
    cli_json_bool(out, "period_is_before_log", r->is_before);
    cli_json_text(out, "policy_sha256", r->policy_sha256[0] == '\0' ? NULL : r->policy_sha256);
    cli_json_text(out, "damage", r->is_damaged ? r->damage.msg : NULL);
    cli_json_key(out, "totals");
    buf_add_char(out, '{');
    add_counts(out, r->total);
    cli_json_u64(out, "revoked_by_broker", r->own_revocations);
    cli_json_u64(out, "revoked_by_administrator", r->admin_revocations);
    cli_json_u64(out, "revoked_at_ca", r->revoked_at_ca);
    cli_json_u64(out, "revoked_already", r->revoked_already);
    cli_json_u64(out, "info", r->info);
    cli_json_u64(out, "refused_undecided", r->refused_requests);
    cli_json_u64(out, "names_granted", r->names_granted);
    buf_add_char(out, '}');
}

void json_report(struct report *r, struct buf *out)
{
    buf_add_char(out, '{');
    add_head(r, out);
    add_findings(r, out);
    add_series(r, out);
    add_rows(&r->clients, "clients", true, out);
    add_rows(&r->rules, "rules", true, out);
    add_rows(&r->owners, "owners", true, out);
    add_rows(&r->deny_reasons, "deny_reasons", false, out);
    add_rows(&r->fail_reasons, "fail_reasons", false, out);
    add_rows(&r->sources, "authn_fail_sources", false, out);
    add_rows(&r->authn_reasons, "authn_fail_reasons", false, out);
    add_rows(&r->refused_reasons, "refused_reasons", false, out);
    add_rows(&r->drop_reasons, "drop_reasons", false, out);
    json_lists(r, out);
    json_log(r, out);
    buf_add_str(out, "}\n");
}
