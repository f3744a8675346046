/* check_proof_parts.h - inside broker/review only: what check-proof found, and how it is said. */
#ifndef BROKER_REVIEW_CHECK_PROOF_PARTS_H
#define BROKER_REVIEW_CHECK_PROOF_PARTS_H

#include "audit/tlog/proof_file.h"

#define CHECK_KEYS_MAX 16U

/* Who was asked for, and who signed. */
struct check_keys {
    struct note_key logs[CHECK_KEYS_MAX]; /* one of these must have signed */
    size_t num_logs;
    struct note_key witnesses[CHECK_KEYS_MAX]; /* all of these must have cosigned */
    uint64_t seen_s[CHECK_KEYS_MAX];           /* when, as each says */
    size_t num_witnesses;
};

struct check_result {
    bool good;
    const char *why; /* not good: one line, may hold anything a stranger wrote */
    /* These are there if it is good: */
    const struct note_key *log; /* whose signature it is */
    struct checkpoint checkpoint;
    uint64_t index;
    struct slice record;
    size_t num_others; /* signatures by keys that were not asked for */
};

void check_print(const char *path, const struct check_keys *keys, const struct check_result *r,
                 struct buf *out);
void check_print_json(const char *path, const struct check_keys *keys, const struct check_result *r,
                      struct buf *out);

#endif
