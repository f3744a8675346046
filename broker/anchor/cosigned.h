/* cosigned.h - the newest checkpoint that any witness has cosigned, with all their signatures under
 * it. Private to broker/anchor/. One owner at a time. */
#ifndef BROKER_ANCHOR_COSIGNED_H
#define BROKER_ANCHOR_COSIGNED_H

#include "audit/tlog/note.h"

struct cosigned {
    struct buf note;
    uint64_t size; /* of its tree */
    bool is_set;
};

void cosigned_init(struct cosigned *c);
void cosigned_free(struct cosigned *c);
/* cosigned_add - a witness's signature line (with its newline) for a checkpoint of this size, whose note
 * as the log signed it is given. A newer checkpoint replaces the one before; an earlier line of the same
 * witness goes. False: there is a newer one, or no room; nothing has changed. */
bool cosigned_add(struct cosigned *c, struct slice note, uint64_t size, struct slice line);

#endif
