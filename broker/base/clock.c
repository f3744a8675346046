/* clock.c - see clock.h. The calendar arithmetic counts days of the proleptic Gregorian calendar
 * from 1 March, so that the leap day is the last day of the counted year. */
#include "broker/base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_wall(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_boot(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_BOOTTIME);
}

const struct cb_clock cb_system_clock = {system_wall, system_mono, NULL, system_boot};

#define DAY_S 86400

static const int days_before_month[12] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};

static int64_t leap_days_before(int64_t march_year)
{
    return march_year / 4 - march_year / 100 + march_year / 400;
}

int64_t time_from_civil(int year, unsigned month, unsigned day)
{
    const int64_t march_year = month <= 2 ? year - 1 : year;
    const int64_t epoch = 1969 * (int64_t)365 + leap_days_before(1969) + 306;
    const int64_t days =
        march_year * 365 + leap_days_before(march_year) + days_before_month[month - 1] + day - 1;
    return (days - epoch) * DAY_S;
}

struct civil {
    int year;
    unsigned month;
    unsigned day;
};

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in_month(int year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static struct civil civil_from_days(int64_t days)
{
    /* A good first guess of the year, then at most a step or two. */
    struct civil c = {.year = 1970 + (int)(days / 366), .month = 1};
    while (time_from_civil(c.year + 1, 1, 1) <= days * DAY_S) {
        c.year++;
    }
    int64_t left = days - time_from_civil(c.year, 1, 1) / DAY_S;
    while (left >= (int64_t)days_in_month(c.year, c.month)) {
        left -= (int64_t)days_in_month(c.year, c.month);
        c.month++;
    }
    c.day = (unsigned)left + 1;
    return c;
}

static int64_t clamp_s(int64_t unix_s)
{
    const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    return unix_s < 0 ? 0 : (unix_s > last ? last : unix_s);
}

/* put_digits - value in exactly num decimal digits. By hand, because several times stand in every
 * record and printf takes longer than all else that is done for them. */
static void put_digits(char *out, size_t num, unsigned value)
{
    while (num > 0) {
        out[--num] = (char)('0' + value % 10);
        value /= 10;
    }
}

void time_format_s(int64_t unix_s, char out[21])
{
    const int64_t t = clamp_s(unix_s);
    const struct civil c = civil_from_days(t / DAY_S);
    const unsigned s = (unsigned)(t % DAY_S);
    memcpy(out, "0000-00-00T00:00:00Z", 21);
    put_digits(out, 4, (unsigned)c.year);
    put_digits(out + 5, 2, c.month);
    put_digits(out + 8, 2, c.day);
    put_digits(out + 11, 2, s / 3600);
    put_digits(out + 14, 2, s / 60 % 60);
    put_digits(out + 17, 2, s % 60);
}

void time_format_us(int64_t wall_us, char out[TIME_TEXT_LEN + 1])
{
    char seconds[21];
    time_format_s(wall_us / 1000000, seconds);
    memcpy(out, seconds, 19);
    memcpy(out + 19, ".000000Z", 9);
    put_digits(out + 20, 6, wall_us < 0 ? 0U : (unsigned)(wall_us % 1000000));
}

/* digits - exactly num decimal digits at *s, which moves on. */
static bool digits(struct slice *s, size_t num, unsigned *ret)
{
    if (s->len < num) {
        return false;
    }
    unsigned value = 0;
    for (size_t i = 0; i < num; i++) {
        if (!ascii_is_digit(s->ptr[i])) {
            return false;
        }
        value = value * 10 + (unsigned)(s->ptr[i] - '0');
    }
    s->ptr += num;
    s->len -= num;
    *ret = value;
    return true;
}

static bool literal(struct slice *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    s->ptr++;
    s->len--;
    return true;
}

static bool parse_date(struct slice *s, int64_t *ret_unix_s)
{
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (!digits(s, 4, &year) || !literal(s, '-') || !digits(s, 2, &month) || !literal(s, '-') ||
        !digits(s, 2, &day)) {
        return false;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month((int)year, month)) {
        return false;
    }
    *ret_unix_s = time_from_civil((int)year, month, day);
    return true;
}

static bool parse_fraction(struct slice *s, int64_t *ret_us)
{
    int64_t us = 0;
    int64_t unit = 100000;
    size_t num = 0;
    while (s->len > 0 && ascii_is_digit(s->ptr[0])) {
        us += unit * (s->ptr[0] - '0');
        unit /= 10;
        s->ptr++;
        s->len--;
        num++;
    }
    *ret_us = us;
    return num > 0 && num <= 9;
}

bool time_parse(struct slice text, int64_t *ret_unix_us)
{
    int64_t unix_s = 0;
    if (!parse_date(&text, &unix_s)) {
        return false;
    }
    int64_t us = 0;
    if (text.len > 0) {
        unsigned hour = 0;
        unsigned minute = 0;
        unsigned second = 0;
        if (!literal(&text, 'T') || !digits(&text, 2, &hour) || !literal(&text, ':') ||
            !digits(&text, 2, &minute) || !literal(&text, ':') || !digits(&text, 2, &second) ||
            hour > 23 || minute > 59 || second > 59) {
            return false;
        }
        if (literal(&text, '.') && !parse_fraction(&text, &us)) {
            return false;
        }
        if (!literal(&text, 'Z') || text.len > 0) {
            return false;
        }
        unix_s += (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    }
    *ret_unix_us = unix_s * 1000000 + us;
    return true;
}
