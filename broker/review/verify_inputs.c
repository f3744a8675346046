/* verify_inputs.c - see verify_inputs.h. Checks no signature: that is audit/verify/'s. */
#include "broker/review/verify_inputs.h"

#include "audit/io.h"
#include "broker/anchor/fetch.h"
#include "broker/base/file.h"
#include "broker/review/key_option.h"

static struct slice without_line_end(struct slice text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
        text.len--;
    }
    return text;
}

/* next - where the next outside checkpoint goes; NULL: there are too many. */
static struct verify_outside *next(struct verify_inputs *in, const char *name, struct cb_err *err)
{
    if (in->num == VERIFY_OUTSIDE_MAX) {
        (void)cb_fail(err, CB_EINPUT, "more than %u checkpoints and witnesses", VERIFY_OUTSIDE_MAX);
        return NULL;
    }
    in->outside[in->num] = (struct verify_outside){.name = name};
    return &in->outside[in->num];
}

static void keep(struct verify_inputs *in, struct verify_outside *o, struct buf bytes)
{
    in->bytes[in->num] = bytes;
    o->bytes = buf_slice(&in->bytes[in->num]);
    in->num++;
}

static enum cb_code read_saved(const struct command_args *args, struct verify_inputs *in,
                               struct cb_err *err)
{
    const char *path = NULL;
    for (size_t i = 0; (path = args_nth(args, "checkpoint", i)) != NULL; i++) {
        struct buf bytes;
        struct verify_outside *o = next(in, path, err);
        if (o == NULL) {
            return err->code;
        }
        TRY(file_read(path, FILE_PUBLIC, NOTE_BYTES_MAX, &bytes, err));
        keep(in, o, bytes);
        in->saved++;
    }
    return CB_OK;
}

/* read_origin - the log's name, to ask witnesses for it: by the pinned key, else by the log itself. */
static enum cb_code read_origin(const struct verify_inputs *in, const char *dir, struct buf *out,
                                struct cb_err *err)
{
    if (in->has_key) {
        buf_init(out, NOTE_NAME_MAX);
        buf_add_str(out, in->key.name);
        return buf_ok(out) ? CB_OK : cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    return io_read_file(&audit_system_io, dir, "state/origin", NOTE_NAME_MAX + 1, out, err);
}

static enum cb_code ask_witness(const struct command_args *args, size_t i, struct slice origin,
                                struct verify_inputs *in, struct cb_err *err)
{
    const char *url = args_nth(args, "witness", i);
    const char *key = args_nth(args, "witness-key", i);
    const struct fetch_options options = {.url = url, .ca_file = args_text(args, "witness-ca")};
    const bool is_tls = slice_has_prefix(slice_of(url), SLICE("https://"));
    struct buf bytes;
    if (key == NULL || i == INPUTS_WITNESSES_MAX) {
        return cb_fail(err, CB_EINPUT, "each --witness needs its --witness-key; %u at most",
                       INPUTS_WITNESSES_MAX);
    }
    if (is_tls && options.ca_file == NULL) {
        return cb_fail(err, CB_EINPUT,
                       "--witness %.200s needs --witness-ca FILE: the CA of the witness's TLS "
                       "certificate",
                       url);
    }
    TRY(key_option_read("witness-key", key, NOTE_WITNESS, &in->witness_keys[i], err));
    struct verify_outside *o = next(in, url, err);
    if (o == NULL) {
        return err->code;
    }
    TRY(fetch_note(&options, origin, &bytes, err));
    o->witness = &in->witness_keys[i];
    keep(in, o, bytes);
    return CB_OK;
}

static enum cb_code ask_witnesses(const struct command_args *args, const char *dir,
                                  struct verify_inputs *in, struct cb_err *err)
{
    struct buf origin;
    if (!args_has(args, "witness")) {
        return args_has(args, "witness-key")
                   ? cb_fail(err, CB_EINPUT, "--witness-key without --witness")
                   : CB_OK;
    }
    TRY(read_origin(in, dir, &origin, err));
    enum cb_code code = anchor_setup(err);
    for (size_t i = 0; code == CB_OK && args_nth(args, "witness", i) != NULL; i++) {
        code = ask_witness(args, i, without_line_end(buf_slice(&origin)), in, err);
    }
    buf_free(&origin);
    return code;
}

enum cb_code verify_inputs_read(const struct command_args *args, const char *dir,
                                struct verify_inputs *ret, struct cb_err *err)
{
    const char *key = args_text(args, "key");
    *ret = (struct verify_inputs){.has_key = key != NULL};
    enum cb_code code = key == NULL ? CB_OK : key_option_read("key", key, NOTE_LOG, &ret->key, err);
    if (code == CB_OK) {
        code = read_saved(args, ret, err);
    }
    if (code == CB_OK) {
        code = ask_witnesses(args, dir, ret, err);
    }
    if (code != CB_OK) {
        verify_inputs_free(ret);
    }
    return code;
}

void verify_inputs_free(struct verify_inputs *in)
{
    for (size_t i = 0; i < in->num; i++) {
        buf_free(&in->bytes[i]);
    }
    *in = (struct verify_inputs){.has_key = false};
}
