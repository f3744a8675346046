/* load_party.c - who is meant where clients and groups are named: by a rule, by delegate:, by a group.
 * Who there is, is load_clients.c's and load_groups.c's business. */
#include "policy/load.h"

/* suggest - the id nearest to a misspelt one. Looking through all of them has a limit, so that a
 * file full of unknown ids is refused fast, too. */
static const char *suggest(struct loader *ld, struct slice id)
{
    struct policy *p = ld->policy;
    const size_t num = p->num_clients + p->num_groups;
    if (ld->suggestions_left < num || diag_is_full(ld->r.diags)) {
        return NULL;
    }
    ld->suggestions_left -= num;
    if (ld->client_names == NULL) {
        ld->client_names = load_array(ld, num + 1, sizeof(*ld->client_names));
        for (size_t i = 0; ld->client_names != NULL && i < num; i++) {
            ld->client_names[i] =
                i < p->num_clients ? p->clients[i].id : p->groups[i - p->num_clients].id;
        }
    }
    return ld->client_names == NULL ? NULL : yaml_suggest(id, ld->client_names);
}

static void complain_unknown(struct loader *ld, const struct yaml_node *n, struct slice id)
{
    char quoted[NAME_QUOTE_SIZE];
    if (ld->incomplete) {
        return;
    }
    const char *meant = suggest(ld, id);
    yaml_complain(&ld->r, n, "there is no client%s \"%s\"%s%s%s",
                  ld->policy->num_groups > 0 ? " or group" : "", name_quote(id, quoted),
                  meant == NULL ? " under clients" : ": did you mean \"",
                  meant == NULL ? (ld->policy->num_groups > 0 ? " or groups" : "") : meant,
                  meant == NULL ? "" : "\"?");
}

bool load_party(struct loader *ld, const struct yaml_node *n, int *ret_tag, size_t *ret_index)
{
    struct slice id;
    if (!yaml_read_text(&ld->r, n, "a client id", &id)) {
        return false;
    }
    if (slice_eq(id, SLICE("*"))) {
        yaml_complain(&ld->r, n,
                      "there is no *: clients and groups are named one by one; a deny rule may "
                      "leave clients out, without it is about everybody");
        return false;
    }
    for (unsigned tag = PARTY_CLIENT; tag <= PARTY_GROUP; tag++) {
        if (table_get(&ld->policy->client_ids, tag, id, ret_index)) {
            *ret_tag = (int)tag;
            return true;
        }
    }
    complain_unknown(ld, n, id);
    return false;
}

/* ---- lists ---- */

/* num_meant - how many clients an entry of a list stands for. */
static size_t num_meant(const struct policy *p, const struct yaml_node *item)
{
    size_t index = 0;
    const bool is_group = p->num_groups > 0 && item->kind == YAML_SCALAR &&
                          table_get(&p->client_ids, PARTY_GROUP, item->text, &index);
    return is_group ? p->groups[index].num_clients : 1;
}

/* make_room - for all that the list may come to. */
static bool make_room(struct loader *ld, const struct yaml_node *n, struct party_list *list)
{
    const struct policy *p = ld->policy;
    size_t most = 0;
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        most += num_meant(p, item);
    }
    if (most > ld->references_left) {
        if (!ld->too_many_references) { /* say it once */
            yaml_complain(&ld->r, n,
                          "with this one the lists of clients hold more than %u, groups counted by "
                          "their members: write fewer lists with large groups",
                          LOAD_REFERENCES_MAX);
        }
        ld->too_many_references = true;
        return false;
    }
    ld->references_left -= most;
    list->clients =
        load_array(ld, most < p->num_clients ? most : p->num_clients, sizeof(*list->clients));
    if (p->num_groups > 0) {
        list->groups = load_array(ld, n->num, sizeof(*list->groups));
    }
    return list->clients != NULL && (p->num_groups == 0 || list->groups != NULL);
}

static bool complain_twice(struct loader *ld, const struct yaml_node *n, const char *what)
{
    char quoted[NAME_QUOTE_SIZE];
    yaml_complain(&ld->r, n, "%s \"%s\" is listed twice", what, name_quote(n->text, quoted));
    return false;
}

/* add_named - what an entry names itself: a client, or a group without its members yet. */
static bool add_named(struct loader *ld, const struct yaml_node *n, struct party_list *list)
{
    int tag = PARTY_CLIENT;
    size_t index = 0;
    if (!load_party(ld, n, &tag, &index)) {
        return false;
    }
    const bool is_group = tag == PARTY_GROUP;
    size_t *last =
        is_group ? &ld->policy->groups[index].last_list : &ld->policy->clients[index].last_list;
    if (*last == ld->num_lists) {
        return complain_twice(ld, n, is_group ? "group" : "client");
    }
    *last = ld->num_lists;
    if (is_group) {
        list->groups[list->num_groups++] = index;
    } else {
        list->clients[list->num_clients++] = index;
    }
    return true;
}

/* add_members - that a client is in a group and is named beside it is no mistake. */
static void add_members(struct loader *ld, const struct group *group, struct party_list *list)
{
    for (size_t i = 0; i < group->num_clients; i++) {
        struct policy_client *client = &ld->policy->clients[group->clients[i]];
        if (client->last_list != ld->num_lists) {
            client->last_list = ld->num_lists;
            list->clients[list->num_clients++] = group->clients[i];
        }
    }
}

bool load_parties(struct loader *ld, const struct yaml_node *n, const char *what,
                  struct party_list *ret)
{
    *ret = (struct party_list){0};
    if (!yaml_check_list(&ld->r, n, what) || !make_room(ld, n, ret)) {
        return false;
    }
    bool good = true;
    ld->num_lists++;
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        good = add_named(ld, item, ret) && good;
    }
    for (size_t i = 0; i < ret->num_groups; i++) {
        add_members(ld, &ld->policy->groups[ret->groups[i]], ret);
    }
    return good;
}
