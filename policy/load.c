/* load.c - see policy.h: from files to a struct policy. Drives the loader's parts: first what all
 * files say about clients, then about groups, then their rules, so that it does not matter what stands
 * where. Decides nothing. */
#include "policy/load.h"
#include "policy/wide.h"

#include <malloc.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define POLICY_CAP ((size_t)1 << 30) /* bytes of rules and patterns */
#define TRIM_MIN (1U << 20)          /* bytes of a policy whose trees were worth giving back */
#define WARN_BEFORE_S (14LL * 86400) /* the default of settings: warn_before */
#define SUGGEST_COMPARISONS 2000000U /* spelling comparisons in one load, so that it stays fast */

/* What stands at the top of each file; NULL: it does not. */
struct parts {
    const struct yaml_node **clients;
    const struct yaml_node **groups;
    const struct yaml_node **rules;
    size_t num_clients, num_auth, num_groups, num_rules; /* of all files, at most */
};

void load_enter(struct loader *ld, size_t file)
{
    ld->r.doc = ld->docs[file];
    ld->file = (unsigned short)file;
}

bool load_is_hopeless(const struct loader *ld)
{
    return diag_num_errors(ld->r.diags) > LOAD_ERRORS_MAX;
}

/* complain_whole - about the policy, not about one of its files. */
static void complain_whole(struct loader *ld, const char *why)
{
    diag_add(ld->r.diags, DIAG_ERROR, (struct diag_place){.file = ld->policy->path}, "%s", why);
}

/* ---- one pass over all files for what is at the top ---- */

static void load_version(struct loader *ld, const struct yaml_node *root)
{
    const struct yaml_node *n = yaml_get(root, "version");
    uint64_t version = 0;
    if (n == NULL) {
        yaml_complain(&ld->r, root, "version is missing: a policy begins with version: 1");
    }
    (void)yaml_read_u64(&ld->r, n, "version", 1, 1, &version);
}

static void load_top(struct loader *ld, struct parts *parts)
{
    static const char *const keys[] = {"version", "settings", "scope", "clients",
                                       "groups",  "rules",    NULL};
    static const struct yaml_synonym synonyms[] = {
        {"scopes", "scope"}, {"client", "clients"}, {"policies", "rules"}, {NULL, NULL}};
    const struct yaml_node *root = yaml_root(ld->r.doc);
    if (!load_map(ld, root, "a policy", keys, synonyms)) {
        ld->incomplete = true;
        return;
    }
    load_version(ld, root);
    parts->clients[ld->file] = yaml_get(root, "clients");
    parts->groups[ld->file] = yaml_get(root, "groups");
    parts->rules[ld->file] = yaml_get(root, "rules");
}

/* load_all_settings - of the first file, which alone may have them. */
static void load_all_settings(struct loader *ld)
{
    const struct policy *p = ld->policy;
    struct pos first = {0};
    for (size_t file = 0; file < p->num_sources; file++) {
        const struct yaml_node *n =
            ld->docs[file] == NULL ? NULL : yaml_get(yaml_root(ld->docs[file]), "settings");
        char where[LOAD_WHERE_SIZE];
        if (n == NULL) {
            continue;
        }
        load_enter(ld, file);
        if (first.line != 0) {
            diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                     "settings are here a second time: a policy has them once, and the first ones "
                     "are in %s",
                     load_where(ld, first, where));
            continue;
        }
        first = load_pos(ld, n);
        if (file > 0) {
            diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                     "settings must be in the first file of the folder, %s: put them there",
                     p->sources[0].name);
        }
        load_settings(ld, n);
    }
}

/* ---- sizes, so that each array is made once ---- */

static void count_auth(struct parts *parts, const struct yaml_node *clients)
{
    for (const struct yaml_node *n = clients->first; n != NULL; n = n->next) {
        const struct yaml_node *auth = yaml_get(n, "auth");
        parts->num_auth += auth == NULL ? 0 : auth->num;
    }
}

/* count_part - one file's clients, groups or rules. False: they are too many now, and said to be. */
static bool count_part(struct loader *ld, size_t file, const struct yaml_node *part,
                       const char *what, size_t *num)
{
    if (part == NULL) {
        return true;
    }
    *num += part->num;
    if (*num > LOAD_PARTS_MAX) {
        load_enter(ld, file);
        yaml_complain(&ld->r, part, "the policy holds more than %u %s", LOAD_PARTS_MAX, what);
        return false;
    }
    return true;
}

static bool count_parts(struct loader *ld, struct parts *parts)
{
    bool good = true;
    for (size_t i = 0; i < ld->policy->num_sources && good; i++) {
        good = count_part(ld, i, parts->clients[i], "clients", &parts->num_clients) &&
               count_part(ld, i, parts->groups[i], "groups", &parts->num_groups) &&
               count_part(ld, i, parts->rules[i], "rules", &parts->num_rules);
        if (parts->clients[i] != NULL) {
            count_auth(parts, parts->clients[i]);
        }
    }
    return good;
}

static bool make_arrays(struct loader *ld, const struct parts *parts)
{
    struct policy *p = ld->policy;
    p->clients = load_array(ld, parts->num_clients, sizeof(*p->clients));
    p->creds = load_array(ld, parts->num_auth, sizeof(*p->creds));
    p->wide = load_array(ld, parts->num_auth, sizeof(*p->wide));
    p->wide_shapes = load_array(ld, WIDE_SHAPES_MAX, sizeof(*p->wide_shapes));
    p->rules = load_array(ld, parts->num_rules, sizeof(*p->rules));
    ld->no_memory = ld->no_memory ||
                    !table_reserve(&p->client_ids, parts->num_clients + parts->num_groups) ||
                    !table_reserve(&p->cred_index, parts->num_auth) ||
                    !table_reserve(&ld->rule_ids, parts->num_rules);
    return !ld->no_memory;
}

/* ---- clients, groups, rules ---- */

static void load_all_clients(struct loader *ld, const struct parts *parts)
{
    bool any = ld->incomplete;
    for (size_t file = 0; file < ld->policy->num_sources; file++) {
        if (parts->clients[file] == NULL) {
            continue;
        }
        any = true;
        load_enter(ld, file);
        load_clients(ld, parts->clients[file]);
        yaml_drop_branch(ld->docs[file], parts->clients[file]);
    }
    if (!any && ld->policy->num_sources == 1) {
        yaml_complain(&ld->r, yaml_root(ld->r.doc),
                      "clients is missing: a map from client id to its auth: list");
    } else if (!any) {
        complain_whole(ld, "no file has clients: a map from client id to its auth: list");
    }
    ld->incomplete = ld->incomplete || !any;
}

/* load_own_scope - scope: of the file itself, beside what the settings say about it. */
static void load_own_scope(struct loader *ld)
{
    const struct yaml_node *n = yaml_get(yaml_root(ld->r.doc), "scope");
    ld->num_scopes = 0;
    if (ld->settings_scopes[ld->file] != NULL) {
        ld->scopes[ld->num_scopes++] = ld->settings_scopes[ld->file];
    }
    const struct pattern_list *own = load_scope(ld, n);
    if (own != NULL) {
        ld->scopes[ld->num_scopes++] = own;
    }
    struct policy_source *source = &ld->policy->sources[ld->file];
    memcpy(source->scopes, ld->scopes, sizeof(ld->scopes));
    source->num_scopes = ld->num_scopes;
}

/* warn_of_end - one that has ended is told of where its date is read. */
static void warn_of_end(struct loader *ld, const struct rule *rule)
{
    if (!rule->deny && rule->until_s != INT64_MAX && rule->until_s > ld->now_s &&
        rule->until_s - ld->now_s <= ld->settings->warn_before_s) {
        diag_add(ld->r.diags, DIAG_WARNING, rule_place(ld->policy, rule->at[REASON_RULE_EXPIRED]),
                 "rule \"%s\" expires soon (%s)", rule->id, rule->until_text);
    }
}

static void load_rules_of(struct loader *ld, const struct yaml_node *rules)
{
    struct policy *p = ld->policy;
    size_t i = p->num_rules;
    load_rules(ld, rules);
    for (; i < p->num_rules; i++) {
        memcpy(p->rules[i].scopes, ld->scopes, sizeof(ld->scopes));
        p->rules[i].num_scopes = ld->num_scopes;
        warn_of_end(ld, &p->rules[i]);
    }
}

static void load_all_rules(struct loader *ld, const struct parts *parts, bool any)
{
    for (size_t file = 0; file < ld->policy->num_sources && !ld->no_memory; file++) {
        if (ld->docs[file] == NULL) {
            continue;
        }
        load_enter(ld, file);
        load_own_scope(ld);
        if (parts->rules[file] != NULL) {
            any = true;
            load_rules_of(ld, parts->rules[file]);
            yaml_drop_branch(ld->docs[file], parts->rules[file]);
        }
    }
    if (!any && ld->policy->num_sources == 1) {
        yaml_complain(&ld->r, yaml_root(ld->r.doc),
                      "rules is missing: a list of what the clients may do");
    } else if (!any) {
        complain_whole(ld, "no file has rules: a list of what the clients may do");
    }
}

static void load_parts(struct loader *ld, struct parts *parts)
{
    const struct policy *p = ld->policy;
    for (size_t file = 0; file < p->num_sources; file++) {
        if (ld->docs[file] != NULL) {
            load_enter(ld, file);
            load_top(ld, parts);
        }
    }
    load_all_settings(ld);
    if (!count_parts(ld, parts) || !make_arrays(ld, parts)) {
        return;
    }
    const bool any_rules = ld->incomplete; /* for all we know */
    load_all_clients(ld, parts);
    ld->suggestions_left = SUGGEST_COMPARISONS;
    ld->references_left = LOAD_REFERENCES_MAX;
    load_groups(ld, parts->groups, parts->num_groups);
    ld->references_left = LOAD_REFERENCES_MAX;
    load_all_rules(ld, parts, any_rules);
}

/* ---- the whole ---- */

static bool digest(struct policy *p)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(p->bytes.ptr, p->bytes.len, hash, &len, EVP_sha256(), NULL) != 1 ||
        len != SHA256_LEN) {
        return false;
    }
    hex_encode(hash, SHA256_LEN, p->sha256);
    return true;
}

/* parse - all files, also after one that is no YAML. False: there is nothing to go on with. */
static bool parse(struct loader *ld)
{
    const struct policy *p = ld->policy;
    size_t num_nodes = 0;
    bool any = false;
    for (size_t i = 0; i < p->num_sources; i++) {
        if (yaml_parse(p->sources[i].path, p->sources[i].bytes, ld->r.diags, &ld->docs[i]) !=
            CB_OK) {
            ld->incomplete = true;
            continue;
        }
        any = true;
        num_nodes += ld->docs[i]->num_nodes;
        if (num_nodes > YAML_NODES_MAX) {
            complain_whole(ld, "the files hold more values together than can be read");
            return false;
        }
    }
    return any;
}

static void load_docs(struct loader *ld)
{
    const size_t num = ld->policy->num_sources;
    struct parts parts = {0};
    parts.clients = calloc(num, sizeof(struct yaml_node *));
    parts.groups = calloc(num, sizeof(struct yaml_node *));
    parts.rules = calloc(num, sizeof(struct yaml_node *));
    ld->settings_scopes = load_array(ld, num, sizeof(const struct pattern_list *));
    if (parts.clients == NULL || parts.groups == NULL || parts.rules == NULL ||
        ld->settings_scopes == NULL) {
        ld->no_memory = true;
    } else {
        load_parts(ld, &parts);
    }
    free(parts.clients);
    free(parts.groups);
    free(parts.rules);
}

static void build(struct loader *ld)
{
    const size_t errors_before = diag_num_errors(ld->r.diags);
    if (parse(ld)) {
        load_docs(ld);
    }
    if (diag_num_errors(ld->r.diags) == errors_before && !ld->no_memory) {
        load_link(ld);
    }
    if (ld->no_memory) {
        complain_whole(ld, "out of memory, or the policy needs more than 1 GiB of it");
    } else if (!digest(ld->policy)) {
        complain_whole(ld, "the SHA-256 of the policy could not be computed");
    }
}

/* from_sources - takes the policy over; it is freed where it can't be built. */
static enum cb_code from_sources(struct policy *p, int64_t now_s, struct diag_list *diags,
                                 struct policy **ret)
{
    const size_t errors_before = diag_num_errors(diags);
    p->settings.warn_before_s = WARN_BEFORE_S;
    struct loader ld = {.r = {NULL, diags}, .policy = p, .now_s = now_s, .settings = &p->settings};
    ld.docs = calloc(p->num_sources, sizeof(struct yaml_doc *));
    if (ld.docs == NULL) {
        complain_whole(&ld, "out of memory");
    } else {
        build(&ld);
    }
    for (size_t i = 0; i < p->num_sources && ld.docs != NULL; i++) {
        yaml_doc_free(ld.docs[i]);
    }
    free(ld.docs);
    table_free(&ld.rule_ids);
    if (p->bytes.len >= TRIM_MIN) {
        (void)malloc_trim(0);
    }
    if (diag_num_errors(diags) != errors_before) {
        policy_free(p);
        return CB_EINPUT;
    }
    *ret = p;
    return CB_OK;
}

static struct policy *new_policy(const char *file, struct diag_list *diags)
{
    struct policy *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        diag_add(diags, DIAG_ERROR, (struct diag_place){.file = file}, "out of memory");
    } else {
        arena_init(&p->arena, POLICY_CAP);
    }
    return p;
}

enum cb_code policy_load(const char *path, int64_t now_s, struct diag_list *diags,
                         struct policy **ret)
{
    struct policy *p = new_policy(path, diags);
    if (p == NULL || load_sources(p, path, diags) != CB_OK) {
        policy_free(p);
        return CB_EINPUT;
    }
    return from_sources(p, now_s, diags, ret);
}

enum cb_code policy_load_bytes(const char *file, struct slice bytes, int64_t now_s,
                               struct diag_list *diags, struct policy **ret)
{
    struct policy *p = new_policy(file, diags);
    if (p == NULL || load_sources_bytes(p, file, bytes, diags) != CB_OK) {
        policy_free(p);
        return CB_EINPUT;
    }
    return from_sources(p, now_s, diags, ret);
}
