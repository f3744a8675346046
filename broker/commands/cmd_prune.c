/* cmd_prune.c - certbroker audit prune: what may go, and with --yes away with it. */
#include "broker/commands/cmd_prune.h"

#include "broker/base/clock.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/commands/commands.h"
#include "broker/control/control_line.h"

#include <stdio.h>

#define DAY_S UINT64_C(86400)
#define KEEP_DEFAULT_S (UINT64_C(731) * DAY_S) /* two years, one of them a leap year */

static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "keep",
     .kind = VALUE_TEXT,
     .value = "SPAN",
     .help =
         "how long records are kept, and certificates' after they expire: 2y (default), 90d, 12h"},
    {.name = "before",
     .kind = VALUE_TEXT,
     .value = "TIME",
     .help = "only segments closed before then: 2026-07-01 or 1000d"},
    {.name = "archive",
     .kind = VALUE_FILE,
     .value = "DIR",
     .help = "where `audit archive --to` has put them; every byte is compared"},
    {.name = "without-archive",
     .kind = VALUE_TEXT,
     .value = "REASON",
     .help = "there is none, and why that is fine"},
    {.name = "reason", .kind = VALUE_TEXT, .value = "REASON", .help = "why, for the record"},
    {.name = "yes", .help = "do it; without this it is only said what would be done"},
    CLI_JSON_OPTION,
    {.name = NULL}};

static bool read_keep(const char *text, uint64_t *ret_s)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'h', 3600}, {'d', DAY_S}, {'w', 7 * DAY_S}, {'y', 0}};
    const struct slice s = slice_of(text);
    uint64_t number = 0;
    if (s.len < 2 || !slice_to_u64((struct slice){s.ptr, s.len - 1}, &number) ||
        number > PRUNE_KEEP_MAX_S) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s.ptr[s.len - 1] == units[i].letter) {
            /* Leap days always for keeping. */
            *ret_s = units[i].seconds != 0 ? number * units[i].seconds
                                           : (number * 365 + (number + 3) / 4) * DAY_S;
            return *ret_s <= PRUNE_KEEP_MAX_S;
        }
    }
    return false;
}

struct wish {
    struct prune_options options;
    const char *note; /* NULL: none */
    bool yes, json;
};

static bool read_note(const struct command_args *args, struct wish *w)
{
    const char *without = args_text(args, "without-archive");
    struct cb_err err;
    w->note = without != NULL ? without : args_text(args, "reason");
    if (w->note != NULL && control_reason_check(slice_of(w->note), &err) != CB_OK) {
        (void)command_usage_error(args, "--%s: %s", without != NULL ? "without-archive" : "reason",
                                  err.msg);
        return false;
    }
    if ((w->options.archive == NULL) == (without == NULL)) {
        (void)command_usage_error(args, "either --archive DIR, which has what is to go, or "
                                        "--without-archive REASON");
        return false;
    }
    if (without != NULL && args_has(args, "reason")) {
        (void)command_usage_error(args, "--without-archive has the reason already");
        return false;
    }
    return true;
}

static bool read_wish(const struct command_args *args, struct wish *ret)
{
    const char *keep = args_text(args, "keep");
    const char *before = args_text(args, "before");
    struct wish w = {.options = {.archive = args_text(args, "archive"),
                                 .now_us = clock_wall_us(&cb_system_clock),
                                 .keep_s = KEEP_DEFAULT_S,
                                 .before_us = INT64_MAX},
                     .yes = args_has(args, "yes"),
                     .json = args_has(args, "json")};
    if (keep != NULL && !read_keep(keep, &w.options.keep_s)) {
        (void)command_usage_error(args, "--keep: \"%s\" is no span: write 2y, 90d or 12h", keep);
        return false;
    }
    if (before != NULL && !cli_time(before, &w.options.before_us)) {
        (void)command_usage_error(args, "--before: \"%s\" is no time: write 2026-07-01 or 1000d",
                                  before);
        return false;
    }
    if (!read_note(args, &w)) {
        return false;
    }
    *ret = w;
    return true;
}

/* ---- what is said ---- */

static int say(const struct wish *w, const struct prune_plan *p, size_t files, uint64_t seq)
{
    struct buf out;
    buf_init(&out, CLI_OUTPUT_MAX);
    if (w->json) {
        buf_add_char(&out, '{');
        cli_json_u64(&out, "segments", p->num);
        if (p->num > 0) {
            cli_json_u64(&out, "first_segment", p->first_segment);
            cli_json_u64(&out, "last_segment", p->last_segment);
            cli_json_u64(&out, "first_seq", p->first_seq);
            cli_json_u64(&out, "last_seq", p->size - 1);
            cli_json_u64(&out, "bytes", p->bytes);
            cli_json_text(&out, "root", p->root);
            cli_json_text(&out, "archive_sha256",
                          p->archive_sha256[0] == '\0' ? NULL : p->archive_sha256);
        }
        cli_json_text(&out, "why_not_more", p->why);
        cli_json_bool(&out, "done", w->yes && p->num > 0);
        if (w->yes && p->num > 0) {
            cli_json_u64(&out, "record", seq);
            cli_json_u64(&out, "files_removed", files);
        }
        buf_add_str(&out, "}\n");
        return cli_print(&out, EXIT_OK);
    }
    if (p->num == 0) {
        buf_printf(&out, "nothing may be pruned: %s\n", p->why);
        return cli_print(&out, EXIT_OK);
    }
    buf_printf(&out, "%s segment%s %llu to %llu: records %llu to %llu, %llu KiB\n",
               w->yes ? "pruned" : "would prune", p->num == 1 ? "" : "s",
               (unsigned long long)p->first_segment, (unsigned long long)p->last_segment,
               (unsigned long long)p->first_seq, (unsigned long long)p->size - 1,
               (unsigned long long)(p->bytes >> 10));
    buf_printf(&out, "root of the %llu records up to there: %s\n", (unsigned long long)p->size,
               p->root);
    if (p->archive_sha256[0] != '\0') {
        buf_printf(&out, "the archive has them: %s\n", p->archive_sha256);
    }
    buf_printf(&out, "%s\n", p->why);
    if (w->yes) {
        buf_printf(&out, "said by record %llu; %zu files removed\n", (unsigned long long)seq,
                   files);
    } else {
        buf_add_str(&out, "nothing was changed: --yes does it\n");
    }
    return cli_print(&out, EXIT_OK);
}

/* ---- doing it ---- */

static enum cb_code carry_out(const struct config *config, const struct wish *w,
                              const struct prune_plan *plan, size_t *ret_files, uint64_t *ret_seq,
                              struct cb_err *err)
{
    const char *dir = w->options.dir;
    const char *note = w->note == NULL ? "retention" : w->note;
    TRY(prune_record(config, dir, plan, w->options.archive, note, ret_seq, err));
    TRY(prune_wait_signed(dir, NULL, *ret_seq, err));
    return prune_finish(dir, NULL, plan, *ret_seq, ret_files, err);
}

static int prune(const struct config *config, struct wish *w)
{
    struct prune_plan plan;
    struct cb_err err;
    size_t files = 0;
    uint64_t seq = 0;
    enum cb_code code = prune_plan(&w->options, &plan, &err);
    if (code == CB_OK && w->yes && plan.num == 0) {
        code = prune_clean(w->options.dir, NULL, &files, &err);
    } else if (code == CB_OK && w->yes) {
        code = carry_out(config, w, &plan, &files, &seq, &err);
    }
    if (code != CB_OK) {
        (void)fprintf(stderr, "certbroker: %s\n", err.msg);
        return code == CB_ECORRUPT ? EXIT_PROBLEM : EXIT_USAGE;
    }
    return say(w, &plan, files, seq);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct cli_audit audit;
    struct wish w;
    if (!read_wish(args, &w) || !cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    w.options.dir = audit.dir;
    int status = EXIT_USAGE;
    if (w.yes && !audit.has_config) {
        status =
            command_usage_error(args, "--yes needs -c FILE: it says where the running broker is, "
                                      "which writes the log");
    } else {
        status = prune(audit.config.config, &w);
    }
    cli_audit_close(env, &audit);
    return status;
}

const struct command cmd_audit_prune = {
    .name = "audit prune",
    .summary = "remove an audit log's oldest segments when their time is over",
    .options = options,
    .notes = "Segments go from the oldest on, once all their records have been kept long enough "
             "and all\n"
             "certificates in them expired that long ago; what is still valid is never pruned. "
             "Their hash\n"
             "tiles stay, so the log can be verified and archived records be proven as before. The "
             "log says\n"
             "what was removed (segment.prune) before it is.\n"
             "Exit status: 0 done or nothing to do, 1 a segment, the archive or a tile is damaged: "
             "nothing\n"
             "was removed, 2 cannot.\n",
    .run = run,
};
