/* query_match.c - see query.h: does a row fit? */
#include "broker/base/clock.h"
#include "broker/review/query.h"

#include <arpa/inet.h>

/* ---- one text ---- */

/* address_of - "10.0.0.1:443", "[2001:db8::1]:443", or without a port. IPv4 in IPv6 dress counts as IPv4,
 * where it is written with dots. */
static unsigned char address_of(struct slice peer, unsigned char ret[16])
{
    char text[INET6_ADDRSTRLEN] = "";
    const bool bracketed = peer.len > 0 && peer.ptr[0] == '[';
    struct slice host = bracketed ? slice_from(peer, 1) : peer;
    const size_t colon = slice_find(host, ':');
    if (bracketed) {
        host.len = slice_find(host, ']');
    } else if (colon < host.len && !slice_has_byte(slice_from(host, colon + 1), ':')) {
        host.len = colon;
    }
    if (slice_has_prefix(host, SLICE("::ffff:")) && slice_has_byte(host, '.')) {
        host = slice_from(host, 7);
    }
    if (host.len >= sizeof(text)) {
        return 0;
    }
    memcpy(text, host.ptr, host.len);
    if (inet_pton(AF_INET, text, ret) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, text, ret) == 1 ? 16 : 0;
}

static bool is_in_net(const struct query_term *t, struct slice peer)
{
    unsigned char address[16] = {0};
    if (address_of(peer, address) != t->net_len) {
        return false;
    }
    const size_t whole = t->net_bits / 8;
    const unsigned rest = t->net_bits % 8;
    if (memcmp(address, t->net, whole) != 0) {
        return false;
    }
    const unsigned mask = rest == 0 ? 0 : 0xffU << (8 - rest) & 0xffU;
    return mask == 0 || ((address[whole] ^ t->net[whole]) & mask) == 0;
}

static struct slice without_zeros(struct slice serial)
{
    while (serial.len > 1 && serial.ptr[0] == '0') {
        serial = slice_from(serial, 1);
    }
    return serial;
}

static bool fits_spelling(const struct query_term *t, struct slice wanted, struct slice text)
{
    switch (t->shape) {
    case SHAPE_EXACT:
        if (t->field->kind == KIND_SERIAL) {
            return slice_eq(wanted, without_zeros(text));
        }
        return slice_eq(wanted, text) ||
               (t->field->kind == KIND_CLIENT && text.len > wanted.len &&
                slice_has_prefix(text, wanted) && text.ptr[wanted.len] == ':');
    case SHAPE_BEGINS:
        return slice_has_prefix(text, wanted);
    case SHAPE_GLOB:
        return query_glob(wanted, text, t->any_case ? GLOB_ANY_CASE : GLOB_EXACT_CASE);
    case SHAPE_NET:
    case SHAPE_NUMBER:
        break;
    }
    return false;
}

/* fits_text - does it fit what the term names, whether that is wanted or not? */
static bool fits_text(const void *ctx, struct slice text)
{
    const struct query_term *t = ctx;
    if (t->shape == SHAPE_NET) {
        return is_in_net(t, text);
    }
    for (size_t i = 0; i < t->num_spelled; i++) {
        if (fits_spelling(t, t->spelled[i], text)) {
            return true;
        }
    }
    return false;
}

/* ---- numbers and times ---- */

static bool fits_number(const struct query_term *t, uint64_t number)
{
    switch (t->op) {
    case OP_IS:
    case OP_IS_NOT:
        return t->beyond != 0 ? number >= t->number && number < t->beyond : number == t->number;
    case OP_BELOW:
        return number < t->number;
    case OP_AT_MOST:
        return number <= t->number;
    case OP_ABOVE:
        return number > t->number;
    case OP_AT_LEAST:
        return number >= t->number;
    case OP_HAS:
    case OP_HAS_NOT:
        break;
    }
    return false;
}

static bool fits_date(const void *ctx, struct slice text)
{
    int64_t us = 0;
    return time_parse(text, &us) && us >= 0 && fits_number(ctx, (uint64_t)us);
}

/* ---- one term, all terms ---- */

static bool fits_record(const struct query_term *t, const struct review_record *r)
{
    uint64_t number = 0;
    switch (t->field->kind) {
    case KIND_TYPE:
        return fits_text(t, slice_of(audit_type_word(r->line.type)));
    case KIND_NUMBER:
        number = review_field_number(t->field, r);
        return number != UINT64_MAX && fits_number(t, number);
    case KIND_DATE:
        return t->shape == SHAPE_NUMBER ? review_field_any(t->field, &r->event, fits_date, t)
                                        : review_field_any(t->field, &r->event, fits_text, t);
    case KIND_TEXT:
    case KIND_CLIENT:
    case KIND_NAME:
    case KIND_WORD:
    case KIND_WORDS:
    case KIND_ANY_CASE:
    case KIND_HEX:
    case KIND_SERIAL:
    case KIND_PEER:
        return review_field_any(t->field, &r->event, fits_text, t);
    case KIND_RESULT:
    case KIND_TIME:
        break;
    }
    return false;
}

/* fits_row - the same for a row: what it became, and when, is one for both records. */
static bool fits_row(const struct query_term *t, const struct review_row *row)
{
    if (t->field->kind == KIND_RESULT) {
        return fits_text(t, slice_of(row_result_word(row)));
    }
    if (t->field->kind == KIND_TIME) {
        return fits_number(t, review_field_number(t->field, row_last(row)));
    }
    for (size_t i = 0; i < row->num; i++) {
        if (fits_record(t, &row->records[i])) {
            return true;
        }
    }
    return false;
}

/* another_fits - one of the other terms that say FIELD=VALUE of the same field. */
static bool another_fits(const struct query *q, const struct query_term *t,
                         const struct review_row *row)
{
    for (size_t i = 0; i < q->num; i++) {
        if (&q->terms[i] != t && q->terms[i].op == OP_IS && q->terms[i].field == t->field &&
            fits_row(&q->terms[i], row)) {
            return true;
        }
    }
    return false;
}

bool query_matches(const struct query *q, const struct review_row *row)
{
    for (size_t i = 0; i < q->num; i++) {
        const struct query_term *t = &q->terms[i];
        const bool wanted = t->op != OP_IS_NOT && t->op != OP_HAS_NOT;
        const bool fits = fits_row(t, row);
        if (fits != wanted && !(t->op == OP_IS && another_fits(q, t, row))) {
            return false;
        }
    }
    return true;
}

bool query_asks_for(const struct query *q, const char *field)
{
    for (size_t i = 0; i < q->num; i++) {
        if (strcmp(q->terms[i].field->name, field) == 0) {
            return true;
        }
    }
    return false;
}
