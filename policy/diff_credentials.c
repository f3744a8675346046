/* diff_credentials.c - see diff_parts.h: who is known by what, before and after. */
#include "broker/base/clock.h"
#include "policy/diff_parts.h"
#include "policy/review_text.h"

#include <stdlib.h>

#define SAID_MAX 4096U
#define WIDE_TAG 64U /* keeps patterns apart from texts that look like one */

static const struct stored_credential *credential(const struct policy *policy, size_t i)
{
    return i < policy->num_creds ? &policy->creds[i] : &policy->wide[i - policy->num_creds];
}

static unsigned tag_of(const struct policy *policy, size_t i)
{
    return (unsigned)credential(policy, i)->kind + (i < policy->num_creds ? 0U : WIDE_TAG);
}

static bool index_all(const struct policy *policy, struct table *ret)
{
    for (size_t i = 0; i < policy->num_creds + policy->num_wide; i++) {
        if (!table_put(ret, tag_of(policy, i), credential(policy, i)->text, i)) {
            return false;
        }
    }
    return true;
}

/* add_missing - what from has and to has not, or with an earlier end. */
static void add_missing(const struct policy *from, const struct policy *to,
                        const struct table *to_index, bool gains, struct credential_changes *ret)
{
    for (size_t i = 0; i < from->num_creds + from->num_wide; i++) {
        const struct stored_credential *cred = credential(from, i);
        const char *client = from->clients[cred->client].id;
        const struct stored_credential *other = NULL;
        size_t at = 0;
        if (table_get(to_index, tag_of(from, i), cred->text, &at) &&
            strcmp(to->clients[credential(to, at)->client].id, client) == 0) {
            other = credential(to, at);
        }
        if (other == NULL || cred->expires_s > other->expires_s) {
            ret->items[ret->num++] = (struct credential_change){client, gains, cred, other};
        }
    }
}

static int compare_changes(const void *a, const void *b)
{
    const struct credential_change *x = a;
    const struct credential_change *y = b;
    const int ids = strcmp(x->client, y->client);
    if (ids != 0) {
        return ids;
    }
    if (x->gains != y->gains) {
        return x->gains ? 1 : -1;
    }
    return x->cred < y->cred ? -1 : (x->cred > y->cred ? 1 : 0);
}

bool credential_changes(const struct policy *before, const struct policy *after,
                        struct credential_changes *ret)
{
    struct table before_index = {0};
    struct table after_index = {0};
    const size_t most = before->num_creds + before->num_wide + after->num_creds + after->num_wide;
    ret->items = calloc(most + 1, sizeof(*ret->items));
    ret->num = 0;
    const bool good =
        ret->items != NULL && index_all(before, &before_index) && index_all(after, &after_index);
    if (good) {
        add_missing(before, after, &after_index, false, ret);
        add_missing(after, before, &before_index, true, ret);
        qsort(ret->items, ret->num, sizeof(*ret->items), compare_changes);
    }
    table_free(&before_index);
    table_free(&after_index);
    return good;
}

static void add_end(struct buf *out, int64_t expires_s)
{
    char text[21];
    if (expires_s == INT64_MAX) {
        buf_add_str(out, "without an end");
        return;
    }
    time_format_s(expires_s, text);
    buf_printf(out, "until %s", text);
}

void credential_say(struct diff *d, const struct credential_change *change)
{
    const struct stored_credential *cred = change->cred;
    struct buf text;
    buf_init(&text, SAID_MAX);
    buf_printf(&text, "%s \"%.*s\"", review_credential_kind(cred->kind), (int)cred->text.len,
               cred->text.ptr);
    if (cred->expires_s != INT64_MAX || change->other != NULL) {
        buf_add_char(&text, ' ');
        add_end(&text, cred->expires_s);
    }
    if (change->other != NULL) {
        buf_add_str(&text, " (");
        add_end(&text, change->other->expires_s);
        buf_printf(&text, " %s)", change->gains ? "before" : "now");
    }
    d->gains = change->gains;
    diff_say(d, NULL, "credential", &text);
}
