/* options.h - inside broker/review only: what the commands that look for rows share. */
#ifndef BROKER_REVIEW_OPTIONS_H
#define BROKER_REVIEW_OPTIONS_H

#include "broker/cli/audit_source.h"
#include "broker/review/search.h"

/* clang-format off */
#define REVIEW_TERM_OPTION(field, value_, help_)                                                   \
    {.name = (field), .many = true, .kind = VALUE_TEXT, .value = (value_), .help = (help_)}
#define REVIEW_WORD_OPTION(field, value_, words_, help_)                                           \
    {.name = (field), .many = true, .kind = VALUE_TEXT, .value = (value_), .words = (words_),      \
     .help = (help_)}
/* The fields that are asked for most, as options; each is FIELD=VALUE. */
#define REVIEW_TERM_OPTIONS                                                                        \
    REVIEW_TERM_OPTION("client", "CLIENT", "who asked; * and ? may stand in it, as in the others"),\
    REVIEW_TERM_OPTION("name", "NAME", "a name asked for or granted"),                             \
    REVIEW_TERM_OPTION("rule", "RULE", "the policy's rule"),                                       \
    REVIEW_WORD_OPTION("result", "WORD", review_result_words,                                      \
                       "issued, denied, failed, unknown, revoked, refused, ..."),                  \
    REVIEW_WORD_OPTION("decision", "WORD", review_decision_words, "allow or deny"),                \
    REVIEW_WORD_OPTION("reason", "WORD", review_reason_words,                                      \
                       "why not: name_not_allowed, no_rule, ca_unknown, ..."),                     \
    REVIEW_WORD_OPTION("type", "TYPE", review_type_words, "record type: issue.ok, policy.*, ..."), \
    REVIEW_TERM_OPTION("serial", "SERIAL", "hex, with or without colons, or decimal"),             \
    REVIEW_TERM_OPTION("fingerprint", "SHA256", "of a certificate; its beginning will do"),        \
    REVIEW_TERM_OPTION("req", "ID", "request id; its beginning will do"),                          \
    REVIEW_TERM_OPTION("peer", "ADDRESS", "an address or a network, 10.20.0.0/16"),                \
    REVIEW_TERM_OPTION("owner", "OWNER", "of the rule"),                                           \
    REVIEW_TERM_OPTION("ticket", "TICKET", "of the rule")
/* clang-format on */

extern const char *const review_term_words[]; /* FIELD= for completion, ended by NULL */
extern const char review_term_notes[];        /* terms, for the usage */

/* review_query - from options and operands. False after a usage error; then there is nothing to free. */
bool review_query(const struct command_args *args, struct query *ret);
/* review_number - the value of an option, from min to max; fallback where it is not given. False after a
 * usage error. */
bool review_number(const struct command_args *args, const char *name, uint64_t min, uint64_t max,
                   uint64_t fallback, uint64_t *ret);
/* review_damage_said - what could not be read, on stderr. Returns status, or EXIT_PROBLEM instead of
 * EXIT_OK where there is something: then what was found may not be all. */
int review_damage_said(const struct review_damage *damage, int status);
/* review_failed - why the log could not be read, on stderr; EXIT_USAGE. */
int review_failed(const struct cb_err *err);

#endif
