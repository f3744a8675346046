/* export.h - inside broker/review only: records in the forms that other programs want. */
#ifndef BROKER_REVIEW_EXPORT_H
#define BROKER_REVIEW_EXPORT_H

#include "broker/base/buf.h"
#include "broker/review/row.h"

#define EXPORT_ECS_VERSION "8.11.0"
#define EXPORT_OCSF_VERSION "1.3.0"

/* One record each, appended to out, a line. origin: the log's name. */
void export_ecs(const struct review_record *r, struct slice origin, struct buf *out);
void export_ocsf(const struct review_record *r, struct slice origin, struct buf *out);

/* SQL that sqlite3 and psql take alike: tables records and names, a view requests in which an attempt and
 * its outcome are one row. May be read into a database that has some of the records already. */
void export_sql_begin(struct buf *out);
void export_sql(const struct review_record *r, struct slice origin, struct buf *out);
void export_sql_end(struct buf *out);

/* ---- what ECS and OCSF share: export_parts.c ---- */
enum export_outcome { EXPORT_SUCCESS, EXPORT_FAILURE, EXPORT_UNKNOWN };
enum export_outcome export_outcome(const struct review_record *r);
/* export_json_text - "key":"text", nothing where it is absent. export_json_list - of texts. */
void export_json_text(struct buf *out, const char *key, struct slice text);
void export_json_list(struct buf *out, const char *key, const struct slice *texts, size_t num);
/* export_peer - address and port of "10.20.0.7:41234", "[::1]:5"; port absent where there is none. */
void export_peer(struct slice peer, struct slice *ret_address, struct slice *ret_port);
/* export_names - what the record names, granted before wanted: hosts (DNS names) and addresses. */
const struct audit_names *export_names(const struct audit_event *e);
/* export_id - "origin/seq", which names a record for ever. */
void export_id(struct buf *out, struct slice origin, uint64_t seq);
/* export_ours - the fields that neither has a place for, as members: serial, names, validity, ... */
void export_ours(struct buf *out, const struct audit_event *e);

#endif
