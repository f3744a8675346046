/* verify_print.h - inside broker/review only: what was verified, for people and for programs. */
#ifndef BROKER_REVIEW_VERIFY_PRINT_H
#define BROKER_REVIEW_VERIFY_PRINT_H

#include "audit/verify/verify.h"
#include "broker/base/buf.h"

/* What was compared besides the log itself. */
struct verify_against {
    size_t saved, witnesses;
    bool quick;
};

void verify_print_text(const struct verify_report *r, const struct verify_against *against,
                       struct buf *out);
void verify_print_json(const struct verify_report *r, const struct verify_against *against,
                       struct buf *out);
/* verify_print_first - one line: the first thing that is wrong. */
void verify_print_first(const struct verify_report *r, struct buf *out);

#endif
