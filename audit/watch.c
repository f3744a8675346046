/* watch.c - what the committer records of its own accord although nothing failed in writing: that
 * nothing happened, that the clock was set, that the files do not hold what was acknowledged. */
#include "audit/writer.h"

#define STEP_US                                                                                    \
    500000 /* more than any slewing moves a clock between two looks, one a second at least */

bool watch_clock(struct audit *a)
{
    const int64_t gap_us = clock_wall_us(a->clock) - clock_boot_us(a->clock);
    const int64_t step_us = gap_us - a->clock_gap_us;
    a->clock_gap_us = gap_us;
    if (step_us > -STEP_US && step_us < STEP_US) {
        return true;
    }
    own_begin(a);
    own_add_clock_step(a, step_us);
    return writer_tell(a);
}

bool watch_silence(struct audit *a)
{
    const int64_t idle_us = clock_mono_us(a->clock) - a->last_record_us;
    if (idle_us < (int64_t)(a->options.heartbeat_ms * 1000)) {
        return true;
    }
    own_begin(a);
    own_add_heartbeat(a, (uint64_t)idle_us);
    return writer_tell(a);
}

bool watch_sealer(struct audit *a)
{
    struct own_fault fault;
    if (a->sealer == NULL || !sealer_take_fault(a->sealer, &fault)) {
        return true;
    }
    stat_add(&a->faults, 1);
    own_begin(a);
    own_add_fault(a, &fault);
    return writer_tell(a);
}
