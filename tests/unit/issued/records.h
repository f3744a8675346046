/* records.h - audit records for the tests of the index, as the broker writes them. */
#ifndef TESTS_UNIT_ISSUED_RECORDS_H
#define TESTS_UNIT_ISSUED_RECORDS_H

#include "audit/event.h"
#include "audit/line.h"
#include "broker/base/buf.h"

struct spec {
    enum audit_type type;
    const char *serial; /* hex; NULL: none */
    const char *who;
    const char *idem;
    const char *reason; /* of a revocation */
    const char *supersedes;
    const char *ask;
    const char *dns[3];
    const char *party; /* on_behalf_of */
    const char *rule, *delegate_rule;
    const char *not_after; /* NULL: a day in 2026 */
};

/* body_of - the record's body; the buffer is the caller's to free. */
static inline struct buf body_of(const struct spec *spec)
{
    struct audit_event e;
    audit_event_zero(&e, spec->type);
    e.req = SLICE("0123456789abcdef0123456789abcdef");
    e.who_id = slice_of(spec->who);
    e.who_via = SLICE("mtls.uri");
    e.idem = slice_of(spec->idem);
    e.ask_sha256 = slice_of(spec->ask);
    e.serial = slice_of(spec->serial);
    e.supersedes = slice_of(spec->supersedes);
    e.revoke_reason = slice_of(spec->reason);
    e.on_behalf_of = slice_of(spec->party);
    e.rule = slice_of(spec->rule);
    e.delegate_rule = slice_of(spec->delegate_rule);
    struct slice dns[3] = {{NULL, 0}};
    while (e.granted.num_dns < 3 && spec->dns[e.granted.num_dns] != NULL) {
        dns[e.granted.num_dns] = slice_of(spec->dns[e.granted.num_dns]);
        e.granted.num_dns++;
    }
    const struct slice ip = SLICE("10.0.0.5");
    e.granted.dns = dns;
    if (spec->type == AUDIT_ISSUE_OK) {
        e.granted.ip = &ip;
        e.granted.num_ip = 1;
        e.granted.cn = dns[0];
        e.serial_dec = SLICE("1234567890");
        e.aki = SLICE("f665c74868165f03e955b7efd517ec362b773704");
        e.not_before = SLICE("2026-07-22T16:18:00Z");
        e.not_after = slice_of(spec->not_after == NULL ? "2026-07-23T16:18:00Z" : spec->not_after);
    }
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    CB_CHECK(audit_event_encode(&e, &body));
    return body;
}

/* line_of - the whole line of record seq, without its newline. */
static inline struct buf line_of(uint64_t seq, const struct spec *spec)
{
    struct buf body = body_of(spec);
    struct buf line;
    buf_init(&line, AUDIT_LINE_MAX);
    line_frame(&line, seq, seq, 1784737382123456, buf_slice(&body));
    CB_CHECK(buf_ok(&line));
    line.len--;
    line.data[line.len] = '\0';
    buf_free(&body);
    return line;
}

#endif
