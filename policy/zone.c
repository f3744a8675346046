/* zone.c - see zone.h. UTC and fixed offsets are numbers; a named place is GLib's reading of the
 * machine's time zone database, made once when a policy is loaded. Knows no rule. */
#include "policy/zone.h"

#include "policy/name.h"

#include <glib.h>
#include <stdlib.h>

#define DAY_S 86400
#define MINUTE_S 60
#define OFFSET_MAX_S (14 * 3600) /* Kiritimati is the farthest ahead */
#define NAME_MAX_LEN 64U

struct zone {
    GTimeZone *place; /* NULL: offset_s all year. Asking it reads, and changes nothing in it */
    int32_t offset_s;
    char name[NAME_MAX_LEN + 1];
};

static enum cb_code refuse(struct slice name, struct cb_err *err, const char *why)
{
    char quoted[NAME_QUOTE_SIZE];
    return cb_fail(err, CB_EINPUT, "\"%s\" %s", name_quote(name, quoted), why);
}

static unsigned two_digits(const char *p)
{
    return (unsigned)(p[0] - '0') * 10U + (unsigned)(p[1] - '0');
}

/* read_offset - "+05:45"; false if it is anything else. */
static bool read_offset(struct slice s, int32_t *ret_s)
{
    const bool shaped = s.len == 6 && (s.ptr[0] == '+' || s.ptr[0] == '-') && s.ptr[3] == ':' &&
                        ascii_is_digit(s.ptr[1]) && ascii_is_digit(s.ptr[2]) &&
                        ascii_is_digit(s.ptr[4]) && ascii_is_digit(s.ptr[5]);
    if (!shaped || two_digits(s.ptr + 4) > 59) {
        return false;
    }
    const int32_t offset =
        (int32_t)(two_digits(s.ptr + 1) * 3600U + two_digits(s.ptr + 4) * MINUTE_S);
    *ret_s = s.ptr[0] == '-' ? -offset : offset;
    return offset <= OFFSET_MAX_S;
}

/* is_place - Area/City. GLib would also take the path of a file, and rules such as EST5EDT. */
static bool is_place(struct slice s)
{
    bool has_slash = false;
    char before = '/';
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool starts = before == '/';
        if (starts ? !ascii_is_alpha(c) : !ascii_is_alnum(c) && !slice_has_byte(SLICE("/_+-"), c)) {
            return false;
        }
        has_slash = has_slash || c == '/';
        before = c;
    }
    return has_slash && before != '/' && s.len <= NAME_MAX_LEN;
}

static enum cb_code read_place(struct slice name, struct zone *zone, struct cb_err *err)
{
    char text[NAME_MAX_LEN + 1];
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    zone->place = g_time_zone_new_identifier(text);
    if (zone->place == NULL) {
        return refuse(name, err,
                      "is no place that the time zone database of this machine knows: check the "
                      "spelling in /usr/share/zoneinfo, and that the package tzdata is installed");
    }
    return CB_OK;
}

static enum cb_code read_zone(struct slice name, struct zone *zone, struct cb_err *err)
{
    if (slice_eq(name, SLICE("UTC")) || read_offset(name, &zone->offset_s)) {
        return CB_OK;
    }
    if (!is_place(name)) {
        return refuse(
            name, err,
            "is no time zone: write UTC, an offset such as \"+01:00\", or a place such as "
            "Europe/Amsterdam");
    }
    return read_place(name, zone, err);
}

enum cb_code zone_new(struct slice name, struct zone **ret, struct cb_err *err)
{
    struct zone *zone = calloc(1, sizeof(*zone));
    if (zone == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    const enum cb_code code = read_zone(name, zone, err);
    if (code != CB_OK) {
        zone_free(zone);
        return code;
    }
    memcpy(zone->name, name.ptr, name.len); /* what is taken is no longer than NAME_MAX_LEN */
    *ret = zone;
    return CB_OK;
}

void zone_free(struct zone *zone)
{
    if (zone == NULL) {
        return;
    }
    if (zone->place != NULL) {
        g_time_zone_unref(zone->place);
    }
    free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

static int64_t offset_at(const struct zone *zone, int64_t unix_s)
{
    if (zone->place == NULL) {
        return zone->offset_s;
    }
    const gint interval = g_time_zone_find_interval(zone->place, G_TIME_TYPE_UNIVERSAL, unix_s);
    return g_time_zone_get_offset(zone->place, interval);
}

struct zone_time zone_at(const struct zone *zone, int64_t unix_s)
{
    const int64_t local_s = unix_s + offset_at(zone, unix_s);
    int64_t day = local_s / DAY_S;
    int64_t second = local_s % DAY_S;
    if (second < 0) { /* before 1970 */
        day--;
        second += DAY_S;
    }
    const int64_t weekday = (day % 7 + 7 + 3) % 7; /* 1970-01-01 was a Thursday */
    return (struct zone_time){.weekday = (unsigned)weekday,
                              .minute = (unsigned)(second / MINUTE_S)};
}
