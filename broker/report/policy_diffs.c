/* policy_diffs.c - what changed in the text of the policies that the log has kept. The names of their
 * files come from records, so they are looked at before they are used. */
#include "broker/base/file.h"
#include "broker/report/model.h"
#include "broker/report/text_diff.h"

#include <stdio.h>

#define POLICY_MAX (4UL << 20)
#define DIFF_MAX (48UL << 10)
#define DIFFS_MAX (400UL << 10) /* in all */
#define PATH_ROOM 4096

static bool is_digest(const char *hex)
{
    unsigned char unused[SHA256_LEN];
    return hex_decode(slice_of(hex), unused, sizeof(unused));
}

static bool read_kept(const char *dir, const char *sha256, struct buf *out)
{
    char path[PATH_ROOM];
    struct cb_err err;
    const int len = snprintf(path, sizeof(path), "%s/policy/%s.yaml", dir, sha256);
    return len > 0 && (size_t)len < sizeof(path) &&
           file_read(path, FILE_PUBLIC, POLICY_MAX, out, &err) == CB_OK;
}

static void compare(struct report *r, struct policy_event *p, struct slice before,
                    struct slice after, size_t room)
{
    struct buf text;
    struct text_diff found;
    buf_init(&text, DIFF_MAX + (16UL << 10));
    if (!text_diff(before, after, room < DIFF_MAX ? room : DIFF_MAX, &text, &found)) {
        p->no_diff = "the two texts are too long to compare here";
    } else {
        if (found.not_shown > 0) {
            buf_printf(&text, "@@ and %zu more lines @@\n", found.not_shown);
        }
        p->diff = report_text(r, buf_slice(&text), SIZE_MAX);
        p->diff_added = found.added;
        p->diff_removed = found.removed;
    }
    buf_free(&text);
}

static void add_diff(struct report *r, struct policy_event *p, size_t room)
{
    struct buf before;
    struct buf after;
    if (p->is_reject) {
        p->no_diff = "a policy that was refused is not kept";
    } else if (!is_digest(p->old_sha256) || !is_digest(p->sha256)) {
        p->no_diff = "there is none before it to compare with";
    } else if (room == 0) {
        p->no_diff = "left out: this report has shown enough of them";
    } else if (!read_kept(r->dir, p->old_sha256, &before)) {
        p->no_diff = "the text before is not in the log's policy/ folder, or too long";
    } else {
        if (read_kept(r->dir, p->sha256, &after)) {
            compare(r, p, buf_slice(&before), buf_slice(&after), room);
            buf_free(&after);
        } else {
            p->no_diff = "the new text is not in the log's policy/ folder, or too long";
        }
        buf_free(&before);
    }
}

void report_add_diffs(struct report *r)
{
    const uint64_t num =
        r->num_policies < REPORT_POLICIES_MAX ? r->num_policies : REPORT_POLICIES_MAX;
    size_t room = DIFFS_MAX;
    for (uint64_t i = 0; i < num; i++) { /* the newest first */
        struct policy_event *p = &r->policies[(r->num_policies - 1 - i) % REPORT_POLICIES_MAX];
        add_diff(r, p, room);
        room -= p->diff.len < room ? p->diff.len : room;
    }
}
