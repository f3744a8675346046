/* cmd_reconcile_said.c - what the running broker did about the outcome of a comparison, for people and
 * for programs. */
#include "broker/commands/cmd_reconcile.h"

#include "broker/cli/escape.h"
#include "broker/cli/output.h"

#include <inttypes.h>

static const char *const state_words[] = {[TELLING_PLANNED] = "would be revoked",
                                          [TELLING_DONE] = "revoked",
                                          [TELLING_FAILED] = "NOT revoked"};

static void print_revocation(const struct reconcile_revocation *v, struct buf *out)
{
    buf_printf(out, "  %s  %s", v->finding->serial_hex, state_words[v->state]);
    if (v->text[0] != '\0' && v->state == TELLING_FAILED) {
        buf_add_str(out, ": ");
        cli_add_escaped(out, slice_of(v->text), CLI_ASCII);
    }
    buf_add_str(out, "  ");
    cli_add_escaped(out, v->finding->names, CLI_ASCII);
    buf_add_char(out, '\n');
}

void reconcile_telling_print(const struct reconcile_telling *told, struct buf *out)
{
    if (told->has_recorded) {
        buf_printf(out, "\nrecorded in the log: %zu record%s\n", told->num_recorded,
                   told->num_recorded == 1 ? "" : "s");
    }
    if (told->num_not_recorded > 0) {
        buf_printf(out, "%" PRIu64 " more findings are recorded as counts only\n",
                   told->num_not_recorded);
    }
    if (told->num_revocations > 0) {
        buf_printf(out, "\n%s:\n", told->yes ? "revocations" : "to be revoked, with --yes");
    }
    for (size_t i = 0; i < told->num_revocations; i++) {
        print_revocation(&told->revocations[i], out);
    }
    if (told->num_over_max > 0) {
        buf_printf(out, "  and %" PRIu64 " more, which --max keeps back\n", told->num_over_max);
    }
}

void reconcile_telling_json(const struct reconcile_telling *told, struct buf *out)
{
    cli_json_u64(out, "recorded", told->num_recorded);
    cli_json_key(out, "revocations");
    buf_add_char(out, '[');
    for (size_t i = 0; i < told->num_revocations; i++) {
        const struct reconcile_revocation *v = &told->revocations[i];
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "serial", v->finding->serial_hex);
        cli_json_text(out, "state",
                      v->state == TELLING_DONE      ? "revoked"
                      : v->state == TELLING_PLANNED ? "planned"
                                                    : "failed");
        if (v->text[0] != '\0') {
            cli_json_text(out, "said", v->text);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    cli_json_u64(out, "revocations_over_max", told->num_over_max);
}
