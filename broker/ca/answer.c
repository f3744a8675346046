/* answer.c - see answer.h: from the bytes of the CA's answer to one of five verdicts.
 *
 * json_scan decides whether the text may be looked at at all; cJSON only finds the members. The
 * bodies that we send are made in body.c. */
#include "broker/ca/answer.h"

#include "broker/base/json_scan.h"

#include <cjson/cJSON.h>
#include <malloc.h>
#include <stdlib.h>

#define MESSAGE_MAX 200U
#define USAGES_MAX 64

static const struct json_caps answer_caps = {
    .depth = 12, .members = 64, .elements = 1024, .string_bytes = 65536, .text_bytes = 1U << 20};

static void free_wiped(void *ptr)
{
    secret_wipe(ptr, ptr == NULL ? 0 : malloc_usable_size(ptr));
    free(ptr);
}

void ca_answer_setup(void)
{
    /* With hooks of our own cJSON never calls realloc, which would leave copies behind. */
    cJSON_Hooks hooks = {.malloc_fn = malloc, .free_fn = free_wiped};
    cJSON_InitHooks(&hooks);
}

const char *ca_endpoint_path(enum ca_endpoint endpoint)
{
    switch (endpoint) {
    case CA_NEWCERT:
        return "/api/v1/cfssl/newcert";
    case CA_REVOKE:
        return "/api/v1/cfssl/revoke";
    case CA_INFO:
        return "/api/v1/cfssl/info";
    case CA_HEALTH:
        return "/api/v1/cfssl/health";
    case CA_CERTINFO:
        return "/api/v1/cfssl/certinfo";
    }
    return "";
}

struct reader {
    enum ca_endpoint endpoint;
    long http_status;
    struct arena *arena;
    struct ca_answer *ret;
};

static void verdict(struct reader *r, enum ca_verdict what, const char *message)
{
    r->ret->verdict = what;
    r->ret->message = slice_of(message);
}

/* text_of - a string member of an object as a slice in the arena; absent if it is not there, is
 * empty or is no string. */
static struct slice text_of(struct reader *r, const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsString(item) || item->valuestring[0] == '\0') {
        return (struct slice){0};
    }
    return arena_slice(r->arena, slice_of(item->valuestring));
}

/* cut - at most MESSAGE_MAX bytes, never through a character. */
static struct slice cut(struct slice s)
{
    if (s.len > MESSAGE_MAX) {
        s.len = MESSAGE_MAX;
        while (s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xc0U) == 0x80U) {
            s.len--;
        }
    }
    return s;
}

/* ---- success ---- */

static bool read_newcert(struct reader *r, const cJSON *result)
{
    r->ret->certificate = text_of(r, result, "certificate");
    r->ret->private_key = text_of(r, result, "private_key");
    r->ret->request = text_of(r, result, "certificate_request");
    return r->ret->certificate.ptr != NULL && r->ret->private_key.ptr != NULL;
}

static bool read_usages(struct reader *r, const cJSON *list)
{
    struct slice *usages = arena_array(r->arena, USAGES_MAX, sizeof(*usages));
    size_t num = 0;
    const cJSON *item = NULL;
    if (!cJSON_IsArray(list) || usages == NULL) {
        return false;
    }
    cJSON_ArrayForEach(item, list)
    {
        if (num == USAGES_MAX || !cJSON_IsString(item)) {
            return false;
        }
        usages[num] = arena_slice(r->arena, slice_of(item->valuestring));
        if (usages[num++].ptr == NULL) {
            return false;
        }
    }
    r->ret->usages = usages;
    r->ret->num_usages = num;
    return true;
}

static bool read_info(struct reader *r, const cJSON *result)
{
    r->ret->info_certificate = text_of(r, result, "certificate");
    r->ret->expiry = text_of(r, result, "expiry");
    return r->ret->info_certificate.ptr != NULL && r->ret->expiry.ptr != NULL &&
           read_usages(r, cJSON_GetObjectItemCaseSensitive(result, "usages"));
}

static bool read_result(struct reader *r, const cJSON *result)
{
    if (!cJSON_IsObject(result)) {
        return false;
    }
    switch (r->endpoint) {
    case CA_NEWCERT:
        return read_newcert(r, result);
    case CA_REVOKE:
        return true; /* an empty object: there is nothing to tell */
    case CA_INFO:
        return read_info(r, result);
    case CA_HEALTH:
        return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "healthy"));
    case CA_CERTINFO:
        r->ret->certificate = text_of(r, result, "pem");
        return r->ret->certificate.ptr != NULL;
    }
    return false;
}

/* ---- failure ---- */

/* sort_code - what CFSSL's error codes mean for whoever must know whether something was done. */
static enum ca_verdict sort_code(const struct reader *r, uint64_t code)
{
    if (code == 0) {
        return CA_GARBLED; /* any Go error CFSSL has no number for, at any point of the work */
    }
    if (code == 11000 || code == 11100) {
        return CA_TEMPORARY; /* the certificate database: nothing is kept and nothing was given out */
    }
    if (code == 11200) {
        return r->endpoint == CA_REVOKE ? CA_NOT_FOUND : CA_REFUSED;
    }
    if (code >= 1200 && code <= 1299) {
        return CA_GARBLED; /* the bundler works on certificates that are signed already */
    }
    return CA_REFUSED;
}

static void read_error(struct reader *r, const cJSON *errors)
{
    const cJSON *first = cJSON_IsArray(errors) ? errors->child : NULL;
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(first, "code");
    if (!cJSON_IsObject(first) || !cJSON_IsNumber(code) || code->valuedouble < 0 ||
        code->valuedouble > 1e9 || code->valuedouble != (double)(uint64_t)code->valuedouble) {
        verdict(r, CA_GARBLED, "the CA reports a failure without an error code");
        return;
    }
    r->ret->code = (uint64_t)code->valuedouble;
    r->ret->verdict = sort_code(r, r->ret->code);
    r->ret->message = cut(text_of(r, first, "message"));
    if (r->endpoint == CA_CERTINFO && r->ret->code == 0 &&
        slice_eq_str(r->ret->message, "no certificate found")) {
        r->ret->verdict = CA_NOT_FOUND; /* the one failure of its that has no code but this text */
    }
}

/* ---- the envelope ---- */

static void read_envelope(struct reader *r, const cJSON *root)
{
    const cJSON *success = cJSON_GetObjectItemCaseSensitive(root, "success");
    const bool is_complete = read_result(r, cJSON_GetObjectItemCaseSensitive(root, "result"));
    if (!cJSON_IsObject(root) || !cJSON_IsBool(success)) {
        verdict(r, CA_GARBLED, "the CA's answer is not CFSSL's envelope");
    } else if (cJSON_IsFalse(success) && r->ret->certificate.ptr != NULL) {
        verdict(r, CA_GARBLED, "the CA reports a failure beside a certificate");
    } else if (cJSON_IsFalse(success)) {
        read_error(r, cJSON_GetObjectItemCaseSensitive(root, "errors"));
    } else if (r->http_status != 200) {
        verdict(r, CA_GARBLED, "the CA reports success with an HTTP status that denies it");
    } else if (!is_complete) {
        verdict(r, CA_GARBLED, "the CA reports success without the result it must have");
    } else {
        verdict(r, CA_DONE, "");
    }
}

/* read_plain - an answer that is no JSON: Go's own 404, CFSSL's 403 for a client certificate it
 * does not take, or something between us and the CA. */
static void read_plain(struct reader *r, const struct cb_err *err)
{
    switch (r->http_status) {
    case 503:
        /* CFSSL itself never says this; something between us may, also after CFSSL has acted. */
        r->ret->code = 503;
        verdict(r,
                r->endpoint == CA_NEWCERT || r->endpoint == CA_REVOKE ? CA_GARBLED : CA_TEMPORARY,
                "HTTP 503 without CFSSL's envelope");
        return;
    case 403:
    case 404:
    case 405:
        r->ret->code = (uint64_t)r->http_status;
        verdict(r, CA_REFUSED, "the CA refuses the endpoint without an envelope");
        return;
    default:
        verdict(r, CA_GARBLED, NULL);
        r->ret->message = cut(arena_slice(r->arena, slice_of(err->msg)));
    }
}

void ca_answer_read(enum ca_endpoint endpoint, long http_status, struct slice body,
                    struct arena *arena, struct ca_answer *ret)
{
    struct reader r = {endpoint, http_status, arena, ret};
    struct cb_err err = {0};
    *ret = (struct ca_answer){.verdict = CA_GARBLED};
    if (json_scan(body, &answer_caps, &err) != CB_OK) {
        read_plain(&r, &err);
        return;
    }
    cJSON *root = cJSON_ParseWithLength(body.ptr, body.len);
    if (root == NULL) {
        verdict(&r, CA_GARBLED, "the CA's answer can't be read");
    } else {
        read_envelope(&r, root);
    }
    cJSON_Delete(root);
}
