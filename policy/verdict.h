/* verdict.h - inside policy/ only: one request held against one rule, condition by condition.
 *
 * decide.c stops at the first condition that fails, trace.c goes on through all of them; both ask
 * the same functions. Nothing here allocates, locks or reads a clock. */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include "policy/rule.h"

/* The request and what is worked out from it once for all rules. */
struct question {
    const struct policy *policy;
    const struct policy_ask *ask;
    int64_t now_s;
    const struct policy_caller *asker; /* who sent it */
    struct policy_caller self;         /* the same, with the effort below */
    struct regex_effort effort;        /* for all of its expressions together */
    struct policy_caller party;        /* on_behalf_of; client NULL: there is none, or unknown */
    /* The asker has a rule for acting for the party. Who has none learns nothing about it: not its
     * deny rules, not even whether it exists. */
    bool knows_party;
    /* on_behalf_of names this client, which stands for many identities, and the asker may act for
     * those: then there is no such party. */
    const struct policy_client *many;
    /* Whose rules are looked at, and which of them count: the asker's that let it act for the party,
     * or the ordinary ones of the one the certificate is for. */
    const struct policy_caller *caller;
    bool delegating;
    const struct rule *delegate; /* not delegating: the asker's rule that lets it act; NULL: none */
    bool cn_is_name;             /* the common name, read as a name, equals this one */
    bool cn_is_dotted_name;      /* it is a name with a dot behind, which some verifiers overlook */
    struct name cn_name;
    char cn_buf[NAME_TEXT_MAX + 1];
};

enum subject_fault {
    SUBJECT_NOT_ALLOWED,
    SUBJECT_TOO_OFTEN,
    SUBJECT_NOT_FIXED, /* the rule fixes another value */
    SUBJECT_MISSING,   /* required, and neither asked for nor fixed */
    SUBJECT_CONFLICT,  /* this rule and the delegating one fix different values */
};

struct verdict {
    enum policy_reason reason;
    const struct rule *rule; /* NULL: no rule is about it */
    size_t num_covered;      /* names that the rule covers */
    size_t name_index;       /* the first that it does not (or that it refuses), or SIZE_MAX */
    bool only_wildcard;      /* that name is a wildcard, and but for that it would be covered */
    bool common_name;        /* deny: it was the common name */
    bool out_of_scope;       /* REASON_COMMON_NAME: the rule allows it, its file's scope does not */
    enum subject_fault fault; /* REASON_SUBJECT */
    enum subject_attr_type attr_type;
    size_t attr_index; /* in ask->subject, where it was asked for */
};

/* ---- decide.c ---- */
/* question_begin - the asker's own rules, or those by which it may act for on_behalf_of. */
void question_begin(struct question *q, const struct policy *policy,
                    const struct policy_caller *caller, const struct policy_ask *ask,
                    int64_t now_s);
bool question_for_other(const struct question *q); /* on_behalf_of is there */
/* question_go_on - from now on the party's own rules, under the asker's rule delegate (or NULL). */
void question_go_on(struct question *q, const struct rule *delegate);
/* rule_counts - is this allow rule about the action, and of the kind that is looked at? */
bool rule_counts(const struct question *q, const struct rule *rule);

/* ---- decide_conditions.c ---- */
/* verdict_next - the next condition of v->rule, from number *step on, that does not hold. False:
 * none, and the reason is REASON_ALLOWED. Begin with *step 0. */
bool verdict_next(const struct question *q, struct verdict *v, size_t *step);
/* The parts of it that are about one name, for telling all that fail. */
bool name_is_covered(const struct question *q, const struct rule *rule, const struct name *name);
bool name_is_in_scope(const struct rule *rule, const struct name *name);
/* verdict_place - where in the policy the condition stands that did not hold. */
struct diag_place verdict_place(const struct question *q, const struct verdict *v);
bool cn_is_asked_name(const struct question *q);
bool window_is_open(const struct time_window *when, int64_t now_s); /* NULL: always */

/* ---- decide_subject.c ---- */
/* subject_next_fault - the next thing about the subject, from number *step on, that the rule does not
 * allow: fills fault, attr_type and attr_index. False: there is none. Begin with *step 0. */
bool subject_next_fault(const struct question *q, struct verdict *v, size_t *step);
/* subject_add_fixed - what the rule adds to those asked for, but for those already added. */
void subject_add_fixed(const struct rule *rule, const struct policy_ask *ask,
                       struct policy_decision *ret);

/* ---- decide_deny.c ---- */
bool deny_matches(const struct question *q, const struct rule *rule, struct verdict *v);
/* deny_first - the first in file order of all deny rules that match. */
bool deny_first(const struct question *q, struct verdict *v);

/* ---- explain.c ---- */
/* verdict_explain - one sentence about the caller's own request, for policy_decision.detail. */
void verdict_explain(const struct question *q, const struct verdict *v,
                     char out[POLICY_DETAIL_MAX]);

#endif
