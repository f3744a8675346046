/* line_head.h - inside audit/ only: number and type of a line at a glance, without checking it. For those
 * who step over most lines; what they then use goes through line_check_frame. */
#ifndef AUDIT_LINE_HEAD_H
#define AUDIT_LINE_HEAD_H

#include "audit/scan.h"

struct line_head {
    uint64_t seq;
    struct slice type;
    uint64_t
        ref; /* where it stands directly behind the type, as our writer puts it; else UINT64_MAX */
};

/* line_head - false if the line does not begin as one. */
static inline bool line_head(struct slice line, struct line_head *ret)
{
    const size_t ts = sizeof("2026-07-22T16:23:02.123456Z") - 1;
    struct scan s = scan_over(line);
    uint64_t floor = 0;
    if (!scan_literal(&s, SLICE("{\"v\":1,\"seq\":")) || !scan_u64(&s, &ret->seq) ||
        !scan_literal(&s, SLICE(",\"d\":")) || !scan_u64(&s, &floor) ||
        !scan_literal(&s, SLICE(",\"ts\":\"")) || (size_t)(s.end - s.at) < ts) {
        return false;
    }
    s.at += ts;
    if (!scan_literal(&s, SLICE("\",\"type\":\""))) {
        return false;
    }
    const char *quote = memchr(s.at, '"', (size_t)(s.end - s.at));
    if (quote == NULL) {
        return false;
    }
    ret->type = (struct slice){s.at, (size_t)(quote - s.at)};
    s.at = quote + 1;
    ret->ref = UINT64_MAX;
    return !scan_literal(&s, SLICE(",\"ref\":")) || scan_u64(&s, &ret->ref);
}

#endif
