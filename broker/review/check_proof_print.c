/* check_proof_print.c - what check-proof says. A record is what callers made it: nothing of it reaches
 * the terminal unescaped. */
#include "broker/review/check_proof_parts.h"

#include "audit/read/reader.h"
#include "broker/base/base64.h"
#include "broker/base/clock.h"
#include "broker/cli/escape.h"
#include "broker/cli/output.h"
#include "broker/cli/terminal.h"

#define KEY_WIDTH 14
#define VALUE_MAX 500U /* what is longer is a whole certificate as a rule, and nobody reads that */

static enum cli_charset charset(void)
{
    return cli_terminal().is_utf8 ? CLI_UTF8 : CLI_ASCII;
}

/* is_record - a line as this log writes them: printable ASCII, strict JSON. */
static bool is_record(struct slice line)
{
    uint64_t seq = 0;
    uint64_t floor = 0;
    enum audit_type type = AUDIT_SEGMENT_OPEN;
    struct cb_err ignored;
    return audit_line_check(line, &seq, &floor, &type, &ignored) == CB_OK;
}

/* member_len - of the first member of an object's inside: up to the comma that ends it. */
static size_t member_len(struct slice s)
{
    unsigned depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (in_text) {
            i += c == '\\';
            in_text = c != '"';
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',' && depth == 0) {
            return i;
        }
    }
    return s.len;
}

/* add_members - the record's members, a line each: it was checked to be a JSON object of ours. */
static void add_members(struct buf *out, struct slice line)
{
    struct slice rest = {line.ptr + 1, line.len - 2};
    while (rest.len > 0) {
        const size_t len = member_len(rest);
        const struct slice member = {rest.ptr, len};
        const size_t colon = slice_find(member, ':');
        struct slice value = colon < len ? slice_from(member, colon + 1) : SLICE("");
        if (value.len > 1 && value.ptr[0] == '"') {
            value = (struct slice){value.ptr + 1, value.len - 2};
        }
        buf_printf(out, "  %-*.*s ", KEY_WIDTH, colon > 1 ? (int)colon - 2 : 0, member.ptr + 1);
        if (value.len > VALUE_MAX) {
            buf_printf(out, "(%zu characters; --json has them)", value.len);
        } else {
            cli_add_escaped(out, value, CLI_ASCII);
        }
        buf_add_char(out, '\n');
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
}

static void add_record(struct buf *out, struct slice record)
{
    if (is_record(record)) {
        add_members(out, record);
        return;
    }
    buf_add_str(out, "  ");
    cli_add_escaped(out, record, CLI_ASCII);
    buf_add_char(out, '\n');
}

static void add_key(struct buf *out, const struct note_key *key)
{
    cli_add_escaped(out, slice_of(key->name), charset());
    buf_printf(out, "+%08x", key->id);
}

void check_print(const char *path, const struct check_keys *keys, const struct check_result *r,
                 struct buf *out)
{
    const struct cli_colours colours = cli_colours();
    if (!r->good) {
        buf_printf(out, "%sNOT GOOD%s  %s: ", colours.bad, colours.off, path);
        cli_add_escaped(out, slice_of(r->why), charset());
        buf_add_char(out, '\n');
        return;
    }
    buf_printf(out, "%sgood%s  record %llu of ", colours.good, colours.off,
               (unsigned long long)r->index);
    cli_add_escaped(out, slice_of(r->checkpoint.origin), charset());
    buf_add_str(out, "\n\n");
    add_record(out, r->record);
    buf_printf(out, "\nIt is one of the first %llu records of that log, of which the root is\n  ",
               (unsigned long long)r->checkpoint.size);
    buf_add_base64(out, r->checkpoint.root, SHA256_LEN);
    buf_add_str(out, "\nsigned by the log's key ");
    add_key(out, r->log);
    for (size_t i = 0; i < keys->num_witnesses; i++) {
        char time[21];
        time_format_s((int64_t)keys->seen_s[i], time);
        buf_add_str(out, "\ncosigned by the witness ");
        add_key(out, &keys->witnesses[i]);
        buf_printf(out, ", which saw it at %s", time);
    }
    buf_add_str(out, ".\n");
    if (r->num_others > 0) {
        buf_printf(out, "%zu more signature%s by keys that were not given here %s not checked.\n",
                   r->num_others, r->num_others == 1 ? "" : "s",
                   r->num_others == 1 ? "was" : "were");
    }
    if (keys->num_witnesses == 0) {
        buf_add_str(out, "No --witness was asked for: this is the log's word alone.\n");
    }
}

static void add_key_json(struct buf *out, const char *name, const struct note_key *key)
{
    char text[NOTE_KEY_TEXT_MAX];
    note_key_text(key, text);
    cli_json_text(out, name, text);
}

static void add_good_json(struct buf *out, const struct check_keys *keys,
                          const struct check_result *r)
{
    struct buf root;
    buf_init(&root, 64);
    buf_add_base64(&root, r->checkpoint.root, SHA256_LEN);
    cli_json_text(out, "origin", r->checkpoint.origin);
    cli_json_u64(out, "index", r->index);
    cli_json_u64(out, "size", r->checkpoint.size);
    cli_json_slice(out, "root", buf_slice(&root));
    buf_free(&root);
    add_key_json(out, "key", r->log);
    cli_json_key(out, "witnesses");
    buf_add_char(out, '[');
    for (size_t i = 0; i < keys->num_witnesses; i++) {
        cli_json_item(out);
        buf_add_char(out, '{');
        add_key_json(out, "key", &keys->witnesses[i]);
        cli_json_time(out, "time", (int64_t)keys->seen_s[i]);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    cli_json_u64(out, "unchecked_signatures", r->num_others);
    if (is_record(r->record)) {
        cli_json_key(out, "record");
        buf_add_slice(out, r->record);
    }
    cli_json_slice(out, "line", r->record);
}

void check_print_json(const char *path, const struct check_keys *keys, const struct check_result *r,
                      struct buf *out)
{
    buf_add_char(out, '{');
    cli_json_bool(out, "good", r->good);
    cli_json_text(out, "file", path);
    if (r->good) {
        add_good_json(out, keys, r);
    } else {
        cli_json_text(out, "why", r->why);
    }
    buf_add_str(out, "}\n");
}
