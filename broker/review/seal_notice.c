/* seal_notice.c - see seal_notice.h. Verifies no record: that is audit verify. */
#include "broker/review/seal_notice.h"

#include "audit/seal/prove.h"

static int compare(const struct prover *p, int status)
{
    struct cb_err ignored;
    uint64_t num = 0;
    const uint64_t size = prover_newest(p)->checkpoint.size;
    /* The checkpoint was read before: a log that is being written has all of it. */
    if (prover_num_records(p, &num, &ignored) != CB_OK) {
        return status; /* damaged: whoever looked was told */
    }
    if (num < size) {
        (void)fprintf(stderr,
                      "certbroker: warning: the newest checkpoint covers %llu records, there are "
                      "%llu: run `certbroker audit verify`\n",
                      (unsigned long long)size, (unsigned long long)num);
        return status == EXIT_OK ? EXIT_PROBLEM : status;
    }
    return status;
}

int seal_notice(const char *dir, int status)
{
    struct prover *p = NULL;
    struct cb_err err;
    const enum cb_code code = prover_open(dir, &p, &err);
    if (code == CB_ECORRUPT) {
        (void)fprintf(stderr, "certbroker: warning: %s: run `certbroker audit verify`\n", err.msg);
        return status == EXIT_OK ? EXIT_PROBLEM : status;
    }
    if (code != CB_OK) {
        return status;
    }
    status = compare(p, status);
    prover_close(p);
    return status;
}
