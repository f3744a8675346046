/* load_credential.c - by what clients are known: the entries of auth:. */
#include "policy/load.h"
#include "policy/wide.h"

#define JWT_SUBJECT_MAX 255U /* OpenID Connect Core 2: sub must not be longer */

static const char *const mtls_keys[] = {"uri", "dns", "spki", "cn", NULL};
static const enum credential_kind mtls_kinds[] = {CRED_MTLS_URI, CRED_MTLS_DNS, CRED_MTLS_SPKI,
                                                  CRED_MTLS_CN};

static const struct yaml_synonym mtls_synonyms[] = {
    {"san", "uri"},          {"spiffe", "uri"},     {"host", "dns"},   {"pin", "spki"},
    {"fingerprint", "spki"}, {"common_name", "cn"}, {"subject", "cn"}, {NULL, NULL}};

static void complain_taken(struct loader *ld, const struct yaml_node *n,
                           const struct stored_credential *other, size_t client, bool is_pattern)
{
    const bool same = other->client == client;
    char where[LOAD_WHERE_SIZE];
    yaml_complain(&ld->r, n, "this %s is already in %s, for %s%s%s",
                  is_pattern ? "pattern" : "credential", load_where(ld, other->pos, where),
                  same ? "this very client" : "client ",
                  same ? "" : ld->policy->clients[other->client].id,
                  same ? "" : ": a credential belongs to exactly one client");
}

/* add_credential - text must live as long as the policy. */
static void add_credential(struct loader *ld, const struct yaml_node *n,
                           const struct stored_credential *cred)
{
    struct policy *p = ld->policy;
    size_t earlier = 0;
    if (table_get(&p->cred_index, cred->kind, cred->text, &earlier)) {
        complain_taken(ld, n, &p->creds[earlier], cred->client, false);
        return;
    }
    if (!table_put(&p->cred_index, cred->kind, cred->text, p->num_creds)) {
        ld->no_memory = true;
        return;
    }
    p->creds[p->num_creds++] = *cred;
}

static bool keep_shape(struct loader *ld, const struct yaml_node *n, const struct wide_shape *shape)
{
    struct policy *p = ld->policy;
    for (size_t i = 0; i < p->num_wide_shapes; i++) {
        const struct wide_shape *known = &p->wide_shapes[i];
        if (known->kind == shape->kind && known->num_segments == shape->num_segments &&
            known->stars == shape->stars) {
            return true;
        }
    }
    if (p->num_wide_shapes == WIDE_SHAPES_MAX) {
        yaml_complain(&ld->r, n, "the clients' patterns have a * in more than %u different places",
                      WIDE_SHAPES_MAX);
        return false;
    }
    p->wide_shapes[p->num_wide_shapes++] = *shape;
    return true;
}

/* add_pattern - a credential with a * in it. */
static void add_pattern(struct loader *ld, const struct yaml_node *n,
                        const struct stored_credential *cred)
{
    struct policy *p = ld->policy;
    struct wide_shape shape;
    size_t earlier = 0;
    if (!wide_shape_of(cred->kind, cred->text, &shape)) {
        yaml_complain(&ld->r, n,
                      cred->kind == CRED_JWT
                          ? "in jwt: subject a * must be a whole part between colons, "
                            "as in \"system:serviceaccount:*:api\""
                          : "in mtls: uri a * must be a whole path segment, as in "
                            "\"spiffe://acme.example/ns/*/sa/api\"; there is no **");
        return;
    }
    if (table_get(&p->wide_index, cred->kind, cred->text, &earlier)) {
        complain_taken(ld, n, &p->wide[earlier], cred->client, true);
        return;
    }
    if (!keep_shape(ld, n, &shape)) {
        return;
    }
    if (!table_put(&p->wide_index, cred->kind, cred->text, p->num_wide)) {
        ld->no_memory = true;
        return;
    }
    p->wide[p->num_wide++] = *cred;
}

static void add(struct loader *ld, const struct yaml_node *n, enum credential_kind kind,
                struct slice text, size_t client, int64_t expires_s)
{
    const struct stored_credential cred = {.client = client,
                                           .expires_s = expires_s,
                                           .pos = load_pos(ld, n),
                                           .kind = kind,
                                           .text = text};
    const bool may_be_wide = kind == CRED_MTLS_URI || kind == CRED_MTLS_DNS || kind == CRED_JWT;
    if (may_be_wide && slice_has_byte(text, '*')) {
        add_pattern(ld, n, &cred);
    } else {
        add_credential(ld, n, &cred);
    }
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
    if (slice_eq(text, (struct slice){hex, SHA256_HEX_LEN})) {
        return load_keep(ld, text);
    }
    return arena_slice(&ld->policy->arena, (struct slice){hex, SHA256_HEX_LEN});
}

static struct slice read_mtls_uri(struct loader *ld, const struct yaml_node *n)
{
    struct slice text;
    if (!load_printable(ld, n, "mtls: uri", NAME_TEXT_MAX, &text)) {
        return (struct slice){0};
    }
    if (name_classify(text) != NAME_URI || slice_has_byte(text, ' ')) {
        yaml_complain(&ld->r, n,
                      "mtls: uri must be the whole URI of the client certificate, such as "
                      "\"spiffe://acme.example/payments\"; a path segment may be a *");
        return (struct slice){0};
    }
    return load_keep(ld, text);
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
    if (name.kind != NAME_DNS) {
        yaml_complain(&ld->r, n,
                      "mtls: dns must be one whole host name of the client certificate; the first "
                      "label may be a *");
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
    return load_keep(ld, text);
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
    case CRED_JWT:
        break;
    }
    return (struct slice){0};
}

void load_mtls(struct loader *ld, const struct yaml_node *n, size_t client)
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
        load_check_identity(ld, value, mtls_kinds[i]);
        const struct slice text = read_mtls_value(ld, value, mtls_kinds[i]);
        if (text.ptr != NULL) {
            add(ld, value, mtls_kinds[i], text, client, INT64_MAX);
        }
    }
}

/* The digest of no bytes at all: what sha256sum says when the token did not reach it. */
static const char sha256_of_nothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void warn_of_end(struct loader *ld, const struct yaml_node *n, int64_t expires_s)
{
    char text[NAME_QUOTE_SIZE];
    if (expires_s <= ld->now_s) {
        load_warn(ld, n, "this token has expired: it is refused");
    } else if (expires_s - ld->now_s <= ld->settings->warn_before_s) {
        load_warn(ld, n, "this token expires soon (%s): put the next one beside it",
                  name_quote(n->text, text));
    }
}

void load_bearer(struct loader *ld, const struct yaml_node *n, size_t client)
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
    if (expires != NULL && good_time) {
        warn_of_end(ld, expires, expires_s);
    }
    if (text.ptr != NULL && good_time) {
        add(ld, digest, CRED_BEARER, text, client, expires_s);
    }
}

/* ---- tokens of others ---- */

static bool read_issuer(struct loader *ld, const struct yaml_node *n, struct slice *ret)
{
    if (!load_printable(ld, n, "jwt: issuer", 64, ret)) {
        return false;
    }
    for (size_t i = 0; i < ret->len; i++) {
        if (!ascii_is_alnum(ret->ptr[i]) && !slice_has_byte(SLICE("._-"), ret->ptr[i])) {
            yaml_complain(&ld->r, n,
                          "jwt: issuer must be the name under which the issuer is configured: "
                          "letters, digits and . _ -");
            return false;
        }
    }
    return true;
}

/* jwt_text - as credentials are presented, see CRED_JWT. */
static struct slice jwt_text(struct loader *ld, struct slice issuer, struct slice subject)
{
    const size_t len = issuer.len + 1 + subject.len;
    char *text = load_array(ld, len + 1, 1);
    if (text != NULL) {
        memcpy(text, issuer.ptr, issuer.len);
        text[issuer.len] = ' ';
        memcpy(text + issuer.len + 1, subject.ptr, subject.len);
    }
    return (struct slice){text, len};
}

void load_jwt(struct loader *ld, const struct yaml_node *n, size_t client)
{
    static const char *const keys[] = {"issuer", "subject", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"iss", "issuer"}, {"sub", "subject"}, {NULL, NULL}};
    if (!load_map(ld, n, "jwt", keys, synonyms)) {
        return;
    }
    const struct yaml_node *issuer_node = yaml_get(n, "issuer");
    const struct yaml_node *subject_node = yaml_get(n, "subject");
    if (issuer_node == NULL || subject_node == NULL) {
        yaml_complain(&ld->r, n,
                      "jwt needs issuer: (its name in the configuration) and subject: (the sub of "
                      "its tokens)");
    }
    struct slice issuer;
    struct slice subject;
    const bool good_issuer = read_issuer(ld, issuer_node, &issuer);
    if (!load_printable(ld, subject_node, "jwt: subject", JWT_SUBJECT_MAX, &subject) ||
        !good_issuer) {
        return;
    }
    const struct slice text = jwt_text(ld, issuer, subject);
    if (text.ptr != NULL) {
        add(ld, subject_node, CRED_JWT, text, client, INT64_MAX);
    }
}
