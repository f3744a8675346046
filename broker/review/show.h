/* show.h - inside broker/review only: a story for people and for programs. */
#ifndef BROKER_REVIEW_SHOW_H
#define BROKER_REVIEW_SHOW_H

#include "broker/review/sheet.h"
#include "broker/review/story.h"
#include "policy/policy.h"

enum show_how { SHOW_ALL, SHOW_WHY };

/* show_text, show_json - false: out of memory. */
bool show_text(const struct story *story, enum show_how how, const struct cli_terminal *terminal,
               struct buf *out);
bool show_json(const struct story *story, struct buf *out);

/* ---- the parts of show_text ---- */

/* show_title - what it is and how it stands. */
void show_title(struct sheet *s, const struct story *story);
void show_asked(struct sheet *s, const struct story *story);
void show_names(struct sheet *s, const struct story *story);
/* show_why - decision, rule, the rule's text as it stood. */
void show_why(struct sheet *s, const struct story *story, enum show_how how);
/* show_rule - the rule's own lines of the policy; a few of them unless somebody asks why. */
void show_rule(struct sheet *s, const struct policy *policy, struct slice rule, enum show_how how);
void show_trace(struct sheet *s, const struct story *story, const struct policy *policy);
/* show_reason - the word of the row's last record, and what it means. */
void show_reason(struct sheet *s, const struct review_row *row);
void show_certificate(struct sheet *s, const struct story *story);
void show_outcome(struct sheet *s, const struct story *story);
void show_later(struct sheet *s, const struct story *story);
void show_proof(struct sheet *s, const struct story *story);

/* ---- show_state.c: how a certificate stands now ---- */
enum show_state {
    STATE_NONE,
    STATE_ALIVE,
    STATE_EXPIRED,
    STATE_REVOKED,
    STATE_REVOKED_AT_CA,
    STATE_REVOKE_UNKNOWN
};
enum show_state show_state(const struct story *story, int64_t now_us);
const char *show_state_word(enum show_state state);
/* show_ago - "3 days", of a span of either sign. */
void show_span(int64_t us, char out[32]);

#endif
