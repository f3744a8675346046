/* load_clients.c - the clients: part of a policy: who there is and by what they are known. */
#include "policy/load.h"

static const char *const mtls_keys[] = {"uri", "dns", "spki", "cn", NULL};
static const enum credential_kind mtls_kinds[] = {CRED_MTLS_URI, CRED_MTLS_DNS, CRED_MTLS_SPKI,
                                                  CRED_MTLS_CN};

static const struct yaml_synonym mtls_synonyms[] = {
    {"san", "uri"},          {"spiffe", "uri"},     {"host", "dns"},   {"pin", "spki"},
    {"fingerprint", "spki"}, {"common_name", "cn"}, {"subject", "cn"}, {NULL, NULL}};

/* add_credential - text must live as long as the policy. */
static void add_credential(struct loader *ld, const struct yaml_node *n, enum credential_kind kind,
                           struct slice text, size_t client, int64_t expires_s)
{
    struct policy *p = ld->policy;
    size_t earlier = 0;
    if (table_get(&p->cred_index, kind, text, &earlier)) {
        const struct stored_credential *other = &p->creds[earlier];
        const bool same = other->client == client;
        yaml_complain(&ld->r, n, "this credential is already in line %u, for %s%s%s",
                      other->pos.line, same ? "this very client" : "client ",
                      same ? "" : p->clients[other->client].id,
                      same ? "" : ": a credential belongs to exactly one client");
        return;
    }
    if (!table_put(&p->cred_index, kind, text, p->num_creds)) {
        ld->no_memory = true;
        return;
    }
    p->creds[p->num_creds++] = (struct stored_credential){client, expires_s, {n->line, n->col}};
}

/* ---- one text for each kind of credential; ptr NULL: complained about ---- */

static struct slice read_digest(struct loader *ld, const struct yaml_node *n, const char *what,
                                const char *how)
{
    struct slice text;
    unsigned char digest[SHA256_LEN];
    if (!yaml_read_text(&ld->r, n, what, &text)) {
        return (struct slice){0};
    }
    if (!hex_decode(text, digest, sizeof(digest))) {
        yaml_complain(&ld->r, n, "%s must be the 64 hex digits of a SHA-256: %s", what, how);
        return (struct slice){0};
    }
    char hex[SHA256_HEX_LEN + 1];
    hex_encode(digest, sizeof(digest), hex);
    return arena_slice(&ld->policy->arena, (struct slice){hex, SHA256_HEX_LEN});
}

static struct slice read_mtls_uri(struct loader *ld, const struct yaml_node *n)
{
    struct slice text;
    if (!load_printable(ld, n, "mtls: uri", NAME_TEXT_MAX, &text)) {
        return (struct slice){0};
    }
    if (name_classify(text) != NAME_URI || slice_has_byte(text, '*') || slice_has_byte(text, ' ')) {
        yaml_complain(&ld->r, n,
                      "mtls: uri must be the whole URI of the client certificate, "
                      "such as \"spiffe://acme.example/payments\"; it has no patterns");
        return (struct slice){0};
    }
    return arena_slice(&ld->policy->arena, text);
}

static struct slice read_mtls_dns(struct loader *ld, const struct yaml_node *n)
{
    struct slice text;
    struct name name;
    struct cb_err err;
    if (!yaml_read_text(&ld->r, n, "mtls: dns", &text)) {
        return (struct slice){0};
    }
    if (name_parse(&ld->policy->arena, text, &name, &err) != CB_OK) {
        yaml_complain(&ld->r, n, "mtls: dns: %s", err.msg);
        return (struct slice){0};
    }
    if (name.kind != NAME_DNS || name_is_wildcard(&name)) {
        yaml_complain(&ld->r, n,
                      "mtls: dns must be one whole host name of the client certificate; "
                      "it has no patterns");
        return (struct slice){0};
    }
    return name.text;
}

static struct slice read_mtls_cn(struct loader *ld, const struct yaml_node *n)
{
    struct slice text;
    if (!load_printable(ld, n, "mtls: cn", 64, &text)) {
        return (struct slice){0};
    }
    if (slice_has_byte(text, '*')) {
        yaml_complain(&ld->r, n, "mtls: cn must be one whole common name; it has no patterns");
        return (struct slice){0};
    }
    return arena_slice(&ld->policy->arena, text);
}

static struct slice read_mtls_value(struct loader *ld, const struct yaml_node *n,
                                    enum credential_kind kind)
{
    switch (kind) {
    case CRED_MTLS_URI:
        return read_mtls_uri(ld, n);
    case CRED_MTLS_DNS:
        return read_mtls_dns(ld, n);
    case CRED_MTLS_SPKI:
        return read_digest(ld, n, "mtls: spki",
                           "openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin "
                           "-outform der | sha256sum");
    case CRED_MTLS_CN:
        return read_mtls_cn(ld, n);
    case CRED_BEARER:
        break;
    }
    return (struct slice){0};
}

static void load_mtls(struct loader *ld, const struct yaml_node *n, size_t client)
{
    if (!load_map(ld, n, "mtls", mtls_keys, mtls_synonyms)) {
        return;
    }
    if (n->num != 1) {
        yaml_complain(&ld->r, n,
                      "mtls must have exactly one of uri, dns, spki, cn: a client "
                      "certificate that may be known by several needs several entries");
        return;
    }
    for (size_t i = 0; mtls_keys[i] != NULL; i++) {
        const struct yaml_node *value = yaml_get(n, mtls_keys[i]);
        if (value == NULL) {
            continue;
        }
        const struct slice text = read_mtls_value(ld, value, mtls_kinds[i]);
        if (text.ptr != NULL) {
            add_credential(ld, value, mtls_kinds[i], text, client, INT64_MAX);
        }
    }
}

/* The digest of no bytes at all: what sha256sum says when the token did not reach it. */
static const char sha256_of_nothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void load_bearer(struct loader *ld, const struct yaml_node *n, size_t client)
{
    static const char *const keys[] = {"sha256", "expires", NULL};
    static const struct yaml_synonym synonyms[] = {{"token", "sha256"},
                                                   {"hash", "sha256"},
                                                   {"until", "expires"},
                                                   {"expiry", "expires"},
                                                   {NULL, NULL}};
    if (!load_map(ld, n, "bearer", keys, synonyms)) {
        return;
    }
    const struct yaml_node *digest = yaml_get(n, "sha256");
    const struct yaml_node *expires = yaml_get(n, "expires");
    if (digest == NULL) {
        yaml_complain(&ld->r, n,
                      "bearer needs sha256: the 64 hex digits that "
                      "printf %%s \"$TOKEN\" | sha256sum prints");
    }
    if (expires == NULL) {
        yaml_complain(&ld->r, n,
                      "bearer needs a day after which the token is refused, as in "
                      "expires: 2027-06-30");
    }
    int64_t expires_s = INT64_MAX;
    const bool good_time = load_time_end(ld, expires, "bearer: expires", &expires_s);
    const struct slice text =
        read_digest(ld, digest, "bearer: sha256", "printf %s \"$TOKEN\" | sha256sum prints them");
    if (text.ptr != NULL && slice_eq_str(text, sha256_of_nothing)) {
        yaml_complain(&ld->r, digest, "bearer: sha256 is the digest of an empty token");
    }
    if (good_time && expires_s <= ld->now_s) {
        load_warn(ld, expires, "this token has expired: it is refused");
    }
    if (text.ptr != NULL && good_time) {
        add_credential(ld, digest, CRED_BEARER, text, client, expires_s);
    }
}

static void load_auth(struct loader *ld, const struct yaml_node *n, size_t client)
{
    static const char *const keys[] = {"mtls", "bearer", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"tls", "mtls"}, {"cert", "mtls"}, {"token", "bearer"}, {NULL, NULL}};
    if (!load_map(ld, n, "an auth entry", keys, synonyms)) {
        return;
    }
    if (n->num != 1) {
        yaml_complain(&ld->r, n,
                      "an auth entry must be exactly one of mtls and bearer: write two "
                      "entries, each with its own dash");
        return;
    }
    const struct yaml_node *mtls = yaml_get(n, "mtls");
    if (mtls != NULL) {
        load_mtls(ld, mtls, client);
    } else {
        load_bearer(ld, yaml_get(n, "bearer"), client);
    }
}

static void load_client(struct loader *ld, const struct yaml_node *n)
{
    static const char *const keys[] = {"description", "auth", NULL};
    struct policy *p = ld->policy;
    char quoted[NAME_QUOTE_SIZE];
    if (!load_id_valid(n->key)) {
        diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                 "client id \"%s\" " LOAD_ID_RULE, name_quote(n->key, quoted));
    }
    const size_t index = p->num_clients;
    const char *id = load_copy(ld, n->key);
    if (id == NULL || !table_put(&p->client_ids, 0, (struct slice){id, n->key.len}, index)) {
        ld->no_memory = true;
        return;
    }
    p->clients[index] = (struct policy_client){.id = id, .pos = load_pos(n)};
    p->num_clients++;
    if (!load_map(ld, n, "a client", keys, NULL)) {
        return;
    }
    (void)load_note(ld, yaml_get(n, "description"), "description");
    const struct yaml_node *auth = yaml_get(n, "auth");
    if (auth == NULL) {
        diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                 "client \"%s\" needs auth: a list of mtls and bearer entries",
                 name_quote(n->key, quoted));
        return;
    }
    if (!yaml_check_list(&ld->r, auth, "auth")) {
        return;
    }
    for (const struct yaml_node *item = auth->first; item != NULL; item = item->next) {
        load_auth(ld, item, index);
    }
}

void load_clients(struct loader *ld, const struct yaml_node *clients)
{
    if (clients->kind != YAML_MAP || clients->num == 0) {
        yaml_complain(&ld->r, clients,
                      "clients must be a map from client id to its auth: list, with "
                      "at least one client");
        return;
    }
    size_t num_auth = 0;
    for (const struct yaml_node *n = clients->first; n != NULL; n = n->next) {
        const struct yaml_node *auth = yaml_get(n, "auth");
        num_auth += auth == NULL ? 0 : auth->num;
    }
    struct policy *p = ld->policy;
    p->clients = load_array(ld, clients->num, sizeof(*p->clients));
    p->creds = load_array(ld, num_auth, sizeof(*p->creds));
    if (p->clients == NULL || p->creds == NULL) {
        return;
    }
    for (const struct yaml_node *n = clients->first; n != NULL && !ld->no_memory; n = n->next) {
        load_client(ld, n);
    }
}
