/* load.h - inside policy/ only: what the parts of the loader share.
 *
 * load.c drives; load_clients.c, load_rules.c and load_conditions.c each turn one part of the tree
 * into the structs of rule.h. All go on after an error: the diags decide in the end. */
#ifndef POLICY_LOAD_H
#define POLICY_LOAD_H

#include "policy/rule.h"

struct loader {
    struct yaml_reader r;
    struct policy *policy;
    int64_t now_s;
    bool no_memory;
    const char **client_names; /* for "did you mean"; made when first needed */
    size_t suggestions_left;
};

void load_clients(struct loader *ld, const struct yaml_node *clients);
void load_rules(struct loader *ld, const struct yaml_node *rules);
/* load_conditions - the fields of an allow rule from names: to revoke:. */
void load_conditions(struct loader *ld, const struct yaml_node *n, struct rule *rule);
void load_names(struct loader *ld, const struct yaml_node *n, struct rule *rule);
void load_common_name(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue);

/* ---- load_fields.c ---- */
void *load_array(struct loader *ld, size_t num, size_t size); /* NULL: no_memory is set */
const char *load_copy(struct loader *ld, struct slice text);
struct pos load_pos(const struct yaml_node *n); /* of the key in front, if there is one */
void load_warn(struct loader *ld, const struct yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* load_map - complains about each key that is not allowed; true if there is a map to go on with. */
bool load_map(struct loader *ld, const struct yaml_node *n, const char *what,
              const char *const *allowed, const struct yaml_synonym *synonyms);
/* load_id_valid - 1 to 64 of a-z 0-9 . _ -, the first a letter or digit. */
bool load_id_valid(struct slice id);
#define LOAD_ID_RULE "must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit"
/* load_note - an optional text for people: at most max bytes without control characters. */
const char *load_note(struct loader *ld, const struct yaml_node *n, const char *what);
/* load_time_end - a date (valid through its last second) or a UTC time; the first second after. */
bool load_time_end(struct loader *ld, const struct yaml_node *n, const char *what, int64_t *ret_s);
/* load_printable - valid UTF-8 without control characters, 1..max bytes. */
bool load_printable(struct loader *ld, const struct yaml_node *n, const char *what, size_t max,
                    struct slice *ret);

#endif
