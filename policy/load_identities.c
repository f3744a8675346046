/* load_identities.c - credentials in files with a scope: a team that keeps to its own names must not
 * take over, or shut out, who belongs to another file either. */
#include "policy/load.h"
#include "policy/wide.h"

bool load_is_scoped(const struct loader *ld, size_t file)
{
    return ld->settings_scopes[file] != NULL ||
           (ld->docs[file] != NULL && yaml_get(yaml_root(ld->docs[file]), "scope") != NULL);
}

void load_check_identity(struct loader *ld, const struct yaml_node *n, enum credential_kind kind)
{
    if ((kind == CRED_MTLS_SPKI || kind == CRED_MTLS_CN) && ld->policy->num_sources > 1 &&
        load_is_scoped(ld, ld->file)) {
        /* Every certificate has these beside its names, so one of them could be somebody else's, who
         * would then be two clients and so nobody. */
        yaml_complain(
            &ld->r, n,
            "in a file with a scope clients are known by uri, dns, bearer or jwt: put one "
            "that is known by its key or common name into a file without a scope");
    }
}

static struct slice take_part(struct slice *rest, char separator)
{
    const size_t len = slice_find(*rest, separator);
    const struct slice part = {rest->ptr, len};
    *rest = slice_from(*rest, len < rest->len ? len + 1 : len);
    return part;
}

static bool parts_meet(struct slice a, struct slice b)
{
    return slice_eq(a, b) || slice_eq(a, SLICE("*")) || slice_eq(b, SLICE("*"));
}

/* same_issuer - and both move behind it: a JWT's text begins with the issuer's name and a space. */
static bool same_issuer(struct slice *a, struct slice *b)
{
    return slice_eq(take_part(a, ' '), take_part(b, ' '));
}

/* meet - could one credential fit both patterns? Part by part they are equal, or one is a *. */
static bool meet(const struct stored_credential *a, const struct stored_credential *b)
{
    const char separator = a->kind == CRED_MTLS_DNS ? '.' : (a->kind == CRED_JWT ? ':' : '/');
    struct slice x = a->text;
    struct slice y = b->text;
    if (a->kind != b->kind || (a->kind == CRED_JWT && !same_issuer(&x, &y))) {
        return false;
    }
    while (x.len > 0 && y.len > 0) {
        if (!parts_meet(take_part(&x, separator), take_part(&y, separator))) {
            return false;
        }
    }
    return x.len == 0 && y.len == 0;
}

static void complain_taken(struct loader *ld, const struct stored_credential *cred,
                           const struct stored_credential *other)
{
    const struct policy *p = ld->policy;
    char where[LOAD_WHERE_SIZE];
    diag_add(ld->r.diags, DIAG_ERROR, rule_place(p, cred->pos),
             "this credential fits a pattern of client \"%s\" in %s, and a file with a scope can't "
             "take it from there",
             p->clients[other->client].id, load_where(ld, other->pos, where));
}

/* check_patterns - whoever fits two clients is refused: nobody may do that to another file's. */
static void check_patterns(struct loader *ld)
{
    const struct policy *p = ld->policy;
    for (size_t i = 0; i < p->num_wide && p->num_sources > 1; i++) {
        const struct stored_credential *mine = &p->wide[i];
        if (!load_is_scoped(ld, mine->pos.file)) {
            continue;
        }
        for (size_t k = 0; k < p->num_wide; k++) {
            const struct stored_credential *other = &p->wide[k];
            if (other->pos.file != mine->pos.file && meet(mine, other)) {
                complain_taken(ld, mine, other);
                break;
            }
        }
    }
}

void load_check_takeovers(struct loader *ld)
{
    const struct policy *p = ld->policy;
    check_patterns(ld);
    for (size_t i = 0; i < p->num_creds && p->num_wide > 0; i++) {
        const struct stored_credential *exact = &p->creds[i];
        const struct credential cred = {exact->kind, exact->text};
        const struct stored_credential *wide = NULL;
        size_t at = 0;
        if (p->num_sources == 1 || !load_is_scoped(ld, exact->pos.file)) {
            continue;
        }
        while ((wide = wide_find(p, &cred, &at)) != NULL) {
            if (wide->pos.file != exact->pos.file) {
                complain_taken(ld, exact, wide);
                break;
            }
        }
    }
}
