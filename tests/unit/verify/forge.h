/* forge.h - logs that no broker wrote, record by record, for tests of what the verifier must not believe. */
#ifndef TESTS_UNIT_VERIFY_FORGE_H
#define TESTS_UNIT_VERIFY_FORGE_H

#include "audit/line.h"
#include "audit/own_records.h"
#include "audit/seal/rotation.h"
#include "tests/unit/verify/helpers.h"

#define FORGE_US INT64_C(1790000000000000)
#define FORGE_LEAVES 1024U

struct forge {
    char *dir;
    struct merkle m;
    uint64_t no;      /* of the segment that is being written */
    struct buf bytes; /* its bytes */
    size_t last;      /* where its last line begins */
    unsigned char leaf[FORGE_LEAVES][SHA256_LEN];
};

UNUSED static void forge_file(const struct forge *f, const char *name, struct slice bytes)
{
    char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    make_parents(path);
    write_file(path, bytes);
}

UNUSED static struct forge *forge_new(void)
{
    struct forge *f = calloc(1, sizeof(*f));
    struct cb_err err;
    assert_non_null(f);
    f->dir = temp_dir();
    f->no = 1;
    assert_int_equal(merkle_init(&f->m, &err), CB_OK);
    buf_init(&f->bytes, 1U << 20);
    forge_file(f, "state/origin", SLICE(ORIGIN "\n"));
    forge_file(f, "policy/.keep", SLICE(""));
    return f;
}

UNUSED static void forge_free(struct forge *f)
{
    merkle_free(&f->m);
    buf_free(&f->bytes);
    remove_dir(f->dir);
    free(f);
}

/* forge_leaves - hashes of records that there never were. */
UNUSED static void forge_leaves(struct forge *f, uint64_t num)
{
    for (uint64_t i = 0; i < num; i++) {
        memset(f->leaf[f->m.size], (int)(f->m.size * 7 % 251) + 1, SHA256_LEN);
        merkle_append_leaf(&f->m, f->leaf[f->m.size]);
    }
}

UNUSED static void forge_line(struct forge *f, struct slice body)
{
    const uint64_t seq = f->m.size;
    struct slice line;
    f->last = f->bytes.len;
    line_frame(&f->bytes, seq, seq, FORGE_US, body);
    assert_true(buf_ok(&f->bytes));
    line = slice_from(buf_slice(&f->bytes), f->last);
    line.len--;
    if (seq < FORGE_LEAVES) {
        merkle_leaf(&f->m, line, f->leaf[seq]);
    }
    merkle_append(&f->m, line);
}

UNUSED static struct slice forge_last(const struct forge *f)
{
    return slice_from(buf_slice(&f->bytes), f->last);
}

/* forge_open - the first record of segment no, which follows one of so many bytes. */
UNUSED static void forge_open(struct forge *f, uint64_t no, uint64_t prev_bytes)
{
    static struct open_set none;
    struct buf body;
    const struct segment_start start = {.no = no,
                                        .prev = {.no = no - 1, .valid_bytes = prev_bytes},
                                        .tree_size = f->m.size,
                                        .origin = SLICE(ORIGIN),
                                        .version = SLICE("0"),
                                        .boot_id = SLICE("b"),
                                        .host = SLICE("h")};
    f->no = no;
    buf_reset(&f->bytes);
    buf_init(&body, AUDIT_LINE_MAX);
    own_segment_open(&body, &start, &f->m, &none);
    forge_line(f, buf_slice(&body));
    buf_free(&body);
}

UNUSED static void forge_beats(struct forge *f, int num)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    own_heartbeat(&body, 60000000);
    for (int i = 0; i < num; i++) {
        forge_line(f, buf_slice(&body));
    }
    buf_free(&body);
}

UNUSED static void forge_event(struct forge *f, const struct audit_event *e)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(e, &body));
    forge_line(f, buf_slice(&body));
    buf_free(&body);
}

/* forge_prune - a record by which the first size records, segments 1 to no - 1, are gone. */
UNUSED static void forge_prune(struct forge *f, uint64_t size, const unsigned char root[SHA256_LEN])
{
    struct audit_event e;
    char hex[SHA256_HEX_LEN + 1];
    hex_encode(root, SHA256_LEN, hex);
    audit_event_zero(&e, AUDIT_SEGMENT_PRUNE);
    e.note = SLICE("retention");
    e.first_seq = 0;
    e.last_seq = size - 1;
    e.first_segment = 1;
    e.last_segment = f->no - 1;
    e.tree_size = size;
    e.root = slice_of(hex);
    forge_event(f, &e);
    forge_file(f, "state/pruned", forge_last(f));
}

UNUSED static void forge_segment(const struct forge *f)
{
    char name[40];
    (void)snprintf(name, sizeof(name), "seg/%08llu.jsonl", (unsigned long long)f->no);
    forge_file(f, name, buf_slice(&f->bytes));
}

UNUSED static void forge_tiles(const struct forge *f)
{
    for (uint64_t n = 0; n < f->m.size / TILE_WIDTH; n++) {
        char name[TILE_PATH_MAX];
        tile_path(0, n, name);
        forge_file(f, name, (struct slice){(const char *)f->leaf[n * TILE_WIDTH], TILE_BYTES});
    }
}

/* forge_note - of the tree as it is now. */
UNUSED static void forge_note(struct forge *f, const struct note_signer *key, struct buf *ret)
{
    struct checkpoint c = {.size = f->m.size, .origin = ORIGIN};
    struct cb_err err;
    merkle_root(&f->m, c.root);
    buf_init(ret, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&c, key, ret, &err), CB_OK);
}

/* forge_seal - the log's only checkpoint. */
UNUSED static void forge_seal(struct forge *f, const struct note_signer *key)
{
    struct buf note;
    forge_note(f, key, &note);
    forge_file(f, "state/checkpoint", buf_slice(&note));
    forge_file(f, "state/checkpoints.log", buf_slice(&note));
    buf_free(&note);
}

UNUSED static void forge_vkeys(const struct forge *f, const struct note_signer *first,
                               uint64_t from, const struct note_signer *second)
{
    char one[NOTE_KEY_TEXT_MAX];
    char two[NOTE_KEY_TEXT_MAX] = "";
    char list[2 * NOTE_KEY_TEXT_MAX + 60];
    note_key_text(note_signer_key(first), one);
    if (second != NULL) {
        note_key_text(note_signer_key(second), two);
        (void)snprintf(list, sizeof(list), "0 %s\n%llu %s\n", one, (unsigned long long)from, two);
    } else {
        (void)snprintf(list, sizeof(list), "0 %s\n", one);
    }
    forge_file(f, "state/vkeys", slice_of(list));
}

#endif
