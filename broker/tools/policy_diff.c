/* policy_diff.c - certbroker policy diff: what two policies differ in. Comparing is policy/diff.c's. */
#include "broker/tools/tools.h"
#include "broker/tools/tools_internal.h"
#include "policy/review.h"

#define RESULT_CAP ((size_t)4 << 30)

struct counts {
    size_t gains, losses, clients;
};

static struct counts count(const struct policy_changes *changes)
{
    struct counts n = {0};
    for (size_t i = 0; i < changes->num; i++) {
        const struct policy_change *c = &changes->items[i];
        n.gains += c->gains ? 1 : 0;
        n.losses += c->gains ? 0 : 1;
        n.clients += i == 0 || strcmp(c->client, c[-1].client) != 0 ? 1 : 0;
    }
    return n;
}

static const char *plural(size_t num)
{
    return num == 1 ? "" : "s";
}

static const char *who(const struct policy_change *c)
{
    return strcmp(c->client, "*") == 0 ? "everybody" : c->client;
}

static void add_change(const struct policy_change *c, const struct cli_colours *colours,
                       struct buf *out)
{
    buf_printf(out, "  %s%c %s", c->gains ? colours->good : colours->bad, c->gains ? '+' : '-',
               c->text);
    if (c->rule_id != NULL) {
        buf_printf(out, "%s  %s(rule %s)", colours->off, colours->dim, c->rule_id);
    }
    buf_printf(out, "%s\n", colours->off);
}

static void add_text(const struct policy_changes *changes, struct buf *out)
{
    const struct cli_colours colours = cli_colours();
    const struct counts n = count(changes);
    for (size_t i = 0; i < changes->num; i++) {
        const struct policy_change *c = &changes->items[i];
        if (i == 0 || strcmp(c->client, c[-1].client) != 0) {
            buf_printf(out, "%s%s%s%s\n", i == 0 ? "" : "\n", colours.bold, who(c), colours.off);
        }
        add_change(c, &colours, out);
    }
    if (changes->num == 0) {
        buf_add_str(out, "no difference in what is allowed");
    } else {
        buf_printf(out, "\n%zu client%s: %zu loss%s, %zu gain%s", n.clients, plural(n.clients),
                   n.losses, n.losses == 1 ? "" : "es", n.gains, plural(n.gains));
    }
    buf_printf(out, " (%zu rule%s added, %zu removed)\n", changes->rules_added,
               plural(changes->rules_added), changes->rules_removed);
    for (size_t i = 0; i < changes->num_notes; i++) {
        buf_printf(out, "%s\n", changes->notes[i]);
    }
}

static void add_json(const struct policy_changes *changes, struct buf *out)
{
    const struct counts n = count(changes);
    buf_add_char(out, '{');
    cli_json_bool(out, "differs", changes->num > 0);
    cli_json_u64(out, "losses", n.losses);
    cli_json_u64(out, "gains", n.gains);
    cli_json_u64(out, "rules_added", changes->rules_added);
    cli_json_u64(out, "rules_removed", changes->rules_removed);
    cli_json_key(out, "notes");
    buf_add_char(out, '[');
    for (size_t i = 0; i < changes->num_notes; i++) {
        cli_json_item(out);
        buf_add_json_str(out, slice_of(changes->notes[i]));
    }
    buf_add_char(out, ']');
    cli_json_key(out, "changes");
    buf_add_char(out, '[');
    for (size_t i = 0; i < changes->num; i++) {
        const struct policy_change *c = &changes->items[i];
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "client", who(c));
        cli_json_bool(out, "gains", c->gains);
        cli_json_text(out, "what", c->what);
        cli_json_text(out, "text", c->text);
        cli_json_text(out, "rule", c->rule_id);
        buf_add_char(out, '}');
    }
    buf_add_str(out, "]}\n");
}

static int print_difference(const struct policy *before, const struct policy *after, bool json)
{
    struct policy_changes changes = {0};
    struct cb_err err = {0};
    struct arena arena;
    struct buf out;
    arena_init(&arena, RESULT_CAP);
    if (policy_diff(before, after, &arena, &changes, &err) != CB_OK) {
        arena_free(&arena);
        return cli_no_memory();
    }
    buf_init(&out, CLI_OUTPUT_MAX);
    if (json) {
        add_json(&changes, &out);
    } else {
        add_text(&changes, &out);
    }
    const int status = cli_print(&out, changes.num == 0 ? EXIT_OK : EXIT_PROBLEM);
    arena_free(&arena);
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    struct policy *before = tools_load(args_operand(args, 0));
    struct policy *after = before == NULL ? NULL : tools_load(args_operand(args, 1));
    const int status =
        after == NULL ? EXIT_USAGE : print_difference(before, after, args_has(args, "json"));
    policy_free(before);
    policy_free(after);
    return status;
}

static const struct command_option options[] = {CLI_JSON_OPTION, {.name = NULL}};

const struct command tools_policy_diff = {
    .name = "policy diff",
    .summary = "say which clients gain or lose what from one policy to another",
    .operands = "OLD NEW",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .notes =
        "OLD and NEW are files, folders, or policies that were kept in the audit log's policy/.\n"
        "Compared is what rules mean, not how they are written. Where that cannot be told, as of\n"
        "two regular expressions, it counts as a difference. A client's quotas count for each\n"
        "rule: a rule that is split gives each part its own. Changed settings are told, too, and\n"
        "alone are no difference.\n"
        "Exit status: 0 no difference, 1 differences, 2 cannot run.\n",
    .run = run,
};
