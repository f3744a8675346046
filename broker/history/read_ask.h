/* read_ask.h - inside broker/history/ only: one line of the log back into the question it records. */
#ifndef BROKER_HISTORY_READ_ASK_H
#define BROKER_HISTORY_READ_ASK_H

#include "broker/history/history.h"

enum line_kind {
    LINE_OTHER,   /* records no decision of the policy */
    LINE_ASK,     /* ask is filled */
    LINE_UNCLEAR, /* it does, but does not say enough to decide it again */
    LINE_COUNT,   /* so many requests that a rate or a quota refused were not recorded one by one */
};

struct ask_line {
    enum line_kind kind;
    struct history_ask ask;
    uint64_t count;
};

/* read_ask - what is in *ret borrows from the line and the arena, of which 1 MiB is enough. CB_ENOMEM
 * only. */
enum cb_code read_ask(const struct audit_line *line, struct arena *arena, struct ask_line *ret,
                      struct cb_err *err) CB_MUST_USE;

#endif
