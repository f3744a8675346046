/* output.c - see output.h. */
#include "broker/cli/output.h"

#include "broker/base/clock.h"
#include "broker/cli/escape.h"
#include "broker/cli/terminal.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define US_PER_S 1000000
#define COMPLAINT_MAX 8192U
#define ZONE_LEN (sizeof("+02:00") - 1)
#define AGO_MAX_S 3155760000ULL /* a hundred years */

int cli_no_memory(void)
{
    (void)fprintf(stderr, "certbroker: out of memory\n");
    return EXIT_USAGE;
}

void cli_complain(const char *what, const struct cb_err *err)
{
    struct buf out;
    buf_init(&out, COMPLAINT_MAX);
    buf_printf(&out, "certbroker: %s", what);
    cli_add_escaped(&out, slice_of(err->msg), cli_terminal().is_utf8 ? CLI_UTF8 : CLI_ASCII);
    buf_add_char(&out, '\n');
    (void)fputs(buf_ok(&out) ? out.data : "certbroker: out of memory\n", stderr);
    buf_free(&out);
}

/* ---- times ---- */

int64_t cli_now_s(void)
{
    return clock_wall_us(&cb_system_clock) / US_PER_S;
}

/* two_digits - UINT_MAX: they are none. */
static unsigned two_digits(const char *text)
{
    return ascii_is_digit(text[0]) && ascii_is_digit(text[1])
               ? (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0')
               : UINT_MAX;
}

/* time_with_zone - 2026-07-01T22:00:00+02:00. The log, and what the policy says, is in UTC alone; people are
 * not. */
static bool time_with_zone(struct slice text, int64_t *ret_us)
{
    char utc[TIME_TEXT_LEN + 8];
    int64_t us = 0;
    const size_t len = text.len < ZONE_LEN ? 0 : text.len - ZONE_LEN;
    const char *zone = text.ptr + len;
    if (len == 0 || len + 2 > sizeof(utc) || slice_find(text, 'T') >= len ||
        (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') {
        return false;
    }
    const unsigned hours = two_digits(zone + 1);
    const unsigned minutes = two_digits(zone + 4);
    (void)snprintf(utc, sizeof(utc), "%.*sZ", (int)len, text.ptr);
    if (hours > 23 || minutes > 59 || !time_parse(slice_of(utc), &us)) {
        return false;
    }
    const int64_t ahead_us = (int64_t)(hours * 3600 + minutes * 60) * US_PER_S;
    us -= zone[0] == '+' ? ahead_us : -ahead_us;
    *ret_us = us < 0 ? *ret_us : us;
    return us >= 0;
}

bool cli_time(const char *text, int64_t *ret_us)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    const struct slice s = slice_of(text);
    uint64_t number = 0;
    if (time_parse(s, ret_us) || time_with_zone(s, ret_us)) {
        return true;
    }
    if (s.len < 2 || !slice_to_u64((struct slice){s.ptr, s.len - 1}, &number)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s.ptr[s.len - 1] == units[i].letter && number <= AGO_MAX_S / units[i].seconds) {
            const int64_t ago_us = (int64_t)(number * units[i].seconds) * US_PER_S;
            *ret_us = clock_wall_us(&cb_system_clock) - ago_us;
            return *ret_us >= 0;
        }
    }
    return false;
}

void cli_add_time(struct buf *out, int64_t us)
{
    char text[21];
    time_format_s(us / 1000000, text);
    buf_add_str(out, text);
}

void cli_add_date(struct buf *out, int64_t us)
{
    char text[21];
    time_format_s(us / 1000000, text);
    buf_add(out, text, 10);
}

/* ---- output ---- */

int cli_print(struct buf *out, int status)
{
    const bool good = buf_ok(out);
    const struct slice text = buf_slice(out);
    if (!good) {
        status = cli_no_memory();
    } else if (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        struct cb_err err;
        (void)cb_fail_errno(&err, "standard output");
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        status = EXIT_USAGE;
    }
    buf_free(out);
    return status;
}

struct cli_colours cli_colours(void)
{
    static const struct cli_colours none = {"", "", "", "", "", ""};
    static const struct cli_colours some = {"\033[32m", "\033[31m", "\033[33m",
                                            "\033[2m",  "\033[1m",  "\033[0m"};
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    const bool wanted = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0') &&
                        term != NULL && strcmp(term, "dumb") != 0;
    return wanted ? some : none;
}

/* ---- JSON ---- */

void cli_json_item(struct buf *out)
{
    const struct slice so_far = buf_slice(out);
    const char last = so_far.len == 0 ? '{' : so_far.ptr[so_far.len - 1];
    if (last != '{' && last != '[' && last != ':') {
        buf_add_char(out, ',');
    }
}

void cli_json_key(struct buf *out, const char *key)
{
    cli_json_item(out);
    buf_add_json_str(out, slice_of(key));
    buf_add_char(out, ':');
}

void cli_json_slice(struct buf *out, const char *key, struct slice text)
{
    cli_json_key(out, key);
    if (text.ptr == NULL) {
        buf_add_str(out, "null");
    } else {
        buf_add_json_str(out, text);
    }
}

void cli_json_text(struct buf *out, const char *key, const char *text)
{
    cli_json_slice(out, key, slice_of(text));
}

void cli_json_u64(struct buf *out, const char *key, uint64_t value)
{
    cli_json_key(out, key);
    buf_add_u64(out, value);
}

void cli_json_bool(struct buf *out, const char *key, bool value)
{
    cli_json_key(out, key);
    buf_add_str(out, value ? "true" : "false");
}

void cli_json_time(struct buf *out, const char *key, int64_t unix_s)
{
    char text[21];
    time_format_s(unix_s, text);
    cli_json_text(out, key, text);
}

void cli_add_place(struct buf *out, struct diag_place place)
{
    buf_add_str(out, place.file == NULL ? "?" : place.file);
    if (place.line != 0) {
        buf_printf(out, ":%u:%u", place.line, place.col);
    }
}

void cli_json_place(struct buf *out, const char *key, struct diag_place place)
{
    struct buf text;
    if (place.file == NULL) {
        return;
    }
    buf_init(&text, 8192);
    cli_add_place(&text, place);
    cli_json_slice(out, key, buf_slice(&text));
    buf_free(&text);
}
