/* cert_table.c - see cert_table.h. */
#include "broker/reconcile/cert_table.h"

#include <openssl/rand.h>
#include <stdlib.h>

#define FIRST_ROOM ((size_t)1024)

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t hash(const struct cert_table *t, const struct serial *s)
{
    uint64_t a = 0;
    uint64_t b = 0;
    uint32_t c = 0;
    memcpy(&a, s->bytes, sizeof(a));
    memcpy(&b, s->bytes + 8, sizeof(b));
    memcpy(&c, s->bytes + 16, sizeof(c));
    return mix(mix(mix(a ^ t->seed) + b) + c);
}

enum cb_code cert_table_init(struct cert_table *t, struct cb_err *err)
{
    *t = (struct cert_table){.num_places = 2 * FIRST_ROOM, .room = FIRST_ROOM, .num_akis = 1};
    t->certs = calloc(t->room, sizeof(*t->certs));
    t->places = calloc(t->num_places, sizeof(*t->places));
    t->akis = calloc(TABLE_AKIS_MAX, sizeof(*t->akis));
    if (t->certs == NULL || t->places == NULL || t->akis == NULL ||
        RAND_bytes((unsigned char *)&t->seed, sizeof(t->seed)) != 1) {
        cert_table_free(t);
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    return CB_OK;
}

void cert_table_free(struct cert_table *t)
{
    free(t->certs);
    free(t->places);
    free(t->akis);
    *t = (struct cert_table){0};
}

static bool akis_agree(const char *a, const char *b)
{
    return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

/* slot_of - where it is, or the free place where it would be. */
static size_t slot_of(const struct cert_table *t, const struct serial *serial, const char *aki)
{
    size_t at = hash(t, serial) & (t->num_places - 1);
    while (t->places[at] != 0) {
        const struct log_cert *cert = &t->certs[t->places[at] - 1];
        if (memcmp(cert->serial.bytes, serial->bytes, SERIAL_BYTES) == 0 &&
            akis_agree(cert_table_aki(t, cert), aki)) {
            break;
        }
        at = (at + 1) & (t->num_places - 1);
    }
    return at;
}

struct log_cert *cert_table_find(const struct cert_table *t, const struct serial *serial,
                                 const char *aki)
{
    const uint32_t place = t->places[slot_of(t, serial, aki)];
    return place == 0 ? NULL : &t->certs[place - 1];
}

static enum cb_code grow(struct cert_table *t, struct cb_err *err)
{
    const size_t room = 2 * t->room;
    struct log_cert *certs = realloc(t->certs, room * sizeof(*certs));
    if (certs == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory for %zu certificates", room);
    }
    t->certs = certs;
    t->room = room;
    uint32_t *places = calloc(2 * room, sizeof(*places));
    if (places == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory for %zu certificates", room);
    }
    free(t->places);
    t->places = places;
    t->num_places = 2 * room;
    for (size_t i = 0; i < t->num; i++) {
        /* No two of them are alike, so the first free place is the right one. */
        size_t at = hash(t, &t->certs[i].serial) & (t->num_places - 1);
        while (t->places[at] != 0) {
            at = (at + 1) & (t->num_places - 1);
        }
        t->places[at] = (uint32_t)i + 1;
    }
    return CB_OK;
}

static enum cb_code aki_number(struct cert_table *t, const char *aki, uint16_t *ret,
                               struct cb_err *err)
{
    size_t i = 0;
    while (i < t->num_akis && strcmp(t->akis[i], aki) != 0) {
        i++;
    }
    if (i == TABLE_AKIS_MAX) {
        return cb_fail(err, CB_ELIMIT, "the log names more than %u keys of CAs", TABLE_AKIS_MAX);
    }
    if (i == t->num_akis) {
        memcpy(t->akis[i], aki, strlen(aki) + 1);
        t->num_akis++;
    }
    *ret = (uint16_t)i;
    return CB_OK;
}

enum cb_code cert_table_add(struct cert_table *t, const struct serial *serial, const char *aki,
                            struct log_cert **ret, struct cb_err *err)
{
    uint16_t number = 0;
    TRY(aki_number(t, aki, &number, err));
    struct log_cert *found = cert_table_find(t, serial, aki);
    if (found != NULL) {
        found->aki = found->aki == 0 ? number : found->aki;
        *ret = found;
        return CB_OK;
    }
    if (t->num == RECONCILE_CERTS_MAX) {
        return cb_fail(err, CB_ELIMIT,
                       "the log names more than %u certificates: take a shorter time, --since",
                       RECONCILE_CERTS_MAX);
    }
    if (t->num == t->room) {
        TRY(grow(t, err));
    }
    const size_t at = slot_of(t, serial, aki);
    struct log_cert *cert = &t->certs[t->num];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room, see init and grow */
    *cert =
        (struct log_cert){.serial = *serial, .aki = number, .seq = UINT64_MAX, .ref = UINT64_MAX};
    t->num++;
    t->places[at] = (uint32_t)t->num;
    *ret = cert;
    return CB_OK;
}
