/* show_json.c - see show.h: the story as one JSON document, in which records stand as they are in the log. */
#include "audit/seal/prove.h"
#include "broker/base/clock.h"
#include "broker/review/show.h"

static void add_row(struct buf *out, const struct review_row *row)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < row->num; i++) {
        buf_add_str(out, i == 0 ? "" : ",");
        buf_add_slice(out, row->records[i].line.whole);
    }
    buf_add_char(out, ']');
}

static void add_list(struct buf *out, const char *key, const struct story_list *list)
{
    cli_json_key(out, key);
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->num; i++) {
        cli_json_item(out);
        add_row(out, list->rows[i]);
    }
    buf_add_char(out, ']');
}

static void add_one(struct buf *out, const char *key, const struct review_row *row)
{
    cli_json_key(out, key);
    if (row == NULL) {
        buf_add_str(out, "null");
    } else {
        add_row(out, row);
    }
}

static void add_proof(struct buf *out, const struct story *story)
{
    struct prover *prover = NULL;
    struct proven proven;
    struct cb_err err;
    struct buf file;
    const uint64_t seq = row_last(story->main)->line.seq;
    buf_init(&file, (size_t)256 << 10);
    cli_json_key(out, "proof");
    buf_add_char(out, '{');
    const bool good = prover_open(story->where.dir, &prover, &err) == CB_OK &&
                      prover_record(prover, seq, &file, &proven, &err) == CB_OK;
    cli_json_bool(out, "proven", good);
    if (good) {
        char root[SHA256_HEX_LEN + 1];
        hex_encode(proven.note->checkpoint.root, SHA256_LEN, root);
        cli_json_u64(out, "record", seq);
        cli_json_u64(out, "size", proven.note->checkpoint.size);
        cli_json_text(out, "root", root);
        cli_json_text(out, "origin", proven.note->checkpoint.origin);
        cli_json_slice(out, "checkpoint", proven.note->bytes);
    } else {
        cli_json_text(out, "why_not", err.msg);
    }
    buf_add_char(out, '}');
    prover_close(prover);
    buf_free(&file);
}

bool show_json(const struct story *story, struct buf *out)
{
    const enum show_state state = show_state(story, clock_wall_us(&cb_system_clock));
    buf_add_char(out, '{');
    cli_json_text(out, "result", row_result_word(story->main));
    cli_json_slice(out, "serial", story->serial);
    cli_json_text(out, "state", state == STATE_NONE ? NULL : show_state_word(state));
    add_one(out, "records", story->main);
    add_one(out, "issue", story->issue);
    add_one(out, "request", story->request);
    add_one(out, "undelivered", story->undelivered);
    add_list(out, "revocations", &story->revocations);
    add_list(out, "follow_ups", &story->follow_ups);
    add_list(out, "repeats", &story->repeats);
    add_list(out, "findings", &story->findings);
    add_one(out, "superseded_by", story->superseded_by);
    add_one(out, "policy_in_force", story->in_force);
    add_proof(out, story);
    buf_add_str(out, "}\n");
    return buf_ok(out);
}
