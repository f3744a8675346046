/* revoke_reason.c - the words for why a certificate is revoked: ours, CFSSL's, and those that CFSSL
 * would take and we do not. */
#include "broker/request/parse.h"

static const struct {
    const char *word;  /* RFC 5280 5.3.1 */
    const char *cfssl; /* as its revoke endpoint lists it */
} reasons[REVOKE_REASON_COUNT] = {
    [REVOKE_UNSPECIFIED] = {"unspecified", "unspecified"},
    [REVOKE_KEY_COMPROMISE] = {"keyCompromise", "keycompromise"},
    [REVOKE_CA_COMPROMISE] = {"cACompromise", "cacompromise"},
    [REVOKE_AFFILIATION_CHANGED] = {"affiliationChanged", "affiliationchanged"},
    [REVOKE_SUPERSEDED] = {"superseded", "superseded"},
    [REVOKE_CESSATION_OF_OPERATION] = {"cessationOfOperation", "cessationofoperation"},
    [REVOKE_PRIVILEGE_WITHDRAWN] = {"privilegeWithdrawn", "privilegewithdrawn"},
};

#define HOLD_REFUSAL                                                                               \
    "certificateHold is not accepted: CFSSL has no way to release a held certificate, so a hold "  \
    "would be a revocation that does not say so"
#define REMOVE_REFUSAL                                                                             \
    "removeFromCRL is not accepted: it would replace the recorded reason without making the "      \
    "certificate valid again"
#define AA_REFUSAL                                                                                 \
    "aACompromise is not accepted: it is about attribute authorities, which this CA is not"

/* What CFSSL takes besides the words above. The numbers are refused because a typing slip in one
 * of them is a wrong reason for good; 0 and 10 are refused by CFSSL itself. */
static const struct {
    const char *word;
    const char *refusal;
} refused[] = {
    {"certificateHold", HOLD_REFUSAL},
    {"removeFromCRL", REMOVE_REFUSAL},
    {"aACompromise", AA_REFUSAL},
    {"0", "write \"unspecified\" instead of a number"},
    {"1", "write \"keyCompromise\" instead of a number"},
    {"2", "write \"cACompromise\" instead of a number"},
    {"3", "write \"affiliationChanged\" instead of a number"},
    {"4", "write \"superseded\" instead of a number"},
    {"5", "write \"cessationOfOperation\" instead of a number"},
    {"6", HOLD_REFUSAL},
    {"7", "7 is not a reason: RFC 5280 leaves it unused"},
    {"8", REMOVE_REFUSAL},
    {"9", "write \"privilegeWithdrawn\" instead of a number"},
    {"10", AA_REFUSAL},
};

const char *revoke_reason_word(enum revoke_reason reason)
{
    return reasons[reason].word;
}

const char *revoke_reason_cfssl(enum revoke_reason reason)
{
    return reasons[reason].cfssl;
}

bool revoke_reason_parse(struct slice word, enum revoke_reason *ret)
{
    for (size_t i = 0; i < REVOKE_REASON_COUNT; i++) {
        if (slice_eq_nocase(word, slice_of(reasons[i].word))) {
            *ret = (enum revoke_reason)i;
            return true;
        }
    }
    return false;
}

const char *revoke_reason_refusal(struct slice word)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (slice_eq_nocase(word, slice_of(refused[i].word))) {
            return refused[i].refusal;
        }
    }
    return NULL;
}
