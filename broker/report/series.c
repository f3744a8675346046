/* series.c - see series.h. */
#include "broker/report/series.h"

#define MINUTE INT64_C(60)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)
#define US_PER_S 1000000

/* Up to so long a period, such buckets: a few dozen bars, and steps that people think in. */
static const struct {
    int64_t up_to_s, bucket_s;
    const char *words;
} steps[] = {
    {2 * HOUR, 2 * MINUTE, "2 minutes"},
    {6 * HOUR, 10 * MINUTE, "10 minutes"},
    {2 * DAY, HOUR, "hour"},
    {8 * DAY, 6 * HOUR, "6 hours"},
    {100 * DAY, DAY, "day"},
    {800 * DAY, 7 * DAY, "week"},
    {3000 * DAY, 28 * DAY, "4 weeks"},
    {INT64_MAX, 0, "bar"},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Weeks begin on a Monday; the epoch was a Thursday. */
static int64_t offset_of(int64_t bucket_s)
{
    return bucket_s % (7 * DAY) == 0 ? 4 * DAY : 0;
}

static int64_t floor_to(int64_t s, int64_t bucket_s)
{
    const int64_t from = s - offset_of(bucket_s);
    const int64_t rest = from % bucket_s;
    return s - (rest < 0 ? rest + bucket_s : rest);
}

void series_init(struct series *s, int64_t since_us, int64_t until_us)
{
    const int64_t since_s = since_us / US_PER_S;
    const int64_t until_s = (until_us - 1) / US_PER_S;
    size_t i = 0;
    while (steps[i].up_to_s < until_s - since_s) {
        i++;
    }
    int64_t bucket_s = steps[i].bucket_s;
    if (bucket_s == 0) {
        bucket_s = ((until_s - since_s) / (int64_t)(SERIES_MAX - 2) / (28 * DAY) + 1) * 28 * DAY;
    }
    const int64_t start_s = floor_to(since_s, bucket_s);
    *s = (struct series){.start_us = start_s * US_PER_S, .bucket_us = bucket_s * US_PER_S};
    s->num = (size_t)((until_s - start_s) / bucket_s + 1);
    s->num = s->num > SERIES_MAX ? SERIES_MAX : s->num;
}

void series_add(struct series *s, enum happening what, int64_t us)
{
    if (us >= s->start_us) {
        const size_t at = (size_t)((us - s->start_us) / s->bucket_us);
        s->count[what][at < s->num ? at : s->num - 1]++;
    }
}

uint64_t series_max(const struct series *s, enum happening what)
{
    uint64_t max = 0;
    for (size_t i = 0; i < s->num; i++) {
        max = s->count[what][i] > max ? s->count[what][i] : max;
    }
    return max;
}

const char *series_bucket_words(const struct series *s)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (steps[i].bucket_s * US_PER_S == s->bucket_us) {
            return steps[i].words;
        }
    }
    return steps[STEPS - 1].words;
}
