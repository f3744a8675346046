/* bundle.h - inside policy/ only: several files as one text, so that a policy of many files has one
 * digest and can be kept, shown and loaded again as one.
 *
 *   # certbroker policy bundle v1
 *   # file 10-base.yaml 1234
 *   ...1234 bytes...
 *   # file 20-payments.yaml 567
 *   ...567 bytes...
 *
 * A newline stands behind each file's bytes. Names are in ascending order of bytes; the form is
 * canonical: the same files always give the same text. */
#ifndef POLICY_BUNDLE_H
#define POLICY_BUNDLE_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

struct bundle_file {
    struct slice name; /* within the folder, see bundle_name_valid */
    struct slice bytes;
};

bool bundle_is(struct slice text);
/* bundle_name_valid - 1 to 255 letters, digits and . _ - , no dot in front. */
bool bundle_name_valid(struct slice name);
/* bundle_write - files in order. False: out of memory or past the buffer's cap. */
bool bundle_write(const struct bundle_file *files, size_t num, struct buf *out);
/* bundle_read - the next file; *rest begins as the whole text. False with err->code CB_OK at the end,
 * CB_EINPUT where it is no bundle. Slices borrow from the text. */
bool bundle_read(struct slice *rest, struct bundle_file *ret, struct cb_err *err);

#endif
