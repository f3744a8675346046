/* digest.h - the digest algorithms a request needs, looked up once: in OpenSSL 3.0 finding one by
 * its name costs more than hashing a certificate with it. */
#ifndef BROKER_REQUEST_DIGEST_H
#define BROKER_REQUEST_DIGEST_H

#include <openssl/evp.h>

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };
#define DIGEST_ALGORITHM_COUNT 3

/* digest_md - the algorithm, for the whole life of the process; NULL: this OpenSSL does not have
 * it (MD5 where only FIPS algorithms are allowed). Any thread. */
const EVP_MD *digest_md(enum digest_algorithm algorithm);

#endif
