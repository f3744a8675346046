/* message.c - see message.h. A line of the log is printable ASCII and its first members stand in fixed
 * order, so nothing has to be parsed or escaped here. */
#include "broker/ship/message.h"

#include "broker/base/clock.h"

#define FACILITY_LOG_AUDIT 13U
/* 32473 is the enterprise number set aside for texts and examples (RFC 5612): we have none. */
#define SD_ID "audit@32473"

enum severity { SEVERITY_ERROR = 3, SEVERITY_WARNING = 4, SEVERITY_NOTICE = 5, SEVERITY_INFO = 6 };

/* The first that the type begins with counts. */
static const struct {
    const char *type;
    enum severity severity;
} severities[] = {
    {"audit.recovered", SEVERITY_NOTICE}, {"audit.", SEVERITY_ERROR},
    {"reconcile.bypass", SEVERITY_ERROR}, {"witness.alarm", SEVERITY_ERROR},
    {"authn.fail", SEVERITY_WARNING},     {"authz.deny", SEVERITY_WARNING},
    {"policy.reject", SEVERITY_WARNING},  {"limit.drop", SEVERITY_WARNING},
    {"clock.step", SEVERITY_WARNING},     {"reconcile.", SEVERITY_WARNING},
    {"issue.unknown", SEVERITY_WARNING},  {"issue.undelivered", SEVERITY_WARNING},
    {"revoke.unknown", SEVERITY_WARNING}, {"issue.ok", SEVERITY_NOTICE},
    {"revoke.ok", SEVERITY_NOTICE},       {"policy.load", SEVERITY_NOTICE},
    {"key.rotate", SEVERITY_NOTICE},      {"segment.prune", SEVERITY_NOTICE},
    {"broker.", SEVERITY_NOTICE},
};

static enum severity severity_of(struct slice type)
{
    for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++) {
        if (slice_has_prefix(type, slice_of(severities[i].type))) {
            return severities[i].severity;
        }
    }
    return SEVERITY_INFO;
}

/* text_of - what stands behind the literal up to the next quote; absent if it is not there. */
static struct slice text_of(struct slice line, struct slice literal)
{
    const char *at = memmem(line.ptr, line.len, literal.ptr, literal.len);
    if (at == NULL) {
        return (struct slice){NULL, 0};
    }
    const struct slice rest = slice_from(line, (size_t)(at - line.ptr) + literal.len);
    return (struct slice){rest.ptr, slice_find(rest, '"')};
}

/* add_word - a header field: printable ASCII without spaces, or "-". */
static void add_word(struct buf *out, struct slice word, size_t max)
{
    size_t added = 0;
    for (; added < word.len && added < max; added++) {
        const char c = word.ptr[added];
        buf_add_char(out, ascii_is_print(c) && c != ' ' ? c : '_');
    }
    if (added == 0) {
        buf_add_char(out, '-');
    }
}

/* add_head - everything up to the structured data's parameters. */
static void add_head(struct buf *out, const struct message_source *source, enum severity severity,
                     struct slice ts, struct slice msgid)
{
    buf_printf(out, "<%u>1 ", FACILITY_LOG_AUDIT * 8U + (unsigned)severity);
    add_word(out, ts, 64);
    buf_add_char(out, ' ');
    add_word(out, slice_of(source->host), 255);
    buf_printf(out, " certbroker %u ", source->pid);
    add_word(out, msgid, 32);
    /* The origin has no character that would need escaping. */
    buf_printf(out, " [" SD_ID " origin=\"%s\"", source->origin);
}

/* add_without_cert - the line with its longest member left out. False: it has none. */
static bool add_without_cert(struct buf *out, struct slice line)
{
    const struct slice key = SLICE(",\"cert_der\":\"");
    const struct slice der = text_of(line, key);
    if (der.ptr == NULL || der.ptr + der.len == line.ptr + line.len) {
        return false;
    }
    const size_t head = (size_t)(der.ptr - line.ptr) - key.len;
    buf_add(out, line.ptr, head);
    buf_add_slice(out, slice_from(line, head + key.len + der.len + 1));
    return true;
}

static void add_body(struct buf *out, struct slice line, enum message_cut cut)
{
    static const char *const words[] = {
        [MESSAGE_WITHOUT_CERT] = "cert_der", [MESSAGE_EMPTY] = "line"};
    if (cut != MESSAGE_WHOLE) {
        buf_printf(out, " cut=\"%s\"", words[cut]);
    }
    buf_add_char(out, ']');
    if (cut == MESSAGE_EMPTY) {
        return;
    }
    buf_add_char(out, ' ');
    if (cut == MESSAGE_WHOLE || !add_without_cert(out, line)) {
        buf_add_slice(out, line);
    }
}

enum message_cut message_record(const struct message_source *source, uint64_t seq,
                                struct slice line, size_t max, struct buf *out)
{
    const struct slice type = text_of(line, SLICE("\",\"type\":\""));
    const size_t start = out->len;
    add_head(out, source, severity_of(type), text_of(line, SLICE(",\"ts\":\"")), type);
    buf_printf(out, " seq=\"%llu\"", (unsigned long long)seq);
    const size_t head = out->len;
    for (enum message_cut cut = MESSAGE_WHOLE;; cut++) {
        add_body(out, line, cut);
        if (cut == MESSAGE_EMPTY || !buf_ok(out) || out->len - start <= max) {
            return cut;
        }
        out->len = head;
    }
}

void message_checkpoint(const struct message_source *source, struct slice note, int64_t now_us,
                        struct buf *out)
{
    char ts[TIME_TEXT_LEN + 1];
    time_format_us(now_us, ts);
    add_head(out, source, SEVERITY_INFO, slice_of(ts), SLICE("checkpoint"));
    buf_printf(out, "] {\"type\":\"checkpoint\",\"origin\":\"%s\",\"note\":", source->origin);
    buf_add_json_str(out, note);
    buf_add_char(out, '}');
}
