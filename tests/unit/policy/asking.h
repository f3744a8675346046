/* asking.h - requests as tests write them, and tables of what must come of them. */
#ifndef TESTS_UNIT_POLICY_ASKING_H
#define TESTS_UNIT_POLICY_ASKING_H

#include "broker/base/clock.h"
#include "tests/unit/policy/support.h"

#define MAX_NAMES 120

/* What a case asks for; the zero value of a field is the ordinary one. */
struct wanted {
    const char *client; /* NULL: "api" */
    enum policy_action action;
    const char *names;   /* separated by spaces */
    const char *cn;      /* NULL: absent */
    const char *subject; /* "O=Acme;OU=x" */
    const char *key;     /* NULL: "ecdsa 256" */
    const char *profile; /* NULL: "server" */
    enum cert_relation relation;
    int64_t now_s;        /* 0: at, or else NOW_S */
    const char *at;       /* a UTC time */
    const char *for_whom; /* on_behalf_of; NULL: absent */
    const char *peer;     /* NULL: not known */
    const char *claim;    /* "name=value" of its JWT */
};

struct asked {
    struct arena arena;
    struct name names[MAX_NAMES];
    struct subject_attr subject[8];
    struct policy_ask ask;
    struct name peer;
    struct policy_claim claim;
    struct policy_caller caller;
};

static inline void split_names(struct asked *a, const char *text)
{
    while (text != NULL && *text != '\0') {
        const char *end = strchrnul(text, ' ');
        struct cb_err err;
        const struct slice one = {text, (size_t)(end - text)};
        if (name_parse(&a->arena, one, &a->names[a->ask.num_names], &err) != CB_OK) {
            fail_msg("%s", err.msg);
        }
        a->ask.num_names++;
        text = *end == ' ' ? end + 1 : end;
    }
    a->ask.num_names = name_sort_unique(a->names, a->ask.num_names);
    a->ask.names = a->names;
}

static inline void split_subject(struct asked *a, const char *text)
{
    while (text != NULL && *text != '\0') {
        const char *equals = strchr(text, '=');
        const char *end = strchrnul(text, ';');
        assert_non_null(equals);
        struct subject_attr *attr = &a->subject[a->ask.num_subject++];
        attr->value = (struct slice){equals + 1, (size_t)(end - equals - 1)};
        const struct slice word = {text, (size_t)(equals - text)};
        int type = 0;
        while (!slice_eq_str(word, subject_attr_word((enum subject_attr_type)type))) {
            type++;
            assert_true(type < SUBJECT_ATTR_COUNT);
        }
        attr->type = (enum subject_attr_type)type;
        text = *end == ';' ? end + 1 : end;
    }
    a->ask.subject = a->subject;
}

static inline void make_caller(struct asked *a, const struct policy *p, const struct wanted *w)
{
    const char *who = w->client == NULL ? "api" : w->client;
    if (!policy_caller_by_principal(p, slice_of(who), &a->caller)) {
        fail_msg("no client %s", who);
    }
    if (w->peer != NULL) {
        a->peer = name_of(&a->arena, w->peer);
        a->caller.peer = &a->peer;
    }
    if (w->claim != NULL) {
        const char *equals = strchr(w->claim, '=');
        assert_non_null(equals);
        a->claim =
            (struct policy_claim){{w->claim, (size_t)(equals - w->claim)}, slice_of(equals + 1)};
        a->caller.claims = &a->claim;
        a->caller.num_claims = 1;
    }
}

/* make_asked - a request of a caller; arena_free(&a->arena) it. */
static inline void make_asked(struct asked *a, const struct policy *p, const struct wanted *w)
{
    *a = (struct asked){.ask = {.action = w->action, .relation = w->relation}};
    arena_init(&a->arena, 1 << 20);
    split_names(a, w->names);
    split_subject(a, w->subject);
    a->ask.common_name = slice_of(w->cn);
    a->ask.profile = slice_of(w->profile == NULL ? "server" : w->profile);
    const char *key = w->key == NULL ? "ecdsa 256" : w->key;
    a->ask.key_algo = key[0] == 'r' ? KEY_RSA : KEY_ECDSA;
    a->ask.key_bits = (unsigned)strtoul(strchr(key, ' '), NULL, 10);
    a->ask.on_behalf_of = slice_of(w->for_whom);
    make_caller(a, p, w);
}

static inline int64_t time_of(const struct wanted *w)
{
    int64_t us = 0;
    if (w->now_s != 0 || w->at == NULL) {
        return w->now_s == 0 ? NOW_S : w->now_s;
    }
    assert_true(time_parse(slice_of(w->at), &us));
    return us / 1000000;
}

static inline struct policy_decision decide(const struct policy *p, const struct wanted *w)
{
    struct asked a;
    struct policy_decision d;
    make_asked(&a, p, w);
    memset(&d, 0xa5, sizeof(d));
    policy_decide(p, &a.caller, &a.ask, time_of(w), &d);
    arena_free(&a.arena);
    return d;
}

struct expected {
    struct wanted wanted;
    enum policy_reason reason;
    const char *rule;   /* NULL: none */
    const char *detail; /* part of it; NULL: empty */
};

static inline void check_cases(const char *policy_text, const struct expected *cases, size_t num)
{
    struct policy *p = load_text(policy_text);
    for (size_t i = 0; i < num; i++) {
        const struct policy_decision d = decide(p, &cases[i].wanted);
        const struct expected *e = &cases[i];
        const bool same_rule =
            (d.rule_id == NULL && e->rule == NULL) ||
            (d.rule_id != NULL && e->rule != NULL && strcmp(d.rule_id, e->rule) == 0);
        const bool same_detail =
            e->detail == NULL ? d.detail[0] == '\0' : strstr(d.detail, e->detail) != NULL;
        if (d.reason != e->reason || !same_rule || !same_detail ||
            d.allowed != (e->reason == REASON_ALLOWED)) {
            fail_msg("case %zu (%s): %s by %s: %s", i, e->wanted.names,
                     policy_reason_word(d.reason), d.rule_id, d.detail);
        }
        /* A refusal by a rule names it. */
        assert_true(d.allowed || d.rule_id == NULL || strstr(d.detail, d.rule_id) != NULL);
    }
    policy_free(p);
}
#define CHECK_CASES(text, cases) check_cases(text, cases, sizeof(cases) / sizeof((cases)[0]))

#endif
