/* config_jwt.c - the jwt: section: whose tokens are taken, and where their public keys are. */
#include "broker/config/config_parts.h"

#define SKEW_DEFAULT_MS 30000U
#define SKEW_MAX_MS 300000U
#define LIFETIME_MIN_MS 60000U
#define LIFETIME_MAX_MS (366ULL * 86400000U)
#define AUDIENCES_MAX 16U

/* is_name - what the policy writes behind issuer:. */
static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_alnum(s.ptr[i]) && !slice_has_byte(SLICE("._-"), s.ptr[i])) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 64;
}

/* read_audiences - one text or a list of them. */
static void read_audiences(struct config_reader *r, const struct yaml_node *issuer,
                           struct jwt_issuer *ret)
{
    const struct yaml_node *n = yaml_get(issuer, "audience");
    if (n == NULL || n->kind == YAML_MAP || (n->kind == YAML_LIST && n->num == 0)) {
        config_error(r, n == NULL ? issuer : n,
                     "audience must name whom tokens are made for, e.g. \"certbroker\": without it "
                     "a token made for another service would be taken");
        return;
    }
    const struct yaml_node *first = n->kind == YAML_LIST ? n->first : n;
    const size_t num = n->kind == YAML_LIST ? n->num : 1;
    if (num > AUDIENCES_MAX) {
        config_error(r, n, "at most %u audiences", AUDIENCES_MAX);
        return;
    }
    const char **texts = arena_array(&r->config->arena, num, sizeof(*texts));
    const struct yaml_node *item = first;
    for (size_t i = 0; texts != NULL && i < num; i++) {
        struct slice text;
        if (yaml_read_text(&r->yaml, item, "audience", &text)) {
            texts[ret->num_audiences++] = arena_dup(&r->config->arena, text);
        }
        item = item->next;
    }
    ret->audiences = texts;
}

static bool is_taken(const struct config *c, const char *issuer)
{
    for (size_t i = 0; i < c->jwt.num_issuers; i++) {
        if (issuer != NULL && c->jwt_issuers[i].issuer != NULL &&
            strcmp(c->jwt_issuers[i].issuer, issuer) == 0) {
            return true;
        }
    }
    return false;
}

static void read_issuer(struct config_reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = {"issuer",     "audience",     "jwks",
                                       "clock_skew", "max_lifetime", NULL};
    struct config *c = r->config;
    if (!is_name(n->key)) {
        config_error(r, n, "an issuer's name must be 1 to 64 letters, digits and . _ -");
        return;
    }
    if (config_section(r, n, "a token issuer", keys) == NULL) {
        return;
    }
    struct jwt_issuer *issuer = &c->jwt_issuers[c->jwt.num_issuers];
    *issuer = (struct jwt_issuer){.name = arena_dup(&c->arena, n->key)};
    issuer->issuer = config_text(r, n, "issuer", "issuer (the tokens' iss)", true);
    issuer->jwks_path =
        config_path(r, n, "jwks", "jwks (a file with the issuer's public keys)", true);
    read_audiences(r, n, issuer);
    unsigned skew_ms = SKEW_DEFAULT_MS;
    uint64_t lifetime_ms = 0;
    config_ms(r, n, "clock_skew", "clock_skew", 0, SKEW_MAX_MS, &skew_ms);
    (void)yaml_read_duration_ms(&r->yaml, yaml_get(n, "max_lifetime"), "max_lifetime",
                                LIFETIME_MIN_MS, LIFETIME_MAX_MS, &lifetime_ms);
    issuer->skew_s = skew_ms / 1000;
    issuer->max_lifetime_s = lifetime_ms / 1000;
    if (is_taken(c, issuer->issuer)) {
        config_error(r, yaml_get(n, "issuer"), "another issuer has this iss already");
        return;
    }
    c->jwt.num_issuers++;
}

void config_read_jwt(struct config_reader *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"issuers", NULL};
    struct config *c = r->config;
    const struct yaml_node *jwt = config_section(r, yaml_get(root, "jwt"), "jwt", keys);
    c->jwt.issuers = c->jwt_issuers;
    if (jwt == NULL) {
        return;
    }
    const struct yaml_node *issuers = yaml_get(jwt, "issuers");
    if (issuers == NULL || issuers->kind != YAML_MAP || issuers->num == 0) {
        config_error(r, issuers == NULL ? jwt : issuers,
                     "jwt.issuers must be a map from a name, used in the policy, to issuer, "
                     "audience and jwks");
        return;
    }
    for (const struct yaml_node *n = issuers->first; n != NULL; n = n->next) {
        if (c->jwt.num_issuers == JWT_ISSUERS_MAX) {
            config_error(r, n, "at most %u token issuers", JWT_ISSUERS_MAX);
            return;
        }
        read_issuer(r, n);
    }
}
