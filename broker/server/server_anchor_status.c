/* server_anchor_status.c - how the witnesses stand, for /readyz and /metrics. A broker whose witnesses
 * are silent stays ready: the log is written, only its last minutes could still be taken back. */
#include "broker/server/server_parts.h"

#include <inttypes.h>

static void add_one(const struct anchor_stats *w, int64_t now_s, struct buf *out)
{
    buf_add_str(out, "{\"name\":");
    buf_add_json_str(out, slice_of(w->name));
    buf_printf(out, ",\"up\":%s,\"split_view\":%s,\"size\":%" PRIu64 ",\"failures\":%" PRIu64,
               w->is_up ? "true" : "false", w->is_split ? "true" : "false", w->size, w->failures);
    if (w->cosigned_wall_s != 0) {
        buf_printf(out, ",\"age_s\":%" PRId64, now_s - w->cosigned_wall_s);
    }
    if (!w->is_up && w->last_error[0] != '\0') {
        buf_add_str(out, ",\"error\":");
        buf_add_json_str(out, slice_of(w->last_error));
    }
    buf_add_char(out, '}');
}

void server_anchor_json(const struct server *s, struct buf *out)
{
    struct anchor *anchor = s->shared.anchor;
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    struct anchor_stats stats;
    if (anchor_num(anchor) == 0) {
        return;
    }
    buf_add_str(out, ",\"witnesses\":[");
    for (size_t i = 0; i < anchor_num(anchor); i++) {
        anchor_get_stats(anchor, i, &stats);
        buf_add_str(out, i == 0 ? "" : ",");
        add_one(&stats, now_s, out);
    }
    buf_add_char(out, ']');
}

/* ---- metrics ---- */

enum series { SERIES_UP, SERIES_SPLIT, SERIES_SIZE, SERIES_AGE, SERIES_COSIGNED, SERIES_FAILURES };

static const struct {
    enum series series;
    const char *name, *type, *help;
} series_list[] = {
    {SERIES_UP, "certbroker_witness_up", "gauge", "Whether the last checkpoint was cosigned."},
    {SERIES_SPLIT, "certbroker_witness_split_view", "gauge",
     "Whether the witness has seen another history than the audit log's."},
    {SERIES_SIZE, "certbroker_witness_size", "gauge",
     "Records under the newest checkpoint that it cosigned."},
    {SERIES_AGE, "certbroker_witness_age_seconds", "gauge",
     "Since it last cosigned a checkpoint; since the start if it has not."},
    {SERIES_COSIGNED, "certbroker_witness_cosignatures_total", "counter", "Checkpoints cosigned."},
    {SERIES_FAILURES, "certbroker_witness_failures_total", "counter",
     "Checkpoints shown that were not cosigned."},
};

static uint64_t value_of(enum series series, const struct anchor_stats *w, int64_t since_s,
                         int64_t now_s)
{
    switch (series) {
    case SERIES_UP:
        return w->is_up ? 1 : 0;
    case SERIES_SPLIT:
        return w->is_split ? 1 : 0;
    case SERIES_SIZE:
        return w->size;
    case SERIES_AGE: {
        const int64_t last_s = w->cosigned_wall_s != 0 ? w->cosigned_wall_s : since_s;
        return now_s > last_s ? (uint64_t)(now_s - last_s) : 0;
    }
    case SERIES_COSIGNED:
        return w->cosignatures;
    case SERIES_FAILURES:
        return w->failures;
    }
    return 0;
}

void server_anchor_metrics(const struct server *s, struct buf *out)
{
    struct anchor *anchor = s->shared.anchor;
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    struct anchor_stats stats;
    if (anchor_num(anchor) == 0) {
        return;
    }
    for (size_t k = 0; k < sizeof(series_list) / sizeof(series_list[0]); k++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", series_list[k].name, series_list[k].help,
                   series_list[k].name, series_list[k].type);
        for (size_t i = 0; i < anchor_num(anchor); i++) {
            anchor_get_stats(anchor, i, &stats);
            buf_printf(out, "%s{witness=", series_list[k].name);
            buf_add_json_str(out, slice_of(stats.name));
            buf_printf(out, "} %" PRIu64 "\n",
                       value_of(series_list[k].series, &stats, s->start_wall_s, now_s));
        }
    }
}
