/* words.c - the stable words of text and JSON. */
#include "broker/report/writers.h"

const char *happening_word(enum happening what)
{
    static const char *const words[HAPPENING_COUNT] = {
        [HAPPENED_ISSUED] = "issued",
        [HAPPENED_DENIED] = "denied",
        [HAPPENED_REVOKED] = "revoked",
        [HAPPENED_FAILED] = "failed",
    };
    return words[what];
}

const char *loose_word(enum loose_kind kind)
{
    static const char *const words[LOOSE_COUNT] = {
        [LOOSE_UNKNOWN] = "unknown",         [LOOSE_MISMATCH] = "mismatch",
        [LOOSE_UNDELIVERED] = "undelivered", [LOOSE_BYPASS] = "bypass",
        [LOOSE_ORPHAN] = "orphan",           [LOOSE_MISSING] = "missing",
    };
    return words[kind];
}
