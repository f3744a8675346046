/* table.h - from a tagged text to a number, in constant time.
 *
 * For ids and credentials, known when a file is loaded and only looked up afterwards. The tag keeps
 * texts of different kinds apart. Nothing is ever removed. The zero struct is an empty table. */
#ifndef POLICY_TABLE_H
#define POLICY_TABLE_H

#include "broker/base/bytes.h"

struct table_slot {  /* 24 bytes: what is waited for is memory */
    const char *key; /* NULL: free */
    uint32_t len;
    uint32_t hash;
    uint32_t value;
    uint32_t tag;
};

struct table {
    struct table_slot *slots; /* owned */
    size_t room;              /* a power of two, or 0 */
    size_t num;
};

/* table_reserve - room for so many keys, so that it is made once. False: out of memory. */
bool table_reserve(struct table *t, size_t num) __attribute__((warn_unused_result));
/* table_put - remember a key that is not there yet (ask table_get first). The key's bytes are
 * borrowed and must outlive the table; it and the value are less than 4 Gi. False: out of memory. */
bool table_put(struct table *t, unsigned tag, struct slice key, size_t value)
    __attribute__((warn_unused_result));
/* table_get - false leaves *ret untouched. Any number of threads once nobody puts any more. */
bool table_get(const struct table *t, unsigned tag, struct slice key, size_t *ret);
void table_free(struct table *t); /* empty and usable afterwards */

#endif
