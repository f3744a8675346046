/* output_file.h - inside broker/review only: what -o FILE means. */
#ifndef BROKER_REVIEW_OUTPUT_FILE_H
#define BROKER_REVIEW_OUTPUT_FILE_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

/* output_file_write - the whole file, replaced if it was there. CB_ESYS: it may be there in part. */
enum cb_code output_file_write(const char *path, struct slice bytes,
                               struct cb_err *err) CB_MUST_USE;

#endif
