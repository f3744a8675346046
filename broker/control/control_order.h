/* control_order.h - what `certbroker audit reconcile` and `prune` have the running broker do: revoke a
 * certificate, write what was found, or is to be removed, into the log. All members are strings.
 *
 *   {"command":"revoke","serial":"2d7a...","aki":"081b...","why_word":"superseded","note":"SEC-7"}
 *       {"ok":true,"result":"revoked","req":"..."}, "already_revoked"; else "result" says why not
 *   {"command":"record","type":"reconcile.orphan","serial":...,"ref":"41",...}
 *   {"command":"record","type":"segment.prune","last_segment":"7","keep_s":"63158400","archive":...}
 *       {"ok":true,"seq":1042}
 *
 * The log is signed, so what goes into it is checked here and in order_check.h: a prune is planned anew,
 * records that are referred to must be there and of the right type. */
#ifndef BROKER_CONTROL_ORDER_H
#define BROKER_CONTROL_ORDER_H

#include "audit/event.h"
#include "broker/base/err.h"

#define ORDER_COUNTS_MAX 24U

/* Each text may be "": not given. Sizes are those of the record's fields. */
struct control_order {
    char serial[41];   /* lower-case hex */
    char aki[65];      /* likewise */
    char why_word[32]; /* revoke: RFC 5280's reason; record: a stable word */
    char note[201];    /* why somebody wants it */
    /* of a record only */
    char type[32]; /* reconcile.*, segment.prune */
    char ref[20];  /* seq of the attempt */
    char cert_ref[20];
    char req[33];
    char who[129];
    char cert_sha256[65];
    char not_before[28], not_after[28];
    char source[257], source_sha256[65];
    char since[28], until[28];
    char detail[801];
    char counts[601]; /* "ok 1041, bypass 2" */
    /* of segment.prune: what is wanted. What the record says the broker finds out itself */
    char last_segment[20];        /* the last one to go */
    char tree_size[20], root[65]; /* of the records up to there, as whoever asks sees them */
    char keep_s[20];              /* retention */
    char archive[257]; /* directory that has them; "": there is none, and note says why */
};

/* control_order_set - the member of this name. CB_EINPUT: there is none, or it cannot be that. */
enum cb_code control_order_set(struct control_order *order, const char *name, const char *text,
                               struct cb_err *err) CB_MUST_USE;
/* control_order_check - is it whole? */
enum cb_code control_order_check(const struct control_order *order, bool is_revoke,
                                 struct cb_err *err) CB_MUST_USE;
/* control_order_write - `,"serial":"..."` and so on: the members that are given. */
void control_order_write(const struct control_order *order, struct buf *out);
/* control_order_event - the record it asks for; texts point into order and counts. Not of segment.prune:
 * prune_event is. */
void control_order_event(const struct control_order *order,
                         struct audit_kv counts[ORDER_COUNTS_MAX], struct audit_event *ret);

#endif
