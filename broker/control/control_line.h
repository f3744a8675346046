/* control_line.h - what goes over the control socket: one line of JSON each way.
 *
 *   {"command":"reload","reason":"SEC-1042","sudo_user":"anna"}
 *   {"command":"reload"}                      {"ok":true,"result":"loaded","policy_sha256":...}
 *   {"command":"reload","force":"SEC-1042"}   {"ok":false,"result":"guard","why":...}
 *   {"command":"status"}                      {"ok":true,"policy_sha256":...}
 *   {"command":"revoke","serial":...}         see control_order.h
 *   {"command":"record","type":...}
 *                                             {"ok":false,"error":...}: not even tried */
#ifndef BROKER_CONTROL_LINE_H
#define BROKER_CONTROL_LINE_H

#include "broker/control/control_order.h"
#include "broker/reload/reload_job.h"

#define CONTROL_LINE_MAX 4096U               /* a request */
#define CONTROL_ANSWER_MAX ((size_t)1 << 20) /* an answer */

enum control_command { CONTROL_RELOAD, CONTROL_STATUS, CONTROL_REVOKE, CONTROL_RECORD };

struct control_request {
    enum control_command command;
    /* of a reload; each may be "" */
    char force[RELOAD_REASON_MAX + 1];   /* why it is forced; "": it is not */
    char reason[RELOAD_REASON_MAX + 1];  /* why it is wanted, if it is not forced */
    char sudo_user[RELOAD_USER_MAX + 1]; /* from whom, says the client, it came through sudo */
    struct control_order order;          /* of revoke and record; they have a sudo_user, too */
};

/* control_request_parse - a line without its newline. CB_EINPUT or CB_ELIMIT with a message for
 * whoever sent it. */
enum cb_code control_request_parse(struct slice line, struct control_request *ret,
                                   struct cb_err *err) CB_MUST_USE;
/* control_request_write - the line for a request, with its newline. */
void control_request_write(const struct control_request *request, struct buf *out);
/* control_reason_check - is this fit to be the reason of a reload? */
enum cb_code control_reason_check(struct slice reason, struct cb_err *err) CB_MUST_USE;
/* control_user_check - is this fit to be a sudo_user? It is shown in quotes and must not end them. */
enum cb_code control_user_check(struct slice name, struct cb_err *err) CB_MUST_USE;

/* An answer as the caller sees it. */
struct control_answer; /* opaque */
enum cb_code control_answer_parse(struct slice line, struct control_answer **ret,
                                  struct cb_err *err) CB_MUST_USE;
void control_answer_free(struct control_answer *a); /* NULL ok */
bool control_answer_ok(const struct control_answer *a);
/* Members of the answer; NULL or 0 where there is none of this name and type. */
const char *control_answer_text(const struct control_answer *a, const char *name);
uint64_t control_answer_number(const struct control_answer *a, const char *name);
const char *control_answer_item(const struct control_answer *a, const char *list, size_t i);

#endif
