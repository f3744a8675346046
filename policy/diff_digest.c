/* diff_digest.c - see diff_parts.h: rules as digests of what they mean, so that of two large policies
 * only what differs is looked at. Lists are sorted first: their order means nothing. */
#include "policy/diff_parts.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define TEXT_CAP ((size_t)64 << 20) /* of one rule */

struct writer {
    struct buf text;
    const void **order; /* room for the longest list of the policy */
};

static void add_number(struct writer *w, uint64_t number)
{
    buf_add(&w->text, &number, sizeof(number));
}

/* Every text with its length in front: no two lists can look the same. */
static void add_slice(struct writer *w, struct slice s)
{
    add_number(w, s.ptr == NULL ? UINT64_MAX : s.len);
    if (s.ptr != NULL) {
        buf_add_slice(&w->text, s);
    }
}

static int compare_slices(struct slice a, struct slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int bytes = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return bytes != 0 ? bytes : (a.len < b.len ? -1 : (a.len > b.len ? 1 : 0));
}

static int compare_patterns(const void *a, const void *b)
{
    const struct pattern *x = *(const struct pattern *const *)a;
    const struct pattern *y = *(const struct pattern *const *)b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->shape != y->shape) {
        return x->shape < y->shape ? -1 : 1;
    }
    const int texts = compare_slices(x->text, y->text);
    return texts != 0 ? texts : (int)x->bits - (int)y->bits;
}

static void add_patterns(struct writer *w, const struct pattern_list *list)
{
    for (size_t i = 0; i < list->num; i++) {
        w->order[i] = &list->items[i];
    }
    qsort(w->order, list->num, sizeof(*w->order), compare_patterns);
    add_number(w, list->num);
    for (size_t i = 0; i < list->num; i++) {
        const struct pattern *p = w->order[i];
        add_number(w, (uint64_t)p->kind << 24 | (uint64_t)p->shape << 16 | (uint64_t)p->bits << 8 |
                          (p->has_placeholder ? 1U : 0U));
        add_slice(w, p->text);
    }
}

static int compare_texts(const void *a, const void *b)
{
    const struct slice *const *x = a;
    const struct slice *const *y = b;
    return compare_slices(**x, **y);
}

static void add_texts(struct writer *w, const struct text_list *list)
{
    for (size_t i = 0; i < list->num; i++) {
        w->order[i] = &list->items[i];
    }
    qsort(w->order, list->num, sizeof(*w->order), compare_texts);
    add_number(w, list->num);
    for (size_t i = 0; i < list->num; i++) {
        add_slice(w, *(const struct slice *)w->order[i]);
    }
}

static int compare_words(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* add_words - the first num of w->order, which are strings. */
static void add_words(struct writer *w, size_t num)
{
    qsort(w->order, num, sizeof(*w->order), compare_words);
    add_number(w, num);
    for (size_t i = 0; i < num; i++) {
        add_slice(w, slice_of(w->order[i]));
    }
}

static void add_profiles(struct writer *w, const char *const *profiles, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        w->order[i] = profiles[i];
    }
    add_words(w, num);
}

static void add_keys(struct writer *w, const struct key_rule *keys)
{
    add_number(w, (keys->ecdsa_256 ? 1U : 0U) | (keys->ecdsa_384 ? 2U : 0U) |
                      (keys->ecdsa_521 ? 4U : 0U));
    add_number(w, (uint64_t)keys->rsa_min << 32 | keys->rsa_max);
    add_number(w, keys->num_rsa_sizes);
    for (size_t i = 0; i < keys->num_rsa_sizes; i++) {
        add_number(w, keys->rsa_sizes[i]);
    }
}

static void add_issue(struct writer *w, const struct issue_rule *issue)
{
    add_number(w, (uint64_t)issue->cn);
    add_patterns(w, &issue->cn_patterns);
    add_texts(w, &issue->cn_texts);
    add_number(w, issue->subject != NULL ? 1U : 0U);
    for (unsigned i = 0; i < SUBJECT_ATTR_COUNT && issue->subject != NULL; i++) {
        const struct subject_rule *s = &issue->subject[i];
        add_texts(w, &s->values);
        add_slice(w, s->fixed);
        add_number(w, (uint64_t)s->max << 1 | (s->required ? 1U : 0U));
    }
    add_keys(w, &issue->keys);
    add_profiles(w, issue->profiles, issue->num_profiles);
    add_number(w, issue->max_names);
    add_number(w, issue->max_validity_s);
    add_number(w, issue->no_names ? 1U : 0U);
}

static void add_when(struct writer *w, const struct time_window *when)
{
    add_number(w, when == NULL ? 0U : 1U);
    if (when == NULL) {
        return;
    }
    add_number(w, when->days);
    add_number(w, when->num_hours);
    for (size_t i = 0; i < when->num_hours; i++) {
        add_number(w, (uint64_t)when->hours[i].from << 16 | when->hours[i].to);
    }
    add_slice(w, slice_of(zone_name(when->zone)));
}

static void add_quota(struct writer *w, const struct policy_quota *quota)
{
    add_number(w, quota->rate_count);
    add_number(w, quota->rate_per_ms);
    add_number(w, quota->rate_burst);
    add_number(w, (uint64_t)quota->max_active << 1 | (quota->auto_revoke_oldest ? 1U : 0U));
}

static void add_rule(struct writer *w, const struct policy *policy, const struct rule *rule)
{
    add_number(w, (rule->deny ? 1U : 0U) | (rule->wildcards ? 2U : 0U) |
                      (rule->delegates ? 4U : 0U) | (uint64_t)rule->actions << 8 |
                      (uint64_t)rule->revoke << 16);
    add_number(w, (uint64_t)rule->until_s);
    add_patterns(w, &rule->names);
    add_number(w, rule->num_scopes);
    for (unsigned i = 0; i < rule->num_scopes; i++) {
        add_patterns(w, rule->scopes[i]);
    }
    add_profiles(w, rule->deny_profiles, rule->num_deny_profiles);
    add_patterns(w, &rule->from);
    add_when(w, rule->when);
    add_quota(w, &rule->quota);
    for (size_t i = 0; i < rule->num_parties; i++) {
        w->order[i] = policy->clients[rule->parties[i]].id;
    }
    add_words(w, rule->num_parties);
    add_number(w, rule->issue == NULL ? 0U : 1U);
    if (rule->issue != NULL) {
        add_issue(w, rule->issue);
    }
}

/* longest_list - of any rule; each of a rule's lists is at most as long as all of them together. */
static size_t longest_list(const struct policy *policy)
{
    size_t longest = 0;
    for (size_t i = 0; i < policy->num_rules; i++) {
        const struct rule *rule = &policy->rules[i];
        const struct issue_rule *issue = rule->issue;
        size_t num = rule->names.num + rule->num_parties + rule->from.num + rule->num_deny_profiles;
        for (unsigned k = 0; k < rule->num_scopes; k++) {
            num += rule->scopes[k]->num;
        }
        if (issue != NULL) {
            num += issue->num_profiles + issue->cn_patterns.num + issue->cn_texts.num;
            for (unsigned k = 0; k < SUBJECT_ATTR_COUNT && issue->subject != NULL; k++) {
                num += issue->subject[k].values.num;
            }
        }
        longest = num > longest ? num : longest;
    }
    return longest;
}

struct rule_digest *digest_rules(const struct policy *policy)
{
    struct writer w;
    buf_init(&w.text, TEXT_CAP);
    w.order = calloc(longest_list(policy) + 1, sizeof(*w.order));
    struct rule_digest *digests = calloc(policy->num_rules + 1, sizeof(*digests));
    EVP_MD *sha256 =
        EVP_MD_fetch(NULL, "SHA256", NULL); /* once: fetching costs more than hashing */
    bool good = w.order != NULL && digests != NULL && sha256 != NULL;
    for (size_t i = 0; i < policy->num_rules && good; i++) {
        buf_reset(&w.text);
        add_rule(&w, policy, &policy->rules[i]);
        good = buf_ok(&w.text) &&
               EVP_Digest(w.text.data, w.text.len, digests[i].bytes, NULL, sha256, NULL) == 1;
    }
    EVP_MD_free(sha256);
    buf_free(&w.text);
    free(w.order);
    if (!good) {
        free(digests);
    }
    return good ? digests : NULL;
}
