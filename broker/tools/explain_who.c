/* explain_who.c - see explain.h: the caller, named outright or by what it would show. */
#include "broker/base/file.h"
#include "broker/jwt/jwt.h"
#include "broker/tools/explain.h"

#define TOKEN_FILE_MAX ((size_t)4 * JWT_TOKEN_MAX) /* with whitespace around it */

static int usage(const struct explaining *e, const char *text)
{
    return command_usage_error(e->args, "%s", text);
}

static int cannot(const char *what, const char *why)
{
    (void)fprintf(stderr, "certbroker: %s%s%s\n", what, what[0] == '\0' ? "" : ": ", why);
    return EXIT_USAGE;
}

/* ---- named ---- */

/* by_principal - what any identity of a client may have can be shown of the client as such. */
static int by_principal(struct explaining *e, const char *option)
{
    const struct slice text = slice_of(args_text(e->args, option));
    const struct policy *policy = e->source->policy;
    char problem[POLICY_PROBLEM_MAX];
    const bool is_known = policy_caller_by_principal(policy, text, &e->caller);
    if ((is_known && strcmp(option, "effective") == 0) ||
        !policy_principal_problem(policy, text, true, problem)) {
        return EXIT_OK;
    }
    (void)fprintf(stderr, "certbroker: --%s: %s (in %s)\n", option, problem, e->source->path);
    return EXIT_USAGE;
}

/* ---- by credentials ---- */

static void add_unknown_text(const struct explaining *e, const char *what, struct buf *out)
{
    buf_printf(out, "DENIED: %s, so the broker does not know who asks:\n", what);
    for (size_t i = 0; i < e->num_creds; i++) {
        buf_printf(out, "  %s %.*s\n", explain_credential_word(e->creds[i].kind),
                   (int)e->creds[i].text.len, e->creds[i].text.ptr);
    }
}

static void add_unknown_json(const struct explaining *e, const char *what, struct buf *out)
{
    buf_add_char(out, '{');
    cli_json_text(out, "principal", NULL);
    cli_json_bool(out, "allowed", false);
    cli_json_text(out, "detail", what);
    cli_json_key(out, "credentials");
    buf_add_char(out, '[');
    for (size_t i = 0; i < e->num_creds; i++) {
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "kind", explain_credential_word(e->creds[i].kind));
        cli_json_slice(out, "text", e->creds[i].text);
        buf_add_char(out, '}');
    }
    buf_add_str(out, "]}\n");
}

static int not_identified(const struct explaining *e, enum policy_identity identity)
{
    const char *what = "";
    switch (identity) {
    case IDENTITY_OK:
        break;
    case IDENTITY_UNKNOWN:
        what = "no client is known by any of these";
        break;
    case IDENTITY_AMBIGUOUS:
        what = "they belong to more than one client";
        break;
    case IDENTITY_EXPIRED:
        what = "the only match has passed its expires:";
        break;
    }
    struct buf out;
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(e->args, "json")) {
        add_unknown_json(e, what, &out);
    } else {
        add_unknown_text(e, what, &out);
    }
    return cli_print(&out, EXIT_PROBLEM);
}

static int identify(struct explaining *e)
{
    const enum policy_identity identity = policy_identify(e->source->policy, e->creds, e->num_creds,
                                                          e->now_s, &e->caller, &e->matched);
    return identity == IDENTITY_OK ? EXIT_OK : not_identified(e, identity);
}

static int by_cert(struct explaining *e)
{
    struct cb_err err;
    if (explain_cert(args_text(e->args, "mtls-cert"), e->arena, e->creds, EXPLAIN_CREDENTIALS_MAX,
                     &e->num_creds, &err) != CB_OK) {
        return cannot("", err.msg);
    }
    return identify(e);
}

/* take_token - the credential and the claims of a token that nobody has verified. */
static int take_token(struct explaining *e, struct slice text)
{
    const char *path = args_text(e->args, "jwt");
    const char *name = args_text(e->args, "jwt-issuer");
    struct jwt_token token;
    struct slice iss = {NULL, 0};
    if (!jwt_read_unverified(text, e->arena, &iss, &token)) {
        return cannot(path, "this is no JSON Web Token with iss, sub and exp");
    }
    if (name == NULL && e->source->has_config) {
        name = e->env->jwt_issuer(&e->source->config, iss);
    }
    if (name == NULL) {
        return cannot(path, "its issuer is not among those of certbroker.yaml: say what the policy "
                            "calls it with --jwt-issuer NAME");
    }
    const size_t size = strlen(name) + token.subject.len + 2;
    char *credential = arena_alloc(e->arena, size);
    if (credential == NULL || token.num_claims > EXPLAIN_CLAIMS_MAX) {
        return cannot(path, "it is too large");
    }
    (void)snprintf(credential, size, "%s %.*s", name, (int)token.subject.len, token.subject.ptr);
    e->creds[e->num_creds++] = (struct credential){CRED_JWT, {credential, size - 1}};
    const int status = identify(e);
    for (size_t i = 0; i < token.num_claims; i++) {
        e->claims[e->caller.num_claims++] =
            (struct policy_claim){token.claims[i].name, token.claims[i].value};
    }
    e->caller.claims = e->claims;
    return status;
}

static int by_token(struct explaining *e)
{
    struct buf text;
    struct cb_err err;
    if (file_read(args_text(e->args, "jwt"), FILE_PUBLIC, TOKEN_FILE_MAX, &text, &err) != CB_OK) {
        return cannot("", err.msg);
    }
    (void)fprintf(stderr,
                  "certbroker: the token is taken for what it says: its signature, audience "
                  "and time are not looked at\n");
    struct slice token = buf_slice(&text);
    while (token.len > 0 && (unsigned char)token.ptr[token.len - 1] <= ' ') {
        token.len--;
    }
    const int status = take_token(e, token);
    buf_free(&text);
    return status;
}

/* ---- what else there is to say about a caller ---- */

static int add_claims(struct explaining *e)
{
    const char *text = NULL;
    for (size_t i = 0; (text = args_nth(e->args, "claim", i)) != NULL; i++) {
        const char *equals = strchr(text, '=');
        if (equals == NULL || equals == text || e->caller.num_claims == EXPLAIN_CLAIMS_MAX) {
            return usage(e, "--claim must be NAME=VALUE");
        }
        e->claims[e->caller.num_claims++] =
            (struct policy_claim){{text, (size_t)(equals - text)}, slice_of(equals + 1)};
    }
    e->caller.claims = e->claims;
    return EXIT_OK;
}

static int add_peer(struct explaining *e)
{
    const char *text = args_text(e->args, "from");
    struct cb_err err;
    if (text == NULL) {
        return EXIT_OK;
    }
    if (ask_text_peer(e->arena, slice_of(text), &e->peer, &err) != CB_OK) {
        return command_usage_error(e->args, "--from %s", err.msg);
    }
    e->caller.peer = &e->peer;
    return EXIT_OK;
}

int explain_who(struct explaining *e)
{
    static const struct {
        const char *option;
        int (*read)(struct explaining *e);
    } others[] = {{"mtls-cert", by_cert}, {"jwt", by_token}};
    const char *const who[] = {"as", "mtls-cert", "jwt", "effective"};
    size_t num = 0;
    for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
        num += args_has(e->args, who[i]) ? 1 : 0;
    }
    if (num != 1) {
        return usage(e, "say who asks, by one of --as, --mtls-cert, --jwt, --effective");
    }
    int status = EXIT_OK;
    if (args_has(e->args, "as") || args_has(e->args, "effective")) {
        status = by_principal(e, args_has(e->args, "as") ? "as" : "effective");
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (args_has(e->args, others[i].option)) {
            status = others[i].read(e);
        }
    }
    if (status == EXIT_OK) {
        status = add_claims(e);
    }
    return status == EXIT_OK ? add_peer(e) : status;
}
