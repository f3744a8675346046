/* html_log.c - how the log itself is, and what a report cannot know. */
#include "broker/report/html.h"

#include "audit/event.h"

static void begin_fact(struct buf *out, const char *what)
{
    buf_printf(out, "<dt>%s</dt><dd>", what);
}

static void end_fact(struct buf *out)
{
    buf_add_str(out, "</dd>\n");
}

static void add_checkpoint(struct buf *out, const struct report *r, bool is_there, uint64_t size,
                           int64_t us)
{
    if (!is_there) {
        buf_add_str(out, "none");
        return;
    }
    html_num(out, size);
    buf_add_str(out, " records, written ");
    html_time(out, us);
    if (r->is_until_now && size < r->last_seq + 1) {
        buf_add_str(out, ", ");
        html_num(out, r->last_seq + 1 - size);
        buf_add_str(out, " behind");
    }
}

static void add_identity(const struct report *r, struct buf *out)
{
    const struct log_file_state *s = &r->state;
    begin_fact(out, "Records read");
    html_num(out, r->records);
    buf_add_str(out, ", ");
    html_time(out, r->first_us);
    buf_add_str(out, " to ");
    html_time(out, r->last_us);
    end_fact(out);
    begin_fact(out, "Segments");
    html_num(out, s->segments);
    buf_add_str(out, " files, ");
    html_bytes(out, s->segment_bytes);
    if (s->has_free) {
        buf_add_str(out, "; free on that disk ");
        html_bytes(out, s->free_bytes);
    }
    end_fact(out);
    begin_fact(out, "Signed checkpoint");
    add_checkpoint(out, r, s->has_checkpoint, s->checkpoint_size, s->checkpoint_us);
    end_fact(out);
    begin_fact(out, "Signed by a witness");
    add_checkpoint(out, r, s->has_cosigned, s->cosigned_size, s->cosigned_us);
    end_fact(out);
    begin_fact(out, "Compared with the CA");
    if (r->health.reconciled_us == 0) {
        buf_add_str(out, r->first_seq > 0 ? "not in what is kept" : "never");
    } else {
        html_time(out, r->health.reconciled_us);
    }
    end_fact(out);
}

/* add_seqs - of what had better not happen: nothing said if it did not. */
static void add_seqs(struct buf *out, const char *what, const struct seqs *list)
{
    if (list->num == 0) {
        return;
    }
    begin_fact(out, what);
    html_num(out, list->num);
    buf_add_str(out, list->num == 1 ? " time, record" : " times, records");
    for (uint64_t i = 0; i < list->num && i < REPORT_SEQS_MAX; i++) {
        buf_add_str(out, i == 0 ? " " : ", ");
        buf_add_u64(out, list->first[i]);
    }
    buf_add_str(out, list->num > REPORT_SEQS_MAX ? ", ..." : "");
    end_fact(out);
}

static void add_health(const struct report *r, struct buf *out)
{
    const struct health *h = &r->health;
    begin_fact(out, "Broker started, stopped");
    html_num(out, h->starts);
    buf_add_str(out, ", ");
    html_num(out, h->stops);
    end_fact(out);
    begin_fact(out, "Segments not closed properly");
    html_num(out, h->unclean);
    buf_add_str(out, ", with torn ends in ");
    html_num(out, h->void_tails);
    buf_add_str(out, " (");
    html_bytes(out, h->void_bytes);
    buf_add_str(out, " that do not count)");
    end_fact(out);
    begin_fact(out, "Faults of the disk");
    html_num(out, h->faults);
    if (h->outages > 0) {
        buf_add_str(out, "; not writable for ");
        html_duration(out, (int64_t)h->outage_us);
        buf_add_str(out, ", ");
        html_num(out, h->refused);
        buf_add_str(out, " requests refused");
    }
    end_fact(out);
    add_seqs(out, "File changed from outside", &h->file_changes);
    add_seqs(out, "Not on the disk any more", &h->rereads);
    begin_fact(out, "Clock went back");
    html_num(out, h->clock_back);
    if (h->clock_back > 0) {
        buf_add_str(out, " times, at most by ");
        html_duration(out, h->clock_back_worst_us);
        buf_add_str(out, " at ");
        html_time(out, h->clock_back_at_us);
    }
    end_fact(out);
    begin_fact(out, "Longest silence");
    html_duration(out, h->silence_us);
    buf_add_str(out, " from ");
    html_time(out, h->silence_from_us);
    end_fact(out);
}

static void add_events(const struct health *h, struct buf *out)
{
    const uint64_t shown = h->num_events < REPORT_EVENTS_MAX ? h->num_events : REPORT_EVENTS_MAX;
    if (shown == 0) {
        return;
    }
    buf_add_str(out, "<h3>What happened to it</h3>\n");
    html_table(out, "When|Record|Why|In detail");
    for (uint64_t i = 0; i < shown; i++) {
        const struct log_event *e = &h->events[(h->num_events - 1 - i) % REPORT_EVENTS_MAX];
        buf_add_str(out, "<tr>");
        html_cell_time(out, e->us);
        html_cell_text(out, slice_of(audit_type_word((enum audit_type)e->type)));
        html_cell_text(out, e->what);
        buf_add_str(out, "<td>");
        html_text_cut(out, e->detail, 400);
        buf_add_str(out, "</td></tr>\n");
    }
    html_table_end(out);
    html_more(out, h->num_events - shown, "of these, all earlier");
}

static void add_types(const struct report *r, struct buf *out)
{
    buf_add_str(out, "<details><summary>Records of the period by type</summary>\n");
    html_table(out, "Type|#Records");
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        if (r->health.types[i] > 0) {
            buf_add_str(out, "<tr>");
            html_cell_text(out, slice_of(audit_type_word((enum audit_type)i)));
            html_cell_num(out, r->health.types[i]);
            buf_add_str(out, "</tr>\n");
        }
    }
    html_table_end(out);
    buf_add_str(out, "</details>\n");
}

void html_log(const struct report *r, struct buf *out)
{
    html_section(out, "log", "The log itself", NULL);
    if (r->is_damaged) {
        buf_add_str(out, "<p><span class=\"tag alert\">damaged</span> ");
        html_text_cut(out, slice_of(r->damage.msg), 400);
        buf_add_str(out, "</p>\n");
    }
    buf_add_str(out, "<div class=\"cols\"><dl>\n");
    add_identity(r, out);
    buf_add_str(out, "</dl><dl>\n");
    add_health(r, out);
    buf_add_str(out, "</dl></div>\n");
    add_events(&r->health, out);
    add_types(r, out);
    html_section_end(out);
}

void html_not_covered(const struct report *r, struct buf *out)
{
    (void)r;
    html_section(out, "limits", "What this does not tell", NULL);
    buf_add_str(
        out, "<ul class=\"plain\">\n"
             "<li>Whether the log was changed afterwards. Reading checked each line's checksum and "
             "order, "
             "which finds damage, not malice: <code>certbroker audit verify</code> checks hashes, "
             "signatures and witnesses.</li>\n"
             "<li>Certificates that were never asked for here, or whose outcome is not known, "
             "beyond what "
             "<code>certbroker audit reconcile</code> has put into the log.</li>\n"
             "<li>Revocations made at the CA directly, beyond what reconcile has recorded: what is "
             "called valid here may be revoked there.</li>\n"
             "<li>Requests that got no record of their own are in the numbers only where they were "
             "counted; those refused by the network, the kernel or a proxy are not.</li>\n"
             "<li>Other brokers: each has a log of its own.</li>\n</ul>\n");
    html_section_end(out);
}
