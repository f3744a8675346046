/* load.c - see policy.h: from a file to a struct policy. Drives the loader's parts, links each
 * client to the rules that name it, and owns the policy. Decides nothing. */
#include "policy/load.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define POLICY_CAP ((size_t)1 << 30) /* bytes of rules and patterns */

void policy_free(struct policy *policy)
{
    if (policy == NULL) {
        return;
    }
    table_free(&policy->client_ids);
    table_free(&policy->cred_index);
    arena_free(&policy->arena);
    yaml_doc_free(policy->doc);
    free(policy);
}

static void load_version(struct loader *ld, const struct yaml_node *root)
{
    const struct yaml_node *n = yaml_get(root, "version");
    uint64_t version = 0;
    if (n == NULL) {
        yaml_complain(&ld->r, root, "version is missing: a policy begins with version: 1");
    }
    (void)yaml_read_u64(&ld->r, n, "version", 1, 1, &version);
}

static void load_root(struct loader *ld)
{
    static const char *const keys[] = {"version", "clients", "rules", NULL};
    const struct yaml_node *root = yaml_root(ld->policy->doc);
    (void)yaml_check_keys(&ld->r, root, "a policy", keys);
    if (root->kind != YAML_MAP) {
        return;
    }
    load_version(ld, root);
    const struct yaml_node *clients = yaml_get(root, "clients");
    const struct yaml_node *rules = yaml_get(root, "rules");
    if (clients == NULL) {
        yaml_complain(&ld->r, root, "clients is missing: a map from client id to its auth: list");
    } else {
        load_clients(ld, clients);
    }
    if (rules == NULL) {
        yaml_complain(&ld->r, root, "rules is missing: a list of what the clients may do");
    } else {
        load_rules(ld, rules);
    }
}

/* ---- each client's own rules, so that deciding costs nothing for other clients' rules ---- */

static struct rule_refs *refs_of(struct policy *p, const struct rule *rule, size_t i)
{
    if (rule->deny && rule->num_clients == 0) {
        return &p->deny_everybody;
    }
    struct policy_client *client = &p->clients[rule->clients[i]];
    return rule->deny ? &client->deny : &client->allow;
}

static size_t num_refs(const struct rule *rule)
{
    return rule->deny && rule->num_clients == 0 ? 1 : rule->num_clients;
}

static void make_refs(struct loader *ld, struct rule_refs *refs)
{
    if (refs->num > 0) {
        refs->items = load_array(ld, refs->num, sizeof(const struct rule *));
        refs->num = 0;
    }
}

static void link_rules(struct loader *ld)
{
    struct policy *p = ld->policy;
    for (size_t r = 0; r < p->num_rules; r++) {
        for (size_t i = 0; i < num_refs(&p->rules[r]); i++) {
            refs_of(p, &p->rules[r], i)->num++;
        }
    }
    make_refs(ld, &p->deny_everybody);
    for (size_t c = 0; c < p->num_clients; c++) {
        make_refs(ld, &p->clients[c].deny);
        make_refs(ld, &p->clients[c].allow);
    }
    for (size_t r = 0; r < p->num_rules && !ld->no_memory; r++) {
        for (size_t i = 0; i < num_refs(&p->rules[r]); i++) {
            struct rule_refs *refs = refs_of(p, &p->rules[r], i);
            refs->items[refs->num++] = &p->rules[r];
        }
    }
}

/* ---- the whole ---- */

static bool digest(struct policy *p)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const struct slice bytes = yaml_bytes(p->doc);
    if (EVP_Digest(bytes.ptr, bytes.len, hash, &len, EVP_sha256(), NULL) != 1 ||
        len != SHA256_LEN) {
        return false;
    }
    hex_encode(hash, SHA256_LEN, p->sha256);
    return true;
}

static enum cb_code build(struct policy *p, int64_t now_s, struct diag_list *diags)
{
    struct loader ld = {.r = {p->doc, diags}, .policy = p, .now_s = now_s};
    const size_t errors_before = diag_num_errors(diags);
    load_root(&ld);
    if (diag_num_errors(diags) == errors_before && !ld.no_memory) {
        link_rules(&ld);
    }
    if (ld.no_memory) {
        yaml_complain(&ld.r, NULL, "out of memory");
    } else if (!digest(p)) {
        yaml_complain(&ld.r, NULL, "the SHA-256 of the file could not be computed");
    }
    yaml_drop_tree(p->doc);
    return diag_num_errors(diags) == errors_before ? CB_OK : CB_EINPUT;
}

/* from_doc - takes the document over, also on failure. */
static enum cb_code from_doc(struct yaml_doc *doc, int64_t now_s, struct diag_list *diags,
                             struct policy **ret)
{
    struct policy *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        diag_add(diags, DIAG_ERROR, (struct diag_place){.file = yaml_file(doc)}, "out of memory");
        yaml_doc_free(doc);
        return CB_EINPUT;
    }
    arena_init(&p->arena, POLICY_CAP);
    p->doc = doc;
    const enum cb_code code = build(p, now_s, diags);
    if (code != CB_OK) {
        policy_free(p);
        return code;
    }
    *ret = p;
    return CB_OK;
}

enum cb_code policy_load(const char *path, int64_t now_s, struct diag_list *diags,
                         struct policy **ret)
{
    struct yaml_doc *doc = NULL;
    TRY(yaml_load_file(path, diags, &doc));
    return from_doc(doc, now_s, diags, ret);
}

enum cb_code policy_load_bytes(const char *file, struct slice bytes, int64_t now_s,
                               struct diag_list *diags, struct policy **ret)
{
    struct yaml_doc *doc = NULL;
    TRY(yaml_load_bytes(file, bytes, diags, &doc));
    return from_doc(doc, now_s, diags, ret);
}

/* ---- what a loaded policy says about itself ---- */

const char *policy_sha256(const struct policy *policy)
{
    return policy->sha256;
}

struct slice policy_bytes(const struct policy *policy)
{
    return yaml_bytes(policy->doc);
}

const char *policy_file(const struct policy *policy)
{
    return yaml_file(policy->doc);
}

size_t policy_num_rules(const struct policy *policy)
{
    return policy->num_rules;
}

size_t policy_num_clients(const struct policy *policy)
{
    return policy->num_clients;
}

const char *policy_rule_id(const struct policy *policy, size_t i)
{
    return policy->rules[i].id;
}

size_t policy_rule_profiles(const struct policy *policy, size_t rule, const char *const **ret)
{
    const struct issue_rule *issue = policy->rules[rule].issue;
    *ret = issue == NULL ? NULL : issue->profiles;
    return issue == NULL ? 0 : issue->num_profiles;
}

struct diag_place policy_rule_place(const struct policy *policy, size_t i)
{
    const struct pos pos = policy->rules[i].pos;
    return (struct diag_place){policy_file(policy), pos.line, pos.col};
}
