/* target.h - inside broker/ship only: one receiver and the thread that serves it. */
#ifndef BROKER_SHIP_TARGET_H
#define BROKER_SHIP_TARGET_H

#include "broker/ship/message.h"
#include "broker/ship/ship.h"

#include <pthread.h>
#include <stdatomic.h>

struct shipper { /* one target's */
    const struct ship_settings *settings;
    const struct ship_target *target;
    struct message_source source;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic int state; /* enum ship_state */
    _Atomic uint64_t cursor, sent, failures, cut;
};

/* shipper_main - the thread; ends some time after stop was set. */
void *shipper_main(void *shipper);

#endif
