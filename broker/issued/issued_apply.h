/* issued_apply.h - what each audit record means for the index. Private to broker/issued.
 *
 *   issue.ok           a certificate of on_behalf_of, else of who.id, active; the one it supersedes, if
 *                      it has the same owner, is doomed
 *   issue.fail         with serial: a certificate the CA made and nobody may have: doomed
 *   issue.undelivered  serial is doomed
 *   revoke.ok          serial is revoked; one never seen before is remembered without an owner
 * Every other record changes nothing. */
#ifndef BROKER_ISSUED_ISSUED_APPLY_H
#define BROKER_ISSUED_ISSUED_APPLY_H

#include "broker/issued/issued_db.h"

/* issued_concerns - can this line change the index? A look at its first bytes, no parsing: false
 * only if it cannot. Any thread. */
bool issued_concerns(struct slice line);

/* issued_apply - make the changes of one line, inside a transaction. *incomplete counts records
 * that should name a certificate and do not: they are passed over, because the log can never be
 * changed and one such record must not keep the broker down. CB_EINPUT: the line cannot be read.
 * CB_ECORRUPT: the database is damaged. */
enum cb_code issued_apply(struct issued_db *db, struct slice line, uint64_t *incomplete,
                          struct cb_err *err) CB_MUST_USE;

/* issued_line_crc - the checksum a line ends with, as issued_mark keeps it. */
void issued_line_crc(struct slice line, char out[MARK_CRC_LEN]);

#endif
