/* log_side.h - inside broker/reconcile only: what the audit log says, in memory. */
#ifndef BROKER_RECONCILE_LOG_SIDE_H
#define BROKER_RECONCILE_LOG_SIDE_H

#include "audit/read/reader.h"
#include "broker/reconcile/cert_table.h"

enum attempt_state {
    ATTEMPT_OPEN,    /* no outcome (yet) */
    ATTEMPT_UNKNOWN, /* issue.unknown, or issue.fail whose effect is possible, without a serial */
    ATTEMPT_CLOSED,
};

/* An issue.attempt that may have made a certificate nobody knows the serial of. */
struct log_attempt {
    uint64_t seq;
    int64_t ts_us;
    enum attempt_state state;
    bool is_told;   /* an earlier run has recorded what became of it */
    bool is_taken;  /* a certificate was found for it */
    bool has_match; /* some certificate could be its */
    /* filled by log_side_details */
    bool has_details;
    unsigned char ask[SHA256_LEN]; /* of its names and key: see ask_of */
    struct slice who, req, names;
};
#define ATTEMPTS_MAX 100000U /* without a known outcome */

struct log_side {
    const struct reconcile_options *options;
    struct cert_table certs;
    struct log_attempt *attempts; /* by seq; closed ones go when there are many */
    size_t num_attempts, room_attempts, num_closed;
    struct arena scratch;
    uint64_t next_seq; /* the first record that was not read yet */
    int64_t from_us, to_us;
    bool is_late; /* reading what came after the CA's side */
    enum cb_code code;
    struct cb_err err;
};

enum cb_code log_side_init(struct log_side *log, const struct reconcile_options *options,
                           struct cb_err *err) CB_MUST_USE;
void log_side_free(struct log_side *log);
/* log_side_read - from where it stands to the end. The first call is before the CA's side is read, the
 * second (is_late set) after. */
enum cb_code log_side_read(struct log_side *log, struct cb_err *err) CB_MUST_USE;
/* log_side_settle - forget the attempts that have an outcome; the others stay, in order. */
void log_side_settle(struct log_side *log);
/* log_side_attempt - NULL: none of this number is kept. */
struct log_attempt *log_side_attempt(struct log_side *log, uint64_t seq);
/* Records that are to be looked at again. */
struct log_wanted {
    const uint64_t *seqs; /* sorted */
    size_t num;
    int64_t from_us, to_us; /* when they and the attempts were written */
};
/* log_side_details - read the attempts and the wanted records again, for who asked for what. each is
 * called for every wanted one that is there; the event is borrowed for the call. Texts of attempts go
 * into the arena. */
enum cb_code log_side_details(struct log_side *log, struct arena *arena,
                              const struct log_wanted *wanted,
                              bool (*each)(void *ctx, uint64_t seq, const struct audit_event *e),
                              void *ctx, struct cb_err *err) CB_MUST_USE;

/* ask_of - digest over a common name, names (any order) and key: equal where a certificate is what an
 * attempt asked for. key: "ecdsa-256". */
bool ask_of(struct slice common_name, const struct slice *names, size_t num, struct slice key,
            unsigned char ret[SHA256_LEN]);
/* names_text - common name and names, separated by spaces, each once; in the arena. */
struct slice names_text(struct arena *arena, struct slice common_name, const struct slice *names,
                        size_t num);
/* names_of_event - the lists of wanted or granted names as one; NULL: out of memory. */
const struct slice *names_of_event(struct arena *arena, const struct audit_names *names,
                                   size_t *ret_num);

#endif
