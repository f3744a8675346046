/* name_set.c - see name_set.h. One open hash table over the fixed parts of all patterns. Its keys
 * borrow from the patterns; a slot says by its tag what the key is to a pattern. Only an admin's
 * own file is ever put in, so a caller can't choose keys that collide. */
#include "policy/name_set.h"

#include <stdlib.h>

#define ROOM_MIN 16U
#define NO_ENTRY UINT32_MAX

enum tag {
    TAG_FREE,
    TAG_EXACT,  /* the name; in value the lowest value, as in all but TAG_CHAIN */
    TAG_NOCASE, /* e-mail: the name, for touching */
    TAG_PARENT, /* dns: of exact names, for touching them with a wildcard name */
    TAG_ONE,    /* dns: what a label is in front of; email: the domain */
    TAG_MANY,   /* dns: what labels are in front of; email: the domain above */
    TAG_NET,    /* ip: the network */
    TAG_CHAIN, /* what is fixed in front of (uri) or behind the rest of the patterns that begin with
                   entry number value, each of which has to be looked at */
};
#define TAG_COUNT 8

struct slot {
    const char *key;
    size_t value;
    uint32_t hash;
    uint16_t len;
    unsigned char tag;
    unsigned char sort; /* the kind of name; TAG_NET: the number of bits */
};

struct entry {
    const struct pattern *pattern;
    size_t value;
    uint32_t next;
};

struct name_set {
    struct slot *slots;
    uint32_t room;
    uint32_t num;
    struct entry *entries;
    uint32_t num_entries;
    uint32_t regexes[NAME_KIND_COUNT];     /* first entry of each kind's */
    size_t all;                            /* lowest value of a PATTERN_ALL */
    bool has[NAME_KIND_COUNT][TAG_COUNT];  /* are there any? */
    unsigned char net_bits[2][16 * 8 + 1]; /* the prefix lengths that occur, IPv4 and IPv6 */
    size_t num_net_bits[2];
};

/* One question; best is the lowest value found so far. */
struct search {
    const struct name_set *set;
    const struct name *name;
    const struct policy_caller *caller;
    bool touch;
    size_t best;
};

/* ---- the table ---- */

#define HASH_START 14695981039346656037U

/* FNV-1a, byte by byte, so that a name's parts are hashed on the way through it. Letter case is
 * left out: it only ever tells mailboxes and paths apart. */
static uint64_t hash_byte(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)ascii_lower(c)) * 1099511628211U;
}

static uint32_t hash_end(uint64_t hash, enum tag tag, unsigned sort)
{
    const uint64_t mixed = (hash ^ ((uint64_t)tag << 8 | sort)) * 0x9e3779b97f4a7c15U;
    return (uint32_t)(mixed >> 32);
}

static uint64_t hash_from_right(struct slice key)
{
    uint64_t hash = HASH_START;
    for (size_t i = key.len; i > 0; i--) {
        hash = hash_byte(hash, key.ptr[i - 1]);
    }
    return hash;
}

static uint64_t hash_from_left(struct slice key)
{
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < key.len; i++) {
        hash = hash_byte(hash, key.ptr[i]);
    }
    return hash;
}

/* slot_for - where the key is, or the free slot where it would go. */
static struct slot *slot_for(const struct name_set *set, uint32_t hash, enum tag tag, unsigned sort,
                             struct slice key)
{
    uint32_t at = (uint32_t)(((uint64_t)hash * set->room) >> 32);
    for (;;) {
        struct slot *s = &set->slots[at];
        const struct slice here = {s->key, s->len};
        if (s->tag == TAG_FREE ||
            (s->hash == hash && s->tag == tag && s->sort == sort &&
             (tag == TAG_NOCASE ? slice_eq_nocase(here, key) : slice_eq(here, key)))) {
            return s;
        }
        at = at + 1 == set->room ? 0 : at + 1;
    }
}

static bool grow(struct name_set *set)
{
    const uint32_t old_room = set->room;
    struct slot *old = set->slots;
    if (old_room > UINT32_MAX / 2) {
        return false;
    }
    struct slot *slots = calloc(old_room + old_room / 2 + ROOM_MIN, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    set->slots = slots;
    set->room = old_room + old_room / 2 + ROOM_MIN;
    for (uint32_t i = 0; i < old_room; i++) {
        if (old[i].tag != TAG_FREE) {
            *slot_for(set, old[i].hash, (enum tag)old[i].tag, old[i].sort,
                      (struct slice){old[i].key, old[i].len}) = old[i];
        }
    }
    free(old);
    return true;
}

/* put - the slot of a key, made if it is new, and then with this value. NULL: out of memory. */
static struct slot *put(struct name_set *set, uint64_t hash, enum tag tag, unsigned sort,
                        struct slice key, size_t value)
{
    if (set->num >= set->room / 4 * 3 && !grow(set)) {
        return NULL;
    }
    const uint32_t ended = hash_end(hash, tag, sort);
    struct slot *s = slot_for(set, ended, tag, sort, key);
    if (s->tag == TAG_FREE) {
        set->num++;
        *s = (struct slot){.key = key.ptr,
                           .value = value,
                           .hash = ended,
                           .len = (uint16_t)key.len,
                           .tag = (unsigned char)tag,
                           .sort = (unsigned char)sort};
    }
    return s;
}

/* ---- making a set ---- */

static bool put_lowest(struct name_set *set, const struct pattern *p, enum tag tag,
                       struct slice key, size_t value)
{
    const uint64_t hash = p->kind == NAME_URI ? hash_from_left(key) : hash_from_right(key);
    struct slot *s = put(set, hash, tag, p->kind, key, value);
    if (s != NULL && value < s->value) {
        s->value = value;
    }
    set->has[p->kind][tag] = true;
    return s != NULL;
}

/* fixed_part - up to the first star or placeholder, or from behind the last: at a place where the
 * search stops by. */
static struct slice fixed_part(const struct pattern *p)
{
    if (p->kind != NAME_URI) {
        const char *end = memrchr(p->text.ptr, '}', p->text.len);
        CB_CHECK(end != NULL);
        const struct slice rest = slice_from(p->text, (size_t)(end - p->text.ptr) + 1);
        return rest.len == 0 ? rest : slice_from(rest, 1);
    }
    const size_t star = slice_find(p->text, '*');
    const size_t dollar = slice_find(p->text, '$');
    struct slice fixed = {p->text.ptr, star < dollar ? star : dollar};
    const size_t scheme = slice_find(p->text, ':') + 3;
    const char *slash = memrchr(fixed.ptr, '/', fixed.len);
    const size_t end = (size_t)(slash - fixed.ptr);
    fixed.len = end < scheme ? scheme : end;
    return fixed;
}

static bool put_entry(struct name_set *set, const struct pattern *p, size_t value)
{
    uint32_t *first = &set->regexes[p->kind];
    const uint32_t index = set->num_entries++;
    size_t next = *first;
    if (p->shape != PATTERN_REGEX) {
        const struct slice key = fixed_part(p);
        const uint64_t hash = p->kind == NAME_URI ? hash_from_left(key) : hash_from_right(key);
        struct slot *s = put(set, hash, TAG_CHAIN, p->kind, key, NO_ENTRY);
        if (s == NULL) {
            return false;
        }
        next = s->value;
        s->value = index;
        set->has[p->kind][TAG_CHAIN] = true;
    } else {
        *first = index;
    }
    set->entries[index] = (struct entry){p, value, (uint32_t)next};
    return true;
}

static bool put_net(struct name_set *set, const struct pattern *p, size_t value)
{
    const size_t family = p->ip_len == 16;
    const struct slice key = {(const char *)p->ip, p->ip_len};
    struct slot *s = put(set, hash_from_left(key), TAG_NET, p->bits, key, value);
    if (s == NULL) {
        return false;
    }
    if (value < s->value) {
        s->value = value;
    }
    unsigned char *bits = set->net_bits[family];
    if (memchr(bits, p->bits, set->num_net_bits[family]) == NULL) {
        bits[set->num_net_bits[family]++] = p->bits;
    }
    return true;
}

static bool put_exact(struct name_set *set, const struct pattern *p, size_t value)
{
    if (!put_lowest(set, p, TAG_EXACT, p->text, value)) {
        return false;
    }
    if (p->kind == NAME_EMAIL) {
        return put_lowest(set, p, TAG_NOCASE, p->text, value);
    }
    const size_t dot = slice_find(p->text, '.');
    return p->kind != NAME_DNS || dot == p->text.len ||
           put_lowest(set, p, TAG_PARENT, slice_from(p->text, dot + 1), value);
}

static bool put_pattern(struct name_set *set, const struct pattern *p, size_t value)
{
    if (p->has_placeholder) {
        return put_entry(set, p, value);
    }
    switch (p->shape) {
    case PATTERN_EXACT:
        return put_exact(set, p, value);
    case PATTERN_ONE:
        return put_lowest(set, p, TAG_ONE, p->text, value);
    case PATTERN_MANY:
        return put_lowest(set, p, TAG_MANY, p->text, value);
    case PATTERN_NET:
        return put_net(set, p, value);
    case PATTERN_ALL:
        set->all = value < set->all ? value : set->all;
        return true;
    case PATTERN_GLOB:
    case PATTERN_REGEX:
        break;
    }
    return put_entry(set, p, value);
}

struct name_set *name_set_new(const struct pattern *const *patterns, const size_t *values,
                              size_t num)
{
    size_t num_entries = 0;
    for (size_t i = 0; i < num; i++) {
        const struct pattern *p = patterns[i];
        num_entries += p->has_placeholder || p->shape == PATTERN_GLOB || p->shape == PATTERN_REGEX;
    }
    struct name_set *set = calloc(1, sizeof(*set));
    if (set == NULL || num_entries >= NO_ENTRY) {
        free(set);
        return NULL;
    }
    set->all = SIZE_MAX;
    memset(set->regexes, 0xff, sizeof(set->regexes)); /* NO_ENTRY */
    set->entries = calloc(num_entries + 1, sizeof(*set->entries));
    bool good = set->entries != NULL && grow(set);
    /* From the last on, so that the first of a chain is looked at first: often it has the lowest
     * value, and then the others need no look. */
    for (size_t i = num; i > 0 && good; i--) {
        good = put_pattern(set, patterns[i - 1], values[i - 1]);
    }
    if (!good) {
        name_set_free(set);
        return NULL;
    }
    return set;
}

void name_set_free(struct name_set *set)
{
    if (set != NULL) {
        free(set->slots);
        free(set->entries);
        free(set);
    }
}

/* ---- looking up ---- */

static void take(struct search *s, size_t value)
{
    s->best = value < s->best ? value : s->best;
}

static void search_entries(struct search *s, size_t first)
{
    for (size_t i = first; i != NO_ENTRY; i = s->set->entries[i].next) {
        const struct entry *e = &s->set->entries[i];
        if (e->value < s->best && (s->touch ? pattern_touches(e->pattern, s->name)
                                            : pattern_covers(e->pattern, s->name, s->caller))) {
            s->best = e->value;
        }
    }
}

/* look - for one part of the name. */
static void look(struct search *s, uint64_t hash, enum tag tag, struct slice key)
{
    const enum name_kind kind = s->name->kind;
    if (!s->set->has[kind][tag]) {
        return;
    }
    const struct slot *slot = slot_for(s->set, hash_end(hash, tag, kind), tag, kind, key);
    if (slot->tag == TAG_FREE) {
        return;
    }
    if (tag == TAG_CHAIN) {
        search_entries(s, slot->value);
    } else {
        take(s, slot->value);
    }
}

/* search_dns - the first label of a wildcard name is taken as the label *: no pattern has that. */
static void search_dns(struct search *s)
{
    const struct slice text = s->name->text;
    const size_t parent = slice_find(text, '.') + 1;
    const bool wildcard = name_is_wildcard(s->name);
    uint64_t hash = HASH_START;
    take(s, s->set->all);
    look(s, hash, TAG_CHAIN, slice_from(text, text.len));
    for (size_t i = text.len; i > 0; i--) {
        if (text.ptr[i - 1] == '.') {
            const struct slice part = slice_from(text, i);
            look(s, hash, TAG_MANY, part);
            look(s, hash, TAG_CHAIN, part);
            if (i == parent) {
                look(s, hash, TAG_ONE, part);
            }
            if (i == parent && wildcard && s->touch) {
                look(s, hash, TAG_PARENT, part);
            }
        }
        hash = hash_byte(hash, text.ptr[i - 1]);
    }
    look(s, hash, TAG_EXACT, text);
}

static void search_email(struct search *s)
{
    const struct slice text = s->name->text;
    const size_t domain = slice_find(text, '@') + 1;
    uint64_t hash = HASH_START;
    look(s, hash, TAG_CHAIN, slice_from(text, text.len));
    for (size_t i = text.len; i > 0; i--) {
        const struct slice part = slice_from(text, i);
        if (i > domain && text.ptr[i - 1] == '.') {
            look(s, hash, TAG_MANY, part);
            look(s, hash, TAG_CHAIN, part);
        }
        if (i == domain) {
            look(s, hash, TAG_ONE, part);
        }
        hash = hash_byte(hash, text.ptr[i - 1]);
    }
    look(s, hash, s->touch ? TAG_NOCASE : TAG_EXACT, text);
}

static void search_uri(struct search *s)
{
    const struct slice text = s->name->text;
    const size_t host = slice_find(text, ':') + 3;
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < text.len; i++) {
        if (i == host || (i > host && text.ptr[i] == '/')) {
            look(s, hash, TAG_CHAIN, (struct slice){text.ptr, i});
        }
        hash = hash_byte(hash, text.ptr[i]);
    }
    look(s, hash, TAG_EXACT, text);
}

static void search_ip(struct search *s)
{
    const size_t family = s->name->ip_len == 16;
    for (size_t i = 0; i < s->set->num_net_bits[family]; i++) {
        const unsigned bits = s->set->net_bits[family][i];
        unsigned char net[16];
        memcpy(net, s->name->ip, sizeof(net));
        memset(net + (bits + 7) / 8, 0, sizeof(net) - (bits + 7) / 8);
        if (bits % 8 != 0) {
            net[bits / 8] &= (unsigned char)(0xff00U >> (bits % 8));
        }
        const struct slice key = {(const char *)net, s->name->ip_len};
        const uint32_t hash = hash_end(hash_from_left(key), TAG_NET, bits);
        const struct slot *slot = slot_for(s->set, hash, TAG_NET, bits, key);
        if (slot->tag != TAG_FREE) {
            take(s, slot->value);
        }
    }
}

static size_t search(struct search *s)
{
    switch (s->name->kind) {
    case NAME_DNS:
        search_dns(s);
        break;
    case NAME_IP:
        search_ip(s);
        break;
    case NAME_URI:
        search_uri(s);
        break;
    case NAME_EMAIL:
        search_email(s);
        break;
    }
    search_entries(s, s->set->regexes[s->name->kind]);
    return s->best;
}

size_t name_set_covers(const struct name_set *set, const struct name *name,
                       const struct policy_caller *caller)
{
    struct search s = {.set = set, .name = name, .caller = caller, .best = SIZE_MAX};
    return search(&s);
}

size_t name_set_touches(const struct name_set *set, const struct name *name)
{
    struct search s = {.set = set, .name = name, .touch = true, .best = SIZE_MAX};
    return search(&s);
}
