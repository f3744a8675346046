/* fuzz_note.c - a note and a key from anywhere: read without a fault, what was taken is built of the
 * parts that were found, and what was signed here verifies until a bit of it changes. */
#include "audit/tlog/note.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct note_signer *known_signer(void)
{
    static struct note_signer *signer;
    struct cb_err err;
    if (signer == NULL) {
        CB_CHECK(note_signer_parse(SLICE("PRIVATE+KEY+PeterNeumann+c74f20a3+"
                                         "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"),
                                   &signer, &err) == CB_OK);
    }
    return signer;
}

static void try_keys(struct slice input)
{
    struct note_key key;
    struct note_key again;
    struct note_signer *signer = NULL;
    struct cb_err err;
    char text[NOTE_KEY_TEXT_MAX];
    if (note_key_parse(input, &key, &err) == CB_OK) {
        note_key_text(&key, text);
        CB_CHECK(note_key_parse(slice_of(text), &again, &err) == CB_OK &&
                 note_key_eq(&key, &again));
    }
    if (note_signer_parse(input, &signer, &err) == CB_OK) {
        note_signer_free(signer);
    }
}

/* check_parts - text, empty line and signature lines are the whole note, in this order. */
static void check_parts(struct slice input, const struct note *note)
{
    size_t at = note->text.len + 1;
    CB_CHECK(note->num > 0 && note->text.ptr == input.ptr);
    for (size_t i = 0; i < note->num; i++) {
        CB_CHECK(note->signatures[i].line.ptr == input.ptr + at);
        CB_CHECK(note_name_valid(note->signatures[i].name) && note->signatures[i].len <= 72);
        at += note->signatures[i].line.len;
    }
    CB_CHECK(at == input.len);
}

/* sign_too - a text of which a note can be made: it verifies, and no longer when it is changed. */
static void sign_too(struct slice text)
{
    const struct note_signer *signer = known_signer();
    struct note note;
    struct cb_err err;
    struct buf out;
    uint64_t time_s = 0;
    buf_init(&out, NOTE_BYTES_MAX);
    buf_add_slice(&out, text);
    buf_add_char(&out, '\n');
    if (note_sign(text, signer, 0, &out, &err) == CB_OK) {
        CB_CHECK(note_parse(buf_slice(&out), &note, &err) == CB_OK);
        CB_CHECK(slice_eq(note.text, text));
        CB_CHECK(note_verify(&note, note_signer_key(signer), &time_s) == NOTE_GOOD);
        out.data[text.len / 2] ^= 1;
        if (note_parse(buf_slice(&out), &note, &err) == CB_OK) {
            CB_CHECK(note_verify(&note, note_signer_key(signer), &time_s) != NOTE_GOOD);
        }
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = {(const char *)data, size};
    struct note note;
    struct cb_err err;
    uint64_t time_s = 0;
    try_keys(input);
    if (note_parse(input, &note, &err) == CB_OK) {
        check_parts(input, &note);
        (void)note_verify(&note, note_signer_key(known_signer()), &time_s);
    }
    sign_too(input);
    return 0;
}
