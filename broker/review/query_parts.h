/* query_parts.h - inside broker/review only: the parts of the query's parser. */
#ifndef BROKER_REVIEW_QUERY_PARTS_H
#define BROKER_REVIEW_QUERY_PARTS_H

#include "broker/review/query.h"
#include "policy/name.h"

const char *query_op_text(enum query_op op);

/* query_value - the value of a term whose field and operator are set. CB_EINPUT says what would be right;
 * CB_ENOMEM. */
enum cb_code query_value(struct query *q, struct query_term *t, struct slice value,
                         struct cb_err *err) CB_MUST_USE;

#endif
