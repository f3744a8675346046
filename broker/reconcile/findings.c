/* findings.c - what the verdicts are called and mean, and the list of findings with its cap. */
#include "broker/reconcile/join.h"

#include <stdio.h>
#include <stdlib.h>

#define DETAIL_MAX 400U

static const struct {
    const char *word;
    bool is_problem, is_listed;
    const char *sentence;
    const char *advice;
} verdicts[VERDICT_COUNT] = {
    [VERDICT_OK] = {"ok", false, false, "in both, and the same", NULL},
    [VERDICT_BYPASS] =
        {"bypass", true, true,
         "at the CA, but nobody asked this broker for it: issued behind its back",
         "find out who can reach the CA past the broker; revoke it with --revoke "
         "bypass; if it is meant to be there, list its serial in a file for --known"},
    [VERDICT_ORPHAN] = {"orphan", true, true,
                        "asked for here and issued, but nobody received it, and it is valid",
                        "revoke it with --revoke orphans: its key went with the lost answer"},
    [VERDICT_AMBIGUOUS] = {"ambiguous", true, true,
                           "more certificates than attempts here that could have made them",
                           "at least one of them was issued behind the broker's back; look at all "
                           "of them, revoke each with --revoke SERIAL"},
    [VERDICT_MISSING] = {"missing", true, true,
                         "issued through this broker, but the CA does not know it",
                         "the CA cannot revoke what it does not know: restore its database, or add "
                         "the certificate again from cert_der in the log"},
    [VERDICT_DIFFERS] = {"differs", true, true,
                         "the CA keeps another certificate under this serial number",
                         "compare both; one of the two stores was changed"},
    [VERDICT_UNREADABLE] = {"unreadable", true, true, "a row at the CA that cannot be compared",
                            "look at the row; CFSSL writes no such rows by itself"},
    [VERDICT_REVOKED_AT_CA] = {"revoked_at_ca", true, true,
                               "revoked at the CA, but not through this broker",
                               "ask who revoked it; --record notes it in the log"},
    [VERDICT_REVOKED_IN_LOG] = {"revoked_in_log", true, true,
                                "revoked through this broker, but the CA says it is good",
                                "the CA has lost the revocation (an old copy of its database?): "
                                "revoke it there, and make CRL and OCSP answers anew"},
    [VERDICT_UNRESOLVED] = {"unresolved", true, true,
                            "the outcome is not known, and certinfo cannot tell",
                            "compare with the certificate database itself: --certdb"},
    [VERDICT_NOT_ISSUED] = {"not_issued", false, true,
                            "the outcome was not known; the CA has no such certificate", NULL},
    [VERDICT_LAPSED] = {"lapsed", false, true,
                        "found before or received by nobody, and over; the log does not say so yet",
                        "nothing is left to do but --record, which notes it in the log"},
    [VERDICT_REVOKED_LATE] = {"revoked_late", false, false,
                              "a revocation of the broker's without a known outcome took effect",
                              NULL},
    [VERDICT_SETTLED] = {"settled", false, false, "found before, and dealt with since", NULL},
    [VERDICT_UNDER_WAY] = {"under_way", false, false, "being issued just now", NULL},
    [VERDICT_BEFORE] = {"before", false, false,
                        "issued before the log begins, or before --ignore-before", NULL},
    [VERDICT_KNOWN] = {"known", false, false, "in the list of --known", NULL},
    [VERDICT_OTHER_KEY] = {"other_key", false, false, "signed by a key that --aki does not name",
                           NULL},
    [VERDICT_OUTSIDE] = {"outside", false, false, "not issued in the period asked for", NULL},
    [VERDICT_EXPIRED] = {"expired", false, false,
                         "issued through this broker, expired, and no longer kept by the CA", NULL},
};

const char *verdict_word(enum verdict v)
{
    return verdicts[v].word;
}

const char *verdict_sentence(enum verdict v)
{
    return verdicts[v].sentence;
}

const char *verdict_advice(enum verdict v)
{
    return verdicts[v].advice;
}

bool verdict_is_problem(enum verdict v)
{
    return verdicts[v].is_problem;
}

bool verdict_is_listed(enum verdict v)
{
    return verdicts[v].is_listed;
}

bool reconcile_has_problems(const struct reconcile_result *result)
{
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        if (verdicts[v].is_problem && result->counts[v] > 0) {
            return true;
        }
    }
    return false;
}

uint64_t reconcile_num_new(const struct reconcile_result *result)
{
    uint64_t num = 0;
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        num += verdicts[v].is_problem ? result->counts[v] : 0;
    }
    for (size_t i = 0; i < result->num_findings; i++) {
        const struct finding *f = &result->findings[i];
        num -= verdicts[f->verdict].is_problem && f->is_recorded ? 1 : 0;
    }
    return num;
}

const struct finding finding_none = {.ref = UINT64_MAX, .cert_ref = UINT64_MAX};

bool grow_array(void **items, size_t *room, size_t num, size_t size)
{
    if (num < *room) {
        return true;
    }
    const size_t more = *room == 0 ? 64 : 2 * *room;
    void *bigger = reallocarray(*items, more, size);
    if (bigger == NULL) {
        return false;
    }
    *items = bigger;
    *room = more;
    return true;
}

enum cb_code finding_add(struct reconcile_result *result, const struct finding *f,
                         struct finding **ret, struct cb_err *err)
{
    if (ret != NULL) {
        *ret = NULL;
    }
    if (verdicts[f->verdict].is_listed) {
        return finding_list(result, f, ret, err);
    }
    result->counts[f->verdict]++;
    return CB_OK;
}

enum cb_code finding_list(struct reconcile_result *result, const struct finding *f,
                          struct finding **ret, struct cb_err *err)
{
    if (ret != NULL) {
        *ret = NULL;
    }
    result->counts[f->verdict]++;
    if (result->num_findings == RECONCILE_FINDINGS_MAX) {
        result->num_unlisted++;
        return CB_OK;
    }
    void *items = result->findings;
    if (!grow_array(&items, &result->room, result->num_findings, sizeof(*f))) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    result->findings = items;
    result->findings[result->num_findings] = *f;
    if (ret != NULL) {
        *ret = &result->findings[result->num_findings];
    }
    result->num_findings++;
    return CB_OK;
}

void finding_detail(struct reconcile_result *result, struct finding *f, const char *fmt, ...)
{
    char text[DETAIL_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    f->detail = arena_slice(&result->arena, slice_of(text));
}

void finding_end(struct finding *f, unsigned cert_flags)
{
    const bool is_revoked_unheard = f->is_revoked && !f->is_revoked_here;
    const unsigned told = CERT_TOLD_RESOLVED | (is_revoked_unheard ? 0U : CERT_TOLD_ORPHAN) |
                          (is_revoked_unheard ? 0U : CERT_TOLD_BYPASS);
    f->is_recorded = (cert_flags & told) != 0;
    f->verdict = f->is_recorded ? VERDICT_SETTLED : VERDICT_LAPSED;
}

struct finding finding_of_cert(const struct cert_table *t, const struct log_cert *cert,
                               enum verdict verdict)
{
    struct finding f = finding_none;
    f.verdict = verdict;
    f.cert_ref = cert->seq;
    f.ref = cert->ref;
    serial_to_hex(&cert->serial, f.serial_hex);
    serial_to_dec(&cert->serial, f.serial_dec);
    memcpy(f.aki_hex, cert_table_aki(t, cert), sizeof(f.aki_hex));
    if ((cert->flags & CERT_HAS_SHA256) != 0) {
        hex_encode(cert->sha256, SHA256_LEN, f.sha256);
    }
    f.issued_us = cert->ts_us;
    f.not_after_s = cert->not_after_s;
    f.is_revoked_here = (cert->flags & CERT_REVOKED) != 0;
    f.revoked_us = cert->revoked_us;
    return f;
}
