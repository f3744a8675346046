/* own_read.c - what readers want to know of the log's records about itself; see audit_line_own. Goes by
 * key, unlike own_records.c, which recovery trusts and which takes one form only. */
#include "audit/read/reader.h"
#include "audit/scan.h"

enum own_kind { OWN_TEXT, OWN_U64, OWN_BOOL };

struct own_field {
    const char *key;
    enum own_kind kind;
    size_t at;
};

#define AT(member) offsetof(struct audit_own, member)

static const struct own_field top_fields[] = {
    {"origin", OWN_TEXT, AT(origin)},      {"host", OWN_TEXT, AT(host)},
    {"version", OWN_TEXT, AT(version)},    {"segment", OWN_U64, AT(segment)},
    {"errno", OWN_U64, AT(sys_errno)},     {"next_seq", OWN_U64, AT(next_seq)},
    {"outage_us", OWN_U64, AT(outage_us)}, {"refused", OWN_U64, AT(refused)},
};
static const struct own_field prev_fields[] = {
    {"no", OWN_U64, AT(prev_no)},
    {"valid_bytes", OWN_U64, AT(prev_valid_bytes)},
    {"void_bytes", OWN_U64, AT(prev_void_bytes)},
    {"clean", OWN_BOOL, AT(prev_clean)},
};

static bool take_field(struct scan *s, const struct own_field *f, struct audit_own *own)
{
    char *to = (char *)own + f->at;
    switch (f->kind) {
    case OWN_TEXT:
        return scan_string(s, (struct slice *)(void *)to);
    case OWN_U64:
        return scan_u64(s, (uint64_t *)(void *)to);
    case OWN_BOOL:
        return scan_bool(s, (bool *)(void *)to);
    }
    return false;
}

/* take_value - the value of key: kept if it is one of these fields, else skipped. */
static bool take_value(struct scan *s, struct slice key, const struct own_field *fields, size_t num,
                       struct audit_own *own)
{
    for (size_t i = 0; i < num; i++) {
        if (slice_eq_str(key, fields[i].key)) {
            return take_field(s, &fields[i], own);
        }
    }
    return scan_value(s);
}

static bool take_prev(struct scan *s, struct audit_own *own)
{
    struct slice key;
    if (!scan_byte(s, '{')) {
        return false;
    }
    do {
        if (!scan_key(s, &key) ||
            !take_value(s, key, prev_fields, sizeof(prev_fields) / sizeof(prev_fields[0]), own)) {
            return false;
        }
    } while (scan_byte(s, ','));
    return scan_byte(s, '}');
}

bool audit_line_own(const struct audit_line *line, struct audit_own *ret)
{
    struct scan s = scan_over(line->body);
    struct audit_own own = {0};
    struct slice key;
    if (!scan_literal(&s, SLICE("\"type\":")) || !scan_value(&s)) {
        return false;
    }
    while (scan_byte(&s, ',')) {
        if (!scan_key(&s, &key)) {
            return false;
        }
        const bool good =
            slice_eq(key, SLICE("prev"))
                ? take_prev(&s, &own)
                : take_value(&s, key, top_fields, sizeof(top_fields) / sizeof(top_fields[0]), &own);
        if (!good) {
            return false;
        }
    }
    *ret = own;
    return s.at == s.end;
}
