/* load.h - inside policy/ only: what the parts of the loader share.
 *
 * load_sources.c finds the files; load.c drives; each other load_*.c turns one part of the trees into
 * the structs of rule.h. All go on after an error: the diags decide in the end. */
#ifndef POLICY_LOAD_H
#define POLICY_LOAD_H

#include "policy/rule.h"
#include "policy/yaml_doc.h"

#define LOAD_FILES_MAX 1000U
#define LOAD_PARTS_MAX 500000U       /* clients; groups; rules */
#define LOAD_ERRORS_MAX 10000U       /* nobody mends more in one round: the rest is not looked at */
#define LOAD_REFERENCES_MAX 4000000U /* of rules to clients, groups counted by their members */

struct load_zone { /* a time zone that some rule has named */
    struct slice name;
    const struct zone *zone;
    const struct load_zone *next;
};

struct loader {
    struct yaml_reader r;   /* of the current file */
    struct yaml_doc **docs; /* of all files; NULL: this one is no YAML */
    struct policy *policy;
    int64_t now_s;
    unsigned short file; /* the current one, index in policy->sources */
    bool no_memory;
    bool incomplete; /* some file is no map: what seems to be missing may stand there */
    const struct policy_settings *settings; /* the defaults where the policy has none */
    /* What the names of the current file's rules must stay inside. */
    const struct pattern_list *scopes[RULE_SCOPES_MAX];
    unsigned num_scopes;
    const struct pattern_list *
        *settings_scopes;      /* of each file, from settings: scopes; NULL: none */
    struct table rule_ids;     /* id -> index in policy->rules */
    const char **client_names; /* and groups', for "did you mean"; made when first needed */
    size_t suggestions_left;
    const struct load_zone *zones;
    size_t num_lists;         /* of clients and groups, until now */
    size_t references_left;   /* see LOAD_REFERENCES_MAX */
    bool too_many_references; /* complained about */
};

/* load_enter - what is read from now on, and complained about, is in this file. */
void load_enter(struct loader *ld, size_t file);

bool load_is_hopeless(const struct loader *ld); /* see LOAD_ERRORS_MAX */

/* ---- load_sources.c: the files and their bytes, before anything is parsed ---- */
enum cb_code load_sources(struct policy *policy, const char *path,
                          struct diag_list *diags) CB_MUST_USE;
enum cb_code load_sources_bytes(struct policy *policy, const char *file, struct slice bytes,
                                struct diag_list *diags) CB_MUST_USE;

/* ---- load_settings.c, load_scope.c ---- */
void load_settings(struct loader *ld, const struct yaml_node *n);
/* load_scope - a map of lists of patterns; NULL: complained about, or nothing there. */
const struct pattern_list *load_scope(struct loader *ld, const struct yaml_node *n);

/* ---- clients and groups; the arrays in the policy have room for them ---- */
void load_clients(struct loader *ld, const struct yaml_node *clients);
/* load_groups - of all files: groups[i] is the groups: of file i or NULL, num the most there are. */
void load_groups(struct loader *ld, const struct yaml_node *const *groups, size_t num);

/* load_credential.c */
void load_mtls(struct loader *ld, const struct yaml_node *n, size_t client);
void load_bearer(struct loader *ld, const struct yaml_node *n, size_t client);
void load_jwt(struct loader *ld, const struct yaml_node *n, size_t client);

/* ---- load_party.c: who is meant where clients and groups are named ---- */
/* load_party - the client or group that a node names. False: complained about. */
bool load_party(struct loader *ld, const struct yaml_node *n, int *ret_tag, size_t *ret_index);

struct party_list {
    size_t *clients; /* indexes: those named, then the other members of the groups */
    size_t num_clients;
    size_t *groups; /* those that were named by a group */
    size_t num_groups;
};
/* load_parties - a list of clients and groups, with the members of the groups, each once. False: some
 * of it is wrong, and complained about; *ret holds the rest. */
bool load_parties(struct loader *ld, const struct yaml_node *n, const char *what,
                  struct party_list *ret);

/* ---- rules; policy->rules has room for them ---- */
void load_rules(struct loader *ld, const struct yaml_node *rules);
/* load_needs - does the rule lack this field? False also where another key was surely meant to be it,
 * about which it is complained already. */
bool load_needs(const struct yaml_node *rule_node, const char *key);
/* load_conditions - the fields of an allow rule from names: to revoke:. */
void load_conditions(struct loader *ld, const struct yaml_node *n, struct rule *rule);
/* load_names.c; what broad: says is known already */
void load_names(struct loader *ld, const struct yaml_node *n, struct rule *rule);
void load_common_name(struct loader *ld, const struct yaml_node *n, struct rule *rule);
/* load_subject.c, load_keys.c, load_when.c */
void load_subject(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue);
void load_keys(struct loader *ld, const struct yaml_node *n, struct key_rule *keys);
void load_when(struct loader *ld, const struct yaml_node *n, struct rule *rule);
void load_from(struct loader *ld, const struct yaml_node *n, struct rule *rule);
/* load_limits.c - max_names, max_validity, rate, max_active, auto_revoke_oldest of the rule n. */
void load_limits(struct loader *ld, const struct yaml_node *n, struct rule *rule);
/* load_profiles.c - how many; each with its place. */
size_t load_profiles(struct loader *ld, const struct yaml_node *n, const char ***ret,
                     struct pos **ret_at);
void load_usages(struct loader *ld, const struct yaml_node *n, struct text_list *ret);

/* ---- load_reach.c ---- */
/* load_check_broad - complains about a pattern that needs the word broad, which the rule lacks. */
void load_check_broad(struct loader *ld, const struct yaml_node *n, const struct rule *rule,
                      const struct pattern *p);
/* load_check_scope - complains about a pattern that reaches out of the file's scope. */
void load_check_scope(struct loader *ld, const struct yaml_node *n, const struct pattern *p);
void load_check_cn_text(struct loader *ld, const struct yaml_node *n);
/* load_check_reach - the fields that can't be told to stay inside the file's scope. */
void load_check_reach(struct loader *ld, const struct yaml_node *n, const struct rule *rule);

/* ---- load_checks.c: what is well written and still may not be meant ---- */
/* load_danger - a grant that wants a second look: a warning, an error where settings: strict. */
void load_danger(struct loader *ld, const struct yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* load_check_allow, load_check_deny - the rule as a whole, when all of it is read. */
void load_check_allow(struct loader *ld, const struct yaml_node *n, const struct rule *rule);
void load_check_deny(struct loader *ld, const struct yaml_node *n, const struct rule *rule);

/* ---- load_identities.c ---- */
bool load_is_scoped(const struct loader *ld, size_t file); /* by the settings or by itself */
/* load_check_identity - is this kind of credential allowed in the current file? Complains if not. */
void load_check_identity(struct loader *ld, const struct yaml_node *n, enum credential_kind kind);
/* load_check_takeovers - complains about credentials of scoped files that fit another file's patterns. */
void load_check_takeovers(struct loader *ld);

/* ---- load_link.c: what is worked out from all rules once they are there ---- */
void load_link(struct loader *ld);

/* ---- load_fields.c ---- */
void *load_array(struct loader *ld, size_t num, size_t size); /* NULL: no_memory is set */
const char *load_copy(struct loader *ld, struct slice text);
/* load_keep - text for as long as the policy: as it stands in the policy's bytes, else a copy. */
struct slice load_keep(struct loader *ld, struct slice text);
/* load_own - let the policy free something in the end. False: no memory; it is freed already. */
bool load_own(struct loader *ld, void *ptr, void (*free_fn)(void *ptr));
/* load_pos - in the current file, of the key in front, if there is one. */
struct pos load_pos(const struct loader *ld, const struct yaml_node *n);
/* load_where - an earlier place for a message: "line 12", or "10-base.yaml:12" of another file. */
#define LOAD_WHERE_SIZE 300
const char *load_where(const struct loader *ld, struct pos pos, char out[LOAD_WHERE_SIZE]);
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
