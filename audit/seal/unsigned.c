/* unsigned.c - see unsigned.h. Reads records only; whether they lead from the checkpoint's root to the
 * tree that recovery found is for sealing.c. */
#include "audit/seal/unsigned.h"

#include "audit/line.h"
#include "audit/seal/reread.h"

#define NONE UINT64_MAX

/* What was seen on the way. */
struct look {
    uint64_t sealed;
    bool clean_end;
    uint64_t stranger; /* the first that a run killed at its beginning does not leave */
    uint64_t fault, prune;
};

static bool says(const struct line_info *info, struct slice beginning)
{
    return slice_has_prefix(info->body, beginning);
}

static void look_at_last_signed(struct look *k, const struct line_info *info)
{
    k->clean_end = says(info, SLICE("\"type\":\"segment.close\",\"reason\":\"stop\"")) ||
                   says(info, SLICE("\"type\":\"segment.close\",\"reason\":\"init\""));
}

static enum cb_code take(void *ctx, struct slice line, struct cb_err *err)
{
    struct look *k = ctx;
    struct line_info info;
    TRY(line_check_frame(line, &info, err));
    if (info.seq < k->sealed) {
        look_at_last_signed(k, &info);
        return CB_OK;
    }
    if (info.type != AUDIT_SEGMENT_OPEN && info.type != AUDIT_UNSIGNED && k->stranger == NONE) {
        k->stranger = info.seq;
    }
    if (info.type == AUDIT_SEGMENT_PRUNE && k->prune == NONE) {
        k->prune = info.seq;
    }
    if (says(&info, SLICE("\"type\":\"audit.fault\",\"reason\":\"reread\""))) {
        k->fault = info.seq;
    } else if (info.type == AUDIT_LOSS) {
        k->fault = NONE;
    }
    return CB_OK;
}

static enum cb_code judge(const struct look *k, const char *dir, uint64_t size, struct cb_err *err)
{
    const unsigned long long first = k->sealed;
    const unsigned long long last = size - 1;
    if (k->clean_end && k->stranger != NONE) {
        return cb_fail(err, CB_ECORRUPT,
                       "%.150s: records %llu to %llu are not signed, and the run before them ended "
                       "properly with signed record %llu: nothing may follow such an end, somebody "
                       "put them there while no broker ran",
                       dir, first, last, first - 1);
    }
    if (k->fault != NONE) {
        return cb_fail(err, CB_ECORRUPT,
                       "%.150s: records %llu to %llu are not signed, and record %llu (audit.fault) "
                       "says that the disk did not hold what was acknowledged: they may have been "
                       "changed",
                       dir, first, last, (unsigned long long)k->fault);
    }
    if (k->prune != NONE) {
        return cb_fail(err, CB_ECORRUPT,
                       "%.150s: records %llu to %llu are not signed, and record %llu "
                       "(segment.prune) says that others may be removed: only a signed one counts",
                       dir, first, last, (unsigned long long)k->prune);
    }
    return CB_OK;
}

enum cb_code unsigned_check(const struct audit_io *io, const char *dir, uint64_t sealed,
                            uint64_t size, const struct segment_prev *newest,
                            struct unsigned_tail *ret, struct cb_err *err)
{
    struct look k = {.sealed = sealed, .stranger = NONE, .fault = NONE, .prune = NONE};
    const struct reread r = {.io = io, .dir = dir, .each = take, .ctx = &k};
    struct reread_at at;
    CB_CHECK(sealed > 0 && sealed <= size);
    if (size == sealed) {
        *ret = (struct unsigned_tail){.first = sealed, .clean_end = true};
        return CB_OK;
    }
    TRY(reread_find(io, dir, newest->no, newest->valid_bytes, sealed - 1, &at, err));
    TRY(reread_to(&r, &at, newest->no, newest->valid_bytes, err));
    TRY(judge(&k, dir, size, err));
    *ret = (struct unsigned_tail){.first = sealed, .num = size - sealed, .clean_end = k.clean_end};
    return CB_OK;
}

enum cb_code unsigned_recover(const char *dir, struct slice origin, const struct audit_io *io,
                              uint64_t sealed, struct recovered *ret, struct cb_err *err)
{
    struct unsigned_tail tail;
    enum cb_code code = recover_accepting(dir, origin, io, UINT64_MAX, ret, err);
    if (sealed == 0 || (code == CB_OK && ret->tree.size < sealed)) {
        return code;
    }
    if (code == CB_OK) {
        code = unsigned_check(io, dir, sealed, ret->tree.size, &ret->prev, &tail, err);
        if (code == CB_OK) {
            return CB_OK;
        }
        merkle_free(&ret->tree);
    }
    if (code != CB_ECORRUPT) {
        return code;
    }
    const struct cb_err why = *err;
    TRY(recover_accepting(dir, origin, io, sealed, ret, err));
    memcpy(ret->loss.what, why.msg, sizeof(why.msg));
    return CB_OK;
}
