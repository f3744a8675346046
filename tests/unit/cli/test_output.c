/* test_common.c - what the subcommands share: times as people write them, JSON. */
#include "broker/base/clock.h"
#include "broker/base/json_scan.h"
#include "broker/tools/tools_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } fixed[] = {{"2026-05-28", 1779926400000000},
                 {"2026-05-28T20:26:40Z", 1780000000000000},
                 {"2026-05-28T22:26:40+02:00", 1780000000000000},
                 {"2026-05-28T14:56:40.5-05:30", 1780000000500000},
                 {"1970-01-01", 0}};
    static const struct {
        const char *text;
        int64_t ago_s;
    } ago[] = {{"0s", 0},      {"90m", 5400},   {"24h", 86400},
               {"7d", 604800}, {"2w", 1209600}, {"15s", 15}};
    static const char *const bad[] = {"",
                                      "now",
                                      "7",
                                      "d",
                                      "-1d",
                                      "1.5h",
                                      "7 d",
                                      "7D",
                                      "07d",
                                      "1h1m",
                                      "tomorrow",
                                      "18446744073709551615s",
                                      "3155760001s",
                                      "5300w",
                                      "2026-13-01",
                                      "2026-07-01T22:00:00+2:00",
                                      "2026-07-01T22:00:00+24:00",
                                      "2026-07-01T22:00:00+02:60",
                                      "2026-07-01T22:00:00+0200",
                                      "2026-07-01T22:00:00Z+02:00",
                                      "2026-07-01+02:00",
                                      "1970-01-01T00:00:00+02:00",
                                      "+02:00"};
    int64_t us = -1;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        assert_true(cli_time(fixed[i].text, &us));
        assert_int_equal(us, fixed[i].us);
    }
    for (size_t i = 0; i < sizeof(ago) / sizeof(ago[0]); i++) {
        assert_true(cli_time(ago[i].text, &us));
        const int64_t off = clock_wall_us(&cb_system_clock) - ago[i].ago_s * 1000000 - us;
        assert_in_range(off, 0, 60000000);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (cli_time(bad[i], &us)) {
            fail_msg("%s is taken for a time", bad[i]);
        }
    }
}

static void test_json(void **state)
{
    (void)state;
    const struct json_caps caps = {8, 64, 64, 1000, 10000};
    struct cb_err err = {0};
    struct buf out;
    buf_init(&out, 10000);
    buf_add_char(&out, '{');
    cli_json_text(&out, "text", "a \"quoted\" \n one");
    cli_json_text(&out, "none", NULL);
    cli_json_u64(&out, "number", UINT64_MAX);
    cli_json_bool(&out, "yes", true);
    cli_json_time(&out, "time", 1780000000);
    cli_json_place(&out, "place", (struct diag_place){"a.yaml", 3, 4});
    cli_json_place(&out, "file", (struct diag_place){"a.yaml", 0, 0});
    cli_json_place(&out, "nowhere", (struct diag_place){NULL, 3, 4});
    cli_json_key(&out, "list");
    buf_add_char(&out, '[');
    cli_json_item(&out);
    buf_add_str(&out, "1");
    cli_json_item(&out);
    buf_add_str(&out, "{}]}");
    assert_int_equal(json_scan(buf_slice(&out), &caps, &err), CB_OK);
    assert_string_equal(out.data, "{\"text\":\"a \\\"quoted\\\" \\u000a one\",\"none\":null,"
                                  "\"number\":18446744073709551615,\"yes\":true,"
                                  "\"time\":\"2026-05-28T20:26:40Z\",\"place\":\"a.yaml:3:4\","
                                  "\"file\":\"a.yaml\",\"list\":[1,{}]}");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_times), cmocka_unit_test(test_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
