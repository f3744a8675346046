/* helpers.h - a signed log with tiles, made by the real writer, for the tests of audit/verify/ and for
 * tests/tamper/. Included once by each test program, after cmocka. */
#ifndef TESTS_UNIT_VERIFY_HELPERS_H
#define TESTS_UNIT_VERIFY_HELPERS_H

#include "audit/seal/keyfile.h"
#include "audit/read/lines.h"
#include "audit/seal/seals.h"
#include "audit/tlog/tile.h"
#include "audit/verify/verify.h"
#include "tests/unit/audit/helpers.h"

/* ---- sealing by hand ---- */

/* What hand_seal needs of the whole log: small logs only. */
struct leaves {
    struct merkle m;
    unsigned char (*leaf)[SHA256_LEN];
    uint64_t num, room;
};

UNUSED static bool add_leaf(void *ctx, uint64_t seq, struct slice line)
{
    struct leaves *l = ctx;
    assert_int_equal(seq, l->num);
    if (l->num == l->room) {
        l->room = l->room == 0 ? 1024 : l->room * 2;
        l->leaf = realloc(l->leaf, l->room * sizeof(*l->leaf));
        assert_non_null(l->leaf);
    }
    merkle_leaf(&l->m, line, l->leaf[l->num++]);
    return true;
}

UNUSED static void read_leaves(const char *dir, struct leaves *ret)
{
    struct cb_err err;
    *ret = (struct leaves){.num = 0};
    assert_int_equal(merkle_init(&ret->m, &err), CB_OK);
    if (audit_walk(dir, 0, add_leaf, ret, &err) != CB_OK) {
        fail_msg("audit_walk: %s", err.msg);
    }
}

UNUSED static void free_leaves(struct leaves *l)
{
    merkle_free(&l->m);
    free(l->leaf);
}

UNUSED static void make_parents(char *path)
{
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0750);
            *p = '/';
        }
    }
}

UNUSED static void write_tiles(const char *dir, const struct leaves *l)
{
    for (uint64_t n = 0; n < l->num / TILE_WIDTH; n++) {
        char name[TILE_PATH_MAX];
        char path[SEGMENT_PATH_MAX];
        tile_path(0, n, name);
        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        make_parents(path);
        write_file(path, (struct slice){(const char *)l->leaf[n * TILE_WIDTH], TILE_BYTES});
    }
}

UNUSED static void sign_size(const char *dir, struct leaves *l, uint64_t size,
                             const struct note_signer *key, struct buf *ret_note)
{
    struct checkpoint c = {.size = size};
    struct cb_err err;
    l->m.size = 0;
    for (uint64_t i = 0; i < size; i++) {
        merkle_append_leaf(&l->m, l->leaf[i]);
    }
    merkle_root(&l->m, c.root);
    (void)snprintf(c.origin, sizeof(c.origin), "%s", ORIGIN);
    buf_init(ret_note, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&c, key, ret_note, &err), CB_OK);
    if (dir != NULL) {
        assert_int_equal(seals_store(&audit_system_io, dir, buf_slice(ret_note), true, &err),
                         CB_OK);
    }
}

/* hand_seal - checkpoints of these sizes (the last, 0, stands for all records) and all full tiles. */
UNUSED static void hand_seal(const char *dir, const struct note_signer *key, const uint64_t *sizes,
                             size_t num)
{
    struct leaves l;
    read_leaves(dir, &l);
    write_tiles(dir, &l);
    for (size_t i = 0; i < num; i++) {
        struct buf note;
        sign_size(dir, &l, sizes[i] == 0 ? l.num : sizes[i], key, &note);
        buf_free(&note);
    }
    free_leaves(&l);
}

/* ---- logs ---- */

UNUSED static struct note_signer *new_key(void)
{
    struct note_signer *key = NULL;
    struct cb_err err;
    assert_int_equal(note_signer_new(SLICE(ORIGIN), NOTE_LOG, &key, &err), CB_OK);
    return key;
}

UNUSED static char *new_signed_log(const struct note_signer *key)
{
    char *dir = temp_dir();
    struct cb_err err;
    if (audit_init_signed(dir, ORIGIN, key, &err) != CB_OK) {
        fail_msg("audit_init_signed: %s", err.msg);
    }
    return dir;
}

/* denial_body - as long as most records of a broker are. */
UNUSED static void denial_body(struct buf *out)
{
    static const struct slice dns[] = {{"api.pay.example", 15}, {"api-2.pay.example", 17}};
    struct audit_event e;
    audit_event_zero(&e, AUDIT_AUTHZ_DENY);
    e.req = SLICE("00112233445566778899aabbccddeeff");
    e.who_id = SLICE("payments-api");
    e.who_via = SLICE("mtls.uri");
    e.who_credential = SLICE("spiffe://example/ns/pay/sa/api");
    e.peer = SLICE("10.20.0.7:41234");
    e.action = SLICE("newcert");
    e.want.cn = dns[0];
    e.want.dns = dns;
    e.want.num_dns = 2;
    e.key = SLICE("ecdsa-256");
    e.profile = SLICE("server");
    e.policy_sha256 = SLICE("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    e.rule = SLICE("payments-server");
    e.owner = SLICE("payments-team@acme.example");
    e.decision = SLICE("deny");
    e.reason = SLICE("no_rule");
    e.detail = SLICE("no rule of this client allows the name api-2.pay.example");
    buf_init(out, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, out));
}

/* Appends under way: all are queued at once, so that they come to lie in few batches. */
struct bulk {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    size_t left;
};

UNUSED static void bulk_done(struct audit_append *a, enum cb_code code)
{
    struct bulk *b = a->ctx;
    assert_int_equal(code, CB_OK);
    (void)pthread_mutex_lock(&b->mutex);
    b->left--;
    (void)pthread_cond_signal(&b->cond);
    (void)pthread_mutex_unlock(&b->mutex);
}

/* append_bulk - num records, some of them attempts with their outcomes. */
UNUSED static void append_bulk(struct audit *a, size_t num)
{
    struct bulk b = {.left = num};
    struct audit_append *appends = calloc(num, sizeof(*appends));
    struct buf body;
    struct cb_err err;
    assert_int_equal(pthread_mutex_init(&b.mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&b.cond, NULL), 0);
    assert_non_null(appends);
    denial_body(&body);
    for (size_t i = 0; i < num; i++) {
        appends[i] = (struct audit_append){.body = buf_slice(&body),
                                           .type = AUDIT_AUTHZ_DENY,
                                           .done = bulk_done,
                                           .ctx = &b,
                                           .ref_seq = UINT64_MAX};
        assert_int_equal(audit_submit(a, &appends[i], &err), CB_OK);
    }
    (void)pthread_mutex_lock(&b.mutex);
    while (b.left > 0) {
        (void)pthread_cond_wait(&b.cond, &b.mutex);
    }
    (void)pthread_mutex_unlock(&b.mutex);
    buf_free(&body);
    free(appends);
    (void)pthread_mutex_destroy(&b.mutex);
    (void)pthread_cond_destroy(&b.cond);
}

/* ---- verifying ---- */

UNUSED static struct verify_report *verify_dir(const char *dir, const struct note_signer *key,
                                               const struct verify_outside *outside, size_t num)
{
    static struct verify_report report;
    struct cb_err err;
    const struct verify_options options = {.dir = dir,
                                           .key = key == NULL ? NULL : note_signer_key(key),
                                           .outside = outside,
                                           .num_outside = num,
                                           .threads = 2};
    if (verify_log(&options, &report, &err) != CB_OK) {
        fail_msg("verify_log: %s", err.msg);
    }
    return &report;
}

UNUSED static void print_findings(const struct verify_report *r)
{
    for (size_t i = 0; i < r->num_findings; i++) {
        const struct verify_finding *f = &r->findings[i];
        print_message("  kind %d, %s:%llu: records %lld to %lld: %s\n", (int)f->kind, f->file,
                      (unsigned long long)f->line, (long long)f->seq, (long long)f->last_seq,
                      f->what);
    }
    for (size_t i = 0; i < r->num_notices; i++) {
        print_message("  notice: %s\n", r->notices[i]);
    }
}

#endif
