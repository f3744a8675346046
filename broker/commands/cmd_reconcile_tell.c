/* cmd_reconcile_tell.c - see cmd_reconcile.h: one line over the control socket for each thing that the
 * running broker is to do, one after the other, so that clients are hardly held up. What was done stays
 * done when a later one fails; the next run goes on with what is left. */
#include "broker/commands/cmd_reconcile.h"

#include "broker/base/clock.h"
#include "broker/cli/output.h"
#include "broker/control/control_line.h"
#include "broker/control/control_socket.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_TIME_S 120U
#define MAX_DEFAULT 100U

/* ---- what is wanted ---- */

static bool read_revoke(const struct command_args *args, struct reconcile_orders *ret)
{
    enum revoke_reason reason = REVOKE_SUPERSEDED;
    const char *word = args_text(args, "reason");
    const char *max = args_text(args, "max");
    const char *what = NULL;
    for (size_t i = 0; (what = args_nth(args, "revoke", i)) != NULL; i++) {
        ret->revoke = true;
        ret->revoke_orphans = ret->revoke_orphans || strcmp(what, "orphans") == 0;
        ret->revoke_bypass = ret->revoke_bypass || strcmp(what, "bypass") == 0;
        if (i == RECONCILE_SERIALS_MAX) {
            (void)command_usage_error(args, "--revoke: at most %u times", RECONCILE_SERIALS_MAX);
            return false;
        }
    }
    if (word != NULL && !revoke_reason_parse(slice_of(word), &reason)) {
        const char *refusal = revoke_reason_refusal(slice_of(word));
        (void)command_usage_error(args, "--reason: %s",
                                  refusal != NULL ? refusal
                                                  : "write a reason as RFC 5280 spells it, e.g. "
                                                    "superseded or keyCompromise");
        return false;
    }
    ret->reason = reason;
    ret->max = MAX_DEFAULT;
    if (max != NULL && (!slice_to_u64(slice_of(max), &ret->max) || ret->max == 0 ||
                        ret->max > RECONCILE_REVOKE_MAX)) {
        (void)command_usage_error(args, "--max: \"%s\" is no number from 1 to %u", max,
                                  RECONCILE_REVOKE_MAX);
        return false;
    }
    return true;
}

bool reconcile_read_orders(const struct command_args *args, const struct config *config,
                           struct reconcile_orders *ret)
{
    struct cb_err err = {0};
    ret->args = args;
    ret->record = args_has(args, "record");
    ret->yes = args_has(args, "yes");
    ret->why = args_text(args, "why");
    ret->control = config == NULL ? NULL : config->control;
    if (!read_revoke(args, ret)) {
        return false;
    }
    if (!ret->revoke && (ret->yes || args_has(args, "reason") || args_has(args, "max"))) {
        (void)command_usage_error(args, "--yes, --reason and --max go with --revoke");
        return false;
    }
    if (ret->why != NULL && !ret->record && !ret->revoke) {
        (void)command_usage_error(args, "--why goes with --record or --revoke");
        return false;
    }
    if (ret->why != NULL && control_reason_check(slice_of(ret->why), &err) != CB_OK) {
        (void)command_usage_error(args, "--why: %s", err.msg);
        return false;
    }
    if ((ret->record || (ret->revoke && ret->yes)) && ret->control == NULL) {
        (void)command_usage_error(
            args,
            config == NULL
                ? "--record and --revoke need -c FILE: it says where the running broker is"
                : "--record and --revoke go through the running broker: certbroker.yaml names "
                  "no control socket, e.g. \"control: /run/certbroker/control.sock\"");
        return false;
    }
    return true;
}

/* ---- asking the broker ---- */

/* ask - one line each way. False: nobody answers; err says so. *ret is the caller's. */
static enum cb_code ask(const struct reconcile_orders *orders, struct control_request *request,
                        struct control_answer **ret, struct cb_err *err)
{
    struct buf line;
    struct buf answer;
    struct cb_err unheard;
    const char *user = getenv("SUDO_USER"); /* nothing is decided by it */
    if (user != NULL && control_user_check(slice_of(user), &unheard) == CB_OK) {
        (void)snprintf(request->sudo_user, sizeof(request->sudo_user), "%s", user);
    }
    buf_init(&line, CONTROL_LINE_MAX);
    buf_init(&answer, CONTROL_ANSWER_MAX);
    control_request_write(request, &line);
    enum cb_code code = buf_ok(&line) ? control_socket_ask(orders->control, buf_slice(&line),
                                                           ANSWER_TIME_S, &answer, err)
                                      : cb_fail(err, CB_ELIMIT, "too long for one line");
    if (code == CB_OK) {
        code = control_answer_parse(buf_slice(&answer), ret, err);
    }
    buf_free(&line);
    buf_free(&answer);
    return code;
}

/* said - what an answer says about why it did not go well. */
static const char *said(const struct control_answer *a)
{
    const char *const names[] = {"why", "error", "result"};
    for (size_t i = 0; i < 3; i++) {
        const char *text = control_answer_text(a, names[i]);
        if (text != NULL) {
            return text;
        }
    }
    return "it does not say why";
}

static bool not_asked(const struct cb_err *err)
{
    (void)fprintf(stderr,
                  "certbroker: the broker cannot be asked: %s\n  nothing was recorded or revoked "
                  "from there on; it is the broker that writes its log, so it must run\n",
                  err->msg);
    return false;
}

/* ---- recording ---- */

/* put - cut where it does not fit. */
static void put(char *out, size_t size, const char *text)
{
    const size_t len = text == NULL ? 0 : strnlen(text, size - 1);
    if (len > 0) {
        memcpy(out, text, len);
    }
    out[len] = '\0';
}

/* put_plain - what others have chosen, as text that a record takes: unprintable bytes become '?'. */
static void put_plain(char *out, size_t size, struct slice text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < size; i++) {
        out[len++] = ascii_is_print(text.ptr[i]) ? text.ptr[i] : '?';
    }
    out[len] = '\0';
}

static void put_time(char *out, size_t size, int64_t us)
{
    char text[21];
    if (us > 0) {
        time_format_s(us / 1000000, text);
        put(out, size, text);
    }
}

static void put_number(char *out, size_t size, uint64_t value)
{
    char text[24];
    if (value != UINT64_MAX) {
        (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        put(out, size, text);
    }
}

static void put_source(const struct reconcile_result *r, struct control_order *o)
{
    put_plain(o->source, sizeof(o->source), slice_of(r->source));
    put(o->source_sha256, sizeof(o->source_sha256), r->source_sha256);
}

static const char *type_of(const struct finding *f)
{
    switch (f->verdict) {
    case VERDICT_BYPASS:
    case VERDICT_DIFFERS:
        return "reconcile.bypass";
    case VERDICT_ORPHAN:
    case VERDICT_AMBIGUOUS:
        return "reconcile.orphan";
    case VERDICT_MISSING:
    case VERDICT_REVOKED_IN_LOG:
        return "reconcile.missing";
    case VERDICT_NOT_ISSUED:
    case VERDICT_LAPSED:
    case VERDICT_REVOKED_AT_CA:
        return "reconcile.resolved";
    case VERDICT_OK:
    case VERDICT_UNREADABLE:
    case VERDICT_UNRESOLVED:
    case VERDICT_REVOKED_LATE:
    case VERDICT_SETTLED:
    case VERDICT_UNDER_WAY:
    case VERDICT_BEFORE:
    case VERDICT_KNOWN:
    case VERDICT_OTHER_KEY:
    case VERDICT_OUTSIDE:
    case VERDICT_EXPIRED:
        return NULL;
    }
    return NULL;
}

static void put_finding(const struct finding *f, struct control_order *o)
{
    char detail[2048];
    (void)snprintf(detail, sizeof(detail), "%.*s%s%.*s", (int)f->names.len,
                   f->names.ptr == NULL ? "" : f->names.ptr, f->names.len > 0 ? ": " : "",
                   (int)f->detail.len, f->detail.ptr == NULL ? "" : f->detail.ptr);
    put_plain(o->detail, sizeof(o->detail), slice_of(detail));
    put(o->why_word, sizeof(o->why_word), verdict_word(f->verdict));
    put(o->serial, sizeof(o->serial), f->serial_hex);
    put(o->aki, sizeof(o->aki), f->aki_hex);
    put(o->cert_sha256, sizeof(o->cert_sha256), f->sha256);
    put_time(o->not_before, sizeof(o->not_before), f->not_before_s * 1000000);
    put_time(o->not_after, sizeof(o->not_after), f->not_after_s * 1000000);
    put_number(o->ref, sizeof(o->ref), f->ref);
    put_number(o->cert_ref, sizeof(o->cert_ref), f->cert_ref);
    put_plain(o->who, sizeof(o->who), f->who);
    put_plain(o->req, sizeof(o->req), f->req);
}

/* record_one - false: nobody answers. */
static bool record_one(const struct reconcile_orders *orders, struct control_request *request,
                       struct reconcile_telling *ret)
{
    struct cb_err err = {0};
    struct control_answer *answer = NULL;
    request->command = CONTROL_RECORD;
    if (ask(orders, request, &answer, &err) != CB_OK) {
        return not_asked(&err);
    }
    const bool is_ok = control_answer_ok(answer);
    if (is_ok) {
        ret->num_recorded++;
    } else {
        ret->num_failed++;
        (void)fprintf(stderr, "certbroker: not recorded: %s\n", said(answer));
    }
    control_answer_free(answer);
    return is_ok; /* the log cannot be written: no use to go on */
}

/* record_run - last, so that it stands behind what it counts. */
static bool record_run(const struct reconcile_orders *orders,
                       const struct reconcile_options *options,
                       const struct reconcile_result *result, struct reconcile_telling *ret)
{
    struct control_request request = {.command = CONTROL_RECORD};
    struct control_order *o = &request.order;
    size_t at = 0;
    put(o->type, sizeof(o->type), "reconcile.run");
    put_source(result, o);
    put(o->note, sizeof(o->note), orders->why == NULL ? "" : orders->why);
    put_time(o->since, sizeof(o->since),
             options->since_us > result->log_from_us ? options->since_us : result->log_from_us);
    put_time(o->until, sizeof(o->until),
             options->until_us < result->log_to_us ? options->until_us : result->log_to_us);
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        if (result->counts[v] > 0 && at < sizeof(o->counts)) {
            at += (size_t)snprintf(o->counts + at, sizeof(o->counts) - at, "%s%s %" PRIu64,
                                   at == 0 ? "" : ", ", verdict_word((enum verdict)v),
                                   result->counts[v]);
        }
    }
    return record_one(orders, &request, ret);
}

static bool is_to_be_told(const struct reconcile_result *result, size_t i,
                          const struct reconcile_telling *told)
{
    const struct finding *f = &result->findings[i];
    return type_of(f) != NULL && !f->is_recorded && !told->is_told[i];
}

static bool record_as(const struct reconcile_orders *orders, const struct reconcile_result *result,
                      const struct finding *f, struct reconcile_telling *ret)
{
    struct control_request request = {.command = CONTROL_RECORD};
    put(request.order.type, sizeof(request.order.type), type_of(f));
    put_finding(f, &request.order);
    put_source(result, &request.order);
    return record_one(orders, &request, ret);
}

/* record_finding - of one that was revoked at the CA and not through us the log has no revoke.ok: without
 * a record that says so it would stay open for whoever reads the log. */
static bool record_finding(const struct reconcile_orders *orders,
                           const struct reconcile_result *result, size_t i,
                           struct reconcile_telling *ret)
{
    const struct finding *f = &result->findings[i];
    const bool is_revoked_unheard = f->is_revoked && !f->is_revoked_here;
    struct finding end = *f;
    ret->is_told[i] = true;
    end.verdict = VERDICT_REVOKED_AT_CA;
    if (is_revoked_unheard && f->verdict == VERDICT_LAPSED) {
        return record_as(orders, result, &end, ret);
    }
    if (!record_as(orders, result, f, ret)) {
        return false;
    }
    return is_revoked_unheard && f->verdict != VERDICT_REVOKED_AT_CA
               ? record_as(orders, result, &end, ret)
               : true;
}

static bool record_all(const struct reconcile_orders *orders,
                       const struct reconcile_options *options,
                       const struct reconcile_result *result, struct reconcile_telling *ret)
{
    for (size_t i = 0; i < result->num_findings; i++) {
        if (!is_to_be_told(result, i, ret)) {
            continue;
        }
        if (ret->num_recorded >= RECONCILE_RECORD_MAX) {
            ret->num_not_recorded++;
        } else if (!record_finding(orders, result, i, ret)) {
            return false;
        }
    }
    ret->has_recorded = record_run(orders, options, result, ret);
    return ret->has_recorded;
}

/* ---- revoking ---- */

static bool is_named(const struct command_args *args, const struct finding *f)
{
    const char *what = NULL;
    for (size_t i = 0; (what = args_nth(args, "revoke", i)) != NULL; i++) {
        if (strcasecmp(what, f->serial_hex) == 0 || strcmp(what, f->serial_dec) == 0) {
            return true;
        }
    }
    return false;
}

/* is_revocable - a certificate that exists at the CA, is not revoked, and is no client's. */
static bool is_revocable(const struct finding *f)
{
    return (f->verdict == VERDICT_ORPHAN || f->verdict == VERDICT_BYPASS ||
            f->verdict == VERDICT_AMBIGUOUS || f->verdict == VERDICT_DIFFERS) &&
           !f->is_revoked && f->serial_hex[0] != '\0';
}

static bool is_chosen(const struct reconcile_orders *orders, const struct finding *f)
{
    return is_revocable(f) &&
           ((orders->revoke_orphans && f->verdict == VERDICT_ORPHAN) ||
            (orders->revoke_bypass && f->verdict == VERDICT_BYPASS) || is_named(orders->args, f));
}

/* check_named - every serial number on the command line must be one of the findings. */
static bool check_named(const struct reconcile_orders *orders,
                        const struct reconcile_result *result)
{
    const char *what = NULL;
    for (size_t i = 0; (what = args_nth(orders->args, "revoke", i)) != NULL; i++) {
        bool found = strcmp(what, "orphans") == 0 || strcmp(what, "bypass") == 0;
        for (size_t k = 0; k < result->num_findings && !found; k++) {
            const struct finding *f = &result->findings[k];
            found = (strcasecmp(what, f->serial_hex) == 0 || strcmp(what, f->serial_dec) == 0) &&
                    is_revocable(f);
        }
        if (!found) {
            (void)command_usage_error(
                orders->args,
                "--revoke: \"%s\" is none of the certificates found that can be revoked: give "
                "orphans, bypass, or the serial number of one that is listed",
                what);
            return false;
        }
    }
    return true;
}

static bool choose(const struct reconcile_orders *orders, const struct reconcile_result *result,
                   struct reconcile_telling *ret)
{
    if (!check_named(orders, result)) {
        return false;
    }
    ret->revocations = calloc(result->num_findings + 1, sizeof(*ret->revocations));
    if (ret->revocations == NULL) {
        (void)cli_no_memory();
        return false;
    }
    for (size_t i = 0; i < result->num_findings; i++) {
        if (!is_chosen(orders, &result->findings[i])) {
            continue;
        }
        if (ret->num_revocations == orders->max) {
            ret->num_over_max++;
        } else {
            ret->revocations[ret->num_revocations++].finding = &result->findings[i];
        }
    }
    return true;
}

/* record_first - what is revoked: its names and the evidence stand nowhere else in the log. */
static bool record_first(const struct reconcile_orders *orders,
                         const struct reconcile_result *result, const struct finding *f,
                         struct reconcile_telling *ret)
{
    const size_t i = (size_t)(f - result->findings);
    if (!is_to_be_told(result, i, ret)) {
        return true;
    }
    ret->has_recorded = true;
    return record_finding(orders, result, i, ret);
}

/* revoke_one - false: nobody answers. */
static bool revoke_one(const struct reconcile_orders *orders, struct reconcile_revocation *v,
                       struct reconcile_telling *ret)
{
    struct cb_err err = {0};
    struct control_answer *answer = NULL;
    struct control_request request = {.command = CONTROL_REVOKE};
    struct control_order *o = &request.order;
    put(o->serial, sizeof(o->serial), v->finding->serial_hex);
    put(o->aki, sizeof(o->aki), v->finding->aki_hex);
    put(o->why_word, sizeof(o->why_word), revoke_reason_word(orders->reason));
    put(o->note, sizeof(o->note), orders->why == NULL ? "" : orders->why);
    if (ask(orders, &request, &answer, &err) != CB_OK) {
        v->state = TELLING_FAILED;
        put(v->text, sizeof(v->text), err.msg);
        ret->num_failed++;
        return not_asked(&err);
    }
    v->state = control_answer_ok(answer) ? TELLING_DONE : TELLING_FAILED;
    ret->num_failed += v->state == TELLING_FAILED;
    put(v->text, sizeof(v->text),
        v->state == TELLING_DONE ? control_answer_text(answer, "result") : said(answer));
    control_answer_free(answer);
    return true;
}

bool reconcile_tell(const struct reconcile_orders *orders, const struct reconcile_options *options,
                    const struct reconcile_result *result, struct reconcile_telling *ret)
{
    ret->yes = orders->yes;
    ret->is_told = calloc(result->num_findings + 1, sizeof(*ret->is_told));
    if (ret->is_told == NULL) {
        (void)cli_no_memory();
        return false;
    }
    if (orders->revoke && !choose(orders, result, ret)) {
        return false;
    }
    if (orders->record && !record_all(orders, options, result, ret)) {
        return false;
    }
    for (size_t i = 0; orders->yes && i < ret->num_revocations; i++) {
        if (!record_first(orders, result, ret->revocations[i].finding, ret) ||
            !revoke_one(orders, &ret->revocations[i], ret)) {
            break;
        }
    }
    return true;
}

void reconcile_telling_free(struct reconcile_telling *told)
{
    free(told->revocations);
    free(told->is_told);
    *told = (struct reconcile_telling){0};
}
