/* issued_room.h - how many more certificates a principal may have: what the index counts, and what
 * requests under way have reserved. Private to broker/issued, the index's thread only.
 *
 * Reservations are in memory: a restart ends every request, so it ends every one of them. One is
 * released after the outcome of its request was applied, so at no moment is a certificate neither
 * reserved nor counted. */
#ifndef BROKER_ISSUED_ISSUED_ROOM_H
#define BROKER_ISSUED_ISSUED_ROOM_H

#include "broker/issued/issued_db.h"

#define ROOM_CLAIMS_MAX 65536U /* far above the requests that can be under way at once */
#define ROOM_BUCKETS 512U

TAILQ_HEAD(hold_list, hold);

struct rooms {
    struct hold_list buckets[ROOM_BUCKETS];
    size_t num; /* claims */
};

void rooms_init(struct rooms *rooms);
void rooms_free(struct rooms *rooms);

/* rooms_claim - the answer to an ISSUED_CLAIM_ROOM. A certificate that the new one takes the place
 * of leaves its place to it: such a request always has room, even where the limit was lowered below
 * what there is. Not more than one is ever replaced by a request; one that would need two is
 * refused. */
enum cb_code rooms_claim(struct rooms *rooms, struct issued_db *db, struct issued_query *q,
                         struct cb_err *err) CB_MUST_USE;
/* rooms_look - the answer to an ISSUED_LOOK_ROOM: as rooms_claim, but nothing is taken. */
enum cb_code rooms_look(struct rooms *rooms, struct issued_db *db, struct issued_query *q,
                        struct cb_err *err) CB_MUST_USE;
void rooms_release(struct rooms *rooms, struct issued_claim *claim); /* NULL: no-op */

#endif
