/* load_groups.c - the groups: part of a policy: names for several clients and groups at once. */
#include "policy/load.h"

#include <stdio.h>
#include <stdlib.h>

/* A group while its members are worked out. */
struct pending {
    const struct yaml_node *members; /* the list; NULL: there is none */
    const struct yaml_node *next;    /* the member that is looked at next */
    unsigned short file;
    bool is_open; /* it is on the path */
    bool is_done;
    size_t depth; /* where on the path */
};

struct grouping {
    struct loader *ld;
    struct pending *pending; /* of each group */
    size_t *path;            /* the groups that led to the one that is looked at */
    size_t depth;
};

/* ---- what there is ---- */

static const struct yaml_node *members_of(struct loader *ld, const struct yaml_node *n,
                                          struct group *group)
{
    static const char *const keys[] = {"description", "members", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"clients", "members"}, {"groups", "members"}, {NULL, NULL}};
    if (n->kind == YAML_LIST) {
        return yaml_check_list(&ld->r, n, "a group") ? n : NULL;
    }
    if (n->kind != YAML_MAP) {
        yaml_complain(&ld->r, n,
                      "a group must be a list of clients and groups, or a map with "
                      "members: and description:");
        return NULL;
    }
    (void)load_map(ld, n, "a group", keys, synonyms);
    group->description = load_note(ld, yaml_get(n, "description"), "description");
    const struct yaml_node *members = yaml_get(n, "members");
    if (members == NULL) {
        yaml_complain(&ld->r, n, "group \"%s\" needs members: a list of clients and groups",
                      group->id);
        return NULL;
    }
    return yaml_check_list(&ld->r, members, "members") ? members : NULL;
}

static bool id_is_free(struct loader *ld, const struct yaml_node *n)
{
    const struct policy *p = ld->policy;
    char quoted[NAME_QUOTE_SIZE];
    char where[LOAD_WHERE_SIZE];
    size_t index = 0;
    if (!load_id_valid(n->key)) {
        diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                 "group id \"%s\" " LOAD_ID_RULE, name_quote(n->key, quoted));
    }
    const bool is_client = table_get(&p->client_ids, PARTY_CLIENT, n->key, &index);
    if (!is_client && !table_get(&p->client_ids, PARTY_GROUP, n->key, &index)) {
        return true;
    }
    diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
             "group id \"%s\" is taken: there is a %s of this name in %s",
             name_quote(n->key, quoted), is_client ? "client" : "group",
             load_where(ld, is_client ? p->clients[index].pos : p->groups[index].pos, where));
    return false;
}

static void declare_group(struct grouping *g, const struct yaml_node *n)
{
    struct loader *ld = g->ld;
    struct policy *p = ld->policy;
    if (!id_is_free(ld, n)) {
        return;
    }
    const char *id = load_copy(ld, n->key);
    if (id == NULL ||
        !table_put(&p->client_ids, PARTY_GROUP, (struct slice){id, n->key.len}, p->num_groups)) {
        ld->no_memory = true;
        return;
    }
    struct group *group = &p->groups[p->num_groups];
    *group = (struct group){.id = id, .pos = load_pos(ld, n)};
    const struct yaml_node *members = members_of(ld, n, group);
    g->pending[p->num_groups] = (struct pending){
        .members = members, .next = members == NULL ? NULL : members->first, .file = ld->file};
    p->num_groups++;
}

/* ---- who is in which ---- */

/* complain_circle - "a (line 3) -> b (line 5) -> a": along the path from where the circle closes. */
static void complain_circle(struct grouping *g, const struct yaml_node *at, size_t first)
{
    const struct policy *p = g->ld->policy;
    char where[LOAD_WHERE_SIZE];
    char shown[300];
    size_t used = 0;
    for (size_t i = g->pending[first].depth; i < g->depth && used < sizeof(shown); i++) {
        const struct group *group = &p->groups[g->path[i]];
        const int n = snprintf(shown + used, sizeof(shown) - used, "%s (%s) -> ", group->id,
                               load_where(g->ld, group->pos, where));
        used += n > 0 ? (size_t)n : 0;
    }
    yaml_complain(&g->ld->r, at, "these groups are members of themselves: %s%s", shown,
                  used < sizeof(shown) ? p->groups[first].id : "...");
}

static void enter(struct grouping *g, size_t index)
{
    g->pending[index].is_open = true;
    g->pending[index].depth = g->depth;
    g->path[g->depth++] = index;
}

/* leave - all groups among the members are done. */
static void leave(struct grouping *g, size_t index)
{
    struct group *group = &g->ld->policy->groups[index];
    struct pending *pending = &g->pending[index];
    struct party_list list = {0};
    if (pending->members != NULL) {
        load_enter(g->ld, pending->file);
        (void)load_parties(g->ld, pending->members, "members", &list);
    }
    group->clients = list.clients;
    group->num_clients = list.num_clients;
    pending->is_open = false;
    pending->is_done = true;
    g->depth--;
}

static void look_at(struct grouping *g, const struct yaml_node *member, unsigned short file)
{
    size_t index = 0;
    if (member->kind != YAML_SCALAR ||
        !table_get(&g->ld->policy->client_ids, PARTY_GROUP, member->text, &index)) {
        return;
    }
    if (g->pending[index].is_open) {
        load_enter(g->ld, file);
        complain_circle(g, member, index);
    } else if (!g->pending[index].is_done) {
        enter(g, index);
    }
}

/* resolve - without recursion: how deep groups are nested is up to the file. */
static void resolve(struct grouping *g, size_t first)
{
    if (g->pending[first].is_done) {
        return;
    }
    enter(g, first);
    while (g->depth > 0) {
        const size_t index = g->path[g->depth - 1];
        struct pending *top = &g->pending[index];
        const struct yaml_node *member = top->next;
        if (member == NULL) {
            leave(g, index);
            continue;
        }
        top->next = member->next;
        look_at(g, member, top->file);
    }
}

static void declare_groups(struct grouping *g, const struct yaml_node *groups)
{
    if (groups->kind != YAML_MAP || groups->num == 0) {
        yaml_complain(&g->ld->r, groups,
                      "groups must be a map from group id to its members, with at least one group");
        return;
    }
    for (const struct yaml_node *n = groups->first; n != NULL && !g->ld->no_memory; n = n->next) {
        declare_group(g, n);
    }
}

void load_groups(struct loader *ld, const struct yaml_node *const *groups, size_t num)
{
    struct policy *p = ld->policy;
    struct grouping g = {.ld = ld};
    p->groups = load_array(ld, num, sizeof(*p->groups));
    g.pending = calloc(num, sizeof(*g.pending));
    g.path = calloc(num, sizeof(*g.path));
    if (p->groups == NULL || g.pending == NULL || g.path == NULL) {
        ld->no_memory = true;
    }
    for (size_t file = 0; file < p->num_sources && !ld->no_memory; file++) {
        if (groups[file] != NULL) {
            load_enter(ld, file);
            declare_groups(&g, groups[file]);
        }
    }
    for (size_t i = 0; i < p->num_groups && !ld->no_memory; i++) {
        resolve(&g, i);
    }
    free(g.pending);
    free(g.path);
}
