/* cmd_prune_record.c - see cmd_prune.h. The log has one writer: the broker while it runs. */
#include "broker/commands/cmd_prune.h"

#include "audit/audit.h"
#include "audit/seal/keyfile.h"
#include "broker/commands/version.h"
#include "broker/control/control_line.h"
#include "broker/control/control_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_TIME_S 3600U /* the broker reads all of it once more */

/* ---- the broker runs ---- */

static void put_number(char out[20], uint64_t value)
{
    (void)snprintf(out, 20, "%llu", (unsigned long long)value);
}

static enum cb_code fill_order(const struct prune_plan *plan, const char *archive, const char *note,
                               struct control_order *o, struct cb_err *err)
{
    char *path = archive == NULL ? NULL : realpath(archive, NULL);
    enum cb_code code = CB_OK;
    (void)snprintf(o->type, sizeof(o->type), "segment.prune");
    (void)snprintf(o->note, sizeof(o->note), "%s", note);
    put_number(o->last_segment, plan->last_segment);
    put_number(o->tree_size, plan->size);
    put_number(o->keep_s, plan->keep_s);
    (void)snprintf(o->root, sizeof(o->root), "%s", plan->root);
    if (path != NULL) {
        code = control_order_set(o, "archive", path, err);
    } else if (archive != NULL) {
        code = cb_fail_errno(err, "%s", archive);
    }
    free(path);
    return code;
}

static enum cb_code read_answer(struct slice line, uint64_t *ret_seq, struct cb_err *err)
{
    struct control_answer *answer = NULL;
    TRY(control_answer_parse(line, &answer, err));
    enum cb_code code = CB_OK;
    if (control_answer_ok(answer)) {
        *ret_seq = control_answer_number(answer, "seq");
    } else {
        const char *why = control_answer_text(answer, "why");
        why = why != NULL ? why : control_answer_text(answer, "error");
        code = cb_fail(err, CB_ESYS, "the broker did not write the record: %s",
                       why == NULL ? "it does not say why" : why);
    }
    control_answer_free(answer);
    return code;
}

/* by_broker - CB_ENOENT: none runs. */
static enum cb_code by_broker(const char *socket, const struct prune_plan *plan,
                              const char *archive, const char *note, uint64_t *ret_seq,
                              struct cb_err *err)
{
    struct control_request request = {.command = CONTROL_RECORD};
    struct buf line;
    struct buf answer;
    struct cb_err unheard;
    const char *user = getenv("SUDO_USER"); /* nothing is decided by it */
    if (user != NULL && control_user_check(slice_of(user), &unheard) == CB_OK) {
        (void)snprintf(request.sudo_user, sizeof(request.sudo_user), "%s", user);
    }
    TRY(fill_order(plan, archive, note, &request.order, err));
    buf_init(&line, CONTROL_LINE_MAX);
    buf_init(&answer, CONTROL_ANSWER_MAX);
    control_request_write(&request, &line);
    enum cb_code code =
        buf_ok(&line) ? control_socket_ask(socket, buf_slice(&line), ANSWER_TIME_S, &answer, err)
                      : cb_fail(err, CB_ELIMIT, "too long for one line");
    if (code == CB_OK) {
        code = read_answer(buf_slice(&answer), ret_seq, err);
    }
    buf_free(&line);
    buf_free(&answer);
    return code;
}

/* ---- it does not ---- */

/* check_user - what root writes the broker could not read afterwards. */
static enum cb_code check_user(const char *dir, struct cb_err *err)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        return cb_fail_errno(err, "%s", dir);
    }
    return st.st_uid == geteuid()
               ? CB_OK
               : cb_fail(err, CB_EINPUT,
                         "no broker answers on the control socket, and %s belongs to uid %u: run "
                         "this as that user, or while the broker runs",
                         dir, (unsigned)st.st_uid);
}

static enum cb_code append(struct audit *audit, const struct prune_plan *plan, const char *note,
                           uint64_t *ret_seq, struct cb_err *err)
{
    char by[64];
    struct audit_event e;
    struct buf body;
    (void)snprintf(by, sizeof(by), "uid %u, pid %d, the broker stopped", (unsigned)geteuid(),
                   (int)getpid());
    prune_event(plan, by, note, &e);
    buf_init(&body, AUDIT_LINE_MAX);
    const enum cb_code code = audit_event_encode(&e, &body)
                                  ? audit_append_wait(audit, e.type, buf_slice(&body), ret_seq, err)
                                  : cb_fail(err, CB_ELIMIT, "the record does not fit into a line");
    buf_free(&body);
    return code;
}

static enum cb_code by_ourselves(const struct config *config, const char *dir,
                                 const struct prune_plan *plan, const char *note, uint64_t *ret_seq,
                                 struct cb_err *err)
{
    struct note_signer *key = NULL;
    struct audit *audit = NULL;
    struct audit_recovery recovery = {0};
    struct cb_err why;
    TRY(check_user(dir, err));
    TRY(keyfile_read(config->audit_key, &key, err));
    const struct audit_options options = {.dir = dir, .version = CERTBROKER_VERSION, .key = key};
    enum cb_code code = audit_open(&options, &audit, &recovery, &why);
    audit_recovery_free(&recovery);
    if (code == CB_OK) {
        code = append(audit, plan, note, ret_seq, err);
        audit_close(audit);
    } else {
        (void)cb_fail(err, code, "%s%s", why.msg,
                      code == CB_EBUSY ? ": name its control socket in certbroker.yaml (control:), "
                                         "or stop it"
                                       : "");
    }
    note_signer_free(key);
    return code;
}

enum cb_code prune_record(const struct config *config, const char *dir,
                          const struct prune_plan *plan, const char *archive, const char *note,
                          uint64_t *ret_seq, struct cb_err *err)
{
    if (config->control != NULL) {
        const enum cb_code code = by_broker(config->control, plan, archive, note, ret_seq, err);
        if (code != CB_ENOENT) {
            return code;
        }
    }
    return by_ourselves(config, dir, plan, note, ret_seq, err);
}
