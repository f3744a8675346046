/* json_lists.c - the report for programs: names, loose ends, expiry, denials, policies, the log. */
#include "broker/cli/output.h"
#include "broker/report/writers.h"

#include "audit/event.h"

#define TOP_JSON 1000U

static void add_when(struct buf *out, const char *key, int64_t us)
{
    if (us == 0) {
        cli_json_text(out, key, NULL);
    } else {
        cli_json_time(out, key, us / 1000000);
    }
}

static void add_chars(struct buf *out, const char *key, const char *text)
{
    cli_json_text(out, key, text[0] == '\0' ? NULL : text);
}

static void begin_list(struct buf *out, const char *key)
{
    cli_json_key(out, key);
    buf_add_char(out, '[');
}

static void begin_item(struct buf *out)
{
    cli_json_item(out);
    buf_add_char(out, '{');
}

static void add_names(const struct report *r, struct buf *out)
{
    cli_json_u64(out, "new_names", r->new_pairs);
    cli_json_u64(out, "new_clients", r->new_holders);
    cli_json_bool(out, "new_names_incomplete", r->pairs_full);
    begin_list(out, "first_grants");
    for (size_t i = 0; i < r->holders.num && i < TOP_JSON && r->holders.rows[i].new_names > 0;
         i++) {
        const struct tally_row *row = &r->holders.rows[i];
        begin_item(out);
        cli_json_slice(out, "client", row->text);
        cli_json_bool(out, "is_new", row->ever_us >= r->since_us);
        cli_json_u64(out, "new_names", row->new_names);
        cli_json_u64(out, "certificates", row->count[HAPPENED_ISSUED]);
        begin_list(out, "examples");
        for (size_t k = 0; k < TALLY_EXAMPLES && k < row->new_names; k++) {
            cli_json_item(out);
            buf_add_json_str(out, row->examples[k]);
        }
        buf_add_str(out, "]}");
    }
    buf_add_char(out, ']');
}

static void add_wide(const struct report *r, struct buf *out)
{
    begin_list(out, "wide");
    for (size_t i = 0; i < r->num_specials && i < TOP_JSON; i++) {
        const struct special *s = &r->specials[i];
        begin_item(out);
        cli_json_slice(out, "client", s->client);
        cli_json_slice(out, "name", s->name);
        cli_json_text(out, "kind", s->is_wildcard ? "wildcard" : "address");
        cli_json_bool(out, "is_new", s->is_new);
        cli_json_u64(out, "count", s->times);
        add_when(out, "first", s->first_us);
        add_when(out, "last", s->last_us);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    cli_json_u64(out, "wildcards_granted", r->wildcards);
    cli_json_u64(out, "addresses_granted", r->addresses);
}

static void add_denials(const struct report *r, struct buf *out)
{
    begin_list(out, "denied_then_allowed");
    for (size_t i = 0; i < r->num_denials && i < TOP_JSON; i++) {
        const struct denial *d = &r->denials[i];
        begin_item(out);
        cli_json_slice(out, "client", d->client);
        cli_json_slice(out, "name", d->name);
        cli_json_u64(out, "names", d->num_names);
        cli_json_u64(out, "denied", d->times);
        add_when(out, "first_denied", d->first_us);
        cli_json_slice(out, "reason", d->reason);
        add_when(out, "allowed", d->allowed_us);
        cli_json_slice(out, "rule", d->rule);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    cli_json_u64(out, "denied_then_allowed_num", r->allowed_later);
    cli_json_u64(out, "denials_not_followed", r->denials_beyond);
}

static void add_loose_item(const struct loose *l, struct buf *out)
{
    begin_item(out);
    add_when(out, "at", l->us);
    cli_json_u64(out, "seq", l->seq);
    cli_json_text(out, "action", l->is_revoke ? "revoke" : "newcert");
    add_chars(out, "client", l->client);
    add_chars(out, "name", l->name);
    add_chars(out, "serial", l->serial);
    add_chars(out, "detail", l->detail);
    add_when(out, "settled", l->settled_us);
    cli_json_bool(out, "revoked", l->was_revoked);
    buf_add_char(out, '}');
}

static void add_loose(const struct report *r, struct buf *out)
{
    cli_json_key(out, "loose_ends");
    buf_add_char(out, '{');
    for (unsigned kind = 0; kind < LOOSE_COUNT; kind++) {
        const struct loose_list *list = &r->loose[kind];
        const uint64_t kept = list->num < REPORT_LOOSE_MAX ? list->num : REPORT_LOOSE_MAX;
        cli_json_key(out, loose_word((enum loose_kind)kind));
        buf_add_char(out, '{');
        cli_json_u64(out, "count", list->num);
        cli_json_u64(out, "open", list->open);
        cli_json_u64(out, "older_open", list->older_open);
        begin_list(out, "newest");
        for (uint64_t i = 0; i < kept; i++) {
            add_loose_item(&list->items[(list->num - 1 - i) % REPORT_LOOSE_MAX], out);
        }
        buf_add_str(out, "]}");
    }
    buf_add_char(out, '}');
}

static void add_certs(const struct report *r, struct buf *out)
{
    const struct certs *c = &r->certs;
    size_t shown = 0;
    cli_json_key(out, "valid");
    buf_add_char(out, '{');
    cli_json_u64(out, "count", c->alive);
    cli_json_u64(out, "not_followed", c->beyond);
    cli_json_u64(out, "ending_7d", c->due_7);
    cli_json_u64(out, "ending_7d_without_newer", c->gap_7);
    cli_json_u64(out, "ending_30d", c->due_30);
    cli_json_u64(out, "ending_30_to_90d", c->due_90);
    cli_json_u64(out, "ending_90_to_365d", c->due_365);
    cli_json_u64(out, "ending_later", c->due_later);
    begin_list(out, "ending_by_day");
    for (size_t i = 0; i < CERTS_DAYS; i++) {
        buf_printf(out, "%s%llu", i == 0 ? "" : ",", (unsigned long long)c->by_day[i]);
    }
    buf_add_char(out, ']');
    begin_list(out, "ending_without_newer");
    for (size_t i = 0; i < c->num && shown < TOP_JSON && shown < c->gap_7; i++) {
        if (certs_has_newer(&c->items[i])) {
            continue;
        }
        begin_item(out);
        add_when(out, "not_after", c->items[i].not_after_s * 1000000);
        cli_json_slice(out, "client", c->items[i].client);
        cli_json_slice(out, "name", c->items[i].name);
        add_chars(out, "serial", c->items[i].serial);
        cli_json_u64(out, "seq", c->items[i].seq);
        buf_add_char(out, '}');
        shown++;
    }
    buf_add_str(out, "]}");
}

static void add_policy(const struct policy_event *p, struct buf *out)
{
    begin_item(out);
    add_when(out, "at", p->us);
    cli_json_u64(out, "seq", p->seq);
    cli_json_bool(out, "refused", p->is_reject);
    add_chars(out, "policy_sha256", p->sha256);
    add_chars(out, "policy_old_sha256", p->old_sha256);
    cli_json_slice(out, "by", p->by);
    cli_json_slice(out, "forced", p->forced);
    cli_json_slice(out, "note", p->note);
    cli_json_slice(out, "reason", p->reason);
    cli_json_slice(out, "detail", p->detail);
    cli_json_u64(out, "lines_added", p->diff_added);
    cli_json_u64(out, "lines_removed", p->diff_removed);
    begin_list(out, "changes");
    for (size_t i = 0; i < p->num_changes; i++) {
        cli_json_item(out);
        buf_add_json_str(out, p->changes[i]);
    }
    buf_add_str(out, "]}");
}

static void add_policies(const struct report *r, struct buf *out)
{
    const uint64_t kept =
        r->num_policies < REPORT_POLICIES_MAX ? r->num_policies : REPORT_POLICIES_MAX;
    cli_json_key(out, "policies");
    buf_add_char(out, '{');
    cli_json_u64(out, "loaded", r->num_loads);
    cli_json_u64(out, "forced", r->num_forced);
    cli_json_u64(out, "refused", r->num_rejects);
    begin_list(out, "newest");
    for (uint64_t i = 0; i < kept; i++) {
        add_policy(&r->policies[(r->num_policies - 1 - i) % REPORT_POLICIES_MAX], out);
    }
    buf_add_str(out, "]}");
}

void json_lists(const struct report *r, struct buf *out)
{
    add_names(r, out);
    add_wide(r, out);
    add_denials(r, out);
    add_loose(r, out);
    add_certs(r, out);
    add_policies(r, out);
}

static void add_state(const struct log_file_state *s, struct buf *out)
{
    cli_json_u64(out, "segments", s->segments);
    cli_json_u64(out, "segment_bytes", s->segment_bytes);
    if (s->has_free) {
        cli_json_u64(out, "free_bytes", s->free_bytes);
    }
    if (s->has_checkpoint) {
        cli_json_u64(out, "checkpoint_size", s->checkpoint_size);
        add_when(out, "checkpoint_written", s->checkpoint_us);
    }
    if (s->has_cosigned) {
        cli_json_u64(out, "cosigned_size", s->cosigned_size);
        add_when(out, "cosigned_written", s->cosigned_us);
    }
}

static void add_seqs(struct buf *out, const char *key, const struct seqs *list)
{
    cli_json_key(out, key);
    buf_add_char(out, '{');
    cli_json_u64(out, "count", list->num);
    begin_list(out, "first_records");
    for (uint64_t i = 0; i < list->num && i < REPORT_SEQS_MAX; i++) {
        cli_json_item(out);
        buf_add_u64(out, list->first[i]);
    }
    buf_add_str(out, "]}");
}

void json_log(const struct report *r, struct buf *out)
{
    const struct health *h = &r->health;
    cli_json_key(out, "log");
    buf_add_char(out, '{');
    cli_json_u64(out, "first_seq", r->first_seq);
    cli_json_u64(out, "last_seq", r->last_seq);
    add_state(&r->state, out);
    cli_json_u64(out, "starts", h->starts);
    cli_json_u64(out, "stops", h->stops);
    cli_json_u64(out, "not_closed", h->unclean);
    cli_json_u64(out, "torn_ends", h->void_tails);
    cli_json_u64(out, "void_bytes", h->void_bytes);
    cli_json_u64(out, "faults", h->faults);
    add_seqs(out, "file_changed_from_outside", &h->file_changes);
    add_seqs(out, "acknowledged_not_on_disk", &h->rereads);
    cli_json_u64(out, "losses", h->losses);
    cli_json_u64(out, "witness_alarms", h->alarms);
    cli_json_u64(out, "clock_steps", h->clock_steps);
    cli_json_u64(out, "key_changes", h->key_changes);
    cli_json_u64(out, "outages", h->outages);
    cli_json_u64(out, "outage_us", h->outage_us);
    cli_json_u64(out, "refused_in_outages", h->refused);
    cli_json_u64(out, "clock_back", h->clock_back);
    cli_json_u64(out, "clock_back_worst_us", (uint64_t)h->clock_back_worst_us);
    cli_json_u64(out, "longest_silence_s", (uint64_t)h->silence_us / 1000000);
    cli_json_u64(out, "without_record", h->dropped);
    add_when(out, "reconciled", h->reconciled_us);
    cli_json_key(out, "types");
    buf_add_char(out, '{');
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        if (h->types[i] > 0) {
            cli_json_u64(out, audit_type_word((enum audit_type)i), h->types[i]);
        }
    }
    buf_add_str(out, "}}");
}
