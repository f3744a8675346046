/* fuzz_row.c - any bytes as the fields of a row: no crash, and what is read is what was written. */
#include "broker/reconcile/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice text = {(const char *)data, size};
    struct serial serial;
    char hex[41];
    char dec[50];
    char aki[65];
    int64_t us = 0;
    if (serial_from_dec(text, &serial)) {
        serial_to_dec(&serial, dec);
        CB_CHECK(slice_eq_str(text, dec));
    }
    if (serial_from_hex(text, &serial)) {
        struct serial again;
        serial_to_hex(&serial, hex);
        CB_CHECK(serial_from_hex(slice_of(hex), &again) &&
                 memcmp(serial.bytes, again.bytes, SERIAL_BYTES) == 0);
    }
    if (db_time(text, &us)) {
        CB_CHECK(us > 0);
    }
    if (aki_text(text, aki)) {
        CB_CHECK(strlen(aki) <= 64);
    }
    (void)revoke_code_word(text);
    return 0;
}
