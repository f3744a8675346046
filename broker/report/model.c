/* model.c - the memory of a report; see model.h. */
#include "broker/report/model.h"

#include <stdlib.h>

#define TEXTS_MAX (48UL << 20)

static void init_tallies(struct report *r)
{
    const struct finger_key *key = &r->key;
    tally_init(&r->clients, key, REPORT_CLIENTS_MAX);
    tally_init(&r->holders, key, REPORT_CLIENTS_MAX);
    tally_init(&r->rules, key, REPORT_CLIENTS_MAX);
    tally_init(&r->owners, key, REPORT_CLIENTS_MAX);
    tally_init(&r->sources, key, REPORT_SOURCES_MAX);
    tally_init(&r->deny_reasons, key, REPORT_REASONS_MAX);
    tally_init(&r->fail_reasons, key, REPORT_REASONS_MAX);
    tally_init(&r->authn_reasons, key, REPORT_REASONS_MAX);
    tally_init(&r->refused_reasons, key, REPORT_REASONS_MAX);
    tally_init(&r->drop_reasons, key, REPORT_REASONS_MAX);
}

struct report *report_new(const char *dir, int64_t since_us, int64_t until_us, int64_t now_us)
{
    struct report *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return NULL;
    }
    r->dir = dir;
    r->since_us = since_us;
    r->is_until_now = until_us == INT64_MAX;
    r->until_us = r->is_until_now ? now_us : until_us;
    r->made_us = now_us;
    r->key = finger_key_fresh();
    arena_init(&r->texts, TEXTS_MAX);
    init_tallies(r);
    finger_map_init(&r->pairs, REPORT_PAIRS_MAX);
    finger_map_init(&r->special_map, REPORT_SPECIALS_MAX);
    finger_map_init(&r->loose_marks, REPORT_DENIALS_MAX);
    finger_map_init(&r->revoked, REPORT_REVOKED_MAX);
    finger_map_init(&r->denial_map, REPORT_DENIALS_MAX);
    certs_init(&r->certs, &r->key, r->until_us / 1000000);
    r->specials = calloc(REPORT_SPECIALS_MAX, sizeof(*r->specials));
    r->denials = calloc(REPORT_DENIALS_MAX, sizeof(*r->denials));
    r->open = calloc(OPEN_SLOTS, sizeof(*r->open));
    if (r->specials == NULL || r->denials == NULL || r->open == NULL) {
        report_free(r);
        return NULL;
    }
    for (size_t i = 0; i < OPEN_SLOTS; i++) {
        r->open[i].seq = UINT64_MAX;
    }
    return r;
}

void report_free(struct report *r)
{
    if (r == NULL) {
        return;
    }
    struct tally *const tallies[] = {&r->clients,      &r->holders,       &r->rules,
                                     &r->owners,       &r->sources,       &r->deny_reasons,
                                     &r->fail_reasons, &r->authn_reasons, &r->refused_reasons,
                                     &r->drop_reasons};
    for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++) {
        tally_free(tallies[i]);
    }
    finger_map_free(&r->pairs);
    finger_map_free(&r->special_map);
    finger_map_free(&r->loose_marks);
    finger_map_free(&r->revoked);
    finger_map_free(&r->denial_map);
    certs_free(&r->certs);
    arena_free(&r->texts);
    free(r->specials);
    free(r->denials);
    free(r->open);
    free(r);
}

struct slice report_text(struct report *r, struct slice text, size_t max)
{
    if (text.ptr == NULL) {
        return text;
    }
    text.len = text.len > max ? max : text.len;
    return arena_slice(&r->texts, text);
}

int64_t report_begin_us(const struct report *r)
{
    return r->since_us > r->first_us || r->is_before ? r->since_us : r->first_us;
}

void report_add_seq(struct seqs *list, uint64_t seq)
{
    if (list->num < REPORT_SEQS_MAX) {
        list->first[list->num] = seq;
    }
    list->num++;
}

void report_copy(char *to, size_t room, struct slice text)
{
    const size_t len = text.len < room ? text.len : room - 1;
    if (len > 0) {
        memcpy(to, text.ptr, len);
    }
    to[len] = '\0';
}
