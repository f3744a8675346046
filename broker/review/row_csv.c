/* row_csv.c - see row_csv.h. */
#include "broker/review/row_csv.h"

#include "broker/base/clock.h"
#include "broker/cli/escape.h"
#include "broker/review/row_table.h"

static bool is_formula(struct slice text)
{
    return text.len > 0 && strchr("=+-@\t\r\n", text.ptr[0]) != NULL && text.ptr[0] != '\0';
}

void csv_field(struct buf *out, struct slice text)
{
    struct buf escaped;
    buf_init(&escaped, (size_t)1 << 20);
    cli_add_escaped(&escaped, text, CLI_UTF8);
    if (out->len > 0 && out->data[out->len - 1] != '\n') {
        buf_add_char(out, ',');
    }
    buf_add_str(out, is_formula(text) ? "\"'" : "\"");
    cli_add_doubled(out, buf_slice(&escaped), '"');
    buf_add_char(out, '"');
    out->failed = out->failed || !buf_ok(&escaped);
    buf_free(&escaped);
}

static void join(const struct slice *items, size_t num, struct buf *text)
{
    for (size_t i = 0; i < num; i++) {
        buf_add_str(text, text->len == 0 ? "" : " ");
        buf_add_slice(text, items[i]);
    }
}

static void names_field(struct buf *out, const struct audit_names *n)
{
    struct buf text;
    buf_init(&text, (size_t)64 << 10);
    join(n->dns, n->num_dns, &text);
    join(n->ip, n->num_ip, &text);
    join(n->uri, n->num_uri, &text);
    join(n->email, n->num_email, &text);
    csv_field(out, buf_slice(&text));
    buf_free(&text);
}

static const struct {
    const char *title;
    size_t at;
} columns[] = {
    {"client", offsetof(struct audit_event, who_id)},
    {"via", offsetof(struct audit_event, who_via)},
    {"on_behalf_of", offsetof(struct audit_event, on_behalf_of)},
    {"peer", offsetof(struct audit_event, peer)},
    {"action", offsetof(struct audit_event, action)},
    {"rule", offsetof(struct audit_event, rule)},
    {"owner", offsetof(struct audit_event, owner)},
    {"ticket", offsetof(struct audit_event, ticket)},
    {"reason", offsetof(struct audit_event, reason)},
    {"detail", offsetof(struct audit_event, detail)},
    {"req", offsetof(struct audit_event, req)},
    {"serial", offsetof(struct audit_event, serial)},
    {"serial_dec", offsetof(struct audit_event, serial_dec)},
    {"cert_sha256", offsetof(struct audit_event, cert_sha256)},
    {"not_before", offsetof(struct audit_event, not_before)},
    {"not_after", offsetof(struct audit_event, not_after)},
    {"revoke_reason", offsetof(struct audit_event, revoke_reason)},
    {"policy_sha256", offsetof(struct audit_event, policy_sha256)},
    {"credential", offsetof(struct audit_event, who_credential)},
    {"by", offsetof(struct audit_event, by)},
    {"note", offsetof(struct audit_event, note)},
    {"forced", offsetof(struct audit_event, forced)},
    {"follows", offsetof(struct audit_event, follows)},
};

void row_csv_titles(struct buf *out)
{
    static const char *const first[] = {"seq",  "time",        "result",
                                        "type", "names_asked", "names_granted"};
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        csv_field(out, slice_of(first[i]));
    }
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        csv_field(out, slice_of(columns[i].title));
    }
    buf_add_str(out, "\r\n");
}

void row_csv_add(const struct review_row *row, struct buf *out)
{
    char text[TIME_TEXT_LEN + 1];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)row_last(row)->line.seq);
    csv_field(out, slice_of(text));
    time_format_us(row_last(row)->line.ts_us, text);
    csv_field(out, slice_of(text));
    csv_field(out, slice_of(row_result_word(row)));
    csv_field(out, slice_of(audit_type_word(row_last(row)->line.type)));
    names_field(out, &row_first(row)->event.want);
    names_field(out, &row_last(row)->event.granted);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        csv_field(out, row_text_at(row, columns[i].at));
    }
    buf_add_str(out, "\r\n");
}
