/* history_suggest.c - certbroker policy suggest: the tightest rule that covers what a client asked
 * for. Reads the log twice: what was asked, and how long the certificates were good for. */
#include "broker/tools/history_snippet.h"

#include "broker/base/clock.h"
#include "broker/tools/history_tools.h"
#include "broker/tools/tools.h"

#include <stdio.h>

#define ARENA_MAX ((size_t)256 << 20)
#define LINE_ARENA_MAX (1UL << 20)

/* clang-format off */
static const struct command_option options[] = {
    {.name = "client", .is_required = true, .kind = VALUE_TEXT, .value = "PRINCIPAL",
     .help = "whose requests: a client's id, or one principal of it (id:instance)"},
    TOOLS_POLICY_OPTIONS,
    CLI_AUDIT_OPTION,
    CLI_SPAN_OPTIONS,
    {.name = "denied", .help = "only what was denied, to see what a client would need"},
    {.name = "granted", .help = "only what was granted (the default)"},
    {.name = "all", .help = "what was denied, too"},
    {.name = "patterns", .help = "many similar names as one pattern, with a comment that says so"},
    {.name = NULL}};
/* clang-format on */

struct search {
    struct suggestion out;
    struct slice who;
    bool denied, granted;
    enum cb_code code;
    struct cb_err err;
};

/* is_who - this very principal, or any instance of the client. */
static bool is_who(const struct search *s, struct slice principal)
{
    return slice_eq(principal, s->who) || slice_eq(shape_client(principal), s->who);
}

/* is_known - a client of the policy; without one nobody can tell. */
static bool is_known(const struct suggestion *out, struct slice principal)
{
    return out->policy == NULL || policy_client_by_id(out->policy, shape_client(principal)) != NULL;
}

/* shape_of - which rule this is a matter of; NULL: none, and that is counted. */
static struct shape *shape_of(struct search *s, const struct history_ask *ask)
{
    const struct policy_ask *q = &ask->ask;
    struct suggestion *out = &s->out;
    const bool is_revoke = q->action == ACTION_REVOKE;
    const bool is_party = q->on_behalf_of.ptr != NULL && is_who(s, q->on_behalf_of);
    if (ask->by_quota) {
        out->by_quota++;
        return NULL;
    }
    if (!ask->was_allowed && slice_eq(ask->reason, SLICE("deny_rule"))) {
        out->by_deny_rule++;
        return NULL;
    }
    if (is_revoke && q->relation == CERT_UNKNOWN) {
        out->unknown_certs++;
        return NULL;
    }
    if (q->on_behalf_of.ptr != NULL && !is_known(out, q->on_behalf_of)) {
        out->unknown_parties++;
        return NULL;
    }
    if (q->on_behalf_of.ptr == NULL || is_party) {
        return is_revoke && q->relation == CERT_FOREIGN ? &out->foreign : &out->own;
    }
    if (is_revoke && q->relation == CERT_FOREIGN) {
        out->foreign_acting++;
        return NULL;
    }
    return &out->acting;
}

static bool on_ask(void *ctx, const struct history_ask *ask)
{
    struct search *s = ctx;
    const bool is_asker = is_who(s, ask->principal);
    const bool is_party = ask->ask.on_behalf_of.ptr != NULL && is_who(s, ask->ask.on_behalf_of);
    if ((!is_asker && !is_party) || !(ask->was_allowed ? s->granted : s->denied)) {
        return true;
    }
    struct shape *shape = shape_of(s, ask);
    if (shape == NULL) {
        return true;
    }
    struct history_ask seen = *ask;
    if (shape != &s->out.acting) {
        seen.ask.on_behalf_of = (struct slice){0}; /* the rule is the party's own */
    }
    s->code = shape_add(shape, &s->out.arena, &seen, &s->err);
    return s->code == CB_OK;
}

/* ---- how long certificates were good for ---- */

struct outcomes {
    struct search *search;
    struct arena arena;
    enum cb_code code;
};

static bool on_line(void *ctx, const struct audit_line *line)
{
    struct outcomes *o = ctx;
    struct audit_event e;
    struct slice trunc;
    int64_t from_us = 0;
    int64_t to_us = 0;
    if (line->type != AUDIT_ISSUE_OK) {
        return true;
    }
    o->code = audit_line_decode(line, &o->arena, &e, &trunc, &o->search->err);
    if (o->code == CB_ENOMEM) {
        return false;
    }
    const bool is_ours =
        o->code == CB_OK && (is_who(o->search, e.who_id) || is_who(o->search, e.on_behalf_of));
    o->code = CB_OK;
    if (is_ours && time_parse(e.not_before, &from_us) && time_parse(e.not_after, &to_us) &&
        to_us > from_us) {
        const uint64_t seconds = (uint64_t)(to_us - from_us) / 1000000;
        struct suggestion *out = &o->search->out;
        out->max_validity_s = seconds > out->max_validity_s ? seconds : out->max_validity_s;
    }
    arena_reset(&o->arena);
    return true;
}

static enum cb_code read_outcomes(struct search *s, const char *dir,
                                  const struct history_range *range)
{
    struct outcomes o = {.search = s};
    arena_init(&o.arena, LINE_ARENA_MAX);
    const enum cb_code code =
        audit_walk_span(dir, range->since_us, range->until_us, on_line, &o, &s->err);
    arena_free(&o.arena);
    return code != CB_OK ? code : o.code;
}

/* ---- the command ---- */

static int print(struct search *s)
{
    struct buf out;
    struct diag_list *diags = diag_new();
    buf_init(&out, CLI_OUTPUT_MAX);
    if (diags == NULL || !snippet_write(&s->out, &out)) {
        diag_free(diags);
        buf_free(&out);
        return cli_no_memory();
    }
    int status = EXIT_OK;
    if (!snippet_check(&s->out, buf_slice(&out), diags)) {
        (void)fprintf(stderr, "certbroker: the suggestion needs mending before it can be used:\n");
        diag_print(diags, stderr);
        status = EXIT_PROBLEM;
    }
    diag_free(diags);
    return cli_print(&out, status);
}

static int search(struct search *s, const char *dir, const struct history_range *range)
{
    struct history_counts counts;
    enum cb_code code = history_walk(dir, range, on_ask, s, &counts, &s->err);
    if (code == CB_OK) {
        code = s->code;
    }
    if (code == CB_OK) {
        code = read_outcomes(s, dir, range);
    }
    if (code != CB_OK) {
        return tools_history_failed(&s->err);
    }
    if (counts.unclear > 0) {
        (void)fprintf(stderr, "certbroker: %llu records do not say enough and were left out\n",
                      (unsigned long long)counts.unclear);
    }
    if (snippet_is_empty(&s->out)) {
        (void)fprintf(stderr, "certbroker: no %s requests of %s were seen%s\n",
                      s->denied ? (s->granted ? "such" : "denied") : "granted", s->out.who,
                      s->denied ? "" : " (--denied and --all look at what was denied)");
        return EXIT_PROBLEM;
    }
    return print(s);
}

struct ca_profiles { /* where they can be looked up */
    const struct command_env *env;
    const struct command_config *config;
};

static bool has_profile(const void *ctx, struct slice name)
{
    const struct ca_profiles *ca = ctx;
    return ca->env->has_profile(ca->config, name);
}

/* check_who - no rule may be about a client that the policy does not have. */
static bool check_who(const struct tools_source *source, const char *who)
{
    char problem[POLICY_PROBLEM_MAX];
    const struct slice client = shape_client(slice_of(who));
    if (source == NULL || policy_client_by_id(source->policy, client) != NULL ||
        !policy_principal_problem(source->policy, client, true, problem)) {
        return true;
    }
    (void)fprintf(stderr, "certbroker: --client: %s (in %s)\n", problem, source->path);
    return false;
}

static int suggest(const struct command_env *env, const struct command_args *args,
                   const struct tools_source *source)
{
    const char *who = args_text(args, "client");
    const char *dir = tools_audit_dir(args, source);
    struct history_range range;
    if (dir == NULL || !tools_range(args, &range)) {
        return EXIT_USAGE;
    }
    const bool denied = args_has(args, "denied");
    const bool granted = args_has(args, "granted");
    if (denied + granted + args_has(args, "all") > 1) {
        return command_usage_error(args, "only one of --denied, --granted and --all");
    }
    if (!check_who(source, who)) {
        return EXIT_PROBLEM;
    }
    struct search s = {
        .who = slice_of(who), .denied = denied || args_has(args, "all"), .granted = !denied};
    const bool has_config = source != NULL && source->has_config;
    const struct ca_profiles ca = {env, has_config ? &source->config : NULL};
    s.out = (struct suggestion){.who = who,
                                .client = shape_client(slice_of(who)),
                                .policy = source == NULL ? NULL : source->policy,
                                .has_profile = has_config ? has_profile : NULL,
                                .profiles = &ca,
                                .patterns = args_has(args, "patterns")};
    shape_init(&s.out.own);
    shape_init(&s.out.foreign);
    shape_init(&s.out.acting);
    arena_init(&s.out.arena, ARENA_MAX);
    const int status = search(&s, dir, &range);
    shape_free(&s.out.own);
    shape_free(&s.out.foreign);
    shape_free(&s.out.acting);
    arena_free(&s.out.arena);
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct tools_source source;
    if (args_text(args, "config") == NULL && args_text(args, "policy") == NULL &&
        args_text(args, "audit") != NULL) {
        return suggest(env, args, NULL);
    }
    if (!tools_open(env, args, &source)) {
        return EXIT_USAGE;
    }
    const int status = suggest(env, args, &source);
    tools_close(env, &source);
    return status;
}

const struct command tools_policy_suggest = {
    .name = "policy suggest",
    .summary = "the tightest rule for what a client asked for",
    .options = options,
    .notes =
        "Only what was granted counts: with --denied or --all also what somebody tried in vain "
        "comes\n"
        "in, whoever made it up. Fields that settings.require wants are to be filled in.\n"
        "Prints YAML with comments and applies nothing: a file of a policy folder, or the rules\n"
        "to copy. Exit status: 0 there it is, 1 nothing was seen or it needs mending, 2 cannot.\n",
    .run = run,
};
