/* list.c - see review.h: what is in a policy, as tables for people. JSON is in list_json.c. */
#include "broker/base/columns.h"
#include "policy/list_parts.h"
#include "policy/review_text.h"

#include <stdlib.h>

#define PATTERNS_SHOWN 3U /* of a rule, where the width is limited */
#define WHO_SHOWN 4U

enum list_state list_state(const struct listing *l, int64_t until_s)
{
    if (until_s <= l->now_s) {
        return LIST_ENDED;
    }
    const bool ends = until_s != INT64_MAX;
    return ends && until_s - l->now_s <= l->policy->settings.warn_before_s ? LIST_ENDS_SOON
                                                                           : LIST_ACTIVE;
}

void list_mark_groups(const struct listing *l, size_t r)
{
    const struct rule *rule = &l->policy->rules[r];
    for (size_t g = 0; g < rule->num_groups; g++) {
        const struct group *group = &l->policy->groups[rule->groups[g]];
        for (size_t i = 0; i < group->num_clients; i++) {
            l->mark[group->clients[i]] = r + 1;
        }
    }
}

/* ---- rules ---- */

/* add_one - an id of a list of which only so many are shown. */
static void add_one(struct buf *out, const char *word, const char *id, size_t *num, size_t max)
{
    if (max == 0 || *num < max) {
        buf_printf(out, "%s%s%s", *num == 0 ? "" : ", ", word, id);
    }
    (*num)++;
}

static void add_who(const struct listing *l, size_t r, size_t max, struct buf *out)
{
    const struct policy *policy = l->policy;
    const struct rule *rule = &policy->rules[r];
    size_t num = 0;
    if (rule->num_clients == 0) {
        buf_add_str(out, rule->deny ? "everybody" : "nobody");
        return;
    }
    list_mark_groups(l, r);
    for (size_t i = 0; i < rule->num_groups; i++) {
        add_one(out, "group ", policy->groups[rule->groups[i]].id, &num, max);
    }
    for (size_t i = 0; i < rule->num_clients; i++) {
        if (l->mark[rule->clients[i]] != r + 1) {
            add_one(out, "", policy->clients[rule->clients[i]].id, &num, max);
        }
    }
    if (max != 0 && num > max) {
        buf_printf(out, " and %zu more", num - max);
    }
}

static void add_parties(const struct listing *l, const struct rule *rule, size_t max,
                        struct buf *out)
{
    size_t num = 0;
    if (!rule->delegates) {
        return;
    }
    buf_add_str(out, "for ");
    for (size_t i = 0; i < rule->num_parties; i++) {
        add_one(out, "", l->policy->clients[rule->parties[i]].id, &num, max);
    }
    if (max != 0 && num > max) {
        buf_printf(out, " and %zu more", num - max);
    }
    buf_add_str(out, ": ");
}

/* add_place - where the width is limited without the folder, which is the same for all. */
static void add_place(const struct listing *l, struct pos pos, struct buf *out)
{
    const struct policy *policy = l->policy;
    const struct diag_place place = rule_place(policy, pos);
    const bool by_name = l->is_short && pos.file < policy->num_sources;
    buf_printf(out, "%s:%u", by_name ? policy->sources[pos.file].name : place.file, place.line);
}

static void add_until(const struct listing *l, int64_t until_s, const char *text, struct buf *out)
{
    static const char *const marks[] = {
        [LIST_ACTIVE] = "", [LIST_ENDS_SOON] = " soon", [LIST_ENDED] = " ended"};
    if (until_s != INT64_MAX && text != NULL) {
        buf_printf(out, "%s%s", text, marks[list_state(l, until_s)]);
    }
}

/* The longest stands last: nothing has to be aligned behind it. */
static void add_rule(const struct listing *l, size_t r, struct columns *c)
{
    const struct rule *rule = &l->policy->rules[r];
    columns_cell(c, rule->id);
    columns_cell(c, rule->deny ? "deny" : "allow");
    add_until(l, rule->until_s, rule->until_text, &c->text);
    columns_end(c);
    columns_cell(c, rule->owner);
    add_place(l, rule->pos, &c->text);
    columns_end(c);
    add_who(l, r, l->is_short ? WHO_SHOWN : 0, &c->text);
    columns_end(c);
    add_parties(l, rule, l->is_short ? WHO_SHOWN : 0, &c->text);
    review_what(&c->text, rule, l->is_short ? PATTERNS_SHOWN : 0);
    columns_end(c);
}

static bool list_rules(const struct listing *l, unsigned width)
{
    static const char *const heads[] = {"RULE", "EFFECT", "UNTIL", "OWNER", "PLACE", "WHO", "WHAT"};
    const size_t num = sizeof(heads) / sizeof(heads[0]);
    struct columns c;
    columns_init(&c, num, 1U << 3 | 1U << 5 | 1U << 6);
    for (size_t i = 0; i < num; i++) {
        columns_cell(&c, heads[i]);
    }
    for (size_t r = 0; r < l->policy->num_rules; r++) {
        add_rule(l, r, &c);
    }
    const bool good = columns_print(&c, "", width, l->out);
    columns_free(&c);
    return good;
}

/* ---- clients and groups ---- */

static void add_credentials(const struct listing *l, size_t client, struct buf *out)
{
    const struct {
        const struct by_client *list;
        const struct stored_credential *creds;
    } kinds[] = {{&l->creds, l->policy->creds}, {&l->wide, l->policy->wide}};
    size_t num = 0;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (size_t i = kinds[k].list->first[client]; i < kinds[k].list->first[client + 1]; i++) {
            const struct stored_credential *cred = &kinds[k].creds[kinds[k].list->items[i]];
            const bool is_digest = cred->kind == CRED_BEARER || cred->kind == CRED_MTLS_SPKI;
            buf_printf(out, "%s%s %.*s%s", num++ == 0 ? "" : ", ",
                       review_credential_kind(cred->kind), is_digest ? 8 : (int)cred->text.len,
                       cred->text.ptr, is_digest ? "..." : "");
            if (list_state(l, cred->expires_s) != LIST_ACTIVE) {
                buf_add_str(out, list_state(l, cred->expires_s) == LIST_ENDED ? " (ended)"
                                                                              : " (ends soon)");
            }
        }
    }
}

static void add_client(const struct listing *l, size_t i, struct columns *c)
{
    const struct policy *policy = l->policy;
    const struct policy_client *client = &policy->clients[i];
    columns_cell(c, client->id);
    buf_add_u64(&c->text, client->allow.num + client->deny.num);
    columns_end(c);
    add_place(l, client->pos, &c->text);
    columns_end(c);
    for (size_t g = l->groups.first[i]; g < l->groups.first[i + 1]; g++) {
        buf_printf(&c->text, "%s%s", g == l->groups.first[i] ? "" : ", ",
                   policy->groups[l->groups.items[g]].id);
    }
    columns_end(c);
    add_credentials(l, i, &c->text);
    columns_end(c);
}

static bool list_clients(const struct listing *l, unsigned width)
{
    static const char *const heads[] = {"CLIENT", "RULES", "PLACE", "GROUPS", "KNOWN BY"};
    const size_t num = sizeof(heads) / sizeof(heads[0]);
    struct columns c;
    columns_init(&c, num, 1U << 3 | 1U << 4);
    for (size_t i = 0; i < num; i++) {
        columns_cell(&c, heads[i]);
    }
    for (size_t i = 0; i < l->policy->num_clients; i++) {
        add_client(l, i, &c);
    }
    const bool good = columns_print(&c, "", width, l->out);
    columns_free(&c);
    return good;
}

static bool list_groups(const struct listing *l, unsigned width)
{
    const struct policy *policy = l->policy;
    struct columns c;
    columns_init(&c, 3, 1U << 2);
    columns_cell(&c, "GROUP");
    columns_cell(&c, "PLACE");
    columns_cell(&c, "CLIENTS");
    for (size_t g = 0; g < policy->num_groups; g++) {
        const struct group *group = &policy->groups[g];
        columns_cell(&c, group->id);
        add_place(l, group->pos, &c.text);
        columns_end(&c);
        for (size_t i = 0; i < group->num_clients; i++) {
            buf_printf(&c.text, "%s%s", i == 0 ? "" : ", ", policy->clients[group->clients[i]].id);
        }
        columns_end(&c);
    }
    const bool good = columns_print(&c, "", width, l->out);
    columns_free(&c);
    return good;
}

static bool list_text(const struct listing *l, unsigned width)
{
    bool good = list_rules(l, width);
    buf_add_char(l->out, '\n');
    good = list_clients(l, width) && good;
    if (l->policy->num_groups > 0) {
        buf_add_char(l->out, '\n');
        good = list_groups(l, width) && good;
    }
    return good;
}

/* ---- which belongs to which client ---- */

/* A pair (client, value), num of them; sorted into *ret by counting. */
struct pairs {
    size_t (*client_of)(const struct policy *policy, size_t group, size_t i);
    size_t (*num_of)(const struct policy *policy, size_t group);
    size_t num_outer;
    bool value_is_outer; /* the value is the outer number, else the inner one */
};

static bool sort_pairs(const struct policy *policy, const struct pairs *p, struct by_client *ret)
{
    size_t total = 0;
    ret->first = calloc(policy->num_clients + 2, sizeof(*ret->first));
    if (ret->first == NULL) {
        return false;
    }
    for (size_t outer = 0; outer < p->num_outer; outer++) {
        const size_t num = p->num_of(policy, outer);
        total += num;
        for (size_t i = 0; i < num; i++) {
            ret->first[p->client_of(policy, outer, i) + 2]++;
        }
    }
    ret->items = calloc(total + 1, sizeof(*ret->items));
    if (ret->items == NULL) {
        return false;
    }
    for (size_t i = 2; i < policy->num_clients + 2; i++) {
        ret->first[i] += ret->first[i - 1];
    }
    for (size_t outer = 0; outer < p->num_outer; outer++) {
        for (size_t i = 0; i < p->num_of(policy, outer); i++) {
            const size_t at = ret->first[p->client_of(policy, outer, i) + 1]++;
            ret->items[at] = p->value_is_outer ? outer : i;
        }
    }
    return true;
}

static size_t cred_client(const struct policy *policy, size_t outer, size_t i)
{
    (void)outer;
    return policy->creds[i].client;
}
static size_t cred_num(const struct policy *policy, size_t outer)
{
    (void)outer;
    return policy->num_creds;
}
static size_t wide_client(const struct policy *policy, size_t outer, size_t i)
{
    (void)outer;
    return policy->wide[i].client;
}
static size_t wide_num(const struct policy *policy, size_t outer)
{
    (void)outer;
    return policy->num_wide;
}
static size_t group_client(const struct policy *policy, size_t outer, size_t i)
{
    return policy->groups[outer].clients[i];
}
static size_t group_num(const struct policy *policy, size_t outer)
{
    return policy->groups[outer].num_clients;
}

void policy_scopes(const struct policy *policy, const char *front, struct buf *out)
{
    for (size_t i = 0; i < policy->num_sources; i++) {
        const struct policy_source *source = &policy->sources[i];
        for (unsigned k = 0; k < source->num_scopes; k++) {
            buf_printf(out, "%s%s: ", front, source->name);
            review_names(out, source->scopes[k], 0);
            buf_add_char(out, '\n');
        }
    }
}

static bool prepare(struct listing *l)
{
    const struct policy *policy = l->policy;
    const struct pairs creds = {cred_client, cred_num, 1, false};
    const struct pairs wide = {wide_client, wide_num, 1, false};
    const struct pairs groups = {group_client, group_num, policy->num_groups, true};
    l->mark = calloc(policy->num_clients + 1, sizeof(*l->mark));
    return l->mark != NULL && sort_pairs(policy, &creds, &l->creds) &&
           sort_pairs(policy, &wide, &l->wide) && sort_pairs(policy, &groups, &l->groups);
}

bool policy_list(const struct policy *policy, int64_t now_s, unsigned width, bool json,
                 struct buf *out)
{
    struct listing l = {.policy = policy, .now_s = now_s, .is_short = width != 0, .out = out};
    bool good = prepare(&l);
    if (good && json) {
        list_json(&l);
    } else if (good) {
        good = list_text(&l, width);
    }
    struct by_client *const lists[] = {&l.creds, &l.wide, &l.groups};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        free(lists[i]->first);
        free(lists[i]->items);
    }
    free(l.mark);
    return good && buf_ok(out);
}
