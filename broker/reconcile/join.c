/* join.c - one row of the CA's at a time against what the log says. A certificate that is in both is
 * compared by the digest of all its bytes; only where that differs, or the log does not know it, is it
 * taken apart. */
#include "broker/reconcile/join.h"

#include "broker/ca/pem.h"

#include <stdio.h>
#include <stdlib.h>

#define SERIAL_SHOWN_MAX 120U

/* A row with what was made of it. */
struct seen_row {
    const struct ca_row *row;
    struct serial serial;
    bool has_serial;
    char aki[65]; /* the column's; "" */
    struct slice der;
    unsigned char sha256[SHA256_LEN];
    bool has_der;
    bool is_revoked;
    int64_t revoked_us; /* 0: not known */
};

static enum cb_code no_memory(struct cb_err *err)
{
    return cb_fail(err, CB_ENOMEM, "out of memory");
}

/* ---- reading the row ---- */

static bool digest_cert(struct join *j, struct seen_row *s)
{
    return EVP_DigestInit_ex(j->cert_md, j->sha256, NULL) == 1 &&
           EVP_DigestUpdate(j->cert_md, s->der.ptr, s->der.len) == 1 &&
           EVP_DigestFinal_ex(j->cert_md, s->sha256, NULL) == 1;
}

static bool add_text(EVP_MD_CTX *md, struct slice text)
{
    const uint64_t len = text.ptr == NULL ? UINT64_MAX : text.len;
    unsigned char head[8];
    for (size_t i = 0; i < sizeof(head); i++) {
        head[i] = (unsigned char)(len >> (8 * i));
    }
    return EVP_DigestUpdate(md, head, sizeof(head)) == 1 &&
           (text.len == 0 || EVP_DigestUpdate(md, text.ptr, text.len) == 1);
}

/* digest_row - into the digest of all that was read: what the verdicts depend on. */
static bool digest_row(struct join *j, const struct seen_row *s)
{
    const struct ca_row *row = s->row;
    const struct slice cert =
        s->has_der ? (struct slice){(const char *)s->sha256, SHA256_LEN} : row->pem;
    return add_text(j->rows_md, row->serial) && add_text(j->rows_md, row->aki) &&
           add_text(j->rows_md, row->status) && add_text(j->rows_md, row->reason) &&
           add_text(j->rows_md, row->revoked_at) && add_text(j->rows_md, cert);
}

static enum cb_code read_row(struct join *j, const struct ca_row *row, struct seen_row *s,
                             struct cb_err *err)
{
    *s = (struct seen_row){.row = row};
    s->has_serial = serial_from_dec(row->serial, &s->serial);
    if (row->aki.ptr == NULL || !aki_text(row->aki, s->aki)) {
        s->aki[0] = '\0';
    }
    s->has_der = row->pem.ptr != NULL && row->pem.len <= CHECK_PEM_MAX &&
                 pem_decode(row->pem, "CERTIFICATE", &j->scratch, &s->der);
    if (s->has_der && !digest_cert(j, s)) {
        return no_memory(err);
    }
    s->is_revoked = slice_eq_str(row->status, "revoked");
    if (s->is_revoked &&
        (row->revoked_at.ptr == NULL || !db_time(row->revoked_at, &s->revoked_us))) {
        s->revoked_us = 0;
    }
    return digest_row(j, s) ? CB_OK : no_memory(err);
}

/* ---- findings about rows ---- */

/* finding_of_row - what the row says by itself. */
static struct finding finding_of_row(struct join *j, const struct seen_row *s, enum verdict verdict)
{
    struct finding f = finding_none;
    f.verdict = verdict;
    f.is_revoked = s->is_revoked;
    f.revoked_us = s->revoked_us;
    if (s->has_serial) {
        serial_to_hex(&s->serial, f.serial_hex);
        serial_to_dec(&s->serial, f.serial_dec);
    } else {
        struct slice raw = s->row->serial;
        raw.len = raw.len < SERIAL_SHOWN_MAX ? raw.len : SERIAL_SHOWN_MAX;
        f.raw_serial = arena_slice(&j->result->arena, raw);
    }
    memcpy(f.aki_hex, s->aki, sizeof(f.aki_hex));
    if (s->has_der) {
        hex_encode(s->sha256, SHA256_LEN, f.sha256);
    }
    if (s->row->label.len > 0) {
        struct slice label = s->row->label;
        label.len = label.len < SERIAL_SHOWN_MAX ? label.len : SERIAL_SHOWN_MAX;
        f.label = arena_slice(&j->result->arena, label);
    }
    return f;
}

static enum cb_code unreadable(struct join *j, const struct seen_row *s, const char *why,
                               struct cb_err *err)
{
    struct finding f = finding_of_row(j, s, VERDICT_UNREADABLE);
    finding_detail(j->result, &f, "%s", why);
    return finding_add(j->result, &f, NULL, err);
}

static const struct slice *texts_of(struct arena *arena, const struct cert_facts *facts)
{
    struct slice *texts = arena_array(arena, facts->num_names + 1, sizeof(*texts));
    for (size_t i = 0; texts != NULL && i < facts->num_names; i++) {
        texts[i] = facts->names[i].text;
    }
    return texts;
}

static bool add_names(struct join *j, const struct cert_summary *c, struct finding *f)
{
    const struct slice *texts = texts_of(&j->scratch, &c->facts);
    if (texts == NULL) {
        return false;
    }
    f->names = names_text(&j->result->arena, c->facts.common_name, texts, c->facts.num_names);
    f->not_before_s = c->facts.not_before_s;
    f->not_after_s = c->facts.not_after_s;
    if (c->facts.aki_hex[0] != '\0') {
        memcpy(f->aki_hex, c->facts.aki_hex, sizeof(f->aki_hex));
    }
    return f->names.ptr != NULL;
}

/* ---- certificates that the log knows ---- */

static bool is_in_log(const struct log_cert *cert)
{
    return cert != NULL && (cert->flags & (CERT_ISSUED | CERT_WITHHELD)) != 0;
}

static enum cb_code note_revocation(struct join *j, const struct seen_row *s,
                                    const struct log_cert *cert, struct cb_err *err)
{
    void *items = j->revocations;
    if (j->num_revocations == RECONCILE_FINDINGS_MAX) {
        j->result->counts[VERDICT_REVOKED_AT_CA]++;
        j->result->num_unlisted++;
        return CB_OK;
    }
    if (!grow_array(&items, &j->room_revocations, j->num_revocations, sizeof(*j->revocations))) {
        return no_memory(err);
    }
    j->revocations = items;
    struct revocation *v = &j->revocations[j->num_revocations++];
    *v = (struct revocation){.cert = (uint32_t)(cert - j->log.certs.certs),
                             .revoked_us = s->revoked_us};
    (void)snprintf(v->reason, sizeof(v->reason), "%s", revoke_code_word(s->row->reason));
    return CB_OK;
}

static enum cb_code compare_status(struct join *j, const struct seen_row *s,
                                   const struct log_cert *cert, struct cb_err *err)
{
    const bool is_revoked_here = (cert->flags & CERT_REVOKED) != 0;
    if (!j->facts.has_status || s->is_revoked == is_revoked_here) {
        j->result->counts[VERDICT_OK]++;
        return CB_OK;
    }
    if (s->is_revoked) {
        return note_revocation(j, s, cert, err);
    }
    struct finding f = finding_of_cert(&j->log.certs, cert, VERDICT_REVOKED_IN_LOG);
    f.is_recorded = (cert->flags & CERT_TOLD_UNREVOKED) != 0;
    return finding_add(j->result, &f, NULL, err);
}

/* is_other_certs - the same number under another CA's key is another certificate. */
static bool is_other_cas(const struct join *j, const struct log_cert *cert,
                         const struct cert_summary *c)
{
    const char *aki = cert_table_aki(&j->log.certs, cert);
    return aki[0] != '\0' && c->facts.aki_hex[0] != '\0' && strcmp(aki, c->facts.aki_hex) != 0;
}

static enum cb_code differs(struct join *j, const struct seen_row *s, const struct log_cert *cert,
                            const struct cert_summary *c, struct cb_err *err)
{
    struct finding f = finding_of_row(j, s, VERDICT_DIFFERS);
    char logged[65] = "";
    f.cert_ref = cert->seq;
    f.ref = cert->ref;
    f.issued_us = cert->ts_us;
    f.is_recorded = (cert->flags & CERT_TOLD_DIFFERS) != 0;
    if (!add_names(j, c, &f)) {
        return no_memory(err);
    }
    hex_encode(cert->sha256, SHA256_LEN, logged);
    finding_detail(j->result, &f, "SHA-256 %.16s... at the CA, %.16s... in the log", f.sha256,
                   logged);
    return finding_add(j->result, &f, NULL, err);
}

/* withheld - it was issued, and not as authorised: nobody received it, and the log says so. */
static enum cb_code withheld(struct join *j, const struct seen_row *s, const struct log_cert *cert,
                             struct cb_err *err)
{
    struct finding f = finding_of_cert(&j->log.certs, cert, VERDICT_ORPHAN);
    f.is_revoked = s->is_revoked || f.is_revoked_here;
    f.revoked_us = f.revoked_us == 0 ? s->revoked_us : f.revoked_us;
    f.is_recorded = (cert->flags & CERT_TOLD_ORPHAN) != 0;
    if (finding_is_over(j, &f)) {
        /* What the issue.fail says is record enough of one that has expired. */
        finding_end(&f, CERT_TOLD_ORPHAN | cert->flags);
    }
    finding_detail(j->result, &f,
                   "the broker withheld it because it is not as authorised (record %llu)",
                   (unsigned long long)cert->seq);
    return finding_add(j->result, &f, NULL, err);
}

static enum cb_code same(struct join *j, const struct seen_row *s, struct log_cert *cert,
                         struct cb_err *err)
{
    if ((cert->flags & CERT_SEEN) != 0) {
        return unreadable(j, s, "this certificate stands there twice", err);
    }
    cert->flags |= CERT_SEEN;
    j->has_met_logged = true;
    if ((cert->flags & CERT_IN_PERIOD) == 0) {
        j->result->counts[VERDICT_OUTSIDE]++;
        return CB_OK;
    }
    return (cert->flags & CERT_ISSUED) != 0 ? compare_status(j, s, cert, err)
                                            : withheld(j, s, cert, err);
}

/* ---- those that it does not know ---- */

static bool is_wanted_key(const struct join *j, const char *aki)
{
    const struct reconcile_options *o = j->options;
    for (size_t i = 0; i < o->num_akis; i++) {
        if (strcmp(o->akis[i], aki) == 0) {
            j->result->is_aki_met[i] = true;
            return true;
        }
    }
    return o->num_akis == 0;
}

static int by_serial(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct serial));
}

static bool is_known(const struct join *j, const struct serial *serial)
{
    return j->num_known > 0 &&
           bsearch(serial, j->known, j->num_known, sizeof(*j->known), by_serial) != NULL;
}

/* time_issued - the CA's own word if it has one, else reckoned from notBefore. */
static void time_issued(const struct join *j, const struct seen_row *s,
                        const struct cert_summary *c, struct stranger *ret)
{
    int64_t us = 0;
    ret->is_exact = s->row->issued_at.ptr != NULL && db_time(s->row->issued_at, &us);
    ret->finding.issued_us =
        ret->is_exact ? us : c->facts.not_before_s * 1000000 + j->options->backdate_us;
}

/* before - it need not be in the log: because of which option, if any? */
static enum verdict before(const struct join *j, const struct stranger *x)
{
    if (x->finding.issued_us < j->options->since_us) {
        return VERDICT_OUTSIDE;
    }
    j->result->num_before_option += !is_before_log(j, x);
    return VERDICT_BEFORE;
}

/* before_claimed - nothing but its notBefore says that it is that old, and this source does not tell in
 * which order its rows were stored: it may have been issued yesterday by whoever reaches the CA. Too many
 * honest ones are like that to call it a bypass, but it must not pass unseen. */
static enum cb_code before_claimed(struct join *j, const struct seen_row *s,
                                   const struct cert_summary *c, int64_t issued_us,
                                   struct cb_err *err)
{
    if (j->result->num_before_claimed++ >= RECONCILE_CLAIMED_MAX) {
        j->result->counts[VERDICT_BEFORE]++;
        return CB_OK;
    }
    struct finding f = finding_of_row(j, s, VERDICT_BEFORE);
    f.issued_us = issued_us;
    f.is_reckoned = true;
    if (!add_names(j, c, &f)) {
        return no_memory(err);
    }
    finding_detail(j->result, &f,
                   "only its own notBefore says so, and whoever reaches the CA can choose that");
    return finding_list(j->result, &f, NULL, err);
}

/* uninteresting - a verdict that is only counted; VERDICT_OK: none. */
static enum verdict uninteresting(const struct join *j, const struct seen_row *s,
                                  const struct cert_summary *c, struct stranger *x)
{
    const int64_t issued_us = x->finding.issued_us;
    if (!is_wanted_key(j, c->facts.aki_hex[0] != '\0' ? c->facts.aki_hex : s->aki)) {
        return VERDICT_OTHER_KEY;
    }
    if (is_known(j, &s->serial)) {
        return VERDICT_KNOWN;
    }
    if (issued_us + stranger_slack_us(x) < j->before_us) {
        /* notBefore can be chosen by whoever reaches the CA; the order of rows cannot. */
        x->is_backdated = !x->is_exact && j->facts.is_in_order && j->has_met_logged;
        if (!x->is_backdated) {
            return before(j, x);
        }
    } else if (issued_us < j->options->since_us || issued_us >= j->options->until_us) {
        return VERDICT_OUTSIDE;
    }
    return VERDICT_OK;
}

static enum cb_code keep(struct join *j, const struct cert_summary *c, struct stranger *x,
                         struct cb_err *err)
{
    char key[24];
    void *items = j->strangers;
    const struct slice *texts = texts_of(&j->scratch, &c->facts);
    (void)snprintf(key, sizeof(key), "%s-%u", key_algo_word(c->key_algo), c->key_bits);
    if (texts == NULL || !add_names(j, c, &x->finding) ||
        !ask_of(c->facts.common_name, texts, c->facts.num_names, slice_of(key), x->ask) ||
        !grow_array(&items, &j->room_strangers, j->num_strangers, sizeof(*x))) {
        return no_memory(err);
    }
    j->strangers = items;
    x->has_ask = c->are_names_plain && c->key_bits != 0;
    x->is_ca = c->is_ca;
    x->attempt = SIZE_MAX;
    j->strangers[j->num_strangers++] = *x;
    return CB_OK;
}

static enum cb_code meet_stranger(struct join *j, const struct seen_row *s,
                                  const struct cert_summary *c, struct cb_err *err)
{
    struct stranger x = {.serial = s->serial};
    time_issued(j, s, c, &x);
    const enum verdict plain = uninteresting(j, s, c, &x);
    if (plain == VERDICT_BEFORE && !x.is_exact && !j->facts.is_in_order) {
        return before_claimed(j, s, c, x.finding.issued_us, err);
    }
    if (plain != VERDICT_OK) {
        j->result->counts[plain]++;
        return CB_OK;
    }
    if (j->num_strangers == RECONCILE_FINDINGS_MAX) {
        j->result->counts[VERDICT_BYPASS]++;
        j->result->num_unlisted++;
        return CB_OK;
    }
    const int64_t issued_us = x.finding.issued_us;
    x.finding = finding_of_row(j, s, VERDICT_BYPASS);
    x.finding.issued_us = issued_us;
    x.finding.is_reckoned = !x.is_exact;
    return keep(j, c, &x, err);
}

/* ---- a row ---- */

/* note_unreadable - the CA has something under this number: that is one finding, not two. */
static void note_unreadable(struct log_cert *cert)
{
    if (is_in_log(cert)) {
        cert->flags |= CERT_UNREADABLE;
    }
}

static enum cb_code take_apart(struct join *j, const struct seen_row *s, struct log_cert *cert,
                               struct cb_err *err)
{
    struct cert_summary c;
    struct serial own;
    if (!s->has_der || !ca_cert_summary(s->der, &j->scratch, &c)) {
        note_unreadable(cert);
        return unreadable(j, s, "its pem is not one readable certificate", err);
    }
    if (!serial_from_hex(slice_of(c.facts.serial_hex), &own) ||
        memcmp(own.bytes, s->serial.bytes, SERIAL_BYTES) != 0) {
        note_unreadable(cert);
        return unreadable(j, s, "its serial_number is not that of its certificate", err);
    }
    if (!is_in_log(cert) || is_other_cas(j, cert, &c)) {
        return meet_stranger(j, s, &c, err);
    }
    if ((cert->flags & CERT_HAS_SHA256) == 0) {
        return same(j, s, cert, err);
    }
    cert->flags |= CERT_SEEN;
    return differs(j, s, cert, &c, err);
}

enum cb_code join_row(void *ctx, const struct ca_row *row, struct cb_err *err)
{
    struct join *j = ctx;
    struct seen_row s;
    enum cb_code code = CB_OK;
    arena_reset(&j->scratch);
    j->result->num_rows++;
    progress_count(j->options);
    TRY(read_row(j, row, &s, err));
    if (!s.has_serial) {
        return unreadable(j, &s, "its serial_number is not a decimal number as CFSSL writes it",
                          err);
    }
    struct log_cert *cert = cert_table_find(&j->log.certs, &s.serial, s.aki);
    if (is_in_log(cert) && s.has_der && (cert->flags & CERT_HAS_SHA256) != 0 &&
        memcmp(cert->sha256, s.sha256, SHA256_LEN) == 0) {
        code = same(j, &s, cert, err);
    } else {
        code = take_apart(j, &s, cert, err);
    }
    return code;
}
