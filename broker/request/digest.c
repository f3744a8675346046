/* digest.c - see digest.h. Nothing is hashed here. */
#include "broker/request/digest.h"

#include <openssl/err.h>
#include <pthread.h>

static const EVP_MD *fetched[DIGEST_ALGORITHM_COUNT];

static void fetch_all(void)
{
    static const char *const names[DIGEST_ALGORITHM_COUNT] = {
        [DIGEST_MD5] = "MD5", [DIGEST_SHA1] = "SHA1", [DIGEST_SHA256] = "SHA256"};
    for (size_t i = 0; i < DIGEST_ALGORITHM_COUNT; i++) {
        fetched[i] = EVP_MD_fetch(NULL, names[i], NULL);
    }
    ERR_clear_error();
}

const EVP_MD *digest_md(enum digest_algorithm algorithm)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch_all);
    return fetched[algorithm];
}
