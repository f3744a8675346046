/* trace_words.h - inside policy/ only: edits of a policy, in words and as YAML. */
#ifndef POLICY_TRACE_WORDS_H
#define POLICY_TRACE_WORDS_H

#include "broker/base/buf.h"
#include "policy/trace.h"
#include "policy/verdict.h"

/* trace_quote - a double-quoted YAML scalar. trace_quotable - can it be one, and be read again? What
 * is not is written with '?' for each odd byte. */
void trace_quote(struct buf *out, struct slice text);
bool trace_quotable(struct slice text);

/* trace_change - the smallest edit of v->rule after which the condition that v is about would hold.
 * Adds nothing where none is sensible. */
void trace_change(const struct question *q, const struct verdict *v, struct buf *out);

/* trace_snippet - rules that would allow it and nothing else: for the asker to act for the party if
 * delegate, and for the one the certificate is for if own. False: no rule could, and nothing is added. */
bool trace_snippet(const struct question *q, bool delegate, bool own, struct buf *out);

/* trace_cn_listable - could the common name stand under common_name:, and mean itself there? */
bool trace_cn_listable(const struct question *q);
/* trace_needs_broad - does a rule that lists this name need broad: true? */
bool trace_needs_broad(const struct name *name);

#endif
