/* policy_explain.c - certbroker policy explain: would this be allowed, and if not, what would have to be
 * different? And what may a client have at all? Asks the policy, never a running broker. */
#include "broker/tools/explain.h"
#include "broker/tools/tools.h"

#include <stdlib.h>

#define US_PER_S 1000000
#define ARENA_CAP ((size_t)256 << 20)

static int effective(struct explaining *e)
{
    struct buf out;
    buf_init(&out, CLI_OUTPUT_MAX);
    if (!policy_effective(e->source->policy, &e->caller, e->now_s, args_has(e->args, "json"),
                          &out)) {
        buf_free(&out);
        return cli_no_memory();
    }
    return cli_print(&out, EXIT_OK);
}

static int decide(struct explaining *e)
{
    struct policy_trace trace = {.best = SIZE_MAX};
    struct cb_err err = {0};
    struct buf out;
    const int status = explain_ask(e);
    if (status != EXIT_OK) {
        return status;
    }
    if (policy_trace(e->source->policy, &e->caller, &e->ask, e->now_s, e->arena, &trace, &err) !=
        CB_OK) {
        return cli_no_memory();
    }
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(e->args, "json")) {
        explain_json(e, &trace, &out);
    } else {
        explain_text(e, &trace, &out);
    }
    return cli_print(&out, trace.decision.allowed ? EXIT_OK : EXIT_PROBLEM);
}

/* check_effective - it is about everything, so nothing of one request goes with it. */
static int check_effective(const struct command_args *args)
{
    static const char *const others[] = {"action",  "host",         "cn",       "subject", "key",
                                         "profile", "on-behalf-of", "relation", "request"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (args_has(args, others[i])) {
            return command_usage_error(args, "--%s does not go with --effective", others[i]);
        }
    }
    return EXIT_OK;
}

static int read_time(struct explaining *e)
{
    const char *at = args_text(e->args, "at");
    int64_t us = 0;
    e->now_s = cli_now_s();
    if (at == NULL) {
        return EXIT_OK;
    }
    if (!cli_time(at, &us)) {
        return command_usage_error(e->args,
                                   "--at must be a UTC time (2027-03-31T18:00:00Z) or a date");
    }
    e->now_s = us / US_PER_S;
    return EXIT_OK;
}

static int explain(struct explaining *e)
{
    const bool is_effective = args_has(e->args, "effective");
    int status = is_effective ? check_effective(e->args) : EXIT_OK;
    if (status == EXIT_OK) {
        status = read_time(e);
    }
    if (status == EXIT_OK) {
        status = explain_who(e);
    }
    if (status != EXIT_OK) {
        return status;
    }
    return is_effective ? effective(e) : decide(e);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct tools_source source;
    struct arena arena;
    struct explaining *e = calloc(1, sizeof(*e)); /* large: all names there may be */
    if (e == NULL) {
        return cli_no_memory();
    }
    int status = EXIT_USAGE;
    if (tools_open(env, args, &source)) {
        arena_init(&arena, ARENA_CAP);
        *e = (struct explaining){
            .env = env, .args = args, .source = &source, .arena = &arena, .matched = SIZE_MAX};
        status = explain(e);
        arena_free(&arena);
        tools_close(env, &source);
    }
    free(e);
    return status;
}

/* clang-format off */
static const struct command_option options[] = {
    TOOLS_POLICY_OPTIONS,
    {.name = "as", .kind = VALUE_TEXT, .value = "PRINCIPAL",
     .help = "who asks: a client's id, or id:instance"},
    {.name = "mtls-cert", .kind = VALUE_FILE, .value = "FILE",
     .help = "who asks: whoever has this certificate (PEM)"},
    {.name = "jwt", .kind = VALUE_FILE, .value = "FILE",
     .help = "who asks: whom this token names; it is not verified"},
    {.name = "jwt-issuer", .kind = VALUE_TEXT, .value = "NAME",
     .help = "what the policy calls the token's issuer (with -c: found by its iss)"},
    {.name = "effective", .kind = VALUE_TEXT, .value = "PRINCIPAL",
     .help = "show all that this client may have"},
    {.name = "action", .kind = VALUE_WORD, .value = "ACTION", .words = ask_text_actions,
     .help = "what is asked for; newcert if not given"},
    {.name = "host", .many = true, .kind = VALUE_TEXT, .value = "NAME",
     .help = "a name in the certificate, of any kind"},
    {.name = "cn", .kind = VALUE_TEXT, .value = "TEXT", .help = "common name"},
    {.name = "subject", .many = true, .kind = VALUE_TEXT, .value = "NAME=VALUE",
     .help = "subject attribute: C, ST, L, O, OU, serialNumber"},
    {.name = "key", .kind = VALUE_TEXT, .value = "KEY",
     .help = "ecdsa-256 (if not given), ecdsa-384, ecdsa-521, rsa-2048, ..."},
    {.name = "profile", .kind = VALUE_TEXT, .value = "NAME", .help = "the CA's profile"},
    {.name = "request", .kind = VALUE_FILE, .value = "FILE",
     .help = "the body of a request, as CFSSL takes it; - is standard input"},
    {.name = "from", .kind = VALUE_TEXT, .value = "ADDRESS", .help = "where it comes from"},
    {.name = "at", .kind = VALUE_TEXT, .value = "TIME",
     .help = "when, as 2027-03-31T18:00:00Z; now if not given"},
    {.name = "on-behalf-of", .kind = VALUE_TEXT, .value = "PRINCIPAL", .help = "for whom"},
    {.name = "claim", .many = true, .kind = VALUE_TEXT, .value = "NAME=VALUE",
     .help = "a claim of the caller's token"},
    {.name = "relation", .kind = VALUE_WORD, .value = "WORD", .words = ask_text_relations,
     .help = "whose certificate is to be revoked; own if not given"},
    CLI_JSON_OPTION,
    {.name = NULL}};
/* clang-format on */

const struct command tools_policy_explain = {
    .name = "policy explain",
    .summary = "say whether a request would be allowed, and what would have to change",
    .options = options,
    .notes = "For a revoke, --host gives the names in the certificate and --relation whose it is.\n"
             "Exit status: 0 allowed, 1 denied, 2 cannot run.\n",
    .run = run,
};
