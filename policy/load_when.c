/* load_when.c - when and from where a rule counts: when: and from: of an allow rule. */
#include "policy/load.h"

#define DAY_MINUTES (24U * 60U)
#define ALL_DAYS 0x7fU

static const char *const day_words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
#define NUM_DAYS 7U

/* ---- days ---- */

static bool read_day(struct slice text, unsigned *ret)
{
    for (unsigned i = 0; i < NUM_DAYS; i++) {
        if (slice_eq_str(text, day_words[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* read_days - "mon" or "mon-fri", as bits; sat-mon goes over the end of the week. */
static bool read_days(struct slice text, unsigned *ret)
{
    const char *dash = memchr(text.ptr, '-', text.len);
    const size_t first_len = dash == NULL ? text.len : (size_t)(dash - text.ptr);
    unsigned first = 0;
    if (!read_day((struct slice){text.ptr, first_len}, &first)) {
        return false;
    }
    unsigned last = first;
    if (dash != NULL && !read_day((struct slice){dash + 1, text.len - first_len - 1}, &last)) {
        return false;
    }
    *ret = 1U << last;
    for (unsigned day = first; day != last; day = (day + 1) % NUM_DAYS) {
        *ret |= 1U << day;
    }
    return true;
}

static void load_days(struct loader *ld, const struct yaml_node *n, struct time_window *when)
{
    if (!yaml_check_list(&ld->r, n, "days")) {
        return;
    }
    unsigned days = 0;
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        struct slice text;
        unsigned some = 0;
        char quoted[NAME_QUOTE_SIZE];
        if (!yaml_read_text(&ld->r, item, "a day", &text)) {
            continue;
        }
        if (!read_days(text, &some)) {
            yaml_complain(&ld->r, item,
                          "a day must be mon, tue, wed, thu, fri, sat, sun or a range such as "
                          "mon-fri, not \"%s\"",
                          name_quote(text, quoted));
            continue;
        }
        if ((days & some) != 0) {
            yaml_complain(&ld->r, item, "\"%s\" names a day that is listed already",
                          name_quote(text, quoted));
        }
        days |= some;
    }
    when->days = (unsigned char)days;
}

/* ---- hours ---- */

static unsigned two_digits(const char *p)
{
    return (unsigned)(p[0] - '0') * 10U + (unsigned)(p[1] - '0');
}

/* read_clock - "08:30" as minutes of the day; 24:00 is the end of it. */
static bool read_clock(struct slice s, unsigned *ret)
{
    if (s.len != 5 || s.ptr[2] != ':') {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (i != 2 && !ascii_is_digit(s.ptr[i])) {
            return false;
        }
    }
    const unsigned minutes = two_digits(s.ptr + 3);
    *ret = two_digits(s.ptr) * 60U + minutes;
    return minutes < 60 && *ret <= DAY_MINUTES;
}

static bool read_hours(struct loader *ld, const struct yaml_node *n, struct minutes *ret)
{
    struct slice text;
    unsigned from = 0;
    unsigned to = 0;
    char quoted[NAME_QUOTE_SIZE];
    if (!yaml_read_text(&ld->r, n, "hours", &text)) {
        return false;
    }
    if (text.len != 11 || text.ptr[5] != '-' || !read_clock((struct slice){text.ptr, 5}, &from) ||
        !read_clock((struct slice){text.ptr + 6, 5}, &to) || from == DAY_MINUTES || to == 0) {
        yaml_complain(&ld->r, n,
                      "hours must be written as \"08:00-18:00\", from 00:00 to 24:00, not \"%s\"",
                      name_quote(text, quoted));
        return false;
    }
    if (from == to) {
        yaml_complain(&ld->r, n,
                      "hours \"%s\" begin and end at once: for the whole day leave hours out",
                      name_quote(text, quoted));
        return false;
    }
    *ret = (struct minutes){(unsigned short)from, (unsigned short)to};
    return true;
}

static void load_hours(struct loader *ld, const struct yaml_node *n, struct time_window *when)
{
    if (!yaml_check_list(&ld->r, n, "hours")) {
        return;
    }
    when->hours = load_array(ld, n->num, sizeof(*when->hours));
    for (const struct yaml_node *item = n->first; item != NULL && when->hours != NULL;
         item = item->next) {
        if (read_hours(ld, item, &when->hours[when->num_hours])) {
            when->num_hours++;
        }
    }
}

/* ---- the place ---- */

static void free_zone(void *zone)
{
    zone_free(zone);
}

/* find_zone - one of each name, however many rules have it. */
static const struct zone *find_zone(struct loader *ld, const struct yaml_node *n, struct slice name)
{
    struct zone *zone = NULL;
    struct cb_err err;
    for (const struct load_zone *z = ld->zones; z != NULL; z = z->next) {
        if (slice_eq(z->name, name)) {
            return z->zone;
        }
    }
    if (zone_new(name, &zone, &err) != CB_OK) {
        yaml_complain(&ld->r, n, "zone: %s", err.msg);
        return NULL;
    }
    struct load_zone *known = load_array(ld, 1, sizeof(*known));
    if (!load_own(ld, zone, free_zone) || known == NULL) {
        return NULL;
    }
    *known = (struct load_zone){load_keep(ld, name), zone, ld->zones};
    ld->zones = known;
    return zone;
}

static void load_zone_of(struct loader *ld, const struct yaml_node *n, struct time_window *when)
{
    struct slice name = SLICE("UTC");
    if (n == NULL || yaml_read_text(&ld->r, n, "zone", &name)) {
        when->zone = find_zone(ld, n, name);
    }
}

/* ---- the fields ---- */

void load_when(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    static const char *const keys[] = {"days", "hours", "zone", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"day", "days"},   {"weekdays", "days"}, {"time", "hours"}, {"times", "hours"},
        {"hour", "hours"}, {"timezone", "zone"}, {"tz", "zone"},    {NULL, NULL}};
    rule->at[REASON_TIME] = load_pos(ld, n);
    if (n != NULL && n->kind != YAML_MAP) {
        yaml_complain(&ld->r, n,
                      "when must be a map such as { days: [mon-fri], hours: [\"08:00-18:00\"], "
                      "zone: Europe/Amsterdam }");
        return;
    }
    if (n == NULL || !load_map(ld, n, "when", keys, synonyms)) {
        return;
    }
    const struct yaml_node *days = yaml_get(n, "days");
    const struct yaml_node *hours = yaml_get(n, "hours");
    struct time_window *when = load_array(ld, 1, sizeof(*when));
    if (when == NULL) {
        return;
    }
    when->days = ALL_DAYS;
    load_days(ld, days, when);
    load_hours(ld, hours, when);
    load_zone_of(ld, yaml_get(n, "zone"), when);
    if (days == NULL && hours == NULL) {
        yaml_complain(&ld->r, n, "when needs days, hours or both");
    } else if (hours == NULL && days->num > 0 && when->days == ALL_DAYS) {
        load_warn(ld, n, "when has no effect: it lists all days, and no hours");
    }
    rule->when = when;
}

void load_from(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    rule->at[REASON_SOURCE] = load_pos(ld, n);
    if (!yaml_check_list(&ld->r, n, "from")) {
        return;
    }
    rule->from.items = load_array(ld, n->num, sizeof(*rule->from.items));
    for (const struct yaml_node *item = n->first; item != NULL && rule->from.items != NULL;
         item = item->next) {
        struct slice text;
        struct cb_err err;
        struct pattern *p = &rule->from.items[rule->from.num];
        if (!yaml_read_text(&ld->r, item, "a network", &text)) {
            continue;
        }
        if (pattern_classify(text) != NAME_IP) {
            char quoted[NAME_QUOTE_SIZE];
            yaml_complain(&ld->r, item,
                          "from lists addresses and networks such as 10.20.0.0/16, not \"%s\"",
                          name_quote(text, quoted));
            continue;
        }
        if (pattern_parse(&ld->policy->arena, NAME_IP, text, p, &err) != CB_OK) {
            yaml_complain(&ld->r, item, "%s", err.msg);
            continue;
        }
        p->at = load_pos(ld, item);
        rule->from.num++;
        if (p->bits == 0) {
            load_warn(ld, item, "this network is every address there is");
        }
    }
}
