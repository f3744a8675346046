/* fetch.c - see fetch.h. */
#include "broker/anchor/fetch.h"

#include "audit/tlog/add_checkpoint.h"
#include "broker/anchor/http.h"

#include <curl/curl.h>

enum cb_code anchor_setup(struct cb_err *err)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
               ? CB_OK
               : cb_fail(err, CB_EINTERNAL, "libcurl can't be initialised");
}

static enum cb_code get(const struct fetch_options *options, struct slice origin, struct buf *out,
                        struct cb_err *err)
{
    const struct anchor_http_options http_options = {
        .url = options->url, .ca_file = options->ca_file, .timeout_ms = options->timeout_ms};
    struct anchor_http *http = NULL;
    struct cb_err why;
    char path[WITNESS_LOG_PATH_MAX];
    long status = 0;
    witness_log_path(origin, path);
    TRY(anchor_http_new(&http_options, &http, err));
    const enum cb_code code =
        anchor_http_run(http, path, (struct slice){NULL, 0}, &status, out, &why);
    anchor_http_free(http);
    if (code != CB_OK) {
        return cb_fail(err, code, "%.200s: %.260s", options->url, why.msg);
    }
    if (status == 404) {
        return cb_fail(err, CB_ENOENT, "%.200s has seen no checkpoint of %.*s", options->url,
                       (int)(origin.len < 128 ? origin.len : 128), origin.ptr);
    }
    return status == 200
               ? CB_OK
               : cb_fail(err, CB_ESYS, "%.200s answers with status %ld", options->url, status);
}

enum cb_code fetch_note(const struct fetch_options *options, struct slice origin, struct buf *out,
                        struct cb_err *err)
{
    buf_init(out, NOTE_BYTES_MAX);
    const enum cb_code code = get(options, origin, out, err);
    if (code != CB_OK) {
        buf_free(out);
    }
    return code;
}

static enum cb_code check(struct slice bytes, const struct note_key *witness, struct slice origin,
                          struct checkpoint *ret, uint64_t *ret_time_s, struct cb_err *err)
{
    struct note note;
    struct checkpoint checkpoint;
    uint64_t time_s = 0;
    TRY(note_parse(bytes, &note, err));
    TRY(checkpoint_parse(note.text, &checkpoint, err));
    if (!slice_eq_str(origin, checkpoint.origin)) {
        return cb_fail(err, CB_EINPUT, "it shows a checkpoint of another log, \"%.128s\"",
                       checkpoint.origin);
    }
    switch (note_verify(&note, witness, &time_s)) {
    case NOTE_GOOD:
        break;
    case NOTE_UNSIGNED:
        return cb_fail(
            err, CB_ECRYPTO,
            "the checkpoint it shows is not signed by the key of %.128s: another witness "
            "runs there, or the key here is not its",
            witness->name);
    case NOTE_BAD:
        return cb_fail(err, CB_ECRYPTO,
                       "the signature of %.128s on the checkpoint it shows is forged",
                       witness->name);
    }
    *ret = checkpoint;
    *ret_time_s = time_s;
    return CB_OK;
}

enum cb_code fetch_checkpoint(const struct fetch_options *options, const struct note_key *witness,
                              struct slice origin, struct checkpoint *ret, uint64_t *ret_time_s,
                              struct buf *note, struct cb_err *err)
{
    struct buf bytes;
    struct cb_err why = {0};
    TRY(fetch_note(options, origin, &bytes, err));
    enum cb_code code = check(buf_slice(&bytes), witness, origin, ret, ret_time_s, &why);
    if (code != CB_OK || note == NULL) {
        buf_free(&bytes);
    } else {
        *note = bytes;
    }
    return code == CB_OK ? CB_OK : cb_fail(err, code, "%.150s: %.240s", options->url, why.msg);
}
