/* history_replay.c - certbroker policy replay: what would have been decided otherwise. */
#include "broker/tools/history_tools.h"
#include "broker/tools/tools.h"

/* clang-format off */
static const struct command_option options[] = {
    TOOLS_POLICY_OPTIONS,
    CLI_AUDIT_OPTION,
    CLI_SPAN_OPTIONS,
    CLI_JSON_OPTION,
    {.name = NULL}};
/* clang-format on */

/* ---- for people ---- */

static void add_number(struct buf *out, const char *colour, const struct cli_colours *c,
                       const char *what, uint64_t number, const char *note)
{
    buf_printf(out, "  %s%-14s%10llu%s%s%s\n", number == 0 ? "" : colour, what,
               (unsigned long long)number, number == 0 ? "" : c->off,
               note[0] == '\0' || number == 0 ? "" : "   ", number == 0 ? "" : note);
}

static uint64_t num_decisions(const struct history_replay *r)
{
    return r->same + r->lost + r->gained + r->not_redecided + r->counts.unclear;
}

static void add_summary(struct buf *out, const struct history_replay *r,
                        const struct tools_source *source, const struct cli_colours *c)
{
    const uint64_t num = num_decisions(r);
    buf_printf(out, "%llu decision%s", (unsigned long long)num, num == 1 ? "" : "s");
    if (r->counts.first_us != 0) {
        buf_add_str(out, " from ");
        cli_add_time(out, r->counts.first_us);
        buf_add_str(out, " to ");
        cli_add_time(out, r->counts.last_us);
    }
    buf_printf(out, ", decided again by %s\n", source->path);
    add_number(out, "", c, "same", r->same, "");
    add_number(out, c->bad, c, "lost", r->lost, "were allowed, would be denied");
    add_number(out, c->good, c, "gained", r->gained, "were denied, would be allowed");
    add_number(out, "", c, "unclear", r->counts.unclear, "their records do not say enough");
    add_number(out, "", c, "not redecided", r->not_redecided,
               "were refused for a rate or a quota, which the log cannot tell");
}

static void add_flip(struct buf *out, const struct history_flip *f, const struct cli_colours *c)
{
    buf_printf(out, "\n%s%s%s  client %s", f->now_allowed ? c->good : c->bad,
               f->now_allowed ? "GAINED" : "LOST", c->off, f->client);
    if (f->rule[0] != '\0') {
        buf_printf(out, ", %s %s", f->now_allowed ? "then denied by" : "then allowed by", f->rule);
    }
    if (f->now_rule[0] != '\0') {
        buf_printf(out, ", now %s %s", f->now_allowed ? "allowed by" : "denied by", f->now_rule);
    }
    if (!f->now_allowed) {
        buf_printf(out, " (%s)", policy_reason_word(f->reason));
    }
    buf_printf(out, "\n  %llu time%s, ", (unsigned long long)f->count, f->count == 1 ? "" : "s");
    cli_add_time(out, f->first_us);
    if (f->last_us != f->first_us) {
        buf_add_str(out, " to ");
        cli_add_time(out, f->last_us);
    }
    buf_add_char(out, '\n');
    for (size_t i = 0; i < f->num_examples; i++) {
        buf_printf(out, "  %s", c->dim);
        cli_add_time(out, f->examples[i].ts_us);
        buf_printf(out, " %s%s", f->examples[i].req, c->off);
        if (strcmp(f->examples[i].principal, f->client) != 0) {
            char quoted[NAME_QUOTE_SIZE];
            buf_printf(out, " %s", name_quote(slice_of(f->examples[i].principal), quoted));
        }
        buf_printf(out, "\n    %s\n", f->examples[i].detail);
    }
}

static void add_report(struct buf *out, const struct history_replay *r,
                       const struct tools_source *source)
{
    const struct cli_colours c = cli_colours();
    add_summary(out, r, source, &c);
    for (size_t i = 0; i < r->num_flips; i++) {
        add_flip(out, &r->flips[i], &c);
    }
    if (r->flips_left_out > 0) {
        buf_printf(out,
                   "\n%llu further flips of other clients and rules are counted but not shown\n",
                   (unsigned long long)r->flips_left_out);
    }
}

/* ---- for programs ---- */

static void add_time_member(struct buf *out, const char *key, int64_t us)
{
    if (us != 0) {
        cli_json_time(out, key, us / 1000000);
    } else {
        cli_json_text(out, key, NULL);
    }
}

static void add_json_flip(struct buf *out, const struct history_flip *f)
{
    cli_json_item(out);
    buf_add_char(out, '{');
    cli_json_text(out, "now", f->now_allowed ? "allow" : "deny");
    cli_json_text(out, "client", f->client);
    cli_json_text(out, "rule", f->rule[0] == '\0' ? NULL : f->rule);
    cli_json_text(out, "now_rule", f->now_rule[0] == '\0' ? NULL : f->now_rule);
    cli_json_text(out, "reason", policy_reason_word(f->reason));
    cli_json_u64(out, "count", f->count);
    add_time_member(out, "first", f->first_us);
    add_time_member(out, "last", f->last_us);
    cli_json_key(out, "examples");
    buf_add_char(out, '[');
    for (size_t i = 0; i < f->num_examples; i++) {
        cli_json_item(out);
        buf_add_char(out, '{');
        add_time_member(out, "time", f->examples[i].ts_us);
        cli_json_text(out, "request_id", f->examples[i].req);
        cli_json_text(out, "principal", f->examples[i].principal);
        cli_json_text(out, "detail", f->examples[i].detail);
        buf_add_char(out, '}');
    }
    buf_add_str(out, "]}");
}

static void add_json(struct buf *out, const struct history_replay *r,
                     const struct tools_source *source)
{
    buf_add_char(out, '{');
    cli_json_text(out, "policy", source->path);
    cli_json_text(out, "policy_sha256", policy_sha256(source->policy));
    add_time_member(out, "first", r->counts.first_us);
    add_time_member(out, "last", r->counts.last_us);
    cli_json_u64(out, "records", r->counts.records);
    cli_json_u64(out, "decisions", num_decisions(r));
    cli_json_u64(out, "same", r->same);
    cli_json_u64(out, "lost", r->lost);
    cli_json_u64(out, "gained", r->gained);
    cli_json_u64(out, "unclear", r->counts.unclear);
    cli_json_u64(out, "not_redecided", r->not_redecided);
    cli_json_key(out, "flips");
    buf_add_char(out, '[');
    for (size_t i = 0; i < r->num_flips; i++) {
        add_json_flip(out, &r->flips[i]);
    }
    buf_add_char(out, ']');
    cli_json_u64(out, "flips_left_out", r->flips_left_out);
    buf_add_str(out, "}\n");
}

static int replay(const struct command_args *args, const struct tools_source *source)
{
    const char *dir = tools_audit_dir(args, source);
    struct history_range range;
    struct history_replay r;
    struct cb_err err;
    struct buf out;
    if (dir == NULL || !tools_range(args, &range)) {
        return EXIT_USAGE;
    }
    if (history_replay(source->policy, dir, &range, &r, &err) != CB_OK) {
        return tools_history_failed(&err);
    }
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(args, "json")) {
        add_json(&out, &r, source);
    } else {
        add_report(&out, &r, source);
    }
    const bool flipped = r.lost + r.gained > 0;
    history_replay_free(&r);
    return cli_print(&out, flipped ? EXIT_PROBLEM : EXIT_OK);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct tools_source source;
    if (!tools_open(env, args, &source)) {
        return EXIT_USAGE;
    }
    const int status = replay(args, &source);
    tools_close(env, &source);
    return status;
}

const struct command tools_policy_replay = {
    .name = "policy replay",
    .summary = "decide again what was asked before, by another policy",
    .options = options,
    .notes =
        "Reads the audit log and changes nothing; a copy will do. Each request is decided as of\n"
        "its own time. Exit status: 0 all comes out the same, 1 something does not, 2 cannot.\n",
    .run = run,
};
