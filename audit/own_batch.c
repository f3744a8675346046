/* own_batch.c - gathers our own records and writes them by the same path as everybody's. */
#include "audit/writer.h"

#include <unistd.h>

void own_begin(struct audit *a)
{
    a->own.num = 0;
    a->own.bytes = 0;
    buf_reset(&a->own_bodies);
}

/* add - body is copied; while bodies are gathered an entry keeps its offset, since the buffer may
 * still move. */
static void add(struct audit *a, enum audit_type type, const struct buf *body, uint64_t ref)
{
    const size_t at = a->own_bodies.len;
    buf_add_slice(&a->own_bodies, buf_slice(body));
    if (!buf_ok(body)) {
        a->own_bodies.failed = true;
        return;
    }
    batch_add(&a->own, NULL, type, (struct slice){NULL, body->len}, ref);
    a->own.entries[a->own.num - 1].line_at = at;
}

static bool has_room(const struct audit *a)
{
    return a->own.num < BATCH_RECORDS_MAX && a->own.bytes + AUDIT_LINE_MAX <= BATCH_BYTES_MAX;
}

void own_add_fault(struct audit *a, const struct own_fault *fault)
{
    struct buf body;
    buf_init(&body, LINE_BODY_MAX);
    own_fault(&body, fault);
    add(a, AUDIT_FAULT, &body, UINT64_MAX);
    buf_free(&body);
}

void own_add_recovered(struct audit *a)
{
    struct buf body;
    const int64_t outage_us = clock_mono_us(a->clock) - a->fault.since_us;
    buf_init(&body, LINE_BODY_MAX);
    own_recovered(&body, outage_us > 0 ? (uint64_t)outage_us : 0, stat_get(&a->refused));
    add(a, AUDIT_RECOVERED, &body, UINT64_MAX);
    buf_free(&body);
}

void own_add_loss(struct audit *a)
{
    struct buf body;
    struct audit_event e;
    char root[SHA256_HEX_LEN + 1];
    const struct recover_loss *loss = &a->loss;
    if (!loss->found) {
        return;
    }
    audit_event_zero(&e, AUDIT_LOSS);
    e.reason = loss->is_unsigned ? SLICE("unsigned") : SLICE("damaged");
    e.detail = slice_of(loss->what);
    e.by = slice_of(a->options.accept_loss->by);
    e.note = slice_of(a->options.accept_loss->note);
    e.first_seq = loss->first_seq;
    e.last_seq = loss->last_seq;
    e.first_segment = loss->segment;
    e.last_segment = a->newest_no > loss->segment ? a->newest_no - 1 : loss->segment;
    if (a->sealed_before.size > 0) {
        hex_encode(a->sealed_before.root, SHA256_LEN, root);
        e.tree_size = a->sealed_before.size;
        e.root = slice_of(root);
    }
    buf_init(&body, LINE_BODY_MAX);
    if (!audit_event_encode(&e, &body)) {
        body.failed = true;
    }
    add(a, AUDIT_LOSS, &body, UINT64_MAX);
    buf_free(&body);
}

void own_add_unsigned(struct audit *a)
{
    struct buf body;
    struct audit_event e;
    char root[SHA256_HEX_LEN + 1];
    if (a->unsigned_num == 0) {
        return;
    }
    hex_encode(a->sealed_before.root, SHA256_LEN, root);
    audit_event_zero(&e, AUDIT_UNSIGNED);
    e.first_seq = a->sealed_before.size;
    e.last_seq = a->sealed_before.size + a->unsigned_num - 1;
    e.tree_size = a->sealed_before.size;
    e.root = slice_of(root);
    buf_init(&body, LINE_BODY_MAX);
    if (!audit_event_encode(&e, &body)) {
        body.failed = true;
    }
    add(a, AUDIT_UNSIGNED, &body, UINT64_MAX);
    buf_free(&body);
}

void own_add_lost(struct audit *a)
{
    struct buf body;
    buf_init(&body, LINE_BODY_MAX);
    (void)pthread_mutex_lock(&a->mutex);
    for (size_t i = 0; i < a->open.num && has_room(a); i++) {
        const struct open_item *item = &a->open.items[i];
        if (!item->lost || !own_unknown(&body, &item->attempt)) {
            continue;
        }
        add(a,
            item->attempt.type == AUDIT_ISSUE_ATTEMPT ? AUDIT_ISSUE_UNKNOWN : AUDIT_REVOKE_UNKNOWN,
            &body, item->attempt.seq);
    }
    (void)pthread_mutex_unlock(&a->mutex);
    buf_free(&body);
}

void own_add_open(struct audit *a)
{
    struct buf body;
    const struct segment_start start = {.no = a->segment.no,
                                        .prev = a->prev,
                                        .tree_size = a->tree.size,
                                        .origin = slice_of(a->origin),
                                        .version = slice_of(a->version),
                                        .boot_id = slice_of(a->boot_id),
                                        .host = slice_of(a->host),
                                        .uid = (uint64_t)geteuid()};
    buf_init(&body, LINE_BODY_MAX);
    own_segment_open(&body, &start, &a->tree, &a->open);
    add(a, AUDIT_SEGMENT_OPEN, &body, UINT64_MAX);
    buf_free(&body);
}

void own_add_close(struct audit *a, const char *reason)
{
    struct buf body;
    buf_init(&body, LINE_BODY_MAX);
    own_segment_close(&body, a->segment.no, reason, &a->tree);
    add(a, AUDIT_SEGMENT_CLOSE, &body, UINT64_MAX);
    buf_free(&body);
}

void own_add_heartbeat(struct audit *a, uint64_t idle_us)
{
    struct buf body;
    buf_init(&body, LINE_BODY_MAX);
    own_heartbeat(&body, idle_us);
    add(a, AUDIT_HEARTBEAT, &body, UINT64_MAX);
    buf_free(&body);
}

void own_add_clock_step(struct audit *a, int64_t step_us)
{
    struct buf body;
    buf_init(&body, LINE_BODY_MAX);
    own_clock_step(&body, step_us);
    add(a, AUDIT_CLOCK_STEP, &body, UINT64_MAX);
    buf_free(&body);
}

enum cb_code own_write(struct audit *a, const char **ret_what, struct cb_err *err)
{
    if (!buf_ok(&a->own_bodies)) {
        *ret_what = "memory";
        return cb_fail(err, CB_ENOMEM, "no memory for the log's own records");
    }
    if (a->own.num == 0) {
        return CB_OK;
    }
    for (size_t i = 0; i < a->own.num; i++) {
        struct entry *e = &a->own.entries[i];
        e->body.ptr = a->own_bodies.data + e->line_at;
    }
    const uint64_t need = writer_reservation(a, 0, a->own.bytes);
    struct cb_err why;
    /* Best effort: what these need is set aside anyway, as slack or as an attempt's credit. */
    (void)!segment_reserve(&a->segment, a->io, need, &why);
    TRY(commit_write(a, &a->own, ret_what, err));
    commit_settle(a, &a->own);
    return CB_OK;
}
