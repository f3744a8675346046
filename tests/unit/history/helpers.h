/* helpers.h - logs made by the real writer at times of the test's choice, and what is read back from
 * them. Each test program includes it once, after cmocka. */
#ifndef TESTS_UNIT_HISTORY_HELPERS_H
#define TESTS_UNIT_HISTORY_HELPERS_H

#include "audit/audit.h"
#include "broker/history/history.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define T0_S INT64_C(1784736000) /* 2026-07-22T16:00:00Z */
#define MINUTES_US(n) ((T0_S + 60 * (int64_t)(n)) * 1000000)
#define NAMES_MAX 8

/* One record, as far as a decision is about it. Lists are texts separated by blanks. */
struct row {
    int minute; /* after T0_S */
    enum audit_type type;
    const char *who, *via, *credential, *claims, *behalf, *peer;
    const char *action, *cn, *dns, *ip, *uri, *email, *subject, *key, *profile;
    const char *rule, *reason, *cert_owner, *follows;
    unsigned count;
};

struct log {
    char *dir;
    struct audit *audit;
    _Atomic(int64_t) now_us;
    struct cb_clock clock;
};

static int64_t log_wall(void *ctx)
{
    const struct log *l = ctx;
    return l->now_us;
}

static int64_t log_mono(void *ctx)
{
    (void)ctx;
    return clock_mono_us(&cb_system_clock);
}

static void log_open(struct log *l)
{
    struct audit_recovery recovery;
    struct cb_err err;
    l->clock = (struct cb_clock){.wall_us = log_wall, .mono_us = log_mono, .ctx = l};
    if (audit_open(&(struct audit_options){.dir = l->dir,
                                           .version = "test",
                                           .clock = &l->clock,
                                           .soft_free_bytes = 2,
                                           .hard_free_bytes = 1},
                   &l->audit, &recovery, &err) != CB_OK) {
        fail_msg("audit_open: %s", err.msg);
    }
    audit_recovery_free(&recovery);
}

UNUSED static void log_new(struct log *l)
{
    struct cb_err err;
    l->dir = strdup(".build/test-history-XXXXXX");
    (void)mkdir(".build", 0755);
    assert_non_null(l->dir);
    assert_non_null(mkdtemp(l->dir));
    l->now_us = MINUTES_US(-1);
    if (audit_init(l->dir, "history.test/log", &err) != CB_OK) {
        fail_msg("audit_init: %s", err.msg);
    }
    log_open(l);
}

/* log_next_segment - what is written from now on goes into another file. */
UNUSED static void log_next_segment(struct log *l, int minute)
{
    l->now_us = MINUTES_US(minute);
    audit_close(l->audit);
    log_open(l);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

UNUSED static void log_free(struct log *l)
{
    audit_close(l->audit);
    (void)nftw(l->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(l->dir);
}

/* split - the words of a text; how many. */
static size_t split(const char *text, struct slice out[NAMES_MAX])
{
    size_t num = 0;
    for (const char *at = text; at != NULL && *at != '\0';) {
        const size_t len = strcspn(at, " ");
        assert_true(num < NAMES_MAX);
        out[num++] = (struct slice){at, len};
        at += len + (at[len] == ' ' ? 1 : 0);
    }
    return num;
}

/* split_pairs - "C=NL O=ACME". */
static size_t split_pairs(const char *text, struct audit_kv out[NAMES_MAX])
{
    struct slice words[NAMES_MAX];
    const size_t num = split(text, words);
    for (size_t i = 0; i < num; i++) {
        const char *equals = memchr(words[i].ptr, '=', words[i].len);
        assert_non_null(equals);
        out[i].key = (struct slice){words[i].ptr, (size_t)(equals - words[i].ptr)};
        out[i].value = (struct slice){equals + 1, words[i].len - out[i].key.len - 1};
    }
    return num;
}

struct row_lists {
    struct slice dns[NAMES_MAX], ip[NAMES_MAX], uri[NAMES_MAX], email[NAMES_MAX];
    struct audit_kv subject[NAMES_MAX], claims[NAMES_MAX];
};

static void row_event(const struct row *row, struct row_lists *lists, struct audit_event *e)
{
    audit_event_zero(e, row->type);
    e->req = SLICE("00112233445566778899aabbccddeeff");
    e->who_id = slice_of(row->who);
    e->who_via = slice_of(row->via);
    e->who_credential = slice_of(row->credential);
    e->claims = lists->claims;
    e->num_claims = split_pairs(row->claims, lists->claims);
    e->on_behalf_of = slice_of(row->behalf);
    e->peer = slice_of(row->peer);
    e->action = slice_of(row->action);
    e->want.cn = slice_of(row->cn);
    e->want.dns = lists->dns;
    e->want.num_dns = split(row->dns, lists->dns);
    e->want.ip = lists->ip;
    e->want.num_ip = split(row->ip, lists->ip);
    e->want.uri = lists->uri;
    e->want.num_uri = split(row->uri, lists->uri);
    e->want.email = lists->email;
    e->want.num_email = split(row->email, lists->email);
    e->subject = lists->subject;
    e->num_subject = split_pairs(row->subject, lists->subject);
    e->key = slice_of(row->key);
    e->profile = slice_of(row->profile);
    e->rule = slice_of(row->rule);
    e->reason = slice_of(row->reason);
    e->cert_owner = slice_of(row->cert_owner);
    e->follows = slice_of(row->follows);
    e->count = row->count == 0 ? UINT64_MAX : row->count;
    e->policy_sha256 = SLICE("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

UNUSED static void log_add(struct log *l, const struct row *row)
{
    struct row_lists lists;
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    uint64_t seq = 0;
    row_event(row, &lists, &e);
    l->now_us = MINUTES_US(row->minute);
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    if (audit_append_wait(l->audit, row->type, buf_slice(&body), &seq, &err) != CB_OK) {
        fail_msg("audit_append_wait: %s", err.msg);
    }
    buf_free(&body);
}

UNUSED static const struct history_range everything = {INT64_MIN, INT64_MAX};

UNUSED static struct policy *load_policy(const char *text)
{
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    assert_non_null(diags);
    if (policy_load_bytes("test.yaml", slice_of(text), T0_S, diags, &policy) != CB_OK) {
        diag_print(diags, stderr);
    }
    diag_free(diags);
    assert_non_null(policy);
    return policy;
}

#endif
