/* findings.c - see findings.h. Says what is so, never what it means: that is for who knows the place. */
#include "broker/report/findings.h"

#include "broker/base/clock.h"

#include <stdio.h>

#define TEXT_ROOM 640
#define FORCED_TOLD 3U /* each with who and why */
#define GIB (UINT64_C(1) << 30)
#define CHECKPOINT_LATE_US (10 * INT64_C(60000000))
#define DAY_US INT64_C(86400000000)

struct finding_list {
    struct report *r;
    struct finding *out;
    size_t num;
    enum finding_level level;
};

__attribute__((format(printf, 3, 4))) static void say(struct finding_list *l, const char *section,
                                                      const char *fmt, ...)
{
    char text[TEXT_ROOM];
    va_list ap;
    va_start(ap, fmt);
    const int len = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (len > 0 && l->num < FINDINGS_MAX) {
        const struct slice kept = report_text(l->r, slice_of(text), SIZE_MAX);
        if (kept.ptr != NULL) {
            l->out[l->num++] = (struct finding){l->level, section, kept};
        }
    }
}

struct time_text {
    char text[21];
};

static struct time_text time_text(int64_t us)
{
    struct time_text t = {""};
    time_format_s(us / 1000000, t.text);
    return t;
}

/* cut - bytes of a text of the log that a finding may have. */
static int cut(struct slice text)
{
    return (int)(text.len < 200 ? text.len : 200);
}

struct number {
    char text[28];
};

/* number - 1,234,567. */
static struct number number(uint64_t num)
{
    struct number n = {""};
    char digits[24];
    const int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)num);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            n.text[at++] = ',';
        }
        n.text[at++] = digits[i];
    }
    n.text[at] = '\0';
    return n;
}

#define N(num) (number(num).text)
#define S(num) ((num) == 1 ? "" : "s")
#define IS(num) ((num) == 1 ? "is" : "are")

/* How each kind of certificate gone astray is said: for one, for many. */
static const struct {
    enum finding_level level;
    const char *one, *many;
} loose_words[LOOSE_COUNT] = {
    [LOOSE_BYPASS] = {FINDING_ALERT, "certificate at the CA was not asked for through this broker",
                      "certificates at the CA were not asked for through this broker"},
    [LOOSE_UNKNOWN] = {FINDING_ALERT, "request to the CA has no known outcome",
                       "requests to the CA have no known outcome"},
    [LOOSE_MISMATCH] = {FINDING_ALERT,
                        "certificate differed from what was authorised and is not revoked yet",
                        "certificates differed from what was authorised and are not revoked yet"},
    [LOOSE_ORPHAN] = {FINDING_ALERT, "certificate is at the CA that nobody received",
                      "certificates are at the CA that nobody received"},
    [LOOSE_MISSING] = {FINDING_ALERT,
                       "certificate issued or revoked through this broker is not so at the CA",
                       "certificates issued or revoked through this broker are not so at the CA"},
    [LOOSE_UNDELIVERED] = {FINDING_LOOK, "certificate was not delivered and is not revoked",
                           "certificates were not delivered and are not revoked"},
};

static void about_loose(struct finding_list *l)
{
    static const enum loose_kind order[LOOSE_COUNT] = {LOOSE_BYPASS,   LOOSE_UNKNOWN,
                                                       LOOSE_MISMATCH, LOOSE_ORPHAN,
                                                       LOOSE_MISSING,  LOOSE_UNDELIVERED};
    for (size_t i = 0; i < LOOSE_COUNT; i++) {
        const struct loose_list *list = &l->r->loose[order[i]];
        const uint64_t open = list->open + list->older_open;
        if (open == 0 || loose_words[order[i]].level != l->level) {
            continue;
        }
        if (list->open == 0) {
            say(l, "loose", "%s %s (from before the period)", N(open),
                open == 1 ? loose_words[order[i]].one : loose_words[order[i]].many);
        } else if (list->older_open > 0) {
            say(l, "loose", "%s %s (%s of them from before the period)", N(open),
                open == 1 ? loose_words[order[i]].one : loose_words[order[i]].many,
                N(list->older_open));
        } else {
            say(l, "loose", "%s %s", N(open),
                open == 1 ? loose_words[order[i]].one : loose_words[order[i]].many);
        }
    }
}

struct seq_text {
    char text[REPORT_SEQS_MAX * 24 + 48];
};

/* seq_text - ": records 7, 12 and 3 more". */
static struct seq_text seq_text(const struct seqs *list)
{
    struct seq_text t = {""};
    const uint64_t told = list->num < REPORT_SEQS_MAX ? list->num : REPORT_SEQS_MAX;
    size_t at = 0;
    for (uint64_t i = 0; i < told; i++) {
        at += (size_t)snprintf(t.text + at, sizeof(t.text) - at, "%s%llu",
                               i > 0 ? ", " : (list->num == 1 ? ": record " : ": records "),
                               (unsigned long long)list->first[i]);
    }
    if (list->num > told) {
        (void)snprintf(t.text + at, sizeof(t.text) - at, " and %s more", N(list->num - told));
    }
    return t;
}

static void tampering(struct finding_list *l)
{
    const struct health *h = &l->r->health;
    if (h->file_changes.num > 0) {
        say(l, "log",
            "The log's file was removed or replaced from outside, or written to by another, "
            "%s time%s%s",
            N(h->file_changes.num), S(h->file_changes.num), seq_text(&h->file_changes).text);
    }
    if (h->rereads.num > 0) {
        say(l, "log", "The disk did not hold what had been acknowledged, %s time%s%s",
            N(h->rereads.num), S(h->rereads.num), seq_text(&h->rereads).text);
    }
}

static void alerts(struct finding_list *l)
{
    const struct report *r = l->r;
    l->level = FINDING_ALERT;
    if (r->is_damaged) {
        say(l, "log", "The log is damaged, and nothing behind the damage is in this report: %s",
            r->damage.msg);
    }
    if (r->health.alarms > 0) {
        say(l, "log",
            "A witness has seen what this log does not have: it was cut, rewritten, or "
            "written twice");
    }
    if (r->health.losses > 0) {
        say(l, "log", "Records are gone or changed, and that was accepted (audit.loss)");
    }
    tampering(l);
    about_loose(l);
    if (r->after > 0 && r->is_until_now) {
        say(l, "log", "%s record%s %s dated later than now, and not in this report", N(r->after),
            S(r->after), IS(r->after));
    }
    if (r->state.has_free && r->state.free_bytes < GIB && r->is_until_now) {
        say(l, "log", "less than 1 GiB is free on the log's disk");
    }
}

static void about_log(struct finding_list *l)
{
    const struct health *h = &l->r->health;
    const struct log_file_state *s = &l->r->state;
    if (h->faults > 0) {
        say(l, "log", "The disk of the log failed %s time%s", N(h->faults), S(h->faults));
    }
    if (h->outages > 0) {
        say(l, "log", "The log could not be written for %s s in all; %s request%s refused",
            N(h->outage_us / 1000000), N(h->refused), h->refused == 1 ? " was" : "s were");
    }
    const uint64_t faults = h->faults + h->file_changes.num; /* each leaves a segment unclosed */
    if (h->unclean > faults) {
        say(l, "log", "The broker ended %s time%s without closing its log", N(h->unclean - faults),
            S(h->unclean - faults));
    }
    if (h->clock_back > 0) {
        say(l, "log", "The clock went back %s time%s, at most by %.1f s", N(h->clock_back),
            S(h->clock_back), (double)h->clock_back_worst_us / 1e6);
    }
    if (h->key_changes > 0) {
        say(l, "log", "The key that signs the log's checkpoints was changed %s time%s",
            N(h->key_changes), S(h->key_changes));
    }
    if (l->r->undecoded > 0) {
        say(l, "log", "%s record%s could not be understood by this version and %s left out",
            N(l->r->undecoded), S(l->r->undecoded), l->r->undecoded == 1 ? "was" : "were");
    }
    if (s->has_checkpoint && s->checkpoint_size < l->r->last_seq + 1 &&
        l->r->made_us - s->checkpoint_us > CHECKPOINT_LATE_US && l->r->is_until_now) {
        say(l, "log", "The newest signed checkpoint lacks the last %s records",
            N(l->r->last_seq + 1 - s->checkpoint_size));
    }
}

static uint64_t new_wildcards(const struct report *r)
{
    uint64_t num = 0;
    for (size_t i = 0; i < r->num_specials; i++) {
        num += r->specials[i].is_new && r->specials[i].is_wildcard;
    }
    return num;
}

/* forced - by whom and why, of the newest; the page and the text tell it of all. */
static void forced(struct finding_list *l)
{
    const struct report *r = l->r;
    uint64_t told = 0;
    for (uint64_t i = 0; i < r->num_policies && i < REPORT_POLICIES_MAX && told < FORCED_TOLD;
         i++) {
        const struct policy_event *p =
            &r->policies[(r->num_policies - 1 - i) % REPORT_POLICIES_MAX];
        if (p->is_reject || p->forced.len == 0) {
            continue;
        }
        const struct slice by = p->by.len > 0 ? p->by : SLICE("(not said)");
        told++;
        say(l, "policy",
            "Policy %.12s was loaded although something objected (--force), by %.*s: %.*s",
            p->sha256, cut(by), by.ptr, cut(p->forced), p->forced.ptr);
    }
    if (r->num_forced > told) {
        say(l, "policy", "%s more polic%s loaded although something objected (--force)",
            N(r->num_forced - told), r->num_forced - told == 1 ? "y was" : "ies were");
    }
}

static void looks(struct finding_list *l)
{
    const struct report *r = l->r;
    const uint64_t wildcards = new_wildcards(r);
    l->level = FINDING_LOOK;
    about_loose(l);
    forced(l);
    if (r->revoked_at_ca > 0) {
        say(l, "expiry", "%s certificate%s revoked at the CA, but not through this broker",
            N(r->revoked_at_ca), r->revoked_at_ca == 1 ? " was" : "s were");
    }
    if (r->allowed_later > 0) {
        say(l, "denied", "%s time%s a client was given names that it had been denied before",
            N(r->allowed_later), S(r->allowed_later));
    }
    if (wildcards > 0 && r->first_us < r->since_us) { /* else all are new */
        say(l, "wide", "%s wildcard%s %s given to a client for the first time", N(wildcards),
            S(wildcards), wildcards == 1 ? "was" : "were");
    }
    about_log(l);
}

static void notes_about_log(struct finding_list *l)
{
    const struct report *r = l->r;
    if (r->health.silence_us > DAY_US) {
        say(l, "log", "For %s hours nothing was recorded at all",
            N((uint64_t)r->health.silence_us / 3600000000));
    }
    if (r->health.clock_steps > 0) {
        say(l, "log", "The clock was set %s time%s", N(r->health.clock_steps),
            S(r->health.clock_steps));
    }
    if (r->health.dropped > 0) {
        say(l, "log", "%s request%s counted without a record of %s own", N(r->health.dropped),
            r->health.dropped == 1 ? " was" : "s were", r->health.dropped == 1 ? "its" : "their");
    }
    if (!r->state.has_cosigned) {
        say(l, "log", "No witness has signed this log: who can write to its disk can rewrite it");
    }
    if (r->health.reconciled_us == 0) {
        say(l, "log", "%s",
            r->first_seq > 0
                ? "What is kept of the log has no comparison with the CA's own database in it"
                : (r->is_until_now ? "The log was never compared with the CA's own database"
                                   : "Up to the end of this period the log was not compared with "
                                     "the CA's own database"));
    }
}

static void notes(struct finding_list *l)
{
    const struct report *r = l->r;
    l->level = FINDING_NOTE;
    if (r->new_holders > 0 && r->first_us < r->since_us) {
        say(l, "names", "%s client%s got a certificate for the first time", N(r->new_holders),
            S(r->new_holders));
    }
    if (r->certs.gap_7 > 0) {
        say(l, "expiry", "%s certificate%s end%s within 7 days, and nothing newer is there",
            N(r->certs.gap_7), S(r->certs.gap_7), r->certs.gap_7 == 1 ? "s" : "");
    }
    if (r->num_loads > 0 || r->num_rejects > 0) {
        say(l, "policy", "The policy changed %s time%s; %s reload%s refused", N(r->num_loads),
            S(r->num_loads), N(r->num_rejects), r->num_rejects == 1 ? " was" : "s were");
    }
    notes_about_log(l);
}

size_t findings_of(struct report *r, struct finding out[FINDINGS_MAX])
{
    struct finding_list l = {.r = r, .out = out, .level = FINDING_LOOK};
    if (r->is_before) {
        say(&l, "findings", "The log begins %s, after this period: there is nothing to tell of it",
            time_text(r->first_us).text);
        return l.num;
    }
    alerts(&l);
    looks(&l);
    notes(&l);
    return l.num;
}

const char *finding_level_word(enum finding_level level)
{
    static const char *const words[] = {"alert", "look", "note"};
    return words[level];
}
