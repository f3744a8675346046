/* ask_digest.c - one digest for each different ask, the same one for equal asks: what tells a
 * retry from another request under the same Idempotency-Key.
 *
 * Every field goes in with its length in front, so no two asks can run together into the same
 * bytes. Changing the order or set of fields changes every digest: then change the first word. */
#include "broker/request/digest.h"
#include "broker/request/parse.h"

static void add_u64(EVP_MD_CTX *md, uint64_t value)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(value >> (56 - 8 * i));
    }
    CB_CHECK(EVP_DigestUpdate(md, bytes, sizeof(bytes)) == 1);
}

static void add_text(EVP_MD_CTX *md, struct slice text)
{
    /* Absent and empty differ. */
    add_u64(md, text.ptr == NULL ? UINT64_MAX : text.len);
    if (text.len > 0) {
        CB_CHECK(EVP_DigestUpdate(md, text.ptr, text.len) == 1);
    }
}

static void add_ask(EVP_MD_CTX *md, const struct policy_ask *ask)
{
    /* Who asks for itself has the digests that it had before one could ask for others. */
    if (ask->on_behalf_of.ptr == NULL) {
        add_text(md, SLICE("certbroker-ask-1"));
    } else {
        add_text(md, SLICE("certbroker-ask-2"));
        add_text(md, ask->on_behalf_of);
    }
    add_u64(md, ask->action);
    add_text(md, ask->profile);
    add_u64(md, ask->key_algo);
    add_u64(md, ask->key_bits);
    add_text(md, ask->common_name);
    add_u64(md, ask->num_subject);
    for (size_t i = 0; i < ask->num_subject; i++) {
        add_u64(md, ask->subject[i].type);
        add_text(md, ask->subject[i].value);
    }
    add_u64(md, ask->num_names);
    for (size_t i = 0; i < ask->num_names; i++) {
        add_u64(md, ask->names[i].kind);
        add_text(md, ask->names[i].text);
    }
    add_u64(md, ask->relation);
}

void ask_digest(const struct policy_ask *ask, char out[SHA256_HEX_LEN + 1])
{
    /* SHA-256 fails only when memory does; going on without a digest would make different asks
     * look alike. */
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    CB_CHECK(md != NULL && EVP_DigestInit_ex2(md, digest_md(DIGEST_SHA256), NULL) == 1);
    add_ask(md, ask);
    unsigned char digest[SHA256_LEN];
    unsigned len = 0;
    CB_CHECK(EVP_DigestFinal_ex(md, digest, &len) == 1 && len == sizeof(digest));
    EVP_MD_CTX_free(md);
    hex_encode(digest, sizeof(digest), out);
}
