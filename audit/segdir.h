/* segdir.h - the directory of segments: names, paths, and which there are.
 *
 *   seg/00000042.jsonl       a segment
 *   seg/00000042.jsonl.zst   the same, packed (archive.h); only where it was closed long ago */
#ifndef AUDIT_SEGDIR_H
#define AUDIT_SEGDIR_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#define SEGMENT_PATH_MAX 4096

struct segment_list {
    uint64_t *no; /* ascending, each once, in whichever form; owned */
    size_t num;
};

/* segdir_path - DIR/seg/00000042.jsonl, or a shorter name under DIR. CB_EINPUT if too long. */
enum cb_code segdir_path(const char *dir, uint64_t no, char out[SEGMENT_PATH_MAX],
                         struct cb_err *err) CB_MUST_USE;
enum cb_code segdir_join(const char *dir, const char *name, char out[SEGMENT_PATH_MAX],
                         struct cb_err *err) CB_MUST_USE;

/* segdir_packed - the name of the packed form of a segment whose plain path this is. */
enum cb_code segdir_packed(const char *plain, char out[SEGMENT_PATH_MAX],
                           struct cb_err *err) CB_MUST_USE;
bool segdir_is_packed(const char *path); /* does it end as the name of a packed one? */

/* segdir_list - every segment in DIR/seg. Files with other names are not ours and are ignored. */
enum cb_code segdir_list(const char *dir, struct segment_list *ret, struct cb_err *err) CB_MUST_USE;
void segdir_list_free(struct segment_list *list);

#endif
