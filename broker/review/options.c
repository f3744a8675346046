/* options.c - see options.h. */
#include "broker/review/options.h"

#include "broker/cli/output.h"

const char *const review_term_words[] = {
    "client=", "name=",        "rule=",    "result=", "reason=",    "decision=", "type=",
    "serial=", "req=",         "peer=",    "owner=",  "ticket=",    "time>",     "for=",
    "policy=", "fingerprint=", "profile=", "detail~", "not-after<", NULL};

const char review_term_notes[] =
    "A TERM is FIELD=VALUE, FIELD!=VALUE, FIELD~VALUE (has it in it), FIELD!~VALUE, or "
    "FIELD<VALUE,\n"
    "<=, >, >= for numbers and times; all must hold, but of several FIELD=VALUE with one field one "
    "is\n"
    "enough. VALUE may have * and ?. FIELD=* is: there is one. Quote them for the shell.\n"
    "Fields: client, name, rule, result, reason, decision, type, serial, fingerprint, req, peer, "
    "owner,\n"
    "  ticket, seq, time, for, via, credential, caller-cert, action, profile, key, policy, idem, "
    "trace,\n"
    "  client-req, follows, supersedes, cert-owner, revoke-reason, aki, stage, effect, mismatch,\n"
    "  upstream, status, latency, not-after, detail, path, by, note.\n"
    "Exit status: 0 done (also where nothing fits), 1 part of the log is damaged or missing, 2 "
    "cannot "
    "run.\n";

bool review_query(const struct command_args *args, struct query *ret)
{
    static const char *const fields[] = {"client", "name",  "rule",   "result",      "decision",
                                         "reason", "type",  "serial", "fingerprint", "req",
                                         "peer",   "owner", "ticket"};
    struct cb_err err;
    enum cb_code code = CB_OK;
    query_init(ret);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && code == CB_OK; i++) {
        const char *value = NULL;
        for (size_t k = 0; code == CB_OK && (value = args_nth(args, fields[i], k)) != NULL; k++) {
            code = query_add_is(ret, fields[i], value, &err);
        }
    }
    for (size_t i = 0; i < args_num_operands(args) && code == CB_OK; i++) {
        code = query_add(ret, args_operand(args, i), &err);
    }
    if (code != CB_OK) {
        (void)command_usage_error(args, "%s", err.msg);
        query_free(ret);
    }
    return code == CB_OK;
}

bool review_number(const struct command_args *args, const char *name, uint64_t min, uint64_t max,
                   uint64_t fallback, uint64_t *ret)
{
    const char *text = args_text(args, name);
    uint64_t number = fallback;
    if (text != NULL && (!slice_to_u64(slice_of(text), &number) || number < min || number > max)) {
        (void)command_usage_error(args, "--%s: \"%s\" is no number from %llu to %llu", name, text,
                                  (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *ret = number;
    return true;
}

int review_damage_said(const struct review_damage *damage, int status)
{
    for (size_t i = 0; i < damage->num; i++) {
        (void)fprintf(stderr, "certbroker: warning: %s\n", damage->what[i]);
    }
    if (damage->num == 0) {
        return status;
    }
    (void)fprintf(stderr,
                  "certbroker: %sthis was stepped over and the answer may not be whole: run "
                  "`certbroker audit verify`\n",
                  damage->has_more ? "and more; " : "");
    return status == EXIT_OK ? EXIT_PROBLEM : status;
}

int review_failed(const struct cb_err *err)
{
    cli_complain("", err);
    return EXIT_USAGE;
}
