/* reader.c - a line back into struct audit_event, by the same table the encoder walks.
 *
 * The line is checked as a whole first, so that decoding only meets valid JSON. Unknown keys are
 * skipped, keys of ours that hold the wrong kind of value or come twice are refused: a reader that
 * guesses would see another record than the one that was written. */
#include "audit/read/reader.h"

#include "audit/fields.h"
#include "audit/line.h"

struct parser {
    struct scan s;
    struct arena *arena;
    struct audit_event *event;
    bool seen[FIELD_COUNT];
    size_t next; /* the table is in line order, so the next field is nearly always here */
    bool no_memory;
    bool in_place; /* texts without escapes stay where they are */
    struct slice trunc;
};

/* find_field - FIELD_COUNT if there is none. */
static size_t find_field(const struct parser *p, enum field_group group, struct slice key)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const size_t at = (p->next + i) % FIELD_COUNT;
        if (audit_fields[at].group == group && slice_eq_str(key, audit_fields[at].key)) {
            return at;
        }
    }
    return FIELD_COUNT;
}

static enum field_group find_group(struct slice key)
{
    for (unsigned i = GROUP_TOP + 1; i < GROUP_COUNT; i++) {
        if (slice_eq_str(key, audit_group_key[i])) {
            return (enum field_group)i;
        }
    }
    return GROUP_TOP;
}

static bool take_text(struct parser *p, struct slice *ret)
{
    struct slice raw;
    if (!scan_string(&p->s, &raw)) {
        return false;
    }
    if (p->in_place && !slice_has_byte(raw, '\\')) {
        *ret = raw;
        return true;
    }
    char *copy = arena_alloc(p->arena, raw.len + 1);
    if (copy == NULL) {
        p->no_memory = true;
        return false;
    }
    *ret = (struct slice){copy, scan_unescape(raw, copy)};
    return true;
}

/* count_items - the elements of the array that begins here; the cursor does not move. */
static bool count_items(const struct parser *p, size_t *ret)
{
    struct scan ahead = p->s;
    size_t num = 0;
    if (!scan_byte(&ahead, '[')) {
        return false;
    }
    do {
        num++;
        if (!scan_value(&ahead)) {
            return false;
        }
    } while (scan_byte(&ahead, ','));
    *ret = num;
    return scan_byte(&ahead, ']');
}

static void set_items(struct parser *p, const struct field *f, const void *items, size_t num)
{
    memcpy((char *)p->event + f->at, &items, sizeof(items));
    memcpy((char *)p->event + f->num, &num, sizeof(num));
}

static bool take_list(struct parser *p, const struct field *f)
{
    size_t num = 0;
    if (!count_items(p, &num)) {
        return false;
    }
    struct slice *items = arena_array(p->arena, num, sizeof(*items));
    if (items == NULL) {
        p->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < num; i++) {
        if (!scan_byte(&p->s, i == 0 ? '[' : ',') || !take_text(p, &items[i])) {
            return false;
        }
    }
    set_items(p, f, items, num);
    return scan_byte(&p->s, ']');
}

static bool take_pairs(struct parser *p, const struct field *f)
{
    size_t num = 0;
    if (!count_items(p, &num)) {
        return false;
    }
    struct audit_kv *items = arena_array(p->arena, num, sizeof(*items));
    if (items == NULL) {
        p->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < num; i++) {
        if (!scan_byte(&p->s, i == 0 ? '[' : ',') || !scan_byte(&p->s, '[') ||
            !take_text(p, &items[i].key) || !scan_byte(&p->s, ',') ||
            !take_text(p, &items[i].value) || !scan_byte(&p->s, ']')) {
            return false;
        }
    }
    set_items(p, f, items, num);
    return scan_byte(&p->s, ']');
}

static bool take_value(struct parser *p, const struct field *f)
{
    struct slice text;
    uint64_t number = 0;
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_NAME:
    case FIELD_WHOLE:
        if (!take_text(p, &text)) {
            return false;
        }
        memcpy((char *)p->event + f->at, &text, sizeof(text));
        return true;
    case FIELD_U64:
        if (!scan_u64(&p->s, &number)) {
            return false;
        }
        memcpy((char *)p->event + f->at, &number, sizeof(number));
        return true;
    case FIELD_LIST:
        return take_list(p, f);
    case FIELD_PAIRS:
        return take_pairs(p, f);
    }
    return false;
}

static bool skip_member(struct parser *p, enum field_group group, struct slice key)
{
    const char *start = p->s.at;
    if (!scan_value(&p->s)) {
        return false;
    }
    if (group == GROUP_TOP && slice_eq(key, SLICE("trunc"))) {
        p->trunc = (struct slice){start, (size_t)(p->s.at - start)};
    }
    return true;
}

/* take_member - the value of key in group: into the event if the table has it, else skipped. */
static bool take_member(struct parser *p, enum field_group group, struct slice key)
{
    const size_t at = find_field(p, group, key);
    if (at == FIELD_COUNT) {
        return skip_member(p, group, key);
    }
    if (p->seen[at]) {
        return false;
    }
    p->seen[at] = true;
    p->next = at + 1;
    return take_value(p, &audit_fields[at]);
}

static bool take_group(struct parser *p, enum field_group group)
{
    struct slice key;
    if (!scan_byte(&p->s, '{')) {
        return false;
    }
    do {
        if (!scan_key(&p->s, &key) || !take_member(p, group, key)) {
            return false;
        }
    } while (scan_byte(&p->s, ','));
    return scan_byte(&p->s, '}');
}

static bool take_body(struct parser *p)
{
    struct slice key;
    if (!scan_literal(&p->s, SLICE("\"type\":")) || !scan_value(&p->s)) {
        return false;
    }
    while (scan_byte(&p->s, ',')) {
        if (!scan_key(&p->s, &key)) {
            return false;
        }
        const enum field_group group = find_group(key);
        const bool ok = group == GROUP_TOP ? take_member(p, GROUP_TOP, key) : take_group(p, group);
        if (!ok) {
            return false;
        }
    }
    return p->s.at == p->s.end;
}

static enum cb_code decode(struct parser *p, uint64_t seq, struct cb_err *err)
{
    if (take_body(p)) {
        return CB_OK;
    }
    return p->no_memory ? cb_fail(err, CB_ENOMEM, "no memory to read a record")
                        : cb_fail(err, CB_EINPUT, "record %llu: a field has the wrong form",
                                  (unsigned long long)seq);
}

enum cb_code audit_line_parse(struct slice line, struct arena *arena, struct audit_record *ret,
                              struct cb_err *err)
{
    struct line_info info;
    TRY(line_check(line, &info, err));
    struct audit_record record = {.seq = info.seq, .batch_floor = info.floor, .ts_us = info.ts_us};
    audit_event_zero(&record.event, info.type);
    struct parser p = {.s = scan_over(info.body), .arena = arena, .event = &record.event};
    TRY(decode(&p, info.seq, err));
    *ret = record;
    return CB_OK;
}

enum cb_code audit_line_decode(const struct audit_line *line, struct arena *arena,
                               struct audit_event *ret, struct slice *ret_trunc, struct cb_err *err)
{
    struct parser p = {.s = scan_over(line->body), .arena = arena, .event = ret, .in_place = true};
    audit_event_zero(ret, line->type);
    TRY(decode(&p, line->seq, err));
    *ret_trunc = p.trunc;
    return CB_OK;
}
