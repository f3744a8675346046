/* own_records.c - writes and reads back the log's records about itself. All their texts are ours
 * or were checked (the origin), so that sizes are known. */
#include "audit/own_records.h"

#include "audit/scan.h"

static void put_u64(struct buf *out, const char *key, uint64_t value)
{
    buf_add_slice(out, SLICE(",\""));
    buf_add_str(out, key);
    buf_add_slice(out, SLICE("\":"));
    buf_add_u64(out, value);
}

static void put_text(struct buf *out, const char *key, struct slice text)
{
    buf_add_slice(out, SLICE(",\""));
    buf_add_str(out, key);
    buf_add_slice(out, SLICE("\":"));
    buf_add_json_str(out, text);
}

static void put_hash(struct buf *out, const unsigned char hash[SHA256_LEN])
{
    char hex[SHA256_HEX_LEN + 1];
    hex_encode(hash, SHA256_LEN, hex);
    buf_add_char(out, '"');
    buf_add(out, hex, SHA256_HEX_LEN);
    buf_add_char(out, '"');
}

/* put_tree - ,"tree_size":N,"root":"..." */
static void put_tree(struct buf *out, struct merkle *tree)
{
    unsigned char root[SHA256_LEN];
    merkle_root(tree, root);
    put_u64(out, "tree_size", tree->size);
    buf_add_slice(out, SLICE(",\"root\":"));
    put_hash(out, root);
}

static void put_prev(struct buf *out, const struct segment_prev *prev)
{
    buf_add_slice(out, SLICE(",\"prev\":{\"no\":"));
    buf_add_u64(out, prev->no);
    put_u64(out, "valid_bytes", prev->valid_bytes);
    put_u64(out, "void_bytes", prev->void_bytes);
    if (prev->has_void_sha256) {
        buf_add_slice(out, SLICE(",\"void_sha256\":"));
        put_hash(out, prev->void_sha256);
    }
    buf_add_slice(out, prev->clean ? SLICE(",\"clean\":true}") : SLICE(",\"clean\":false}"));
}

static void put_open_list(struct buf *out, const struct open_set *open, enum audit_type type)
{
    bool first = true;
    buf_add_char(out, '[');
    for (size_t i = 0; i < open->num; i++) {
        if (open->items[i].attempt.type != type) {
            continue;
        }
        if (!first) {
            buf_add_char(out, ',');
        }
        buf_add_u64(out, open->items[i].attempt.seq);
        first = false;
    }
    buf_add_char(out, ']');
}

void own_segment_open(struct buf *out, const struct segment_start *start, struct merkle *tree,
                      const struct open_set *open)
{
    buf_add_slice(out, SLICE("\"type\":\"segment.open\""));
    put_text(out, "origin", start->origin);
    put_u64(out, "segment", start->no);
    if (start->prev.no != 0) {
        put_prev(out, &start->prev);
    }
    put_tree(out, tree);
    buf_add_slice(out, SLICE(",\"frontier\":["));
    for (size_t i = 0; i < merkle_frontier_count(tree->size); i++) {
        if (i > 0) {
            buf_add_char(out, ',');
        }
        put_hash(out, tree->node[merkle_frontier_level(tree->size, i)]);
    }
    buf_add_slice(out, SLICE("],\"open_attempts\":{\"issue\":"));
    put_open_list(out, open, AUDIT_ISSUE_ATTEMPT);
    buf_add_slice(out, SLICE(",\"revoke\":"));
    put_open_list(out, open, AUDIT_REVOKE_ATTEMPT);
    buf_add_char(out, '}');
    put_text(out, "version", start->version);
    put_text(out, "boot_id", start->boot_id);
    put_text(out, "host", start->host);
    put_u64(out, "uid", start->uid);
}

void own_segment_close(struct buf *out, uint64_t no, const char *reason, struct merkle *tree)
{
    buf_add_slice(out, SLICE("\"type\":\"segment.close\""));
    put_text(out, "reason", slice_of(reason));
    put_u64(out, "segment", no);
    put_tree(out, tree);
}

void own_fault(struct buf *out, const struct own_fault *fault)
{
    buf_add_slice(out, SLICE("\"type\":\"audit.fault\""));
    put_text(out, "reason", slice_of(fault->what));
    put_text(out, "detail", slice_of(fault->detail));
    put_u64(out, "errno", (uint64_t)fault->sys_errno);
    put_u64(out, "segment", fault->segment);
    put_u64(out, "next_seq", fault->next_seq);
}

void own_recovered(struct buf *out, uint64_t outage_us, uint64_t refused)
{
    buf_add_slice(out, SLICE("\"type\":\"audit.recovered\""));
    put_u64(out, "outage_us", outage_us);
    put_u64(out, "refused", refused);
}

void own_heartbeat(struct buf *out, uint64_t idle_us)
{
    buf_add_slice(out, SLICE("\"type\":\"log.heartbeat\""));
    put_u64(out, "idle_us", idle_us);
}

void own_clock_step(struct buf *out, int64_t step_us)
{
    buf_add_slice(out, SLICE("\"type\":\"clock.step\",\"step_us\":"));
    if (step_us < 0) {
        buf_add_char(out, '-');
    }
    buf_add_u64(out, step_us < 0 ? (uint64_t)0 - (uint64_t)step_us : (uint64_t)step_us);
}

bool own_unknown(struct buf *out, const struct audit_open_attempt *attempt)
{
    struct audit_event e;
    audit_event_zero(&e, attempt->type == AUDIT_ISSUE_ATTEMPT ? AUDIT_ISSUE_UNKNOWN
                                                              : AUDIT_REVOKE_UNKNOWN);
    e.ref = attempt->seq;
    e.req = slice_of(attempt->req[0] == '\0' ? NULL : attempt->req);
    e.who_via = SLICE("broker");
    e.reason = SLICE("outcome_lost");
    e.detail = SLICE("the outcome was known but the audit log could not be written then");
    e.effect = SLICE("possible");
    return audit_event_encode(&e, out);
}

/* ---- reading back ---- */

static bool take_hash(struct scan *s, unsigned char ret[SHA256_LEN])
{
    struct slice raw;
    return scan_string(s, &raw) && hex_decode(raw, ret, SHA256_LEN);
}

static bool take_prev(struct scan *s, struct segment_prev *ret)
{
    *ret = (struct segment_prev){0};
    if (!scan_literal(s, SLICE("{\"no\":")) || !scan_u64(s, &ret->no) || ret->no == 0 ||
        !scan_literal(s, SLICE(",\"valid_bytes\":")) || !scan_u64(s, &ret->valid_bytes) ||
        !scan_literal(s, SLICE(",\"void_bytes\":")) || !scan_u64(s, &ret->void_bytes)) {
        return false;
    }
    if (scan_literal(s, SLICE(",\"void_sha256\":"))) {
        ret->has_void_sha256 = take_hash(s, ret->void_sha256);
        if (!ret->has_void_sha256) {
            return false;
        }
    }
    return scan_literal(s, SLICE(",\"clean\":")) && scan_bool(s, &ret->clean) && scan_byte(s, '}');
}

/* take_tree - size, root and frontier, which must agree. */
static bool take_tree(struct scan *s, struct merkle *tree)
{
    unsigned char stated[SHA256_LEN];
    unsigned char computed[SHA256_LEN];
    if (!scan_literal(s, SLICE(",\"root\":")) || !take_hash(s, stated) ||
        !scan_literal(s, SLICE(",\"frontier\":["))) {
        return false;
    }
    for (size_t i = 0; i < merkle_frontier_count(tree->size); i++) {
        if ((i > 0 && !scan_byte(s, ',')) ||
            !take_hash(s, tree->node[merkle_frontier_level(tree->size, i)])) {
            return false;
        }
    }
    merkle_root(tree, computed);
    return scan_byte(s, ']') && memcmp(stated, computed, SHA256_LEN) == 0;
}

static bool take_open_list(struct scan *s, struct open_set *open, enum audit_type type)
{
    bool first = true;
    if (!scan_byte(s, '[')) {
        return false;
    }
    while (!scan_byte(s, ']')) {
        uint64_t seq = 0;
        if ((!first && !scan_byte(s, ',')) || !scan_u64(s, &seq) ||
            !open_set_insert(open, seq, type)) {
            return false;
        }
        first = false;
    }
    return true;
}

static bool take_open(struct scan *s, struct open_set *open)
{
    open->num = 0;
    return scan_literal(s, SLICE(",\"open_attempts\":{\"issue\":")) &&
           take_open_list(s, open, AUDIT_ISSUE_ATTEMPT) && scan_literal(s, SLICE(",\"revoke\":")) &&
           take_open_list(s, open, AUDIT_REVOKE_ATTEMPT) && scan_byte(s, '}');
}

static bool take_start(struct scan *s, struct segment_start *ret)
{
    return scan_literal(s, SLICE("\"type\":\"segment.open\",\"origin\":")) &&
           scan_string(s, &ret->origin) && scan_literal(s, SLICE(",\"segment\":")) &&
           scan_u64(s, &ret->no) &&
           (!scan_literal(s, SLICE(",\"prev\":")) || take_prev(s, &ret->prev)) &&
           scan_literal(s, SLICE(",\"tree_size\":")) && scan_u64(s, &ret->tree_size);
}

enum cb_code own_parse_segment_start(struct slice body, struct segment_start *ret,
                                     struct cb_err *err)
{
    struct scan s = scan_over(body);
    struct segment_start start = {0};
    if (!take_start(&s, &start)) {
        return cb_fail(err, CB_ECORRUPT, "segment.open does not have its usual form");
    }
    *ret = start;
    return CB_OK;
}

enum cb_code own_parse_segment_open(struct slice body, struct segment_start *ret,
                                    struct merkle *tree, struct open_set *open, struct cb_err *err)
{
    struct scan s = scan_over(body);
    struct segment_start start = {0};
    if (!take_start(&s, &start)) {
        return cb_fail(err, CB_ECORRUPT, "segment.open does not have its usual form");
    }
    tree->size = start.tree_size;
    if (!take_tree(&s, tree) || !take_open(&s, open)) {
        return cb_fail(err, CB_ECORRUPT, "segment.open contradicts itself: tree or attempts");
    }
    *ret = start;
    return CB_OK;
}

bool own_parse_segment_close(struct slice body, unsigned char ret_root[SHA256_LEN])
{
    struct scan s = scan_over(body);
    struct slice reason;
    uint64_t number = 0;
    return scan_literal(&s, SLICE("\"type\":\"segment.close\",\"reason\":")) &&
           scan_string(&s, &reason) && scan_literal(&s, SLICE(",\"segment\":")) &&
           scan_u64(&s, &number) && scan_literal(&s, SLICE(",\"tree_size\":")) &&
           scan_u64(&s, &number) && scan_literal(&s, SLICE(",\"root\":")) &&
           take_hash(&s, ret_root);
}
