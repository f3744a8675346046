/* policies.c - see policies.h. Does not read a policy: its digest is all that counts. */
#include "audit/verify/policies.h"

#include "audit/read/lines.h"
#include "audit/read/reader.h"
#include "audit/segdir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SUFFIX SLICE(".yaml")
#define POLICY_BYTES_MAX (UINT64_C(64) << 20) /* many times what the broker loads */
#define RECORD_ARENA (256UL * 1024)

/* ---- what records name ---- */

void policies_init(struct policies *p)
{
    *p = (struct policies){.num = 0};
    CB_CHECK(pthread_mutex_init(&p->mutex, NULL) == 0);
}

void policies_free(struct policies *p)
{
    free(p->list);
    (void)pthread_mutex_destroy(&p->mutex);
}

static int by_digest(const void *left, const void *right)
{
    const struct policy_named *a = left;
    const struct policy_named *b = right;
    const int order = memcmp(a->sha256, b->sha256, SHA256_LEN);
    return order != 0 ? order : (a->seq > b->seq) - (a->seq < b->seq);
}

/* tidy - each digest once, with the first record that names it. */
static void tidy(struct policies *p)
{
    size_t kept = 0;
    if (p->num > 1) {
        qsort(p->list, p->num, sizeof(*p->list), by_digest);
    }
    for (size_t i = 0; i < p->num; i++) {
        if (kept == 0 || memcmp(p->list[kept - 1].sha256, p->list[i].sha256, SHA256_LEN) != 0) {
            p->list[kept++] = p->list[i];
        }
    }
    p->num = kept;
}

/* make_room - most logs name few policies, again and again. */
static enum cb_code make_room(struct policies *p, struct cb_err *err)
{
    if (p->num == p->room) {
        tidy(p);
    }
    if (p->num * 2 < p->room) {
        return CB_OK;
    }
    const size_t room = p->room * 2 + 64;
    struct policy_named *grown = realloc(p->list, room * sizeof(*grown));
    if (grown == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for %zu policies", p->num);
    }
    p->list = grown;
    p->room = room;
    return CB_OK;
}

static enum cb_code add(struct policies *p, const struct policy_named *named, struct cb_err *err)
{
    (void)pthread_mutex_lock(&p->mutex);
    const enum cb_code code = p->num < p->room ? CB_OK : make_room(p, err);
    if (code == CB_OK) {
        p->list[p->num++] = *named;
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return code;
}

enum cb_code policies_named(struct policies *p, const struct line_info *info, struct cb_err *err)
{
    struct arena arena;
    struct audit_event e;
    struct slice trunc;
    struct policy_named named = {.seq = info->seq};
    const struct audit_line line = {
        .seq = info->seq, .ts_us = info->ts_us, .type = info->type, .body = info->body};
    arena_init(&arena, RECORD_ARENA);
    enum cb_code code = audit_line_decode(&line, &arena, &e, &trunc, err);
    if (code == CB_OK && e.policy_sha256.len > 0) {
        code = e.policy_sha256.len == SHA256_HEX_LEN &&
                       hex_decode(e.policy_sha256, named.sha256, SHA256_LEN)
                   ? add(p, &named, err)
                   : cb_fail(err, CB_EINPUT, "its policy_sha256 is no digest");
    }
    arena_free(&arena);
    return code;
}

/* check_there - of each policy that was put in force. */
static enum cb_code check_there(struct policies *p, const char *dir, struct findings *findings,
                                struct cb_err *err)
{
    tidy(p);
    for (size_t i = 0; i < p->num; i++) {
        char path[SEGMENT_PATH_MAX];
        char hex[SHA256_HEX_LEN + 1];
        struct stat st;
        struct verify_finding found = {
            .kind = VERIFY_STATE, .seq = VERIFY_NO_SEQ, .last_seq = VERIFY_NO_SEQ};
        hex_encode(p->list[i].sha256, SHA256_LEN, hex);
        (void)snprintf(found.file, sizeof(found.file), "policy/%s.yaml", hex);
        TRY(segdir_join(dir, found.file, path, err));
        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            continue;
        }
        findings_add(findings, found,
                     "is missing: the policy that record %llu put in force was kept there",
                     (unsigned long long)p->list[i].seq);
    }
    return CB_OK;
}

/* ---- what is kept ---- */

/* digest_of - the one that a file is named after. Others are not ours: a file on its way, for one. */
static bool digest_of(const char *name, unsigned char ret[SHA256_LEN])
{
    const struct slice text = slice_of(name);
    return text.len == SHA256_HEX_LEN + SUFFIX.len && slice_has_suffix(text, SUFFIX) &&
           hex_decode((struct slice){text.ptr, SHA256_HEX_LEN}, ret, SHA256_LEN);
}

static enum cb_code check_file(const char *dir, const char *name,
                               const unsigned char named[SHA256_LEN], struct findings *findings,
                               struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    unsigned char digest[SHA256_LEN];
    uint64_t bytes = 0;
    struct verify_finding found = {
        .kind = VERIFY_STATE, .seq = VERIFY_NO_SEQ, .last_seq = VERIFY_NO_SEQ};
    (void)snprintf(found.file, sizeof(found.file), "policy/%.69s", name);
    TRY(segdir_join(dir, found.file, path, err));
    TRY(lines_size(&audit_system_io, path, &bytes, err));
    if (bytes > POLICY_BYTES_MAX) {
        findings_add(findings, found, "was changed: no policy is that long");
        return CB_OK;
    }
    TRY(lines_digest(&audit_system_io, path, 0, &bytes, digest, err));
    if (memcmp(named, digest, SHA256_LEN) != 0) {
        findings_add(findings, found, "was changed: it has another digest than its name says");
    }
    return CB_OK;
}

static enum cb_code check_all(DIR *d, const char *dir, struct findings *findings, uint64_t *ret_num,
                              struct cb_err *err)
{
    unsigned char named[SHA256_LEN];
    const struct dirent *e = NULL;
    enum cb_code code = CB_OK;
    errno = 0;
    while (code == CB_OK && (e = readdir(d)) != NULL) {
        if (digest_of(e->d_name, named)) {
            code = check_file(dir, e->d_name, named, findings, err);
            (*ret_num)++;
        }
        errno = 0;
    }
    if (code == CB_OK && errno != 0) {
        code = cb_fail_errno(err, "cannot read the directory %s/policy", dir);
    }
    return code;
}

enum cb_code policies_check(struct policies *p, const char *dir, struct findings *findings,
                            uint64_t *ret_num, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    uint64_t num = 0;
    TRY(segdir_join(dir, "policy", path, err));
    DIR *d = opendir(path);
    if (d == NULL && errno != ENOENT) {
        return cb_fail_errno(err, "cannot read the directory %s", path);
    }
    const enum cb_code code = d == NULL ? CB_OK : check_all(d, dir, findings, &num, err);
    if (d != NULL) {
        (void)closedir(d);
    }
    TRY(code);
    TRY(check_there(p, dir, findings, err));
    *ret_num = num;
    return CB_OK;
}
