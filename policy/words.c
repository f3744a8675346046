/* words.c - see policy.h: the stable words for its enums. They stand in replies, audit records and
 * metrics, so none may ever change its meaning. */
#include "policy/policy.h"

const char *policy_action_word(enum policy_action action)
{
    static const char *const words[POLICY_ACTION_COUNT] = {
        [ACTION_NEWCERT] = "newcert",
        [ACTION_REVOKE] = "revoke",
        [ACTION_INFO] = "info",
    };
    return words[action];
}

const char *key_algo_word(enum key_algo algo)
{
    return algo == KEY_ECDSA ? "ecdsa" : "rsa";
}

const char *subject_attr_word(enum subject_attr_type type)
{
    static const char *const words[SUBJECT_ATTR_COUNT] = {
        [SUBJECT_C] = "C", [SUBJECT_ST] = "ST", [SUBJECT_L] = "L",
        [SUBJECT_O] = "O", [SUBJECT_OU] = "OU", [SUBJECT_SERIAL] = "serialNumber",
    };
    return words[type];
}

static const char *const reason_words[POLICY_REASON_COUNT] = {
    [REASON_ALLOWED] = "allowed",
    [REASON_DENY_RULE] = "deny_rule",
    [REASON_UNKNOWN_PARTY] = "unknown_party",
    [REASON_NOT_DELEGATED] = "not_delegated",
    [REASON_NO_RULE] = "no_rule",
    [REASON_RULE_EXPIRED] = "rule_expired",
    [REASON_SOURCE] = "source_not_allowed",
    [REASON_TIME] = "time_not_allowed",
    [REASON_NO_NAMES] = "no_names",
    [REASON_TOO_MANY_NAMES] = "too_many_names",
    [REASON_NAME_NOT_ALLOWED] = "name_not_allowed",
    [REASON_OUT_OF_SCOPE] = "out_of_scope",
    [REASON_COMMON_NAME] = "common_name_not_allowed",
    [REASON_SUBJECT] = "subject_not_allowed",
    [REASON_KEY] = "key_not_allowed",
    [REASON_PROFILE] = "profile_not_allowed",
    [REASON_NOT_OWNER] = "not_owner",
    [REASON_UNKNOWN_CERT] = "unknown_cert",
};

const char *policy_reason_word(enum policy_reason reason)
{
    return reason_words[reason];
}

bool policy_reason_parse(struct slice word, enum policy_reason *ret)
{
    for (unsigned i = 0; i < POLICY_REASON_COUNT; i++) {
        if (slice_eq_str(word, reason_words[i])) {
            *ret = (enum policy_reason)i;
            return true;
        }
    }
    return false;
}
