/* ship.c - see ship.h: the threads' lives, and what a target's URL means. */
#include "broker/ship/ship.h"

#include "broker/ship/target.h"
#include "broker/ship/tls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct ship {
    struct ship_settings settings;
    char host[256], origin[128];
    size_t num;
    struct shipper shippers[SHIP_TARGETS_MAX];
};

/* ---- URLs ---- */

#define URL_HINT "tls://HOST:6514, tcp://HOST:514 or unix:/dev/log"

/* split_host - "host:port", "[address]:port". False: it is neither. */
static bool split_host(struct slice text, struct slice *ret_host, struct slice *ret_port)
{
    uint64_t port = 0;
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2) {
        return false;
    }
    struct slice host = {text.ptr, colon - 1};
    *ret_port = slice_from(text, colon);
    if (host.ptr[0] == '[' && slice_has_suffix(host, SLICE("]"))) {
        host = (struct slice){host.ptr + 1, host.len - 2};
    } else if (slice_has_byte(host, ':')) {
        return false;
    }
    *ret_host = host;
    return host.len > 0 && !slice_has_byte(host, '/') && !slice_has_byte(host, '@') &&
           slice_to_u64(*ret_port, &port) && port >= 1 && port <= 65535;
}

enum cb_code ship_parse_url(const char *url, struct arena *arena, struct ship_target *ret,
                            struct cb_err *err)
{
    const struct slice text = slice_of(url);
    struct slice host = {NULL, 0};
    struct slice port = {NULL, 0};
    struct slice path = {NULL, 0};
    bool ok = false;
    if (slice_has_prefix(text, SLICE("unix:"))) {
        path = slice_from(text, 5);
        ret->transport = SHIP_UNIX;
        ok = path.len > 1 && path.len < 100 && path.ptr[0] == '/';
    } else if (slice_has_prefix(text, SLICE("tls://")) || slice_has_prefix(text, SLICE("tcp://"))) {
        ret->transport = text.ptr[1] == 'l' ? SHIP_TLS : SHIP_TCP;
        ok = split_host(slice_from(text, 6), &host, &port);
    }
    if (!ok) {
        return cb_fail(err, CB_EINPUT, "\"%.200s\" is no syslog receiver: write " URL_HINT, url);
    }
    ret->host = arena_dup(arena, host);
    ret->port = arena_dup(arena, port);
    ret->path = arena_dup(arena, path);
    return CB_OK;
}

enum cb_code ship_check(const struct ship_target *target, struct cb_err *err)
{
    struct ship_tls *tls = NULL;
    if (target->transport != SHIP_TLS) {
        return CB_OK;
    }
    const enum cb_code code = ship_tls_new(target, &tls, err);
    ship_tls_free(tls);
    return code;
}

/* ---- threads ---- */

/* start_one - with every signal blocked: signals are the main program's business. */
static enum cb_code start_one(struct shipper *s, struct cb_err *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int status = pthread_create(&s->thread, NULL, shipper_main, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == 0 ? CB_OK
                       : cb_fail(err, CB_ESYS, "cannot start a syslog thread (error %d)", status);
}

enum cb_code ship_start(const struct ship_settings *settings, struct ship **ret, struct cb_err *err)
{
    struct ship *ship = calloc(1, sizeof(*ship));
    if (ship == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for syslog");
    }
    ship->settings = *settings;
    (void)gethostname(ship->host, sizeof(ship->host) - 1);
    (void)snprintf(ship->origin, sizeof(ship->origin), "%s", settings->origin);
    for (size_t i = 0; i < settings->num_targets && i < SHIP_TARGETS_MAX; i++) {
        struct shipper *s = &ship->shippers[i];
        s->settings = &ship->settings;
        s->target = &settings->targets[i];
        s->source = (struct message_source){
            .origin = ship->origin, .host = ship->host, .pid = (unsigned)getpid()};
        const enum cb_code code = start_one(s, err);
        if (code != CB_OK) {
            ship_stop(ship);
            return code;
        }
        ship->num++;
    }
    *ret = ship;
    return CB_OK;
}

void ship_stop(struct ship *ship)
{
    if (ship == NULL) {
        return;
    }
    for (size_t i = 0; i < ship->num; i++) {
        atomic_store(&ship->shippers[i].stop, true);
    }
    for (size_t i = 0; i < ship->num; i++) {
        (void)pthread_join(ship->shippers[i].thread, NULL);
    }
    free(ship);
}

void ship_get_stats(const struct ship *ship, size_t target, struct ship_stats *ret)
{
    const struct shipper *s = &ship->shippers[target];
    *ret = (struct ship_stats){.state = (enum ship_state)atomic_load(&s->state),
                               .cursor = atomic_load(&s->cursor),
                               .sent = atomic_load(&s->sent),
                               .failures = atomic_load(&s->failures),
                               .cut = atomic_load(&s->cut)};
}
