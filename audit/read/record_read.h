/* record_read.h - inside audit/ only: one record by its number. */
#ifndef AUDIT_RECORD_READ_H
#define AUDIT_RECORD_READ_H

#include "audit/read/grep.h"
#include "audit/read/records.h"

/* record_in_block - is the record among these whole lines, and where? Nothing is checked. */
bool record_in_block(struct slice block, uint64_t seq, struct slice *ret);
/* record_copy - this line, which must be that record: checked, and copied to out. */
enum cb_code record_copy(struct slice line, const char *path, uint64_t seq, struct buf *out,
                         struct audit_line *ret, struct cb_err *err) CB_MUST_USE;
/* record_read - audit_read_record where the log is open. */
enum cb_code record_read(struct records *records, uint64_t seq, struct buf *out,
                         struct audit_line *ret, struct cb_err *err) CB_MUST_USE;

#endif
