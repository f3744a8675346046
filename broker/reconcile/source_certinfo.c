/* source_certinfo.c - the CA asked about one certificate after the other (POST .../certinfo with serial
 * and authority key id), over the broker's own way to it.
 *
 * For sites whose certificate database cannot be reached. It answers for what the log knows and
 * nothing else: certificates issued behind the broker's back, and those whose serial number was lost
 * with the answer, stay unseen; so does whether a certificate is revoked. */
#include "broker/reconcile/source.h"

#include "broker/ca/answer.h"
#include "broker/ca/ca.h"

#include <event2/event.h>
#include <stdio.h>

#define ARENA_MAX ((size_t)2 << 20)
#define TRIES_MAX 3U

struct asking {
    struct event_base *base;
    struct ca *ca;
    struct arena arena;
    struct ca_result result;
    bool has_result;
};

static void on_done(void *ctx, struct ca_result *result)
{
    struct asking *a = ctx;
    a->result = *result;
    a->has_result = true;
    (void)event_base_loopbreak(a->base);
}

/* post - one question; the answer's slices live in the arena until the next one. */
static enum cb_code post(struct asking *a, const char *serial_dec, const char *aki,
                         struct ca_answer *ret, struct cb_err *err)
{
    struct buf body;
    buf_init(&body, 4096);
    a->has_result = false;
    arena_reset(&a->arena);
    if (!ca_body_certinfo(slice_of(serial_dec), slice_of(aki), &body)) {
        buf_free(&body);
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    const enum cb_code code = ca_post(a->ca, ca_endpoint_path(CA_CERTINFO), &body,
                                      (struct slice){NULL, 0}, on_done, a, err);
    if (code != CB_OK) {
        buf_free(&body);
        return code;
    }
    while (!a->has_result) {
        if (event_base_loop(a->base, EVLOOP_ONCE) < 0) {
            return cb_fail(err, CB_ESYS, "the event loop failed");
        }
    }
    if (a->result.effect == CA_ANSWERED) {
        ca_answer_read(CA_CERTINFO, a->result.http_status, buf_slice(&a->result.body), &a->arena,
                       ret);
    } else {
        *ret = (struct ca_answer){.verdict = CA_TEMPORARY, .message = slice_of(a->result.message)};
        ret->message = arena_slice(&a->arena, ret->message);
    }
    buf_free(&a->result.body);
    return CB_OK;
}

static enum cb_code refused(const struct ca_answer *answer, struct cb_err *err)
{
    char text[128];
    size_t len = 0;
    for (size_t i = 0; i < answer->message.len && len < sizeof(text) - 1; i++) {
        text[len++] = ascii_is_print(answer->message.ptr[i]) ? answer->message.ptr[i] : '?';
    }
    text[len] = '\0';
    if (answer->code == 400) {
        return cb_fail(
            err, CB_EINPUT,
            "certinfo: this CFSSL cannot look up certificates by serial number (\"%s\"): "
            "it is too old, or runs without a certificate database; give --certdb",
            text);
    }
    return cb_fail(err, CB_EINPUT,
                   "certinfo: the CA gives no answer that says whether it has a "
                   "certificate (code %llu, \"%s\"); give --certdb",
                   (unsigned long long)answer->code, text);
}

/* ask_once - under the key id we know, and as old builds have stored it: under none. */
static enum cb_code ask_once(struct asking *a, const struct certinfo_question *q,
                             struct ca_answer *ret, struct cb_err *err)
{
    TRY(post(a, q->serial_dec, q->aki_hex, ret, err));
    return ret->verdict == CA_NOT_FOUND && q->aki_hex[0] != '\0'
               ? post(a, q->serial_dec, "", ret, err)
               : CB_OK;
}

/* ask - is it there? Asking again changes nothing at the CA, so a failure may pass. */
static enum cb_code ask(struct asking *a, const struct certinfo_question *q, struct ca_answer *ret,
                        struct cb_err *err)
{
    enum cb_code code = CB_OK;
    *ret = (struct ca_answer){.verdict = CA_TEMPORARY};
    for (unsigned i = 0; i < TRIES_MAX && code == CB_OK && ret->verdict == CA_TEMPORARY; i++) {
        code = ask_once(a, q, ret, err);
    }
    if (code != CB_OK) {
        return code;
    }
    return ret->verdict == CA_DONE || ret->verdict == CA_NOT_FOUND ? CB_OK : refused(ret, err);
}

static enum cb_code ask_all(struct asking *a, question_fn next, void *next_ctx, row_fn row,
                            void *ctx, struct cb_err *err)
{
    struct certinfo_question q;
    struct ca_answer answer;
    enum cb_code code = CB_OK;
    while (code == CB_OK && next(next_ctx, &q)) {
        code = ask(a, &q, &answer, err);
        if (code == CB_OK && answer.verdict == CA_DONE) {
            const struct ca_row found = {.serial = slice_of(q.serial_dec),
                                         .aki = slice_of(q.aki_hex),
                                         .pem = answer.certificate};
            code = row(ctx, &found, err);
        }
    }
    return code;
}

enum cb_code source_certinfo(const struct ca_settings *settings, question_fn next, void *next_ctx,
                             struct source_facts *facts, row_fn row, void *ctx, struct cb_err *err)
{
    struct asking a = {.base = event_base_new()};
    if (a.base == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    (void)snprintf(facts->text, sizeof(facts->text), "certinfo %s", settings->upstreams[0].url);
    facts->is_selective = true;
    arena_init(&a.arena, ARENA_MAX);
    enum cb_code code = ca_new(a.base, settings, &cb_system_clock, &a.ca, err);
    if (code == CB_OK) {
        code = ask_all(&a, next, next_ctx, row, ctx, err);
    }
    ca_free(a.ca);
    arena_free(&a.arena);
    event_base_free(a.base);
    return code;
}
