/* test_zone.c - what clocks show: fixed offsets, places, the two nights a year that are odd. The
 * expected times were worked out with date(1). */
#include "policy/zone.h"
#include "tests/unit/policy/support.h"

#include <pthread.h>

enum { MON, TUE, WED, THU, FRI, SAT, SUN };

#define AT(h, m) ((h)*60 + (m))

static const struct {
    const char *zone;
    int64_t unix_s;
    unsigned weekday, minute;
} cases[] = {
    {"UTC", 0, THU, AT(0, 0)},
    {"UTC", -1, WED, AT(23, 59)},
    {"UTC", NOW_S, THU, AT(20, 26)},
    {"+00:00", NOW_S, THU, AT(20, 26)},
    {"+05:45", NOW_S, FRI, AT(2, 11)},
    {"-11:30", NOW_S, THU, AT(8, 56)},
    {"+14:00", NOW_S, FRI, AT(10, 26)},
    {"Asia/Kathmandu", NOW_S, FRI, AT(2, 11)},
    {"Etc/GMT+5", NOW_S, THU, AT(15, 26)}, /* five hours behind: POSIX counts westward */
    /* Amsterdam: 2026-03-29 02:00 +01 becomes 03:00 +02; 2026-10-25 03:00 +02 becomes 02:00 +01 */
    {"Europe/Amsterdam", 1774745999, SUN, AT(1, 59)},
    {"Europe/Amsterdam", 1774746000, SUN, AT(3, 0)},
    {"Europe/Amsterdam", 1792889999, SUN, AT(2, 59)},
    {"Europe/Amsterdam", 1792890000, SUN, AT(2, 0)},
    {"Europe/Amsterdam", 1792893600, SUN, AT(3, 0)},
    /* New York: 2026-03-08 02:00 -05 becomes 03:00 -04; 2026-11-01 02:00 -04 becomes 01:00 -05 */
    {"America/New_York", 1772953199, SUN, AT(1, 59)},
    {"America/New_York", 1772953200, SUN, AT(3, 0)},
    {"America/New_York", 1793512799, SUN, AT(1, 59)},
    {"America/New_York", 1793512800, SUN, AT(1, 0)},
    /* Lord Howe moves by half an hour: 2026-04-05 02:00 +11 becomes 01:30 +10:30; 2026-10-04 02:00
     * +10:30 becomes 02:30 +11 */
    {"Australia/Lord_Howe", 1775314799, SUN, AT(1, 59)},
    {"Australia/Lord_Howe", 1775314800, SUN, AT(1, 30)},
    {"Australia/Lord_Howe", 1791041399, SUN, AT(1, 59)},
    {"Australia/Lord_Howe", 1791041400, SUN, AT(2, 30)},
    /* far away, summer and winter: 2060-07-01 and 2060-12-01, noon UTC; 2099-07-01 */
    {"Europe/Amsterdam", 2855908800, THU, AT(14, 0)},
    {"Europe/Amsterdam", 2869128000, WED, AT(13, 0)},
    {"Europe/Amsterdam", 4086590400, WED, AT(14, 0)},
    {"America/New_York", 4086590400, WED, AT(8, 0)},
};
#define NUM_CASES (sizeof(cases) / sizeof(cases[0]))

static struct zone *make(const char *name)
{
    struct zone *zone = NULL;
    struct cb_err err;
    if (zone_new(slice_of(name), &zone, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    return zone;
}

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        struct zone *zone = make(cases[i].zone);
        const struct zone_time t = zone_at(zone, cases[i].unix_s);
        if (t.weekday != cases[i].weekday || t.minute != cases[i].minute) {
            fail_msg("%s at %lld: day %u, %02u:%02u", cases[i].zone, (long long)cases[i].unix_s,
                     t.weekday, t.minute / 60, t.minute % 60);
        }
        zone_free(zone);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } bad[] = {
        {"", "\"\" is no time zone: write UTC, an offset such as \"+01:00\", or a place such as "
             "Europe/Amsterdam"},
        {"utc", "is no time zone"},
        {"Z", "is no time zone"},
        {"CET", "is no time zone"},
        {"EST5EDT4,M3.2.0,M11.1.0", "is no time zone"},
        {"+1:00", "is no time zone"},
        {"+01:60", "is no time zone"},
        {"+14:01", "is no time zone"},
        {"+01.00", "is no time zone"},
        {"/etc/passwd", "is no time zone"},
        {"Europe/../../passwd", "is no time zone"},
        {"Europe//Paris", "is no time zone"},
        {"Europe/", "is no time zone"},
        {"Europe/Amsterdm", "\"Europe/Amsterdm\" is no place that the time zone database of this "
                            "machine knows: check the spelling in /usr/share/zoneinfo, and that "
                            "the package tzdata is installed"},
        {"Europe/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "is no time zone"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct zone *zone = NULL;
        struct cb_err err;
        assert_int_equal(zone_new(slice_of(bad[i].name), &zone, &err), CB_EINPUT);
        if (strstr(err.msg, bad[i].why) == NULL) {
            fail_msg("%s: %s", bad[i].name, err.msg);
        }
        assert_null(zone);
    }
    zone_free(NULL);
}

/* ---- any thread may ask, and nothing is allocated ---- */

static _Thread_local unsigned long num_allocations;

#ifndef CB_SANITIZED /* a sanitizer brings its own */
extern void *__libc_malloc(size_t size);
void *malloc(size_t size)
{
    num_allocations++;
    return __libc_malloc(size);
}
#endif

struct asker {
    const struct zone *zone;
    unsigned long allocations;
    unsigned sum;
};

static void *ask_often(void *arg)
{
    struct asker *a = arg;
    const unsigned long before = num_allocations;
    for (int64_t t = NOW_S; t < NOW_S + 2000 * 86400LL; t += 40009) {
        const struct zone_time at = zone_at(a->zone, t);
        a->sum += at.weekday * 1440 + at.minute;
    }
    a->allocations = num_allocations - before;
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct zone *zone = make("Europe/Amsterdam");
    struct asker askers[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        askers[i] = (struct asker){.zone = zone};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].sum, askers[0].sum);
        assert_int_equal(askers[i].allocations, 0);
    }
    zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
