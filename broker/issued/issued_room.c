/* issued_room.c - see issued_room.h. What is active comes from the database (issued_active.c); here is
 * what is under way, and the sum of the two. */
#include "broker/issued/issued_room.h"

#include <stdlib.h>

#define LEAVING_SLACK 8U /* a revocation takes a moment, also when all is well */

/* One limit that a claim counts against. */
struct hold {
    TAILQ_ENTRY(hold) link;
    struct issued_claim *claim;
    struct slice principal, rule; /* in the claim's text */
    bool of_delegate;
};

struct issued_claim {
    struct hold holds[ISSUED_LIMITS_MAX];
    size_t num_holds;
    char replaces[41]; /* serial; "": none */
    char text[];       /* principal and rule of each hold */
};

void rooms_init(struct rooms *rooms)
{
    rooms->num = 0;
    for (size_t i = 0; i < ROOM_BUCKETS; i++) {
        TAILQ_INIT(&rooms->buckets[i]);
    }
}

static uint64_t hash_more(uint64_t hash, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3U; /* FNV-1a */
    }
    return (hash ^ 0xffU) * 0x100000001b3U;
}

static struct hold_list *bucket_of(struct rooms *rooms, struct slice principal, struct slice rule)
{
    const uint64_t hash = hash_more(hash_more(0xcbf29ce484222325U, principal), rule);
    return &rooms->buckets[(hash ^ (hash >> 32)) % ROOM_BUCKETS];
}

static bool is_for(const struct hold *hold, const struct issued_limit *limit)
{
    return hold->of_delegate == limit->of_delegate && slice_eq(hold->principal, limit->principal) &&
           slice_eq(hold->rule, limit->rule);
}

/* is_replaced - does a request under way take the place of this certificate? */
static bool is_replaced(struct rooms *rooms, const struct issued_limit *limit, struct slice serial)
{
    const struct hold *hold = NULL;
    TAILQ_FOREACH(hold, bucket_of(rooms, limit->principal, limit->rule), link)
    {
        if (is_for(hold, limit) && slice_eq_str(serial, hold->claim->replaces)) {
            return true;
        }
    }
    return false;
}

/* ---- taking and releasing ---- */

static struct slice append(char **at, struct slice text)
{
    memcpy(*at, text.ptr, text.len);
    const struct slice copy = {*at, text.len};
    *at += text.len;
    return copy;
}

static struct issued_claim *take(struct rooms *rooms, const struct issued_room *room,
                                 struct slice replaces)
{
    size_t size = 0;
    for (size_t i = 0; i < room->num_limits; i++) {
        size += room->limits[i].principal.len + room->limits[i].rule.len;
    }
    struct issued_claim *claim =
        rooms->num == ROOM_CLAIMS_MAX ? NULL : calloc(1, sizeof(*claim) + size);
    if (claim == NULL) {
        return NULL;
    }
    if (replaces.len < sizeof(claim->replaces) && replaces.len > 0) {
        memcpy(claim->replaces, replaces.ptr, replaces.len);
    }
    char *at = claim->text;
    for (size_t i = 0; i < room->num_limits; i++) {
        struct hold *hold = &claim->holds[claim->num_holds++];
        hold->claim = claim;
        hold->of_delegate = room->limits[i].of_delegate;
        hold->principal = append(&at, room->limits[i].principal);
        hold->rule = append(&at, room->limits[i].rule);
        TAILQ_INSERT_TAIL(bucket_of(rooms, hold->principal, hold->rule), hold, link);
    }
    rooms->num++;
    return claim;
}

void rooms_release(struct rooms *rooms, struct issued_claim *claim)
{
    if (claim == NULL) {
        return;
    }
    for (size_t i = 0; i < claim->num_holds; i++) {
        struct hold *hold = &claim->holds[i];
        TAILQ_REMOVE(bucket_of(rooms, hold->principal, hold->rule), hold, link);
    }
    rooms->num--;
    free(claim);
}

void rooms_free(struct rooms *rooms)
{
    for (size_t i = 0; i < ROOM_BUCKETS; i++) {
        while (!TAILQ_EMPTY(&rooms->buckets[i])) {
            /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see that the hold has left */
            rooms_release(rooms, TAILQ_FIRST(&rooms->buckets[i])->claim);
        }
    }
}

/* ---- counting ---- */

struct tally {
    uint64_t active;   /* but for those that requests under way replace */
    uint64_t reserved; /* by requests under way */
    bool is_covered;   /* the new one takes the place of one that is counted */
};

/* add_hold - one request under way, if it holds room under this limit: its place, and that of the one it replaces, which is counted as
 * active until then. */
static enum cb_code add_hold(struct issued_db *db, const struct issued_limit *limit,
                             const struct hold *hold, int64_t now_s, struct tally *t,
                             struct cb_err *err)
{
    const struct slice replaced = slice_of(hold->claim->replaces);
    bool is_counted = false;
    if (!is_for(hold, limit)) {
        return CB_OK;
    }
    t->reserved++;
    if (replaced.len > 0) {
        TRY(issued_db_is_counted(db, limit, now_s, replaced, &is_counted, err));
    }
    if (is_counted && t->active > 0) {
        t->active--;
    }
    return CB_OK;
}

static enum cb_code tally(struct rooms *rooms, struct issued_db *db,
                          const struct issued_limit *limit, const struct issued_room *room,
                          struct tally *ret, struct cb_err *err)
{
    *ret = (struct tally){0};
    TRY(issued_db_count(db, limit, room->now_s, &ret->active, err));
    const struct hold *hold = NULL;
    TAILQ_FOREACH(hold, bucket_of(rooms, limit->principal, limit->rule), link)
    {
        TRY(add_hold(db, limit, hold, room->now_s, ret, err));
    }
    if (room->replaces.ptr != NULL && !is_replaced(rooms, limit, room->replaces)) {
        TRY(issued_db_is_counted(db, limit, room->now_s, room->replaces, &ret->is_covered, err));
    }
    return CB_OK;
}

static bool is_at_limit(const struct issued_limit *limit, const struct tally *t)
{
    return t->active + t->reserved >= limit->max;
}

/* ---- whose place it takes, and when there will be one ---- */

struct search {
    struct rooms *rooms;
    const struct issued_limit *const *limits; /* a certificate replaced under one is passed over */
    size_t num;
    uint64_t skip; /* pass over so many others, too */
    char serial[41];
    int64_t not_after_s; /* of the one found */
    bool is_found;
};

static bool try_one(void *ctx, struct slice serial, int64_t not_after_s)
{
    struct search *s = ctx;
    for (size_t i = 0; i < s->num; i++) {
        if (is_replaced(s->rooms, s->limits[i], serial)) {
            return true;
        }
    }
    if (s->skip > 0) {
        s->skip--;
        return true;
    }
    if (serial.len < sizeof(s->serial)) {
        memcpy(s->serial, serial.ptr, serial.len);
        s->serial[serial.len] = '\0';
        s->not_after_s = not_after_s;
        s->is_found = true;
    }
    return false;
}

/* when_free - the moment when as many have expired as there are too many. Requests under way that
 * fail make it earlier. */
static enum cb_code when_free(struct rooms *rooms, struct issued_db *db,
                              const struct issued_limit *limit, const struct tally *t,
                              int64_t now_s, int64_t *ret, struct cb_err *err)
{
    struct search s = {
        .rooms = rooms, .limits = &limit, .num = 1, .skip = t->active + t->reserved - limit->max};
    TRY(issued_db_expiring(db, limit, now_s, try_one, &s, err));
    *ret = s.is_found ? s.not_after_s + 1 : 0; /* valid to the end of that second */
    return CB_OK;
}

/* find_oldest - what has to make room for all of the full limits at once. */
static enum cb_code find_oldest(struct rooms *rooms, struct issued_db *db, struct issued_query *q,
                                const struct issued_limit *const *full, size_t num, bool *ret_found,
                                struct cb_err *err)
{
    struct search s = {.rooms = rooms, .limits = full, .num = num};
    *ret_found = false;
    TRY(issued_db_oldest(db, full, num, &q->room, try_one, &s, err));
    if (!s.is_found) {
        return CB_OK;
    }
    return issued_db_by_serial(db, slice_of(s.serial), q->arena, ret_found, &q->cert, err);
}

/* ---- claiming ---- */

struct full { /* the limits that are reached */
    const struct issued_limit *limits[ISSUED_LIMITS_MAX];
    size_t num;
    bool can_replace; /* all of them let the oldest make room */
};

/* note_full - the first one that nothing can make room in is the one to be told of; there is room
 * when there is some in all. */
static void note_full(struct issued_room *room, struct full *full, size_t i, int64_t frees_s)
{
    const struct issued_limit *limit = &room->limits[i];
    if (full->num == 0 || (full->can_replace && !limit->replaces_oldest)) {
        room->full = i;
    }
    if (full->num == 0 || frees_s == 0 || (room->frees_s != 0 && frees_s > room->frees_s)) {
        room->frees_s = frees_s;
    }
    full->can_replace = full->can_replace && limit->replaces_oldest;
    full->limits[full->num++] = limit;
}

/* check_limit - one that is reached is full, unless the new certificate takes the place of a counted
 * one. But a place is only free once the old certificate is revoked: when more wait for that than
 * there may be, because the CA does not do it, nothing is replaced any more. */
static enum cb_code check_limit(struct rooms *rooms, struct issued_db *db, struct issued_room *room,
                                size_t i, struct full *ret, struct cb_err *err)
{
    const struct issued_limit *limit = &room->limits[i];
    struct tally t;
    uint64_t leaving = 0;
    int64_t frees_s = 0;
    TRY(tally(rooms, db, limit, room, &t, err));
    room->taken[i] = t.active + t.reserved;
    if (!is_at_limit(limit, &t) && room->replaces.ptr == NULL) {
        return CB_OK;
    }
    const uint64_t patience = (uint64_t)limit->max + LEAVING_SLACK;
    TRY(issued_db_leaving(db, limit, room->now_s, patience, &leaving, err));
    const bool is_stuck = leaving >= patience;
    if (!is_stuck && (t.is_covered || !is_at_limit(limit, &t))) {
        return CB_OK;
    }
    if (!is_stuck) {
        TRY(when_free(rooms, db, limit, &t, room->now_s, &frees_s, err));
    }
    note_full(room, ret, i, frees_s);
    ret->can_replace = ret->can_replace && !is_stuck;
    return CB_OK;
}

static enum cb_code find_full(struct rooms *rooms, struct issued_db *db, struct issued_room *room,
                              struct full *ret, struct cb_err *err)
{
    enum cb_code code = CB_OK;
    *ret = (struct full){.can_replace = true};
    for (size_t i = 0; i < room->num_limits && code == CB_OK; i++) {
        code = check_limit(rooms, db, room, i, ret, err);
    }
    return code;
}

enum cb_code rooms_look(struct rooms *rooms, struct issued_db *db, struct issued_query *q,
                        struct cb_err *err)
{
    struct issued_room *room = &q->room;
    struct full full;
    bool has_oldest = false;
    room->claim = NULL;
    room->frees_s = 0;
    TRY(find_full(rooms, db, room, &full, err));
    if (full.num > 0 && full.can_replace && room->replaces.ptr == NULL) {
        TRY(find_oldest(rooms, db, q, full.limits, full.num, &has_oldest, err));
    }
    if (full.num > 0) {
        q->found = has_oldest ? ISSUED_FOUND : ISSUED_FULL;
    } else {
        q->found = ISSUED_NONE;
    }
    return CB_OK;
}

enum cb_code rooms_claim(struct rooms *rooms, struct issued_db *db, struct issued_query *q,
                         struct cb_err *err)
{
    struct issued_room *room = &q->room;
    TRY(rooms_look(rooms, db, q, err));
    if (q->found == ISSUED_FULL) {
        return CB_OK;
    }
    const bool has_oldest = q->found == ISSUED_FOUND;
    room->claim = take(rooms, room, has_oldest ? slice_of(q->cert.serial_hex) : room->replaces);
    if (room->claim == NULL) {
        return cb_fail(err, CB_ENOMEM, "index of certificates: too many requests under way");
    }
    return CB_OK;
}
