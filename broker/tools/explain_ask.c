/* explain_ask.c - see explain.h: what is asked, from options or from a request's body. */
#include "broker/base/file.h"
#include "broker/request/parse.h"
#include "broker/tools/explain.h"

#define BODY_MAX ((size_t)1 << 20)

static int bad_option(const struct explaining *e, const char *option, const struct cb_err *err)
{
    return command_usage_error(e->args, "--%s %s", option, err->msg);
}

/* ---- by options ---- */

static size_t index_of(const char *word, const char *const *words)
{
    size_t i = 0;
    while (words[i] != NULL && strcmp(words[i], word) != 0) {
        i++;
    }
    return i;
}

static enum policy_action action_of(const struct explaining *e)
{
    const char *word = args_text(e->args, "action");
    return word == NULL ? ACTION_NEWCERT : (enum policy_action)index_of(word, ask_text_actions);
}

static int add_hosts(struct explaining *e)
{
    struct cb_err err;
    const char *text = NULL;
    for (size_t i = 0; (text = args_nth(e->args, "host", i)) != NULL; i++) {
        if (ask_text_add_name(&e->asked, slice_of(text), &err) != CB_OK) {
            return bad_option(e, "host:", &err);
        }
    }
    return EXIT_OK;
}

static int add_subject(struct explaining *e)
{
    struct cb_err err;
    const char *text = NULL;
    for (size_t i = 0; (text = args_nth(e->args, "subject", i)) != NULL; i++) {
        const char *equals = strchr(text, '=');
        if (equals == NULL) {
            return command_usage_error(e->args, "--subject must be NAME=VALUE, as in O=Acme");
        }
        const struct slice word = {text, (size_t)(equals - text)};
        if (ask_text_add_subject(&e->asked, word, slice_of(equals + 1), &err) != CB_OK) {
            return bad_option(e, "subject:", &err);
        }
    }
    return EXIT_OK;
}

static int by_options(struct explaining *e)
{
    struct cb_err err;
    const char *cn = args_text(e->args, "cn");
    const char *key = args_text(e->args, "key");
    const char *profile = args_text(e->args, "profile");
    int status = add_hosts(e);
    if (status == EXIT_OK) {
        status = add_subject(e);
    }
    if (status == EXIT_OK && cn != NULL &&
        ask_text_set_common_name(&e->asked, slice_of(cn), &err) != CB_OK) {
        return bad_option(e, "cn", &err);
    }
    if (status == EXIT_OK && key != NULL &&
        ask_text_set_key(&e->asked, slice_of(key), &err) != CB_OK) {
        return bad_option(e, "key", &err);
    }
    if (profile != NULL) {
        e->asked.ask.profile = slice_of(profile);
        e->asked.ask.profile_omitted = false;
    }
    ask_text_done(&e->asked);
    e->ask = e->asked.ask;
    return status;
}

/* ---- by a body ---- */

static enum cb_code read_standard_input(struct buf *out, struct cb_err *err)
{
    char chunk[4096];
    size_t n = 0;
    buf_init_secret(out, BODY_MAX);
    while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
        buf_add(out, chunk, n);
    }
    if (ferror(stdin) != 0 || !buf_ok(out)) {
        buf_free(out);
        return cb_fail(err, CB_EINPUT, "standard input: cannot be read, or is larger than 1 MiB");
    }
    return CB_OK;
}

/* is_revoke - by what is asked for, else by what the body looks like. */
static bool is_revoke(const struct explaining *e, struct slice body)
{
    if (args_has(e->args, "action")) {
        return action_of(e) == ACTION_REVOKE;
    }
    return memmem(body.ptr, body.len, "\"request\"", 9) == NULL &&
           memmem(body.ptr, body.len, "\"serial\"", 8) != NULL;
}

/* parse_body - a revoke's names and relation are not in the body: they come from options. */
static enum cb_code parse_body(struct explaining *e, struct slice body, struct cb_err *err)
{
    if (action_of(e) == ACTION_INFO) {
        e->ask = (struct policy_ask){.action = ACTION_INFO};
        return parse_info(e->arena, body, &e->ask.profile, err);
    }
    if (!is_revoke(e, body)) {
        return parse_newcert(e->arena, body, &e->ask, err);
    }
    struct revoke_ask revoke;
    TRY(parse_revoke(e->arena, body, &revoke, err));
    e->ask = e->asked.ask;
    e->ask.action = ACTION_REVOKE;
    e->ask.on_behalf_of = revoke.on_behalf_of;
    return CB_OK;
}

static int by_body(struct explaining *e)
{
    const char *path = args_text(e->args, "request");
    const bool is_stdin = strcmp(path, "-") == 0;
    struct buf body;
    struct cb_err err;
    const enum cb_code code = is_stdin ? read_standard_input(&body, &err)
                                       : file_read(path, FILE_PUBLIC, BODY_MAX, &body, &err);
    if (code != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return EXIT_USAGE;
    }
    const bool good = parse_body(e, buf_slice(&body), &err) == CB_OK;
    buf_free(&body);
    if (!good) {
        (void)fprintf(stderr, "certbroker: %s: %s\n", is_stdin ? "standard input" : path, err.msg);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static int check_body_options(const struct explaining *e)
{
    static const char *const others[] = {"cn", "subject", "key", "profile"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (args_has(e->args, others[i])) {
            return command_usage_error(e->args, "--%s does not go with --request, which says it",
                                       others[i]);
        }
    }
    return EXIT_OK;
}

/* note_party - that there is nobody of that name the policy says by itself; not who was meant. */
static void note_party(const struct explaining *e, struct slice party)
{
    char problem[POLICY_PROBLEM_MAX];
    struct policy_caller caller;
    if (party.ptr != NULL && !policy_caller_by_principal(e->source->policy, party, &caller) &&
        policy_principal_problem(e->source->policy, party, true, problem)) {
        (void)fprintf(stderr, "certbroker: on behalf of: %s (in %s)\n", problem, e->source->path);
    }
}

int explain_ask(struct explaining *e)
{
    const char *relation = args_text(e->args, "relation");
    const char *party = args_text(e->args, "on-behalf-of");
    const bool has_body = args_has(e->args, "request");
    ask_text_init(&e->asked, e->arena);
    e->asked.ask.action = action_of(e);
    if (relation != NULL) {
        e->asked.ask.relation = (enum cert_relation)index_of(relation, ask_text_relations);
    }
    int status = has_body ? check_body_options(e) : EXIT_OK;
    if (status == EXIT_OK) {
        status = by_options(e);
    }
    if (status == EXIT_OK && has_body) {
        status = by_body(e);
    }
    if (status == EXIT_OK && e->ask.action == ACTION_NEWCERT && has_body &&
        args_has(e->args, "host")) {
        return command_usage_error(e->args, "--host does not go with a newcert's --request");
    }
    if (status == EXIT_OK && relation != NULL && e->ask.action != ACTION_REVOKE) {
        return command_usage_error(e->args, "--relation goes with --action revoke only");
    }
    if (party != NULL) {
        e->ask.on_behalf_of = slice_of(party);
    }
    if (status == EXIT_OK) {
        note_party(e, e->ask.on_behalf_of);
    }
    return status;
}
