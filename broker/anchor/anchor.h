/* anchor.h - anchoring the audit log outside of this machine: its checkpoints are shown to witnesses,
 * which sign that each continues the one before. Public surface of broker/anchor/, with fetch.h.
 *
 * A thread for each witness, so that a slow one delays no other, and none the log. At start the
 * witnesses are asked first: a log that is behind what they have seen is not written to. */
#ifndef BROKER_ANCHOR_ANCHOR_H
#define BROKER_ANCHOR_ANCHOR_H

#include "audit/tlog/checkpoint.h"
#include "audit/tlog/proof.h"
#include "broker/base/clock.h"

#define ANCHOR_WITNESSES_MAX 16U
#define ANCHOR_TEXT_MAX 400U

struct anchor_witness {
    const char *url;     /* "https://witness1.acme.example:8444" */
    const char *ca_file; /* PEM: who may have signed its certificate; NULL with http:// only */
    struct note_key key;
    bool is_required; /* no start without its answer */
};

/* anchor_check_file - that its CA's file can be read; asks nobody. */
enum cb_code anchor_check_file(const struct anchor_witness *witness,
                               struct cb_err *err) CB_MUST_USE;

struct anchor_settings { /* borrowed, with all it points to, as long as the anchor lives */
    const struct anchor_witness *witnesses;
    size_t num;
    unsigned interval_ms; /* between two checkpoints shown; 0: 60000 */
    unsigned timeout_ms;  /* of one request; 0: 10000 */
    unsigned start_ms;    /* of the question at start; 0: 5000 */
};

/* ---------------------------------------------------------------- before the log is written to */

/* The log as its files show it. */
struct anchor_own {
    void *ctx;
    /* root of its first size records, size > 0. CB_ENOENT: there are fewer */
    enum cb_code (*root)(void *ctx, uint64_t size, unsigned char ret[SHA256_LEN],
                         struct cb_err *err);
    /* how many there are, where they are fewer than size; only asked for a message */
    enum cb_code (*count)(void *ctx, uint64_t size, uint64_t *ret, struct cb_err *err);
    /* that a key which the log has, or had, signed this note */
    bool (*has_signed)(void *ctx, const struct note *note);
};

/* anchor_check_start - ask every witness, all at once, what it has seen of the log called origin.
 * CB_ECORRUPT: one has seen records that are not in it, or others in their place, and shows the log's own
 * signature for it; the message says which, and what to do. What the log did not sign proves nothing: a
 * witness could have made it up. CB_ESYS: a required one does not answer, or with that. warn (may be
 * NULL) hears of the others that do so. Blocks for start_ms at most. */
enum cb_code anchor_check_start(const struct anchor_settings *settings, struct slice origin,
                                const struct anchor_own *own,
                                void (*warn)(void *ctx, const char *message), void *warn_ctx,
                                struct cb_err *err) CB_MUST_USE;

/* ---------------------------------------------------------------- while it is */

enum anchor_news {
    ANCHOR_UP,   /* a witness cosigns, which it did not before */
    ANCHOR_DOWN, /* it does not: no answer, or a refusal that is no contradiction */
    ANCHOR_FORGOT, /* it says it has seen less (seen) than it cosigned before (size): its memory was rolled
                      back, and it would sign another history now */
    ANCHOR_SPLIT, /* SPLIT VIEW: the log's key signed what it has seen, and what the log says now, and
                     both cannot be true */
};

/* What the anchor needs of its surroundings. Called on its threads, several at once; may block. */
struct anchor_log {
    void *ctx;
    /* that the first size records begin with the first old; 0 < old <= size */
    enum cb_code (*consistency)(void *ctx, uint64_t old, uint64_t size, struct proof *ret,
                                struct cb_err *err);
    /* that a key which the log has, or had, signed this note */
    bool (*has_signed)(void *ctx, const struct note *note);
    /* store the newest cosigned checkpoint durably */
    enum cb_code (*keep_cosigned)(void *ctx, struct slice note, struct cb_err *err);
    /* once for each change; size: of the checkpoint that was shown; seen: what the witness has, 0 if it
     * did not say */
    void (*news)(void *ctx, enum anchor_news news, const struct anchor_witness *witness,
                 uint64_t size, uint64_t seen, const char *message);
};

struct anchor; /* opaque */

/* anchor_new - starts the threads. settings and log's ctx are borrowed until anchor_free. */
enum cb_code anchor_new(const struct anchor_settings *settings, const struct anchor_log *log,
                        struct anchor **ret, struct cb_err *err) CB_MUST_USE;

/* anchor_offer - the log's newest signed checkpoint; copied. Shown at once if it is the first, or if
 * is_urgent; else when the interval is over. Any thread; never blocks. An older one than before, and
 * what is no checkpoint, is ignored. */
void anchor_offer(struct anchor *anchor, struct slice note, bool is_urgent);

/* anchor_finish - show the newest checkpoint to all once more and end the threads; after timeout_ms
 * what is under way is given up. The log must still answer consistency. */
void anchor_finish(struct anchor *anchor, unsigned timeout_ms);
void anchor_free(struct anchor *anchor); /* after anchor_finish, or without; NULL ok */

struct anchor_stats { /* of one witness */
    const char *name, *url;
    uint64_t size; /* of the newest checkpoint that it cosigned; 0: none since the start */
    int64_t cosigned_wall_s; /* when; 0: not since the start */
    uint64_t cosignatures, failures;
    bool is_up;                       /* the last try went well */
    bool is_split;                    /* a split view was found and has not gone away */
    char last_error[ANCHOR_TEXT_MAX]; /* "": none so far */
};
size_t anchor_num(const struct anchor *anchor); /* NULL: 0 */
void anchor_get_stats(struct anchor *anchor, size_t index, struct anchor_stats *ret);
/* anchor_is_split - by any of them; cheap, any thread. NULL: no. */
bool anchor_is_split(const struct anchor *anchor);

#endif
