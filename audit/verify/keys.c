/* keys.c - see keys.h. Checks the signatures of statements, not those of checkpoints. */
#include "audit/verify/keys.h"

#include "audit/event.h"
#include "audit/read/reader.h"
#include "broker/base/arena.h"

#include <stdlib.h>

#define ARENA_CAP ((size_t)1 << 20)
#define READS_MAX 3

/* ---- key.rotate records ---- */

void rotations_init(struct rotations *r)
{
    *r = (struct rotations){.num = 0};
    CB_CHECK(pthread_mutex_init(&r->mutex, NULL) == 0);
}

void rotations_free(struct rotations *r)
{
    (void)pthread_mutex_destroy(&r->mutex);
}

static enum cb_code read_statement(const struct line_info *info, const char *origin,
                                   struct rotation *ret, struct cb_err *err)
{
    struct arena arena;
    struct audit_event event;
    struct slice trunc;
    const struct audit_line line = {
        .seq = info->seq, .ts_us = info->ts_us, .type = info->type, .body = info->body};
    arena_init(&arena, ARENA_CAP);
    enum cb_code code = audit_line_decode(&line, &arena, &event, &trunc, err);
    if (code == CB_OK) {
        ret->seq = info->seq;
        code = rotation_check(event.statement, slice_of(origin), &ret->s, err);
    }
    arena_free(&arena);
    return code;
}

enum cb_code rotations_take(struct rotations *r, const struct line_info *info, const char *origin,
                            struct cb_err *err)
{
    struct rotation rotation;
    struct cb_err why;
    if (read_statement(info, origin, &rotation, &why) != CB_OK) {
        return cb_fail(err, CB_EINPUT, "%s", why.msg);
    }
    (void)pthread_mutex_lock(&r->mutex);
    const bool full = r->num == VKEYS_MAX;
    if (!full) {
        r->list[r->num++] = rotation;
    }
    (void)pthread_mutex_unlock(&r->mutex);
    return full ? cb_fail(err, CB_EINPUT, "one more key than a log can have") : CB_OK;
}

/* ---- state/vkeys ---- */

static void say(struct findings *findings, const char *what)
{
    const struct verify_finding found = {.kind = VERIFY_STATE,
                                         .file = "state/vkeys",
                                         .seq = VERIFY_NO_SEQ,
                                         .last_seq = VERIFY_NO_SEQ};
    findings_add(findings, found, "%s", what);
}

/* is_as_written - byte for byte what the writer makes of these keys? A key may be spelled in more than
 * one way. */
static bool is_as_written(const char *dir, const struct vkeys *keys)
{
    struct buf text;
    struct buf there;
    struct cb_err ignored;
    buf_init(&text, (size_t)VKEYS_MAX * (NOTE_KEY_TEXT_MAX + 22U));
    for (size_t i = 0; i < keys->num; i++) {
        char key[NOTE_KEY_TEXT_MAX];
        note_key_text(&keys->list[i].key, key);
        buf_printf(&text, "%llu %s\n", (unsigned long long)keys->list[i].from, key);
    }
    bool same = false;
    if (io_read_file(&audit_system_io, dir, "state/vkeys", text.cap, &there, &ignored) == CB_OK) {
        same = slice_eq(buf_slice(&text), buf_slice(&there));
        buf_free(&there);
    }
    buf_free(&text);
    return same;
}

enum cb_code keys_read(struct keys *k, const char *dir, const struct note_key *pinned,
                       struct findings *findings, struct cb_err *err)
{
    struct cb_err why;
    bool as_written = false;
    enum cb_code code = CB_OK;
    k->pinned = pinned;
    /* Read twice; a key may be added in between. */
    for (int i = 0; i < READS_MAX && code == CB_OK && !as_written; i++) {
        code = vkeys_read(&audit_system_io, dir, &k->file, &why);
        as_written = code == CB_OK && is_as_written(dir, &k->file);
    }
    k->has_file = code == CB_OK;
    if (code == CB_ECORRUPT && pinned != NULL) {
        say(findings, "is not a list of keys");
    } else if (code != CB_OK && code != CB_ENOENT) {
        return cb_fail(err, code == CB_ECORRUPT ? CB_EINPUT : code, "%s", why.msg);
    } else if (code == CB_OK && !as_written) {
        say(findings, "was changed: it says what it says in another way");
    }
    return CB_OK;
}

const char *keys_name(const struct keys *k)
{
    if (k->pinned != NULL) {
        return k->pinned->name;
    }
    return k->has_file ? k->file.list[0].key.name : NULL;
}

/* ---- state/rotations ---- */

/* take_kept - the next statement; each changes the key that the one before put in force. */
static void take_kept(struct keys *k, struct slice note, const char *origin,
                      struct findings *findings, struct verify_finding found)
{
    struct rotation_statement s;
    struct cb_err why;
    if (rotation_check(note, slice_of(origin), &s, &why) != CB_OK) {
        findings_add(findings, found, "%s", why.msg);
    } else if (k->num_kept == VKEYS_MAX) {
        findings_add(findings, found, "has more statements than a log can have keys");
    } else if (k->num_kept > 0 && (!note_key_eq(&s.old_key, &k->kept[k->num_kept - 1].new_key) ||
                                   s.size < k->kept[k->num_kept - 1].size)) {
        findings_add(findings, found, "has a statement that does not follow the one before");
    } else {
        k->kept[k->num_kept++] = s;
    }
}

enum cb_code keys_read_kept(struct keys *k, const char *dir, const char *origin,
                            struct findings *findings, struct cb_err *err)
{
    struct buf bytes;
    struct slice note;
    const struct verify_finding found = {.kind = VERIFY_STATE,
                                         .seq = VERIFY_NO_SEQ,
                                         .last_seq = VERIFY_NO_SEQ,
                                         .file = ROTATIONS_NAME};
    const enum cb_code code =
        io_read_file(&audit_system_io, dir, ROTATIONS_NAME, ROTATIONS_MAX, &bytes, err);
    if (code != CB_OK) {
        return code == CB_ENOENT ? CB_OK : code;
    }
    struct slice rest = buf_slice(&bytes);
    const char *begin = rest.ptr;
    while (rotation_next(&rest, &note)) {
        if (note.ptr != begin) {
            findings_add(findings, found, "has bytes that are no statement");
        }
        take_kept(k, note, origin, findings, found);
        begin = note.ptr + note.len;
    }
    if (k->num_kept == 0 && bytes.len > 0) {
        findings_add(findings, found, "has no statement about a new key");
    }
    buf_free(&bytes);
    return CB_OK;
}

size_t keys_known(const struct keys *k, struct note_key ret[KEYS_KNOWN_MAX])
{
    size_t num = 0;
    if (k->pinned != NULL) {
        ret[num++] = *k->pinned;
    }
    for (size_t i = 0; i < k->file.num && k->has_file; i++) {
        ret[num++] = k->file.list[i].key;
    }
    for (size_t i = 0; i < k->num_kept; i++) {
        ret[num++] = k->kept[i].new_key;
    }
    return num;
}

/* ---- what was in force ---- */

static bool has_key(const struct vkeys *keys, const struct note_key *key)
{
    for (size_t i = 0; i < keys->num; i++) {
        if (note_key_eq(&keys->list[i].key, key)) {
            return true;
        }
    }
    return false;
}

static int by_seq(const void *left, const void *right)
{
    const struct rotation *a = left;
    const struct rotation *b = right;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

static bool is_same(const struct rotation_statement *a, const struct rotation_statement *b)
{
    return note_key_eq(&a->old_key, &b->old_key) && note_key_eq(&a->new_key, &b->new_key) &&
           a->size == b->size && memcmp(a->root, b->root, SHA256_LEN) == 0;
}

static struct verify_finding at_record(uint64_t seq)
{
    return (struct verify_finding){.kind = VERIFY_RECORD, .seq = seq, .last_seq = seq};
}

static struct verify_finding at_kept(void)
{
    return (struct verify_finding){.kind = VERIFY_STATE,
                                   .seq = VERIFY_NO_SEQ,
                                   .last_seq = VERIFY_NO_SEQ,
                                   .file = ROTATIONS_NAME};
}

/* add_link - the key that a statement puts in force, from this size on. */
static void add_link(struct keys *k, const struct rotation_statement *s, uint64_t from,
                     struct verify_finding found, struct findings *findings)
{
    struct cb_err why;
    if (k->in_force.num == 0) {
        (void)!vkeys_add(&k->in_force, 0, &s->old_key, &why);
    }
    if (!note_key_eq(&s->old_key, vkeys_current(&k->in_force))) {
        findings_add(findings, found, "changes another key than the one in force");
    } else if (vkeys_add(&k->in_force, from, &s->new_key, &why) != CB_OK) {
        findings_add(findings, found, "%s", why.msg);
    }
}

/* count_gone - how many of the kept statements are about changes before the first record that is left. */
static size_t count_gone(const struct keys *k, const struct rotations *r, uint64_t pruned)
{
    size_t num = 0;
    while (num < k->num_kept && k->kept[num].size < pruned &&
           (r->num == 0 || !is_same(&k->kept[num], &r->list[0].s))) {
        num++;
    }
    return num;
}

/* add_gone - the old key signed nothing behind the size that its last statement names. */
static void add_gone(struct keys *k, size_t num, struct findings *findings)
{
    for (size_t i = 0; i < num; i++) {
        add_link(k, &k->kept[i], k->kept[i].size + 1, at_kept(), findings);
    }
}

/* add_later - kept statements whose records are not there: of an archive, which ends before them. */
static void add_later(struct keys *k, size_t first, uint64_t records, struct findings *findings)
{
    for (size_t i = first; i < k->num_kept; i++) {
        const uint64_t last = k->in_force.num == 0 ? 0 : k->in_force.list[k->in_force.num - 1].from;
        uint64_t from = records > k->kept[i].size ? records : k->kept[i].size;
        from = from > last ? from : last;
        add_link(k, &k->kept[i], from + 1, at_kept(), findings);
    }
}

static void add_all(struct keys *k, const struct rotations *r, uint64_t records, uint64_t pruned,
                    struct findings *findings)
{
    size_t at = count_gone(k, r, pruned);
    add_gone(k, at, findings);
    for (size_t i = 0; i < r->num; i++) {
        const struct rotation *rotation = &r->list[i];
        if (at < k->num_kept && !is_same(&k->kept[at], &rotation->s)) {
            findings_add(findings, at_kept(), "is not what record %llu says",
                         (unsigned long long)rotation->seq);
            at = k->num_kept;
        }
        at += at < k->num_kept ? 1 : 0;
        add_link(k, &rotation->s, rotation->seq + 1, at_record(rotation->seq), findings);
    }
    add_later(k, at, records, findings);
}

/* compare_file - state/vkeys may lack the newest key, if the writer stopped before it was written, or
 * it was read before; and in an archive it may have keys from behind its last record. Of a change that
 * was pruned it is not known where exactly it was. */
static void compare_file(const struct keys *k, uint64_t records, uint64_t pruned,
                         struct findings *findings)
{
    bool same = true;
    for (size_t i = 0; same && i < k->file.num; i++) {
        const uint64_t from = k->file.list[i].from;
        if (i >= k->in_force.num) {
            same = from > records;
            continue;
        }
        const uint64_t known = k->in_force.list[i].from;
        const bool rough = known > records || (known > 0 && known <= pruned);
        same = (from == known || (rough && from >= known)) &&
               note_key_eq(&k->file.list[i].key, &k->in_force.list[i].key);
    }
    if (!same) {
        say(findings, "names keys, or places of their change, that no statement of both keys does");
    }
}

/* anchor - the key that all others must be linked to. */
static const struct note_key *anchor(const struct keys *k)
{
    return k->pinned != NULL ? k->pinned : k->has_file ? &k->file.list[0].key : NULL;
}

void keys_settle(struct keys *k, struct rotations *r, uint64_t records, uint64_t pruned,
                 struct findings *findings)
{
    struct cb_err ignored;
    const struct note_key *trusted = anchor(k);
    k->in_force.num = 0;
    qsort(r->list, r->num, sizeof(r->list[0]), by_seq);
    add_all(k, r, records, pruned, findings);
    if (trusted != NULL && k->in_force.num > 0 && !has_key(&k->in_force, trusted)) {
        say(findings, k->pinned != NULL
                          ? "and the log's records are not linked to the key that is pinned"
                          : "begins with a key that the log's records are not linked to");
        k->in_force.num = 0; /* nothing is believed but that key */
    }
    if (trusted != NULL && k->in_force.num == 0) {
        (void)!vkeys_add(&k->in_force, 0, trusted, &ignored);
    }
    if (k->has_file && k->in_force.num > 0) {
        compare_file(k, records, pruned, findings);
    }
}

uint64_t keys_pinned_from(const struct keys *k)
{
    for (size_t i = 0; k->pinned != NULL && i < k->in_force.num; i++) {
        if (note_key_eq(&k->in_force.list[i].key, k->pinned)) {
            return k->in_force.list[i].from;
        }
    }
    return 0;
}
