/* log_details.c - the second look at the log, at those records only that findings are about: who asked
 * for what. */
#include "broker/reconcile/log_side.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define NAMES_SHOWN_MAX 1000U /* bytes */

/* ---- names ---- */

static int by_text(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    const size_t len = x->len < y->len ? x->len : y->len;
    const int order = len == 0 ? 0 : memcmp(x->ptr, y->ptr, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static bool digest_text(EVP_MD_CTX *md, struct slice text)
{
    const uint64_t len = text.len;
    return EVP_DigestUpdate(md, &len, sizeof(len)) == 1 &&
           (len == 0 || EVP_DigestUpdate(md, text.ptr, text.len) == 1);
}

bool ask_of(struct slice common_name, const struct slice *names, size_t num, struct slice key,
            unsigned char ret[SHA256_LEN])
{
    struct slice *sorted = calloc(num + 1, sizeof(*sorted));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = sorted != NULL && md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    if (good && num > 0) {
        memcpy(sorted, names, num * sizeof(*sorted));
        qsort(sorted, num, sizeof(*sorted), by_text);
    }
    good = good && digest_text(md, common_name) && digest_text(md, key);
    for (size_t i = 0; good && i < num; i++) {
        good = digest_text(md, sorted[i]);
    }
    good = good && EVP_DigestFinal_ex(md, ret, NULL) == 1;
    EVP_MD_CTX_free(md);
    free(sorted);
    return good;
}

struct slice names_text(struct arena *arena, struct slice common_name, const struct slice *names,
                        size_t num)
{
    struct buf out;
    buf_init(&out, 1U << 20);
    if (common_name.len > 0) {
        buf_add_slice(&out, common_name);
    }
    for (size_t i = 0; i < num; i++) {
        if (slice_eq(names[i], common_name)) {
            continue;
        }
        if (out.len + names[i].len > NAMES_SHOWN_MAX) {
            buf_printf(&out, "%s(%zu more)", out.len == 0 ? "" : " ", num - i);
            break;
        }
        buf_add_str(&out, out.len == 0 ? "" : " ");
        buf_add_slice(&out, names[i]);
    }
    const struct slice text = arena_slice(arena, buf_slice(&out));
    buf_free(&out);
    return text;
}

const struct slice *names_of_event(struct arena *arena, const struct audit_names *names,
                                   size_t *ret_num)
{
    const struct slice *const lists[] = {names->dns, names->ip, names->uri, names->email};
    const size_t nums[] = {names->num_dns, names->num_ip, names->num_uri, names->num_email};
    const size_t num = nums[0] + nums[1] + nums[2] + nums[3];
    struct slice *all = arena_array(arena, num + 1, sizeof(*all));
    size_t at = 0;
    for (size_t l = 0; all != NULL && l < 4; l++) {
        for (size_t i = 0; i < nums[l]; i++) {
            all[at++] = lists[l][i];
        }
    }
    *ret_num = at;
    return all;
}

/* ---- the walk ---- */

struct looking {
    struct log_side *log;
    struct arena *arena;
    const struct log_wanted *wanted;
    bool (*each)(void *ctx, uint64_t seq, const struct audit_event *e);
    void *ctx;
    enum cb_code code;
    struct cb_err err;
};

static int by_seq(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum cb_code no_memory(struct looking *l)
{
    return cb_fail(&l->err, CB_ENOMEM, "out of memory");
}

static enum cb_code fill_attempt(struct looking *l, struct log_attempt *a,
                                 const struct audit_event *e)
{
    size_t num = 0;
    const struct slice *names = names_of_event(&l->log->scratch, &e->want, &num);
    if (names == NULL || !ask_of(e->want.cn, names, num, e->key, a->ask)) {
        return no_memory(l);
    }
    a->names = names_text(l->arena, e->want.cn, names, num);
    a->who = arena_slice(l->arena, e->who_id);
    a->req = arena_slice(l->arena, e->req);
    a->has_details = true;
    return a->names.ptr == NULL ? no_memory(l) : CB_OK;
}

static enum cb_code look(struct looking *l, const struct audit_line *line)
{
    struct audit_event e;
    struct slice trunc = {NULL, 0};
    struct log_attempt *a =
        line->type == AUDIT_ISSUE_ATTEMPT ? log_side_attempt(l->log, line->seq) : NULL;
    const struct log_wanted *w = l->wanted;
    const bool is_wanted =
        w->num > 0 && bsearch(&line->seq, w->seqs, w->num, sizeof(*w->seqs), by_seq) != NULL;
    if (a == NULL && !is_wanted) {
        return CB_OK;
    }
    enum cb_code code = audit_line_decode(line, &l->log->scratch, &e, &trunc, &l->err);
    if (code == CB_OK && a != NULL) {
        code = fill_attempt(l, a, &e);
    }
    if (code == CB_OK && is_wanted && !l->each(l->ctx, line->seq, &e)) {
        code = no_memory(l);
    }
    return code;
}

static bool on_line(void *ctx, const struct audit_line *line)
{
    struct looking *l = ctx;
    l->code = look(l, line);
    arena_reset(&l->log->scratch);
    return l->code == CB_OK;
}

enum cb_code log_side_details(struct log_side *log, struct arena *arena,
                              const struct log_wanted *wanted,
                              bool (*each)(void *ctx, uint64_t seq, const struct audit_event *e),
                              void *ctx, struct cb_err *err)
{
    struct looking l = {.log = log, .arena = arena, .wanted = wanted, .each = each, .ctx = ctx};
    enum cb_code code =
        audit_walk_span(log->options->audit_dir, wanted->from_us, wanted->to_us, on_line, &l, err);
    if (code == CB_OK && l.code != CB_OK) {
        code = l.code;
        *err = l.err;
    }
    return code;
}
