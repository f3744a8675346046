/* usage.c - see trace.h: which rules, names and clients a policy would miss. Asks policy_decide, and
 * for the names of the rule that decided the pattern functions that it uses. */
#include "policy/placeholder.h"
#include "policy/trace.h"
#include "policy/verdict.h"

#include <stdlib.h>

#define US_PER_S 1000000

struct policy_usage {
    const struct policy *policy;
    uint64_t num_asked;
    bool *rules;     /* used? */
    bool *clients;   /* used? */
    bool *patterns;  /* used? names of rule 0, its common names, names of rule 1, ... */
    size_t *offsets; /* of each rule's first pattern */
};

static const struct pattern_list *common_names(const struct rule *rule)
{
    static const struct pattern_list none = {0};
    return rule->issue == NULL ? &none : &rule->issue->cn_patterns;
}

struct policy_usage *policy_usage_new(const struct policy *policy)
{
    struct policy_usage *u = calloc(1, sizeof(*u));
    if (u == NULL) {
        return NULL;
    }
    u->policy = policy;
    u->rules = calloc(policy->num_rules + 1, sizeof(*u->rules));
    u->clients = calloc(policy->num_clients + 1, sizeof(*u->clients));
    u->offsets = calloc(policy->num_rules + 1, sizeof(*u->offsets));
    size_t num = 0;
    for (size_t i = 0; i < policy->num_rules && u->offsets != NULL; i++) {
        u->offsets[i] = num;
        num += policy->rules[i].names.num + common_names(&policy->rules[i])->num;
    }
    u->patterns = calloc(num + 1, sizeof(*u->patterns));
    if (u->rules == NULL || u->clients == NULL || u->offsets == NULL || u->patterns == NULL) {
        policy_usage_free(u);
        return NULL;
    }
    return u;
}

void policy_usage_free(struct policy_usage *usage)
{
    if (usage == NULL) {
        return;
    }
    free(usage->rules);
    free(usage->clients);
    free(usage->offsets);
    free(usage->patterns);
    free(usage);
}

/* ---- counting ---- */

struct use { /* of one rule by one request */
    struct policy_usage *usage;
    const struct rule *rule;
    const struct policy_caller *caller; /* whose placeholders */
};

static void use_patterns(const struct use *use, const struct pattern_list *list, size_t offset,
                         const struct name *name)
{
    for (size_t i = 0; i < list->num; i++) {
        const struct pattern *p = &list->items[i];
        if (use->rule->deny ? pattern_touches(p, name) : pattern_covers(p, name, use->caller)) {
            use->usage->patterns[offset + i] = true;
        }
    }
}

static void use_rule(const struct use *use, const struct question *q)
{
    const struct rule *rule = use->rule;
    const size_t index = (size_t)(rule - use->usage->policy->rules);
    const size_t names_at = use->usage->offsets[index];
    use->usage->rules[index] = true;
    for (size_t i = 0; i < q->ask->num_names; i++) {
        use_patterns(use, &rule->names, names_at, &q->ask->names[i]);
    }
    if (!q->cn_is_name) {
        return;
    }
    use_patterns(use, common_names(rule), names_at + rule->names.num, &q->cn_name);
    if (rule->deny) {
        use_patterns(use, &rule->names, names_at, &q->cn_name);
    }
}

/* use_by_id - of the client's own rules the one of this id, NULL: none. */
static void use_by_id(struct policy_usage *u, const struct question *q,
                      const struct policy_caller *caller, const char *id)
{
    const struct rule_refs *refs = &caller->client->allow;
    for (size_t i = 0; i < refs->num && id != NULL; i++) {
        if (refs->items[i]->id == id) {
            use_rule(&(struct use){u, refs->items[i], caller}, q);
        }
    }
}

static void use_client(struct policy_usage *u, const struct policy_client *client)
{
    if (client != NULL) {
        u->clients[client - u->policy->clients] = true;
    }
}

void policy_usage_add(struct policy_usage *usage, const struct policy_caller *caller,
                      const struct policy_ask *ask, int64_t when_us)
{
    const int64_t when_s = when_us / US_PER_S;
    struct policy_decision d;
    struct question q;
    policy_decide(usage->policy, caller, ask, when_s, &d);
    question_begin(&q, usage->policy, caller, ask, when_s);
    const struct policy_caller *owner = question_for_other(&q) ? &q.party : caller;
    usage->num_asked++;
    use_client(usage, caller->client);
    use_client(usage, owner->client);
    struct verdict v;
    if (d.reason == REASON_DENY_RULE && deny_first(&q, &v)) {
        use_rule(&(struct use){usage, v.rule, caller}, &q);
    } else if (d.allowed) {
        use_by_id(usage, &q, owner, d.rule_id);
        use_by_id(usage, &q, caller, d.delegate_rule_id);
    }
}

/* ---- printing ---- */

struct printer {
    const struct policy_usage *usage;
    struct buf *out;
    bool json;
    size_t num;      /* things in all */
    size_t num_here; /* ... under this heading */
};

static void begin(struct printer *p, const char *key, const char *heading)
{
    p->num_here = 0;
    if (p->json) {
        buf_printf(p->out, ",\"%s\":[", key);
    } else {
        buf_printf(p->out, "%s\n", heading);
    }
}

static void end(struct printer *p)
{
    if (p->json) {
        buf_add_char(p->out, ']');
    } else if (p->num_here == 0) {
        buf_add_str(p->out, "  none\n");
    }
    p->num += p->num_here;
}

/* begin_thing - where it stands and its id; rule NULL: it is not inside a rule. */
static void begin_thing(struct printer *p, struct diag_place place)
{
    if (p->json) {
        buf_add_str(p->out, p->num_here == 0 ? "{\"file\":" : ",{\"file\":");
        buf_add_json_str(p->out, slice_of(place.file));
        buf_printf(p->out, ",\"line\":%u,\"column\":%u", place.line, place.col);
    } else {
        buf_printf(p->out, "  %s:%u:%u: ", place.file, place.line, place.col);
    }
    p->num_here++;
}

static void print_id(struct printer *p, struct pos pos, const char *id)
{
    begin_thing(p, rule_place(p->usage->policy, pos));
    if (p->json) {
        buf_add_str(p->out, ",\"id\":");
        buf_add_json_str(p->out, slice_of(id));
        buf_add_char(p->out, '}');
    } else {
        buf_printf(p->out, "%s\n", id);
    }
}

static void print_pattern(struct printer *p, const struct rule *rule, const struct pattern *pattern)
{
    char text[NAME_TEXT_MAX + 1];
    (void)pattern_text(pattern, text);
    begin_thing(p, rule_place(p->usage->policy, pattern->at.line != 0 ? pattern->at : rule->pos));
    if (p->json) {
        buf_add_str(p->out, ",\"rule\":");
        buf_add_json_str(p->out, slice_of(rule->id));
        buf_printf(p->out, ",\"kind\":\"%s\",\"name\":", name_kind_word(pattern->kind));
        buf_add_json_str(p->out, slice_of(text));
        buf_add_char(p->out, '}');
    } else {
        buf_printf(p->out, "%s %s of rule %s\n", name_kind_word(pattern->kind), text, rule->id);
    }
}

static void print_patterns(struct printer *p, const struct rule *rule,
                           const struct pattern_list *list, size_t offset)
{
    for (size_t i = 0; i < list->num; i++) {
        if (!p->usage->patterns[offset + i]) {
            print_pattern(p, rule, &list->items[i]);
        }
    }
}

/* print_names - of rules that were used: of one that was not all are unused, of course. */
static void print_names(struct printer *p)
{
    const struct policy *policy = p->usage->policy;
    begin(p, "names", "names that no request needed, in rules that were used:");
    for (size_t i = 0; i < policy->num_rules; i++) {
        const struct rule *rule = &policy->rules[i];
        const size_t at = p->usage->offsets[i];
        if (p->usage->rules[i]) {
            print_patterns(p, rule, &rule->names, at);
            print_patterns(p, rule, common_names(rule), at + rule->names.num);
        }
    }
    end(p);
}

size_t policy_usage_print(const struct policy_usage *usage, bool json, struct buf *out)
{
    const struct policy *policy = usage->policy;
    struct printer p = {.usage = usage, .out = out, .json = json};
    if (json) {
        buf_printf(out, "{\"requests\":%llu", (unsigned long long)usage->num_asked);
    }
    begin(&p, "rules", "rules that decided no request:");
    for (size_t i = 0; i < policy->num_rules; i++) {
        if (!usage->rules[i]) {
            print_id(&p, policy->rules[i].pos, policy->rules[i].id);
        }
    }
    end(&p);
    print_names(&p);
    begin(&p, "clients", "clients that asked for nothing:");
    for (size_t i = 0; i < policy->num_clients; i++) {
        if (!usage->clients[i]) {
            print_id(&p, policy->clients[i].pos, policy->clients[i].id);
        }
    }
    end(&p);
    if (json) {
        buf_printf(out, ",\"unused\":%zu}\n", p.num);
    } else {
        buf_printf(out, "%zu unused of %zu rules and %zu clients, by %llu requests\n", p.num,
                   policy->num_rules, policy->num_clients, (unsigned long long)usage->num_asked);
    }
    return p.num;
}
