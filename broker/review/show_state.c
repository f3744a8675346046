/* show_state.c - see show.h. */
#include "broker/base/clock.h"
#include "broker/review/show.h"

enum show_state show_state(const struct story *story, int64_t now_us)
{
    int64_t end_us = 0;
    bool unknown = false;
    if (story->serial.ptr == NULL) {
        return STATE_NONE;
    }
    for (size_t i = 0; i < story->revocations.num; i++) {
        const enum review_result result = story->revocations.rows[i]->result;
        if (result == RESULT_REVOKED) {
            return STATE_REVOKED;
        }
        unknown = unknown || result == RESULT_REVOKE_UNKNOWN || result == RESULT_REVOKE_OPEN;
    }
    if (story->main->result == RESULT_REVOKED) {
        return STATE_REVOKED;
    }
    if (story_finding(story, "revoked_at_ca") != NULL) {
        return STATE_REVOKED_AT_CA;
    }
    if (unknown) {
        return STATE_REVOKE_UNKNOWN;
    }
    const struct review_row *certificate = story_certificate(story);
    if (certificate == NULL || !time_parse(row_text(certificate, not_after), &end_us)) {
        return STATE_NONE;
    }
    return end_us > now_us ? STATE_ALIVE : STATE_EXPIRED;
}

const char *show_state_word(enum show_state state)
{
    switch (state) {
    case STATE_ALIVE:
        return "valid";
    case STATE_EXPIRED:
        return "expired";
    case STATE_REVOKED:
        return "revoked";
    case STATE_REVOKED_AT_CA:
        return "revoked at the CA, not through this broker";
    case STATE_REVOKE_UNKNOWN:
        return "perhaps revoked";
    case STATE_NONE:
        break;
    }
    return "unknown";
}

void show_span(int64_t us, char out[32])
{
    static const struct {
        int64_t seconds;
        const char *word;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    const int64_t s = (us < 0 ? -us : us) / 1000000;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s >= 2 * units[i].seconds || units[i].seconds == 1) {
            const long long num = s / units[i].seconds;
            (void)snprintf(out, 32, "%lld %s%s", num, units[i].word, num == 1 ? "" : "s");
            return;
        }
    }
}
