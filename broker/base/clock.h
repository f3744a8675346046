/* clock.h - time as the program sees it, replaceable in tests.
 *
 * Wall time is for certificates, records and policy; monotonic time is for deadlines and
 * latencies. Both are microseconds. */
#ifndef CB_BASE_CLOCK_H
#define CB_BASE_CLOCK_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#include <stdint.h>

struct cb_clock {
    int64_t (*wall_us)(void *ctx); /* since 1970-01-01T00:00:00Z */
    int64_t (*mono_us)(void *ctx); /* since some fixed point */
    void *ctx;
    int64_t (*boot_us)(
        void *ctx); /* as mono_us, and counts while the machine sleeps; NULL: mono_us */
};

extern const struct cb_clock cb_system_clock;

static inline int64_t clock_wall_us(const struct cb_clock *c)
{
    return c->wall_us(c->ctx);
}
static inline int64_t clock_mono_us(const struct cb_clock *c)
{
    return c->mono_us(c->ctx);
}
static inline int64_t clock_boot_us(const struct cb_clock *c)
{
    return c->boot_us == NULL ? c->mono_us(c->ctx) : c->boot_us(c->ctx);
}

#define TIME_TEXT_LEN 27 /* 2026-07-22T16:23:02.123456Z */

/* time_format_us - RFC 3339 UTC with microseconds, TIME_TEXT_LEN bytes plus NUL. Years 1970 to
 * 9999; anything else is clamped. Does not use the C library's time functions (locale, TZ). */
void time_format_us(int64_t wall_us, char out[TIME_TEXT_LEN + 1]);
/* time_format_s - the same without the fraction: 2026-07-22T16:23:02Z, 20 bytes plus NUL. */
void time_format_s(int64_t unix_s, char out[21]);
/* time_parse - RFC 3339 "Z" times with or without a fraction, and plain dates (2026-07-22, taken
 * as its first second UTC). False leaves *ret_unix_us untouched. */
bool time_parse(struct slice text, int64_t *ret_unix_us);
/* time_from_civil - seconds since the epoch of a proleptic Gregorian UTC date; the caller has
 * checked the ranges (month 1..12, day 1..31). */
int64_t time_from_civil(int year, unsigned month, unsigned day);

#endif
