/* zone.h - inside policy/ only: what clocks in a place show. */
#ifndef POLICY_ZONE_H
#define POLICY_ZONE_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct zone; /* opaque, immutable; any thread may ask it */

/* zone_new - "UTC", an offset such as "+01:00", or a place of the IANA time zone database
 * ("Europe/Amsterdam"; no one-word names such as CET, which mean different things to different
 * people). CB_EINPUT with what would be right; a place that this machine has no data for is one, too.
 * Only places need the database to be installed. */
enum cb_code zone_new(struct slice name, struct zone **ret, struct cb_err *err) CB_MUST_USE;
void zone_free(struct zone *zone);              /* NULL ok */
const char *zone_name(const struct zone *zone); /* as given to zone_new */

struct zone_time {
    unsigned weekday; /* 0 is Monday */
    unsigned minute;  /* of the day, 0..1439 */
};
/* zone_at - allocates nothing, and asks no file. Summer time is known up to the year 2100. */
struct zone_time zone_at(const struct zone *zone, int64_t unix_s);

#endif
