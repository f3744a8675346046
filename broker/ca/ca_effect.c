/* ca_effect.c - what each way in which libcurl can fail says about the CA: can it have received the
 * request or not? One table over every code of libcurl 7.88, and nothing else.
 *
 * A code alone never proves that something was not sent, since libcurl may have tried before: only
 * together with "no byte of the request was handed to the connection" it does. Codes that speak of
 * an answer, of other protocols, or of nothing known are taken for the worst. */
#include "broker/ca/ca.h"

#include <curl/curl.h>

enum class {
    WORST = 0, /* may have been received, whatever else we know */
    IF_SENT,   /* may have been received if any byte was sent */
    ANSWER,
};

static const struct {
    const char *stage;
    enum class class;
} table[CURL_LAST] = {
    [CURLE_OK] = {"done", ANSWER},
    [CURLE_UNSUPPORTED_PROTOCOL] = {"setup", IF_SENT}, /* also an answer in HTTP/0.9 */
    [CURLE_FAILED_INIT] = {"setup", IF_SENT},
    [CURLE_URL_MALFORMAT] = {"setup", IF_SENT},
    [CURLE_NOT_BUILT_IN] = {"setup", IF_SENT},
    [CURLE_COULDNT_RESOLVE_PROXY] = {"resolve", IF_SENT},
    [CURLE_COULDNT_RESOLVE_HOST] = {"resolve", IF_SENT},
    [CURLE_COULDNT_CONNECT] = {"connect", IF_SENT},
    [CURLE_WEIRD_SERVER_REPLY] = {"receive", WORST},
    [CURLE_REMOTE_ACCESS_DENIED] = {"internal", WORST},
    [CURLE_FTP_ACCEPT_FAILED] = {"internal", WORST},
    [CURLE_FTP_WEIRD_PASS_REPLY] = {"internal", WORST},
    [CURLE_FTP_ACCEPT_TIMEOUT] = {"internal", WORST},
    [CURLE_FTP_WEIRD_PASV_REPLY] = {"internal", WORST},
    [CURLE_FTP_WEIRD_227_FORMAT] = {"internal", WORST},
    [CURLE_FTP_CANT_GET_HOST] = {"internal", WORST},
    [CURLE_HTTP2] = {"receive", WORST},
    [CURLE_FTP_COULDNT_SET_TYPE] = {"internal", WORST},
    [CURLE_PARTIAL_FILE] = {"receive", WORST},
    [CURLE_FTP_COULDNT_RETR_FILE] = {"internal", WORST},
    [CURLE_OBSOLETE20] = {"internal", WORST},
    [CURLE_QUOTE_ERROR] = {"internal", WORST},
    [CURLE_HTTP_RETURNED_ERROR] = {"receive", WORST},
    [CURLE_WRITE_ERROR] = {"receive", WORST},
    [CURLE_OBSOLETE24] = {"internal", WORST},
    [CURLE_UPLOAD_FAILED] = {"send", WORST},
    [CURLE_READ_ERROR] = {"send", WORST},
    [CURLE_OUT_OF_MEMORY] = {"setup", IF_SENT},
    [CURLE_OPERATION_TIMEDOUT] = {"timeout", IF_SENT},
    [CURLE_OBSOLETE29] = {"internal", WORST},
    [CURLE_FTP_PORT_FAILED] = {"internal", WORST},
    [CURLE_FTP_COULDNT_USE_REST] = {"internal", WORST},
    [CURLE_OBSOLETE32] = {"internal", WORST},
    [CURLE_RANGE_ERROR] = {"receive", WORST},
    [CURLE_HTTP_POST_ERROR] = {"send", WORST},
    [CURLE_SSL_CONNECT_ERROR] = {"tls", IF_SENT},
    [CURLE_BAD_DOWNLOAD_RESUME] = {"receive", WORST},
    [CURLE_FILE_COULDNT_READ_FILE] = {"internal", WORST},
    [CURLE_LDAP_CANNOT_BIND] = {"internal", WORST},
    [CURLE_LDAP_SEARCH_FAILED] = {"internal", WORST},
    [CURLE_OBSOLETE40] = {"internal", WORST},
    [CURLE_FUNCTION_NOT_FOUND] = {"setup", IF_SENT},
    [CURLE_ABORTED_BY_CALLBACK] = {"send", IF_SENT},
    [CURLE_BAD_FUNCTION_ARGUMENT] = {"setup", IF_SENT},
    [CURLE_OBSOLETE44] = {"internal", WORST},
    [CURLE_INTERFACE_FAILED] = {"connect", IF_SENT},
    [CURLE_OBSOLETE46] = {"internal", WORST},
    [CURLE_TOO_MANY_REDIRECTS] = {"receive", WORST},
    [CURLE_UNKNOWN_OPTION] = {"setup", IF_SENT},
    [CURLE_SETOPT_OPTION_SYNTAX] = {"setup", IF_SENT},
    [CURLE_OBSOLETE50] = {"internal", WORST},
    [CURLE_OBSOLETE51] = {"internal", WORST},
    [CURLE_GOT_NOTHING] = {"receive", WORST},
    [CURLE_SSL_ENGINE_NOTFOUND] = {"tls", IF_SENT},
    [CURLE_SSL_ENGINE_SETFAILED] = {"tls", IF_SENT},
    [CURLE_SEND_ERROR] = {"send", IF_SENT},
    [CURLE_RECV_ERROR] = {"receive", IF_SENT},
    [CURLE_OBSOLETE57] = {"internal", WORST},
    [CURLE_SSL_CERTPROBLEM] = {"tls", IF_SENT},
    [CURLE_SSL_CIPHER] = {"tls", IF_SENT},
    [CURLE_PEER_FAILED_VERIFICATION] = {"tls", IF_SENT},
    [CURLE_BAD_CONTENT_ENCODING] = {"receive", WORST},
    [CURLE_OBSOLETE62] = {"internal", WORST},
    [CURLE_FILESIZE_EXCEEDED] = {"limit", WORST},
    [CURLE_USE_SSL_FAILED] = {"tls", IF_SENT},
    /* A pooled connection died under a request: libcurl wanted to send it again and could not,
     * because the body can't be rewound (see ca.c). The CA may have the first copy. */
    [CURLE_SEND_FAIL_REWIND] = {"send", WORST},
    [CURLE_SSL_ENGINE_INITFAILED] = {"tls", IF_SENT},
    [CURLE_LOGIN_DENIED] = {"internal", WORST},
    [CURLE_TFTP_NOTFOUND] = {"internal", WORST},
    [CURLE_TFTP_PERM] = {"internal", WORST},
    [CURLE_REMOTE_DISK_FULL] = {"internal", WORST},
    [CURLE_TFTP_ILLEGAL] = {"internal", WORST},
    [CURLE_TFTP_UNKNOWNID] = {"internal", WORST},
    [CURLE_REMOTE_FILE_EXISTS] = {"internal", WORST},
    [CURLE_TFTP_NOSUCHUSER] = {"internal", WORST},
    [CURLE_OBSOLETE75] = {"internal", WORST},
    [CURLE_OBSOLETE76] = {"internal", WORST},
    [CURLE_SSL_CACERT_BADFILE] = {"tls", IF_SENT},
    [CURLE_REMOTE_FILE_NOT_FOUND] = {"internal", WORST},
    [CURLE_SSH] = {"internal", WORST},
    [CURLE_SSL_SHUTDOWN_FAILED] = {"tls", WORST},
    [CURLE_AGAIN] = {"internal", WORST},
    [CURLE_SSL_CRL_BADFILE] = {"tls", IF_SENT},
    [CURLE_SSL_ISSUER_ERROR] = {"tls", IF_SENT},
    [CURLE_FTP_PRET_FAILED] = {"internal", WORST},
    [CURLE_RTSP_CSEQ_ERROR] = {"internal", WORST},
    [CURLE_RTSP_SESSION_ERROR] = {"internal", WORST},
    [CURLE_FTP_BAD_FILE_LIST] = {"internal", WORST},
    [CURLE_CHUNK_FAILED] = {"internal", WORST},
    [CURLE_NO_CONNECTION_AVAILABLE] = {"connect", IF_SENT},
    [CURLE_SSL_PINNEDPUBKEYNOTMATCH] = {"tls", IF_SENT},
    [CURLE_SSL_INVALIDCERTSTATUS] = {"tls", IF_SENT},
    [CURLE_HTTP2_STREAM] = {"receive", WORST},
    [CURLE_RECURSIVE_API_CALL] = {"internal", IF_SENT},
    [CURLE_AUTH_ERROR] = {"internal", WORST},
    [CURLE_HTTP3] = {"receive", WORST},
    [CURLE_QUIC_CONNECT_ERROR] = {"connect", WORST},
    [CURLE_PROXY] = {"connect", IF_SENT},
    [CURLE_SSL_CLIENTCERT] = {"tls", IF_SENT},
    [CURLE_UNRECOVERABLE_POLL] = {"internal", WORST},
};

enum ca_effect ca_effect_of(int curl_code, bool bytes_sent, const char **ret_stage)
{
    const bool known = curl_code >= 0 && curl_code < CURL_LAST && table[curl_code].stage != NULL;
    *ret_stage = known ? table[curl_code].stage : "internal";
    switch (known ? table[curl_code].class : WORST) {
    case ANSWER:
        return CA_ANSWERED;
    case IF_SENT:
        return bytes_sent ? CA_UNKNOWN : CA_NOT_SENT;
    case WORST:
        break;
    }
    return CA_UNKNOWN;
}
