/* control_answer.h - the broker's side of an answer on the control socket. */
#ifndef BROKER_CONTROL_ANSWER_H
#define BROKER_CONTROL_ANSWER_H

#include "broker/server/server_order.h"

/* Each appends one line with its newline. */
void control_answer_error(const char *why, struct buf *out);
void control_answer_status(const struct server *s, struct buf *out);
void control_answer_reload(const struct server *s, const struct reload_job *job, struct buf *out);

/* control_answer_order - how a revoke or a record went. */
void control_answer_order(const struct order_result *result, struct buf *out);

#endif
