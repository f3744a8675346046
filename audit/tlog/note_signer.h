/* note_signer.h - what a signer is made of, for note_key.c and note.c alone. */
#ifndef AUDIT_TLOG_NOTE_SIGNER_H
#define AUDIT_TLOG_NOTE_SIGNER_H

#include "audit/tlog/note.h"

struct evp_pkey_st;

struct note_signer {
    struct note_key key;
    unsigned char seed[NOTE_ED25519_LEN]; /* wiped when freed */
    struct evp_pkey_st *pkey;             /* of the seed */
};

#endif
