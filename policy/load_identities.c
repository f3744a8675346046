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

void load_check_takeovers(struct loader *ld)
{
    const struct policy *p = ld->policy;
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
                char where[LOAD_WHERE_SIZE];
                diag_add(ld->r.diags, DIAG_ERROR, rule_place(p, exact->pos),
                         "this credential fits a pattern of client \"%s\" in %s, and a file with a "
                         "scope can't take it from there",
                         p->clients[wide->client].id, load_where(ld, wide->pos, where));
                break;
            }
        }
    }
}
