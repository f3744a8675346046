/* fuzz_json_scan.c - any bytes: no crash, and whatever is accepted keeps what json_scan.h promises
 * about its bytes. */
#include "broker/base/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_caps caps = {8, 64, 128, 4096, 65536};
    const struct slice text = {(const char *)data, size};
    struct cb_err err = {0};
    if (json_scan(text, &caps, &err) == CB_OK) {
        CB_CHECK(size > 0 && utf8_valid(text) && !slice_has_byte(text, '\0'));
    } else {
        CB_CHECK(utf8_valid(slice_of(err.msg)) && err.msg[0] != '\0');
    }
    return 0;
}
