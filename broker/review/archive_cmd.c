/* archive_cmd.c - certbroker audit archive: pack old segments, copy them to a second place. */
#include "audit/keep/archive.h"
#include "broker/cli/audit_source.h"
#include "broker/cli/output.h"
#include "broker/review/review.h"

static const struct command_option options[] = {
    CLI_AUDIT_OPTIONS,
    {.name = "older-than",
     .kind = VALUE_TEXT,
     .value = "TIME",
     .help = "pack segments that were closed that long ago: 7d (default), 12h, 2026-07-01; "
             "\"never\": only copy"},
    {.name = "to",
     .kind = VALUE_FILE,
     .value = "DIR",
     .help = "and have a copy of every closed segment but the newest one, with hash tiles and "
             "policies, in this directory, which must exist"},
    {.name = "check", .help = "read what that directory has already, and compare every byte"},
    {.name = "dry-run", .help = "say what would be done"},
    CLI_JSON_OPTION,
    {.name = NULL}};

struct report {
    struct buf out;
    bool json;
};

static void add_bytes(struct buf *out, uint64_t bytes)
{
    if (bytes < 10240) {
        buf_printf(out, "%llu B", (unsigned long long)bytes);
    } else if (bytes < UINT64_C(10) << 20) {
        buf_printf(out, "%llu KiB", (unsigned long long)(bytes >> 10));
    } else {
        buf_printf(out, "%llu MiB", (unsigned long long)(bytes >> 20));
    }
}

static const char *word_of(enum archive_what what)
{
    switch (what) {
    case ARCHIVE_PACKED:
        return "packed";
    case ARCHIVE_COPIED:
        return "copied";
    case ARCHIVE_DIFFERS:
        return "differs";
    case ARCHIVE_TO_PACK:
        return "would pack";
    case ARCHIVE_TO_COPY:
        return "would copy";
    }
    return "";
}

static void on_step(void *ctx, const struct archive_step *step)
{
    struct report *r = ctx;
    if (r->json) {
        cli_json_item(&r->out);
        buf_add_char(&r->out, '{');
        cli_json_text(&r->out, "what", word_of(step->what));
        cli_json_u64(&r->out, "segment", step->no);
        cli_json_u64(&r->out, "first", step->first_seq);
        cli_json_u64(&r->out, "last", step->end_seq - 1);
        cli_json_u64(&r->out, "bytes", step->plain_bytes);
        if (step->packed_bytes > 0) {
            cli_json_u64(&r->out, "packed_bytes", step->packed_bytes);
        }
        buf_add_char(&r->out, '}');
        return;
    }
    buf_printf(&r->out, "%s segment %llu: records %llu to %llu, ", word_of(step->what),
               (unsigned long long)step->no, (unsigned long long)step->first_seq,
               (unsigned long long)step->end_seq - 1);
    add_bytes(&r->out, step->plain_bytes);
    if (step->packed_bytes > 0) {
        buf_add_str(&r->out, " in ");
        add_bytes(&r->out, step->packed_bytes);
    }
    buf_add_char(&r->out, '\n');
}

static void add_place(struct report *r, const struct archive_counts *c,
                      const struct archive_options *o)
{
    if (c->end_seq == 0) {
        buf_printf(&r->out,
                   "%s gets nothing yet: the segment that is written and the one before it stay "
                   "where they are\n",
                   o->to);
        return;
    }
    buf_printf(&r->out, "%s %s records 0 to %llu (new: tiles %zu, policies %zu)", o->to,
               o->dry_run ? "would have" : "has", (unsigned long long)(c->end_seq - 1), c->tiles,
               c->policies);
    if (c->there > 0) {
        buf_printf(&r->out, "; of %zu it had before, %s", c->there,
                   o->check ? "every byte was compared"
                            : "the lengths were compared (--check reads them)");
    }
    buf_add_char(&r->out, '\n');
}

static void add_summary(struct report *r, const struct archive_counts *c,
                        const struct archive_options *o)
{
    if (r->json) {
        buf_add_char(&r->out, ']');
        cli_json_u64(&r->out, "packed", c->packed);
        cli_json_u64(&r->out, "copied", c->copied);
        cli_json_u64(&r->out, "tiles", c->tiles);
        cli_json_u64(&r->out, "policies", c->policies);
        if (o->to != NULL) {
            cli_json_u64(&r->out, "there", c->there);
            cli_json_u64(&r->out, "differ", c->differ);
            cli_json_u64(&r->out, "records_archived", c->end_seq);
        }
        buf_add_str(&r->out, "}\n");
        return;
    }
    if (c->packed + c->copied + c->differ == 0) {
        buf_add_str(&r->out, "nothing to do\n");
    }
    if (o->to != NULL) {
        add_place(r, c, o);
    }
}

static int archive(const struct command_args *args, const char *dir, int64_t before_us)
{
    struct report r = {.json = args_has(args, "json")};
    struct archive_counts counts;
    struct cb_err err;
    const struct archive_options o = {.dir = dir,
                                      .to = args_text(args, "to"),
                                      .before_us = before_us,
                                      .check = args_has(args, "check"),
                                      .dry_run = args_has(args, "dry-run"),
                                      .each = on_step,
                                      .ctx = &r};
    buf_init(&r.out, CLI_OUTPUT_MAX);
    if (r.json) {
        buf_add_str(&r.out, "{\"steps\":[");
    }
    const enum cb_code code = archive_run(&o, &counts, &err);
    if (code == CB_OK || counts.differ > 0 || r.json) {
        add_summary(&r, &counts, &o);
    }
    const int status = cli_print(&r.out, EXIT_OK);
    if (code != CB_OK) {
        cli_complain("", &err);
        return code == CB_ECORRUPT ? EXIT_PROBLEM : EXIT_USAGE;
    }
    return status;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct cli_audit audit;
    const char *older = args_text(args, "older-than");
    int64_t before_us = INT64_MIN;
    const bool never = older != NULL && strcmp(older, "never") == 0;
    if (!never && !cli_time(older == NULL ? "7d" : older, &before_us)) {
        return command_usage_error(
            args, "--older-than: \"%s\" is no time: write 7d, 12h, 2026-07-01 or never", older);
    }
    if (!cli_audit_open(env, args, &audit)) {
        return EXIT_USAGE;
    }
    const int status = archive(args, audit.dir, before_us);
    cli_audit_close(env, &audit);
    return status;
}

const struct command review_audit_archive = {
    .name = "audit archive",
    .summary = "pack old segments of an audit log, and copy them elsewhere",
    .options = options,
    .notes =
        "Neither touches the segment that is being written, nor the one before it, which a start "
        "of\n"
        "the broker reads: what was closed last is copied when the next one was closed. DIR is "
        "not\n"
        "created: where a volume is not mounted, that would go unnoticed.\n"
        "Packs with zstd; every packed file is read back and compared, and its records are\n"
        "checked against the hash tree, before the plain one is removed. Works beside a running\n"
        "broker. What is packed is read like the rest by all commands; the copy is a log "
        "directory\n"
        "of its own and can be verified as one.\n"
        "Exit status: 0 done, 1 a segment, or its copy, is damaged and was left alone, 2 cannot.\n",
    .run = run,
};
