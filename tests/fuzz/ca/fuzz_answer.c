/* fuzz_answer.c - any bytes as the CA's answer: no crash, and a verdict that its fields bear out. */
#include "broker/ca/answer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    ca_answer_setup();
    return 0;
}

/* The first byte chooses the endpoint, the second the HTTP status. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum ca_endpoint endpoints[] = {CA_NEWCERT, CA_REVOKE, CA_INFO, CA_HEALTH,
                                               CA_CERTINFO};
    static const long status[8] = {200, 400, 403, 404, 500, 502, 503, 301};
    struct arena arena;
    struct ca_answer got;
    if (size < 2) {
        return 0;
    }
    const enum ca_endpoint endpoint = endpoints[data[0] % 5];
    const struct slice body = {(const char *)data + 2, size - 2};
    arena_init_secret(&arena, 1U << 20);
    ca_answer_read(endpoint, status[data[1] % 8], body, &arena, &got);
    CB_CHECK(got.message.len <= 200 && utf8_valid(got.message));
    if (got.verdict == CA_DONE) {
        CB_CHECK(data[1] % 8 == 0);
        CB_CHECK(endpoint != CA_NEWCERT || (got.certificate.len > 0 && got.private_key.len > 0));
        CB_CHECK(endpoint != CA_INFO || got.expiry.len > 0);
    }
    arena_free(&arena);
    return 0;
}
