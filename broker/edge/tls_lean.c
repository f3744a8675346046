/* tls_lean.c - see tls_lean.h.
 *
 * How: a built-in provider that hands out the default provider's dispatch table with one entry
 * replaced, the question "which algorithms do you have?". The default provider itself sits in a
 * second library context, whose provider context the algorithms get. Only public interfaces are
 * used (provider(7), provider-base(7)). */
#include "broker/edge/tls_lean.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>

#include "broker/base/bytes.h"

#define LEAN_NAME "certbroker-tls"
#define LEAN_ROWS_MAX 16
#define DISPATCH_ROWS_MAX 16

/* What is kept of each operation, by first name. An operation without a list here is kept whole
 * (random numbers), or is empty when its list is. The provider's own inner needs (the cipher of a
 * DRBG, the digest inside Ed448) come from the full context and need no mention. */
struct kept {
    int operation;
    const char *names[LEAN_ROWS_MAX + 1];
};

static const struct kept kept[] = {
    {OSSL_OP_DIGEST, {"SHA1", "SHA2-256", "SHA2-384", "SHA2-512"}}, /* SHA1: certificate hashes */
    {OSSL_OP_CIPHER, {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"}},
    {OSSL_OP_MAC, {"HMAC"}},
    {OSSL_OP_KDF, {"HKDF", "TLS13-KDF", "TLS1-PRF"}},
    {OSSL_OP_KEYMGMT, {"EC", "RSA", "RSA-PSS", "X25519", "ED25519", "ED448"}},
    {OSSL_OP_KEYEXCH, {"ECDH", "X25519"}},
    {OSSL_OP_SIGNATURE, {"ECDSA", "RSA", "ED25519", "ED448"}},
    {OSSL_OP_DECODER, {"EC", "RSA", "RSA-PSS", "ED25519", "ED448"}},
    {OSSL_OP_ASYM_CIPHER, {NULL}},
    {OSSL_OP_KEM, {NULL}},
    {OSSL_OP_ENCODER, {NULL}},
    {OSSL_OP_STORE, {NULL}},
};

/* The filtered lists and the changed dispatch table are the same for every context: made once. */
static OSSL_ALGORITHM lean_lists[sizeof(kept) / sizeof(kept[0])][LEAN_ROWS_MAX + 1];
static OSSL_DISPATCH lean_dispatch[DISPATCH_ROWS_MAX + 1];
static OSSL_FUNC_provider_query_operation_fn *full_query;
static bool is_made;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static bool is_kept(const struct kept *k, const OSSL_ALGORITHM *a)
{
    const char *colon = strchr(a->algorithm_names, ':');
    const struct slice first = {a->algorithm_names, colon == NULL
                                                        ? strlen(a->algorithm_names)
                                                        : (size_t)(colon - a->algorithm_names)};
    /* Of the decoders: public keys, in the form in which certificates hold them. */
    if (k->operation == OSSL_OP_DECODER &&
        (strstr(a->property_definition, "input=der") == NULL ||
         strstr(a->property_definition, "structure=SubjectPublicKeyInfo") == NULL)) {
        return false;
    }
    for (size_t i = 0; k->names[i] != NULL; i++) {
        if (slice_eq_nocase(first, slice_of(k->names[i]))) {
            return true;
        }
    }
    return false;
}

static void filter(const struct kept *k, const OSSL_ALGORITHM *all, OSSL_ALGORITHM *out)
{
    size_t num = 0;
    for (; all != NULL && all->algorithm_names != NULL && num < LEAN_ROWS_MAX; all++) {
        if (is_kept(k, all)) {
            out[num++] = *all;
        }
    }
}

static const OSSL_ALGORITHM *lean_query(void *provctx, int operation, int *no_cache)
{
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (kept[i].operation == operation) {
            *no_cache = 0;
            return lean_lists[i];
        }
    }
    /* cppcheck-suppress CastIntegerToAddressAtReturn ; it does not see the function's type */
    return full_query(provctx, operation, no_cache);
}

/* lean_teardown - the provider context belongs to the provider in the other context. */
static void lean_teardown(void *provctx)
{
    (void)provctx;
}

static void make_dispatch(const OSSL_DISPATCH *full)
{
    size_t num = 0;
    for (; full->function_id != 0 && num < DISPATCH_ROWS_MAX; full++) {
        OSSL_DISPATCH row = *full;
        if (row.function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
            full_query = OSSL_FUNC_provider_query_operation(full);
            row.function = (void (*)(void))lean_query;
        } else if (row.function_id == OSSL_FUNC_PROVIDER_TEARDOWN) {
            row.function = (void (*)(void))lean_teardown;
        }
        lean_dispatch[num++] = row;
    }
}

static bool make_tables(const OSSL_PROVIDER *full)
{
    int no_cache = 0;
    (void)pthread_mutex_lock(&making);
    if (!is_made) {
        make_dispatch(OSSL_PROVIDER_get0_dispatch(full));
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
            const int operation = kept[i].operation;
            filter(&kept[i], OSSL_PROVIDER_query_operation(full, operation, &no_cache),
                   lean_lists[i]);
        }
        is_made = full_query != NULL;
    }
    (void)pthread_mutex_unlock(&making);
    return is_made;
}

/* What lean_init needs to know: OpenSSL calls it within OSSL_PROVIDER_load, on the same thread,
 * and offers no argument to pass. */
static _Thread_local OSSL_PROVIDER *loading;

static int lean_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                     const OSSL_DISPATCH **out, void **provctx)
{
    (void)handle;
    (void)in;
    if (loading == NULL || !make_tables(loading)) {
        return 0;
    }
    *out = lean_dispatch;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(loading);
    return 1;
}

bool tls_lean_open(struct tls_lean *l)
{
    *l = (struct tls_lean){.full = OSSL_LIB_CTX_new(), .lean = OSSL_LIB_CTX_new()};
    if (l->full == NULL || l->lean == NULL ||
        OSSL_PROVIDER_add_builtin(l->lean, LEAN_NAME, lean_init) != 1) {
        return false;
    }
    l->full_provider = OSSL_PROVIDER_load(l->full, "default");
    if (l->full_provider == NULL) {
        return false;
    }
    loading = l->full_provider;
    l->lean_provider = OSSL_PROVIDER_load(l->lean, LEAN_NAME);
    loading = NULL;
    return l->lean_provider != NULL;
}

void tls_lean_close(struct tls_lean *l)
{
    if (l->lean_provider != NULL) {
        (void)OSSL_PROVIDER_unload(l->lean_provider);
    }
    OSSL_LIB_CTX_free(l->lean);
    if (l->full_provider != NULL) {
        (void)OSSL_PROVIDER_unload(l->full_provider);
    }
    OSSL_LIB_CTX_free(l->full);
    *l = (struct tls_lean){.full = NULL};
}

EVP_PKEY *tls_lean_key(const struct tls_lean *l, EVP_PKEY *key)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY *copy = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(l->lean, EVP_PKEY_get0_type_name(key), NULL);
    if (ctx == NULL || EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) != 1 ||
        EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &copy, EVP_PKEY_KEYPAIR, params) != 1) {
        copy = NULL;
    }
    OSSL_PARAM_free(params); /* wipes the private parts */
    EVP_PKEY_CTX_free(ctx);
    return copy;
}
