/* collect_strangers.c - who was not let in, what was never decided, and what got no record of its own. */
#include "broker/report/collect.h"

#include <arpa/inet.h>
#include <stdio.h>

#define SOURCE_MAX 64U

static uint64_t count_of(const struct audit_event *e)
{
    return e->count == UINT64_MAX ? 1 : e->count;
}

static struct slice word_of(struct slice reason)
{
    return reason.len == 0 ? SLICE("not said") : reason;
}

/* source_of - the address without its port; of an IPv6 address the /64, of which one household has all.
 * What is no address (a local socket) stays as it is. */
static struct slice source_of(struct slice peer, char out[SOURCE_MAX])
{
    struct in6_addr v6;
    char text[INET6_ADDRSTRLEN];
    const char *colon = peer.len == 0 ? NULL : memrchr(peer.ptr, ':', peer.len);
    if (colon == NULL || peer.ptr[peer.len - 1] == ':' || memchr(peer.ptr, '/', peer.len) != NULL) {
        return peer.len == 0 ? SLICE("(not said)") : peer;
    }
    struct slice host = {peer.ptr, (size_t)(colon - peer.ptr)};
    if (host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host = (struct slice){host.ptr + 1, host.len - 2};
    }
    if (host.len >= sizeof(text)) {
        return host;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET6, text, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6)) {
        return host;
    }
    memset(v6.s6_addr + 8, 0, 8);
    (void)inet_ntop(AF_INET6, &v6, text, sizeof(text));
    (void)snprintf(out, SOURCE_MAX, "%s/64", text);
    return slice_of(out);
}

void take_authn_fail(struct report *r, const struct taken *t)
{
    char text[SOURCE_MAX];
    const struct audit_event *e = t->event;
    tally_add(&r->sources, source_of(e->peer, text), count_of(e), t->line->ts_us);
    tally_add(&r->authn_reasons, word_of(e->reason), count_of(e), t->line->ts_us);
}

void take_refused(struct report *r, const struct taken *t)
{
    r->refused_requests += count_of(t->event);
    tally_add(&r->refused_reasons, word_of(t->event->reason), count_of(t->event), t->line->ts_us);
}

void take_drop(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    r->health.dropped += count_of(e);
    tally_add(&r->drop_reasons, e->reason.len == 0 ? SLICE("strangers") : e->reason, count_of(e),
              t->line->ts_us);
}

void take_info(struct report *r, const struct taken *t)
{
    (void)t;
    r->info++;
}
