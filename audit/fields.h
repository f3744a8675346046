/* fields.h - the schema of a record, as one table: which member of struct audit_event goes under
 * which JSON key, in which order, and how long it may be. The encoder and the parser both walk it,
 * so they cannot disagree. examples/audit-record.schema.json says the same for other programs. */
#ifndef AUDIT_FIELDS_H
#define AUDIT_FIELDS_H

#include "audit/event.h"

enum field_group { GROUP_TOP, GROUP_WHO, GROUP_WANT, GROUP_UPSTREAM, GROUP_GRANTED, GROUP_COUNT };

enum field_kind {
    FIELD_TEXT,  /* struct slice, cut at max bytes */
    FIELD_NAME,  /* struct slice, never cut: what was asked or granted must stay whole */
    FIELD_WHOLE, /* struct slice, left out whole when the line would get too long */
    FIELD_U64,   /* UINT64_MAX: absent */
    FIELD_LIST,  /* const struct slice *, and its count: ["a","b"] */
    FIELD_PAIRS, /* const struct audit_kv *, and its count: {"C":"NL"}; a key may repeat in X.509,
                    so [["C","NL"],["OU","a"],["OU","b"]] */
};

struct field {
    enum field_group group;
    enum field_kind kind;
    const char *key;
    size_t at;  /* offset in struct audit_event */
    size_t num; /* offset of the count, for lists and pairs */
    size_t max; /* bytes before escaping, for FIELD_TEXT */
};

#define FIELD_COUNT 89
extern const struct field audit_fields[FIELD_COUNT];
extern const char *const audit_group_key[GROUP_COUNT]; /* "" for the top level */

#endif
