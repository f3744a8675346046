/* gather.c - see gather.h. Looks instead of sleeping: being woken costs as much as the whole wait. */
#include "audit/gather.h"

#include <sched.h>

#define BUDGET_MAX_US 200
#define BACKOFF_MAX 64U

void gather_expect(struct gather *g, size_t acknowledged, size_t waiting, uint64_t sync_us)
{
    g->target = 0;
    if (g->skip > 0) {
        g->skip--;
        return;
    }
    g->target = acknowledged + waiting;
    g->budget_us = (int64_t)(sync_us / 4);
    if (g->budget_us > BUDGET_MAX_US) {
        g->budget_us = BUDGET_MAX_US;
    }
}

void gather_wait(struct gather *g, const _Atomic uint64_t *waiting)
{
    if (g->target == 0) {
        return;
    }
    const int64_t until_us = clock_mono_us(&cb_system_clock) + g->budget_us;
    size_t num = 0;
    for (;;) {
        num = (size_t)atomic_load_explicit(waiting, memory_order_relaxed);
        if (num >= g->target || clock_mono_us(&cb_system_clock) >= until_us) {
            break;
        }
        (void)sched_yield(); /* they may need this core to come */
    }
    /* Half of them is worth it. */
    if (num * 2 >= g->target) {
        g->backoff = 0;
    } else {
        g->backoff = g->backoff == 0 ? 1 : g->backoff * 2;
        g->backoff = g->backoff < BACKOFF_MAX ? g->backoff : BACKOFF_MAX;
        g->skip = g->backoff;
    }
    g->target = 0;
}
