/* verify_print.c - see verify_print.h. Texts of findings may quote records and file names: escaped. */
#include "broker/review/verify_print.h"

#include "broker/cli/escape.h"
#include "broker/cli/output.h"
#include "broker/cli/terminal.h"

static enum cli_charset charset(void)
{
    return cli_terminal().is_utf8 ? CLI_UTF8 : CLI_ASCII;
}

static void add_text(struct buf *out, const char *text)
{
    cli_add_escaped(out, slice_of(text), charset());
}

static void add_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    double number = (double)bytes;
    size_t unit = 0;
    while (number >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        number /= 1000;
        unit++;
    }
    buf_printf(out, "%.*f %s", unit > 0 && number < 100 ? 1 : 0, number, units[unit]);
}

static const char *plural(uint64_t num)
{
    return num == 1 ? "" : "s";
}

/* ---- findings ---- */

static void add_which(struct buf *out, const struct verify_finding *f)
{
    if (f->seq == VERIFY_NO_SEQ || f->kind == VERIFY_TILE) {
        return;
    }
    if (f->seq == f->last_seq || f->last_seq == VERIFY_NO_SEQ) {
        buf_printf(out, "record %llu: ", (unsigned long long)f->seq);
    } else {
        buf_printf(out, "records %llu to %llu: ", (unsigned long long)f->seq,
                   (unsigned long long)f->last_seq);
    }
}

static void add_finding(struct buf *out, const struct verify_finding *f)
{
    add_text(out, f->file);
    if (f->line > 0) {
        buf_printf(out, ":%llu", (unsigned long long)f->line);
    }
    if (f->file[0] != '\0') {
        buf_add_slice(out, SLICE(": "));
    }
    add_which(out, f);
    add_text(out, f->what);
    buf_add_char(out, '\n');
}

void verify_print_first(const struct verify_report *r, struct buf *out)
{
    if (r->num_findings > 0) {
        add_finding(out, &r->findings[0]);
    }
}

static void add_findings(struct buf *out, const struct verify_report *r)
{
    for (size_t i = 0; i < r->num_findings; i++) {
        buf_add_slice(out, SLICE("  "));
        add_finding(out, &r->findings[i]);
    }
    if (r->total_findings > r->num_findings) {
        const uint64_t more = r->total_findings - r->num_findings;
        buf_printf(out, "  and %llu more like these\n", (unsigned long long)more);
    }
}

/* ---- what was checked ---- */

static void add_label(struct buf *out, const char *label)
{
    buf_printf(out, "  %-12s", label);
}

static void add_records(struct buf *out, const struct verify_report *r)
{
    add_label(out, "records");
    if (!r->in_order) {
        buf_add_str(out, "none was read: without every segment their order is not known\n");
        return;
    }
    buf_printf(out, "%llu", (unsigned long long)r->records);
    if (r->unread > 0) {
        buf_printf(out, ", %llu of which cannot be read", (unsigned long long)r->unread);
    }
    if (r->records > 0) {
        buf_add_slice(out, SLICE(", from "));
        cli_add_time(out, r->first_us);
        buf_add_slice(out, SLICE(" to "));
        cli_add_time(out, r->last_us);
    }
    if (r->pruned > 0) {
        buf_printf(out, "; the first %llu were pruned, their hashes are kept",
                   (unsigned long long)r->pruned);
    }
    buf_add_char(out, '\n');
    add_label(out, "segments");
    buf_printf(out, "%llu, ", (unsigned long long)r->segments);
    add_bytes(out, r->bytes);
    const uint64_t idle = r->void_bytes + r->torn_bytes;
    if (idle > 0) {
        buf_printf(out, "; %llu byte%s behind records do not count", (unsigned long long)idle,
                   plural(idle));
    }
    buf_add_char(out, '\n');
    add_label(out, "hash tiles");
    buf_printf(out, "%llu\n", (unsigned long long)r->tiles);
    if (r->policies > 0) {
        add_label(out, "policies");
        buf_printf(out, "%llu\n", (unsigned long long)r->policies);
    }
}

static void add_checkpoints(struct buf *out, const struct verify_report *r,
                            const struct verify_against *against)
{
    add_label(out, "checkpoints");
    buf_printf(out, "%llu, %llu signature%s checked%s; ", (unsigned long long)r->checkpoints,
               (unsigned long long)r->signatures, plural(r->signatures),
               against->quick ? " (--quick)" : "");
    if (!r->in_order) {
        buf_add_slice(out, SLICE("no record was compared with them\n"));
    } else if (r->verdict != VERIFY_INTACT) {
        buf_printf(out, "the newest one that fits what could be read is of %llu records\n",
                   (unsigned long long)r->sealed);
    } else if (r->sealed >= r->records) {
        buf_add_slice(out, SLICE("they cover every record\n"));
    } else {
        buf_printf(out, "the newest %llu record%s not covered yet\n",
                   (unsigned long long)(r->records - r->sealed),
                   r->records - r->sealed == 1 ? " is" : "s are");
    }
    if (against->saved + against->witnesses > 0) {
        add_label(out, "outside");
        buf_printf(
            out, "%zu saved checkpoint%s, %zu witness%s: the log continues %s\n", against->saved,
            plural(against->saved), against->witnesses, against->witnesses == 1 ? "" : "es",
            r->outside == against->saved + against->witnesses ? "all of them" : "NOT all of them");
    }
}

static void add_keys(struct buf *out, const struct verify_report *r,
                     const struct cli_colours *colours)
{
    for (size_t i = 0; i < r->num_keys; i++) {
        char text[NOTE_KEY_TEXT_MAX];
        note_key_text(&r->keys[i], text);
        add_label(out, i == 0 ? "key" : "");
        buf_add_str(out, text);
        if (r->key_from[i] > 0) {
            buf_printf(out, " from size %llu on", (unsigned long long)r->key_from[i]);
        }
        buf_add_char(out, '\n');
    }
    if (!r->pinned) {
        buf_printf(
            out,
            "  %swarning%s     not pinned: this key is what the log itself says. Whoever can "
            "write the log can\n"
            "              replace it; give the key that was noted elsewhere with --key\n",
            colours->warn, colours->off);
    }
}

void verify_print_text(const struct verify_report *r, const struct verify_against *against,
                       struct buf *out)
{
    const struct cli_colours colours = cli_colours();
    const bool intact = r->verdict == VERIFY_INTACT;
    add_text(out, r->origin);
    buf_printf(out, ": %s%s%s", intact ? colours.good : colours.bad,
               intact ? "intact" : "TAMPERED WITH", colours.off);
    if (!intact) {
        buf_printf(out, ", %llu thing%s wrong:", (unsigned long long)r->total_findings,
                   plural(r->total_findings));
    }
    buf_add_char(out, '\n');
    add_findings(out, r);
    if (!intact) {
        buf_add_slice(out, SLICE("what was read:\n"));
    }
    add_records(out, r);
    add_checkpoints(out, r, against);
    add_keys(out, r, &colours);
    for (size_t i = 0; i < r->num_notices; i++) {
        add_label(out, "note");
        add_text(out, r->notices[i]);
        buf_add_char(out, '\n');
    }
}

/* ---- JSON ---- */

static const char *kind_word(enum verify_kind kind)
{
    switch (kind) {
    case VERIFY_RECORD:
        return "record";
    case VERIFY_RECORDS:
        return "records";
    case VERIFY_SEGMENT:
        return "segment";
    case VERIFY_TILE:
        return "tile";
    case VERIFY_CHECKPOINT:
        return "checkpoint";
    case VERIFY_STATE:
        return "state";
    }
    return "";
}

static void json_findings(const struct verify_report *r, struct buf *out)
{
    cli_json_key(out, "findings");
    buf_add_char(out, '[');
    for (size_t i = 0; i < r->num_findings; i++) {
        const struct verify_finding *f = &r->findings[i];
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "kind", kind_word(f->kind));
        cli_json_text(out, "file", f->file);
        if (f->line > 0) {
            cli_json_u64(out, "line", f->line);
        }
        if (f->seq != VERIFY_NO_SEQ) {
            cli_json_u64(out, "first", f->seq);
            cli_json_u64(out, "last", f->last_seq == VERIFY_NO_SEQ ? f->seq : f->last_seq);
        }
        cli_json_text(out, "what", f->what);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    cli_json_u64(out, "total_findings", r->total_findings);
}

static void json_keys(const struct verify_report *r, struct buf *out)
{
    cli_json_bool(out, "key_pinned", r->pinned);
    cli_json_key(out, "keys");
    buf_add_char(out, '[');
    for (size_t i = 0; i < r->num_keys; i++) {
        char text[NOTE_KEY_TEXT_MAX];
        note_key_text(&r->keys[i], text);
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_u64(out, "from", r->key_from[i]);
        cli_json_text(out, "key", text);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void json_notices(const struct verify_report *r, struct buf *out)
{
    cli_json_key(out, "notices");
    buf_add_char(out, '[');
    for (size_t i = 0; i < r->num_notices; i++) {
        cli_json_item(out);
        buf_add_json_str(out, slice_of(r->notices[i]));
    }
    buf_add_char(out, ']');
}

void verify_print_json(const struct verify_report *r, const struct verify_against *against,
                       struct buf *out)
{
    buf_add_char(out, '{');
    cli_json_text(out, "verdict", r->verdict == VERIFY_INTACT ? "intact" : "tampered");
    cli_json_text(out, "origin", r->origin);
    cli_json_u64(out, "records", r->records);
    cli_json_u64(out, "unread", r->unread);
    cli_json_u64(out, "pruned", r->pruned);
    cli_json_bool(out, "in_order", r->in_order);
    cli_json_u64(out, "segments", r->segments);
    cli_json_u64(out, "bytes", r->bytes);
    cli_json_u64(out, "void_bytes", r->void_bytes);
    cli_json_u64(out, "torn_bytes", r->torn_bytes);
    if (r->records > 0) {
        cli_json_time(out, "first", r->first_us / 1000000);
        cli_json_time(out, "last", r->last_us / 1000000);
    }
    cli_json_u64(out, "tiles", r->tiles);
    cli_json_u64(out, "policies", r->policies);
    cli_json_u64(out, "checkpoints", r->checkpoints);
    cli_json_u64(out, "signatures", r->signatures);
    cli_json_u64(out, "sealed", r->sealed);
    cli_json_u64(out, "saved_checkpoints", against->saved);
    cli_json_u64(out, "witnesses", against->witnesses);
    cli_json_u64(out, "outside_continued", r->outside);
    json_keys(r, out);
    json_findings(r, out);
    json_notices(r, out);
    buf_add_slice(out, SLICE("}\n"));
}
