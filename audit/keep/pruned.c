/* pruned.c - see pruned.h. Removes nothing: that is prune.c. */
#include "audit/keep/pruned.h"

#include "audit/keep/archive_parts.h"
#include "audit/read/lines.h"
#include "audit/read/reader.h"
#include "audit/segdir.h"

#include <fcntl.h>
#include <stdlib.h>

#define ARENA_MAX (256UL * 1024)

static enum cb_code read_event(const struct audit_record *r, struct chain_pruned *ret,
                               struct cb_err *err)
{
    const struct audit_event *e = &r->event;
    struct chain_pruned p = {.size = e->tree_size, .last_no = e->last_segment, .seq = r->seq};
    if (e->type != AUDIT_SEGMENT_PRUNE || e->tree_size == UINT64_MAX || e->tree_size == 0 ||
        e->last_segment == UINT64_MAX || e->tree_size > r->seq ||
        !hex_decode(e->root, p.root, sizeof(p.root))) {
        return cb_fail(err, CB_EINPUT, "record %llu is not a segment.prune as it is written",
                       (unsigned long long)r->seq);
    }
    *ret = p;
    return CB_OK;
}

enum cb_code pruned_parse(struct slice line, struct chain_pruned *ret, struct cb_err *err)
{
    struct arena arena;
    struct audit_record record;
    arena_init(&arena, ARENA_MAX);
    enum cb_code code = audit_line_parse(line, &arena, &record, err);
    if (code == CB_OK) {
        code = read_event(&record, ret, err);
    }
    arena_free(&arena);
    return code;
}

/* read_file - state/pruned without its newline; NULL if there is none. */
static char *read_file(const char *dir, size_t *ret_len)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err ignored;
    const struct audit_io *io = &audit_system_io;
    if (segdir_join(dir, "state/pruned", path, &ignored) != CB_OK) {
        return NULL;
    }
    int fd = -1;
    if (io_open_file(io, path, 0, AUDIT_LINE_MAX, &fd, &ignored) != CB_OK) {
        return NULL;
    }
    char *text = malloc(AUDIT_LINE_MAX);
    const ssize_t got = text == NULL ? -1 : io->pread(io->ctx, fd, text, AUDIT_LINE_MAX, 0);
    (void)io->close(io->ctx, fd);
    if (got <= 1 || text[got - 1] != '\n') {
        free(text);
        return NULL;
    }
    *ret_len = (size_t)got - 1;
    return text;
}

void pruned_read(const char *dir, struct chain_pruned *ret)
{
    struct cb_err ignored;
    size_t len = 0;
    char *text = read_file(dir, &len);
    if (text == NULL || pruned_parse((struct slice){text, len}, ret, &ignored) != CB_OK) {
        *ret = (struct chain_pruned){0};
    }
    free(text);
}

/* find_line - is the line that this one, from state/pruned, claims to be in the segment? Lines are
 * counted, not parsed: each is one record. */
static enum cb_code find_line(struct lines *l, uint64_t skip, struct slice want, struct cb_err *err)
{
    for (uint64_t i = 0;; i++) {
        struct slice line = SLICE("");
        uint64_t offset = 0;
        const enum lines_next next = lines_next(l, &line, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next != LINES_LINE || i == skip) {
            return next == LINES_LINE && slice_eq(line, want)
                       ? CB_OK
                       : cb_fail(err, CB_ECORRUPT,
                                 "state/pruned names a record that does not stand in the log");
        }
    }
}

enum cb_code pruned_check(const char *dir, const struct chain_pruned *pruned,
                          const struct chain_link *link, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct lines l;
    size_t len = 0;
    TRY(segdir_path(dir, link->no, path, err));
    char *text = read_file(dir, &len);
    if (text == NULL) {
        return cb_fail(err, CB_ECORRUPT, "state/pruned cannot be read any more");
    }
    enum cb_code code =
        lines_open(&l, &audit_system_io, path, LINES_FROM_CACHE, link->valid_bytes, err);
    if (code == CB_OK) {
        code = find_line(&l, pruned->seq - link->first_seq, (struct slice){text, len}, err);
        lines_close(&l);
    }
    free(text);
    return code;
}

enum cb_code pruned_write(const struct audit_io *io, const char *dir, struct slice line,
                          struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char like[SEGMENT_PATH_MAX];
    char part[SEGMENT_PATH_MAX];
    struct buf text;
    int fd = -1;
    TRY(segdir_join(dir, "state/pruned", path, err));
    TRY(segdir_join(dir, "state/origin", like, err));
    buf_init(&text, AUDIT_LINE_MAX);
    buf_add_slice(&text, line);
    buf_add_char(&text, '\n');
    enum cb_code code = buf_ok(&text) ? archive_begin(io, path, like, part, &fd, err)
                                      : cb_fail(err, CB_ENOMEM, "no memory for state/pruned");
    if (code == CB_OK) {
        code = archive_end(io, path, part, fd, io_write_all(io, fd, buf_slice(&text), err), err);
    }
    buf_free(&text);
    return code;
}
