/* event.c - struct audit_event to the body of a record, by walking the table in fields.c.
 *
 * Does not know where the body goes. A body that is too long is made again with shorter limits,
 * level by level, rather than measured first: nearly all fit the first time. */
#include "audit/fields.h"
#include "audit/line.h"

/* What a level gives up, besides what the levels before gave up. */
struct cut_level {
    bool drop_whole; /* leave the certificate out: its digest stays */
    size_t text_max; /* no long text longer than this */
};
static const struct cut_level cut_levels[] = {
    {false, AUDIT_LINE_MAX}, {true, AUDIT_LINE_MAX}, {true, 256}, {true, 64}};

#define CUT_LEVEL_COUNT (sizeof(cut_levels) / sizeof(cut_levels[0]))
#define SHORT_TEXT_MAX                                                                             \
    128U /* fields no longer than this are digests, serials, words: useless cut */

struct encoder {
    struct buf *out;
    const struct audit_event *event;
    const struct cut_level *level;
    enum field_group group; /* the one whose brace is open */
    bool cut[FIELD_COUNT];
};

void audit_event_zero(struct audit_event *e, enum audit_type type)
{
    *e = (struct audit_event){.type = type};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (audit_fields[i].kind == FIELD_U64) {
            const uint64_t absent = UINT64_MAX;
            memcpy((char *)e + audit_fields[i].at, &absent, sizeof(absent));
        }
    }
}

static struct slice get_slice(const struct encoder *en, const struct field *f)
{
    struct slice value;
    memcpy(&value, (const char *)en->event + f->at, sizeof(value));
    return value;
}

static uint64_t get_u64(const struct encoder *en, const struct field *f)
{
    uint64_t value = 0;
    memcpy(&value, (const char *)en->event + f->at, sizeof(value));
    return value;
}

static size_t get_count(const struct encoder *en, const struct field *f)
{
    size_t value = 0;
    memcpy(&value, (const char *)en->event + f->num, sizeof(value));
    return value;
}

/* get_items - where a list's or a pair list's elements are. */
static const void *get_items(const struct encoder *en, const struct field *f)
{
    const void *items = NULL;
    memcpy(&items, (const char *)en->event + f->at, sizeof(items));
    return items;
}

static bool is_present(const struct encoder *en, const struct field *f)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_NAME:
        return get_slice(en, f).ptr != NULL;
    case FIELD_WHOLE:
        return get_slice(en, f).ptr != NULL && !en->level->drop_whole;
    case FIELD_U64:
        return get_u64(en, f) != UINT64_MAX;
    case FIELD_LIST:
    case FIELD_PAIRS:
        return get_count(en, f) > 0;
    }
    return false;
}

/* put_key - the comma, the brace of a group that begins or ends here, and the key. */
static void put_key(struct encoder *en, const struct field *f)
{
    if (f->group != en->group && en->group != GROUP_TOP) {
        buf_add_char(en->out, '}');
    }
    if (f->group != en->group && f->group != GROUP_TOP) {
        buf_add_slice(en->out, SLICE(",\""));
        buf_add_str(en->out, audit_group_key[f->group]);
        buf_add_slice(en->out, SLICE("\":{\""));
    } else {
        buf_add_slice(en->out, SLICE(",\""));
    }
    en->group = f->group;
    buf_add_str(en->out, f->key);
    buf_add_slice(en->out, SLICE("\":"));
}

/* cut_text - at most max bytes, not in the middle of a UTF-8 character. */
static struct slice cut_text(struct slice text, size_t max)
{
    if (text.len <= max) {
        return text;
    }
    size_t len = max;
    while (len > 0 && max - len < 4 && ((unsigned char)text.ptr[len] & 0xc0U) == 0x80U) {
        len--;
    }
    return (struct slice){text.ptr, len};
}

static void put_text(struct encoder *en, size_t index)
{
    const struct field *f = &audit_fields[index];
    const struct slice text = get_slice(en, f);
    const bool keep = f->max <= SHORT_TEXT_MAX || f->max <= en->level->text_max;
    const size_t max = keep ? f->max : en->level->text_max;
    const struct slice part = cut_text(text, max);
    en->cut[index] = part.len < text.len;
    buf_add_json_str(en->out, part);
}

static void put_list(struct encoder *en, const struct field *f)
{
    const struct slice *items = get_items(en, f);
    for (size_t i = 0; i < get_count(en, f); i++) {
        buf_add_char(en->out, i == 0 ? '[' : ',');
        buf_add_json_str(en->out, items[i]);
    }
    buf_add_char(en->out, ']');
}

static void put_pairs(struct encoder *en, const struct field *f)
{
    const struct audit_kv *items = get_items(en, f);
    for (size_t i = 0; i < get_count(en, f); i++) {
        buf_add_slice(en->out, i == 0 ? SLICE("[[") : SLICE(",["));
        buf_add_json_str(en->out, items[i].key);
        buf_add_char(en->out, ',');
        buf_add_json_str(en->out, items[i].value);
        buf_add_char(en->out, ']');
    }
    buf_add_char(en->out, ']');
}

static void put_value(struct encoder *en, size_t index)
{
    const struct field *f = &audit_fields[index];
    switch (f->kind) {
    case FIELD_TEXT:
        put_text(en, index);
        break;
    case FIELD_NAME:
    case FIELD_WHOLE:
        buf_add_json_str(en->out, get_slice(en, f));
        break;
    case FIELD_U64:
        buf_add_u64(en->out, get_u64(en, f));
        break;
    case FIELD_LIST:
        put_list(en, f);
        break;
    case FIELD_PAIRS:
        put_pairs(en, f);
        break;
    }
}

/* put_trunc - ,"trunc":["who.id","cert_der"] if anything was cut or left out. */
static void put_trunc(struct encoder *en)
{
    bool any = false;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *f = &audit_fields[i];
        if (!en->cut[i]) {
            continue;
        }
        buf_add_slice(en->out, any ? SLICE(",\"") : SLICE(",\"trunc\":[\""));
        if (f->group != GROUP_TOP) {
            buf_add_str(en->out, audit_group_key[f->group]);
            buf_add_char(en->out, '.');
        }
        buf_add_str(en->out, f->key);
        buf_add_char(en->out, '"');
        any = true;
    }
    if (any) {
        buf_add_char(en->out, ']');
    }
}

/* encode_at - one try. False: too long at this level, or a number that JSON cannot hold. */
static bool encode_at(struct encoder *en)
{
    buf_add_slice(en->out, SLICE("\"type\":\""));
    buf_add_str(en->out, audit_type_word(en->event->type));
    buf_add_char(en->out, '"');
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *f = &audit_fields[i];
        if (!is_present(en, f)) {
            en->cut[i] = f->kind == FIELD_WHOLE && get_slice(en, f).ptr != NULL;
            continue;
        }
        if (f->kind == FIELD_U64 && get_u64(en, f) > SCAN_NUMBER_MAX) {
            return false;
        }
        put_key(en, f);
        put_value(en, i);
    }
    if (en->group != GROUP_TOP) {
        buf_add_char(en->out, '}');
    }
    put_trunc(en);
    return buf_ok(en->out) && en->out->len <= LINE_BODY_MAX;
}

bool audit_event_encode(const struct audit_event *e, struct buf *out)
{
    if ((unsigned)e->type >= AUDIT_TYPE_COUNT) {
        return false;
    }
    for (size_t i = 0; i < CUT_LEVEL_COUNT; i++) {
        struct encoder en = {.out = out, .event = e, .level = &cut_levels[i]};
        buf_reset(out);
        if (encode_at(&en)) {
            return true;
        }
    }
    buf_reset(out);
    return false;
}
