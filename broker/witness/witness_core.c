/* witness_core.c - what is known of which log: opening, and replacing the list of logs. What is done
 * with a checkpoint is in witness_add.c. */
#include "broker/witness/witness_core.h"

#include "audit/seal/keyfile.h"

#include <stdio.h>
#include <stdlib.h>

/* read_key - its kind matters: a log's key would sign the text without a time. */
static enum cb_code read_key(const char *dir, struct note_signer **ret, struct cb_err *err)
{
    char path[WITNESS_KEY_PATH_MAX];
    struct note_signer *signer = NULL;
    TRY(witness_key_path(dir, path, err));
    TRY(keyfile_read(path, &signer, err));
    if (note_signer_key(signer)->type != NOTE_WITNESS) {
        note_signer_free(signer);
        return cb_fail(err, CB_EINPUT,
                       "%s is not the key of a witness: certbroker witness init makes one", path);
    }
    *ret = signer;
    return CB_OK;
}

enum cb_code witness_key_path(const char *dir, char out[WITNESS_KEY_PATH_MAX], struct cb_err *err)
{
    const int len = snprintf(out, WITNESS_KEY_PATH_MAX, "%s/key", dir);
    return len >= 0 && (size_t)len < WITNESS_KEY_PATH_MAX
               ? CB_OK
               : cb_fail(err, CB_EINPUT, "%.100s...: the path is too long", dir);
}

enum cb_code witness_open(const struct audit_io *io, const char *dir, struct witness *ret,
                          struct cb_err *err)
{
    struct witness w = {.store = {.lock_fd = -1}};
    enum cb_code code = store_open(io, dir, &w.store, err);
    if (code == CB_OK) {
        code = read_key(dir, &w.signer, err);
    }
    if (code == CB_OK) {
        code = merkle_init(&w.sha, err);
    }
    if (code != CB_OK) {
        witness_close(&w);
        return code;
    }
    *ret = w;
    return CB_OK;
}

static void free_logs(struct witness_log *logs, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        buf_free(&logs[i].note);
    }
    free(logs);
}

void witness_close(struct witness *w)
{
    free_logs(w->logs, w->num_logs);
    w->logs = NULL;
    w->num_logs = 0;
    note_signer_free(w->signer);
    w->signer = NULL;
    merkle_free(&w->sha);
    store_close(&w->store);
}

bool witness_log_signed(const struct witness_log *log, const struct note *note, size_t *ret_key)
{
    uint64_t time_s = 0;
    for (size_t i = log->num_keys; i > 0; i--) {
        if (note_verify(note, &log->keys[i - 1], &time_s) == NOTE_GOOD) {
            *ret_key = i - 1;
            return true;
        }
    }
    return false;
}

/* check_own - the state says what we cosigned, so our signature has to be on it. */
static enum cb_code check_own(const struct witness *w, struct witness_log *log, struct cb_err *err)
{
    struct note note;
    struct cb_err why = {0};
    uint64_t time_s = 0;
    const char *what = NULL;
    if (note_parse(buf_slice(&log->note), &note, &why) != CB_OK ||
        checkpoint_parse(note.text, &log->latest, &why) != CB_OK) {
        what = why.msg;
    } else if (strcmp(log->latest.origin, log->origin) != 0) {
        what = "it is of another log";
    } else if (note_verify(&note, note_signer_key(w->signer), &time_s) != NOTE_GOOD) {
        what = "this witness's key did not sign it";
    }
    if (what == NULL) {
        log->is_seen = true;
        /* Not listed any more: all that are came later. */
        (void)witness_log_signed(log, &note, &log->newest_key);
        return CB_OK;
    }
    return cb_fail(err, CB_ECORRUPT,
                   "%.120s/%s.note, the newest checkpoint of %.60s, is not what was written there: "
                   "%.80s; restore it, never delete it",
                   w->store.dir, log->id, log->origin, what);
}

static enum cb_code load(const struct witness *w, struct witness_log *log, struct cb_err *err)
{
    witness_log_id(slice_of(log->origin), log->id);
    const enum cb_code code = store_read(&w->store, log->id, &log->note, err);
    if (code == CB_ENOENT) {
        return CB_OK;
    }
    return code == CB_OK ? check_own(w, log, err) : code;
}

static unsigned kept_so_far(const struct witness *w, const char *origin)
{
    for (size_t i = 0; i < w->num_logs; i++) {
        if (strcmp(w->logs[i].origin, origin) == 0) {
            return w->logs[i].num_evidence;
        }
    }
    return 0;
}

enum cb_code witness_set_logs(struct witness *w, const struct witness_log *logs, size_t num,
                              struct cb_err *err)
{
    struct witness_log *fresh = calloc(num + 1, sizeof(*fresh));
    if (fresh == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < num; i++) {
        memcpy(fresh[i].origin, logs[i].origin, sizeof(fresh[i].origin));
        memcpy(fresh[i].keys, logs[i].keys, sizeof(fresh[i].keys));
        fresh[i].num_keys = logs[i].num_keys;
        fresh[i].num_evidence = kept_so_far(w, logs[i].origin);
        const enum cb_code code = load(w, &fresh[i], err);
        if (code != CB_OK) {
            free_logs(fresh, i + 1);
            return code;
        }
    }
    free_logs(w->logs, w->num_logs);
    w->logs = fresh;
    w->num_logs = num;
    return CB_OK;
}
