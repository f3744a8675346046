/* grep.h - the records among many that could be meant: fast, because only lines that hold a text which
 * is looked for are taken apart.
 *
 * A certificate is two records, an attempt and its outcome, and what is looked for may stand in either.
 * So whoever searches can ask for the other one: backwards by its number (audit_grep_record), forwards by
 * waiting for it (audit_grep_await). Which segments there are is chain.h's; a segment that lies outside
 * of the time wanted is not read beyond its first record. Public. */
#ifndef AUDIT_GREP_H
#define AUDIT_GREP_H

#include "audit/read/reader.h"

#define AUDIT_GREP_LITERALS 16U

struct audit_grep_want {
    int64_t since_us, until_us; /* as audit_walk_span; INT64_MIN and INT64_MAX: everything */
    /* Lines that hold one of these: bytes as they stand in the log, of texts that are written there
     * without an escape (slice_plain_run is all of them), quotes around them where they are known. Handed
     * over are also lines with an escape by which another writer may have spelled the same text (\u, \/):
     * so whoever decodes what is handed over sees what he would see if he decoded every line. */
    struct slice literals[AUDIT_GREP_LITERALS];
    size_t num_literals; /* 0: every line */
    bool attempts;       /* and every attempt */
    bool pairs; /* a pair lies where its outcome does: hand over attempts before since_us as well,
                            and outcomes of attempts in segments that are not read */
    /* What is damaged is stepped over, and told here: file, record, what is wrong. For people who look
     * things up; NULL: it is an error. */
    void (*on_damage)(void *ctx, const char *what);
    void *damage_ctx;
    size_t newest; /* look at so many of the newest segments only; 0: at all */
};

struct audit_grep; /* a search under way; opaque */

/* Called for each, in order; the line is gone afterwards. false: enough. */
typedef bool (*audit_grep_each)(void *ctx, struct audit_grep *grep, const struct audit_line *line);

/* audit_grep - CB_ENOENT: no log there. CB_ECORRUPT names file and record: a segment is missing or too
 * short, or a record that was looked at is damaged. Lines that cannot matter are not checked:
 * verify does that. A torn tail of the newest segment is its end, as in audit_walk. Reads beside a
 * running writer. */
enum cb_code audit_grep(const char *dir, const struct audit_grep_want *want, audit_grep_each each,
                        void *ctx, struct cb_err *err) CB_MUST_USE;

/* ---- from within each ---- */

/* audit_grep_is_hit - is the present record one of those wanted? False: it was handed over only because
 * it is an attempt, or was waited for. */
bool audit_grep_is_hit(const struct audit_grep *grep);
/* audit_grep_record - record seq, which is older than the present one; its line is copied to out, to
 * which *ret points. Takes some
 * reads, of a packed segment many: who needs a lot of them asks for all attempts instead. */
enum cb_code audit_grep_record(struct audit_grep *grep, uint64_t seq, struct buf *out,
                               struct audit_line *ret, struct cb_err *err) CB_MUST_USE;
/* audit_grep_await - hand over the outcome of this attempt as well, whatever is in it and whenever it
 * was written. False: out of memory. */
bool audit_grep_await(struct audit_grep *grep, uint64_t attempt);
/* audit_grep_attempts - from the next line on hand over every attempt, too. */
void audit_grep_attempts(struct audit_grep *grep);

/* audit_read_record - the same as audit_grep_record without a search. CB_ENOENT: the log does not hold
 * this record, or there is no log. */
enum cb_code audit_read_record(const char *dir, uint64_t seq, struct buf *out,
                               struct audit_line *ret, struct cb_err *err) CB_MUST_USE;

/* audit_line_read - a line as audit_follow and others hand it out; it is checked as audit_grep does. */
enum cb_code audit_line_read(struct slice line, struct audit_line *ret,
                             struct cb_err *err) CB_MUST_USE;
/* audit_num_segments - for audit_grep_want.newest; segments that cannot be read are not among them. */
enum cb_code audit_num_segments(const char *dir, size_t *ret, struct cb_err *err) CB_MUST_USE;

#endif
