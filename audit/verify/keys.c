/* keys.c - see keys.h. Checks the signatures of statements, not those of checkpoints. */
#include "audit/verify/keys.h"

#include "audit/event.h"
#include "audit/reader.h"
#include "audit/rotation.h"
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
        code = rotation_check(event.statement, slice_of(origin), &ret->old_key, &ret->new_key, err);
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

/* add_pruned - keys whose key.rotate records are gone: by state/vkeys. */
static void add_pruned(struct keys *k, uint64_t pruned, struct findings *findings)
{
    struct cb_err ignored;
    for (size_t i = 0; i < k->file.num && k->has_file && k->file.list[i].from <= pruned; i++) {
        (void)!vkeys_add(&k->in_force, k->file.list[i].from, &k->file.list[i].key, &ignored);
    }
    if (k->in_force.num > 1) {
        findings_notice(findings,
                        "records in which the key was changed are pruned: what it was before "
                        "is taken from state/vkeys");
    }
}

/* first_key - the one that signed from the beginning, or from what was pruned on. */
static void first_key(struct keys *k, const struct rotations *r)
{
    struct cb_err ignored;
    const struct note_key *key = r->num > 0          ? &r->list[0].old_key
                                 : k->pinned != NULL ? k->pinned
                                 : k->has_file       ? &k->file.list[0].key
                                                     : NULL;
    if (k->in_force.num == 0 && key != NULL) {
        (void)!vkeys_add(&k->in_force, 0, key, &ignored);
    }
}

static void add_rotation(struct keys *k, const struct rotation *rotation, struct findings *findings)
{
    struct cb_err why;
    const struct verify_finding found = {
        .kind = VERIFY_RECORD, .seq = rotation->seq, .last_seq = rotation->seq};
    if (!note_key_eq(&rotation->old_key, vkeys_current(&k->in_force))) {
        findings_add(findings, found, "changes another key than the one in force");
    } else if (vkeys_add(&k->in_force, rotation->seq + 1, &rotation->new_key, &why) != CB_OK) {
        findings_add(findings, found, "%s", why.msg);
    }
}

/* compare_file - state/vkeys may lack the newest key, if the writer stopped before it was written, or
 * it was read before; and in an archive it may have keys from behind its last record. */
static void compare_file(const struct keys *k, uint64_t records, struct findings *findings)
{
    bool same = true;
    for (size_t i = 0; same && i < k->file.num; i++) {
        if (i >= k->in_force.num) {
            same = k->file.list[i].from > records;
            continue;
        }
        same = k->file.list[i].from == k->in_force.list[i].from &&
               note_key_eq(&k->file.list[i].key, &k->in_force.list[i].key);
    }
    if (!same) {
        say(findings, "does not name the keys that the log's records do");
    }
}

void keys_settle(struct keys *k, struct rotations *r, uint64_t records, uint64_t pruned,
                 struct findings *findings)
{
    k->in_force.num = 0;
    qsort(r->list, r->num, sizeof(r->list[0]), by_seq);
    if (pruned > 0) {
        add_pruned(k, pruned, findings);
    }
    first_key(k, r);
    for (size_t i = 0; i < r->num && k->in_force.num > 0; i++) {
        add_rotation(k, &r->list[i], findings);
    }
    if (k->has_file && k->in_force.num > 0) {
        compare_file(k, records, findings);
    }
    if (k->pinned != NULL && !has_key(&k->in_force, k->pinned)) {
        say(findings, "and the log's records do not name the key that is pinned");
        k->in_force.num = 0; /* nothing is believed but that key */
        first_key(k, &(struct rotations){.num = 0});
    }
}
