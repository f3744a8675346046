/* text_log.c - the report as text: policies, the log itself, and what is not covered. Diffs are in the
 * page only; `certbroker policy diff` makes them from the kept files. */
#include "broker/report/text.h"

static void say(const struct text *t, const char *label, struct slice text)
{
    if (text.len > 0) {
        buf_printf(t->out, "      %s: ", label);
        text_wrapped(t, 8 + strlen(label), 8, text);
    }
}

static void policy(const struct text *t, const struct policy_event *p)
{
    buf_add_str(t->out, "  ");
    text_when(t->out, p->us);
    buf_printf(t->out, "  %s%s  %.12s -> %.12s\n", p->is_reject ? "refused" : "loaded",
               p->forced.len > 0 ? ", forced" : "", p->old_sha256[0] == '\0' ? "-" : p->old_sha256,
               p->sha256[0] == '\0' ? "-" : p->sha256);
    say(t, "by", p->by);
    say(t, "forced because", p->forced);
    say(t, "note", p->note);
    say(t, "reason", p->is_reject ? p->reason : (struct slice){NULL, 0});
    say(t, "detail", p->detail);
    for (size_t i = 0; i < p->num_changes; i++) {
        buf_add_str(t->out, "      ");
        text_wrapped(t, 6, 8, p->changes[i]);
    }
}

static void policies(const struct report *r, const struct text *t)
{
    const uint64_t kept =
        r->num_policies < REPORT_POLICIES_MAX ? r->num_policies : REPORT_POLICIES_MAX;
    text_title(t, "Policy");
    buf_add_str(t->out, r->num_policies == 0 ? "  no change\n" : "");
    for (uint64_t i = 0; i < kept; i++) {
        policy(t, &r->policies[(r->num_policies - 1 - i) % REPORT_POLICIES_MAX]);
    }
    if (r->num_policies > kept) {
        buf_add_str(t->out, "  and ");
        text_num(t->out, r->num_policies - kept);
        buf_add_str(t->out, " before these\n");
    }
}

static void fact(const struct text *t, const char *what, uint64_t num)
{
    buf_printf(t->out, "  %-34s", what);
    text_num(t->out, num);
    buf_add_char(t->out, '\n');
}

/* fact_if - of what had better not happen: nothing said if it did not. */
static void fact_if(const struct text *t, const char *what, uint64_t num)
{
    if (num > 0) {
        fact(t, what, num);
    }
}

static void checkpoint(const struct text *t, const char *what, bool is_there, uint64_t size,
                       int64_t us)
{
    buf_printf(t->out, "  %-34s", what);
    if (is_there) {
        text_num(t->out, size);
        buf_add_str(t->out, " records, written ");
        text_when(t->out, us);
        buf_add_char(t->out, '\n');
    } else {
        buf_add_str(t->out, "none\n");
    }
}

static void health(const struct report *r, const struct text *t)
{
    const struct health *h = &r->health;
    const struct log_file_state *s = &r->state;
    text_title(t, "The log itself");
    fact(t, "segments", s->segments);
    fact(t, "their size in MiB", s->segment_bytes >> 20);
    if (s->has_free) {
        fact(t, "free on that disk in MiB", s->free_bytes >> 20);
    }
    checkpoint(t, "signed checkpoint", s->has_checkpoint, s->checkpoint_size, s->checkpoint_us);
    checkpoint(t, "signed by a witness", s->has_cosigned, s->cosigned_size, s->cosigned_us);
    buf_printf(t->out, "  %-34s", "compared with the CA");
    text_when(t->out, h->reconciled_us);
    buf_add_char(t->out, '\n');
    fact(t, "broker started", h->starts);
    fact(t, "broker stopped", h->stops);
    fact_if(t, "segments not closed properly", h->unclean);
    fact_if(t, "bytes of torn ends", h->void_bytes);
    fact_if(t, "faults of the disk", h->faults);
    fact_if(t, "file changed from outside", h->file_changes.num);
    fact_if(t, "not on the disk any more", h->rereads.num);
    fact_if(t, "losses that were accepted", h->losses);
    fact_if(t, "alarms of witnesses", h->alarms);
    fact_if(t, "seconds not writable", h->outage_us / 1000000);
    fact_if(t, "requests refused then", h->refused);
    fact_if(t, "clock was set", h->clock_steps);
    fact_if(t, "another key signs", h->key_changes);
    fact_if(t, "clock went back", h->clock_back);
    fact(t, "longest silence in minutes", (uint64_t)h->silence_us / 60000000);
    fact_if(t, "counted without a record", h->dropped);
}

void text_log(const struct report *r, const struct text *t)
{
    policies(r, t);
    health(r, t);
    text_title(t, "What this does not tell");
    buf_add_str(t->out,
                "  Whether the log was changed afterwards: certbroker audit verify does.\n"
                "  Certificates that were made, or revoked, at the CA directly, beyond what\n"
                "  certbroker audit reconcile has put into the log.\n"
                "  What other brokers did: each has a log of its own.\n");
}
