/* series.h - inside broker/report only: counts over time, in buckets that suit the length of it. */
#ifndef BROKER_REPORT_SERIES_H
#define BROKER_REPORT_SERIES_H

#include "broker/report/tally.h"

#define SERIES_MAX 128U

struct series {
    int64_t start_us; /* of the first bucket: a whole multiple of its length, in UTC */
    int64_t bucket_us;
    size_t num;
    uint64_t count[HAPPENING_COUNT][SERIES_MAX];
};

/* series_init - for times from since_us up to until_us, which is later. */
void series_init(struct series *s, int64_t since_us, int64_t until_us);
void series_add(struct series *s, enum happening what, int64_t us);
uint64_t series_max(const struct series *s, enum happening what);
/* series_bucket_words - "hour", "6 hours", "day", ...: what one bar is. */
const char *series_bucket_words(const struct series *s);

#endif
