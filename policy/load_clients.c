/* load_clients.c - the clients: part of a policy: who there is. By what they are known is read in
 * load_credential.c. */
#include "policy/load.h"

static void load_auth(struct loader *ld, const struct yaml_node *n, size_t client)
{
    static const char *const keys[] = {"mtls", "bearer", "jwt", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"tls", "mtls"}, {"cert", "mtls"}, {"token", "bearer"}, {"oidc", "jwt"}, {NULL, NULL}};
    if (!load_map(ld, n, "an auth entry", keys, synonyms)) {
        return;
    }
    if (n->num != 1) {
        yaml_complain(&ld->r, n,
                      "an auth entry must be exactly one of mtls, bearer and jwt: write two "
                      "entries, each with its own dash");
        return;
    }
    if (yaml_get(n, "mtls") != NULL) {
        load_mtls(ld, yaml_get(n, "mtls"), client);
    } else if (yaml_get(n, "bearer") != NULL) {
        load_bearer(ld, yaml_get(n, "bearer"), client);
    } else {
        load_jwt(ld, yaml_get(n, "jwt"), client);
    }
}

/* sum_up - by how many credentials a client is known, and whether by one URI alone. */
static void sum_up(struct policy *p, struct policy_client *client, size_t first_cred)
{
    client->num_wide = p->num_wide - client->first_wide;
    client->num_creds = p->num_creds - first_cred + client->num_wide;
    if (client->num_creds == 1 && client->num_wide == 0 &&
        p->creds[first_cred].kind == CRED_MTLS_URI) {
        client->only_uri = p->creds[first_cred].text;
    }
}

/* take_id - false: it is somebody else's already. */
static bool take_id(struct loader *ld, const struct yaml_node *n, size_t index)
{
    struct policy *p = ld->policy;
    char quoted[NAME_QUOTE_SIZE];
    char where[LOAD_WHERE_SIZE];
    size_t earlier = 0;
    if (!load_id_valid(n->key)) {
        diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                 "client id \"%s\" " LOAD_ID_RULE, name_quote(n->key, quoted));
    }
    if (table_get(&p->client_ids, PARTY_CLIENT, n->key, &earlier)) {
        diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                 "client id \"%s\" is taken: there is a client of this name in %s",
                 name_quote(n->key, quoted), load_where(ld, p->clients[earlier].pos, where));
        return false;
    }
    const char *id = load_copy(ld, n->key);
    if (id == NULL ||
        !table_put(&p->client_ids, PARTY_CLIENT, (struct slice){id, n->key.len}, index)) {
        ld->no_memory = true;
        return false;
    }
    p->clients[index] =
        (struct policy_client){.id = id, .pos = load_pos(ld, n), .first_wide = p->num_wide};
    p->num_clients++;
    return true;
}

static void load_client(struct loader *ld, const struct yaml_node *n)
{
    static const char *const keys[] = {"description", "auth", NULL};
    struct policy *p = ld->policy;
    char quoted[NAME_QUOTE_SIZE];
    const size_t index = p->num_clients;
    const size_t first_cred = p->num_creds;
    if (!take_id(ld, n, index) || !load_map(ld, n, "a client", keys, NULL)) {
        return;
    }
    p->clients[index].description = load_note(ld, yaml_get(n, "description"), "description");
    const struct yaml_node *auth = yaml_get(n, "auth");
    if (auth == NULL) {
        diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                 "client \"%s\" needs auth: a list of mtls, bearer and jwt entries",
                 name_quote(n->key, quoted));
        return;
    }
    if (!yaml_check_list(&ld->r, auth, "auth")) {
        return;
    }
    for (const struct yaml_node *item = auth->first; item != NULL; item = item->next) {
        load_auth(ld, item, index);
    }
    sum_up(p, &p->clients[index], first_cred);
}

void load_clients(struct loader *ld, const struct yaml_node *clients)
{
    if (clients->kind != YAML_MAP || clients->num == 0) {
        yaml_complain(&ld->r, clients,
                      "clients must be a map from client id to its auth: list, with "
                      "at least one client");
        ld->incomplete = true;
        return;
    }
    for (const struct yaml_node *n = clients->first;
         n != NULL && !ld->no_memory && !load_is_hopeless(ld); n = n->next) {
        load_client(ld, n);
    }
}
