/* ca_settings.c - are the settings for the way to the CA usable? Asked once, in ca_new. */
#include "broker/ca/ca_call.h"

static bool is_host_char(char c)
{
    return ascii_is_alnum(c) || slice_has_byte(SLICE(".-:[]"), c);
}

/* check_url - scheme://host[:port] and nothing else: no path, user, query or percent sign. */
static enum cb_code check_url(const char *url, bool *ret_https, struct cb_err *err)
{
    struct slice rest = slice_of(url);
    *ret_https = slice_has_prefix(rest, SLICE("https://"));
    const size_t scheme = *ret_https ? 8 : 7;
    if (!*ret_https && !slice_has_prefix(rest, SLICE("http://"))) {
        return cb_fail(err, CB_EINPUT, "the CA's URL must begin with https:// or http://");
    }
    rest = (struct slice){rest.ptr + scheme, rest.len - scheme};
    bool good = rest.len > 0 && rest.len <= URL_HOST_MAX;
    for (size_t i = 0; good && i < rest.len; i++) {
        good = is_host_char(rest.ptr[i]);
    }
    CURLU *parts = curl_url();
    good = good && parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(parts);
    return good
               ? CB_OK
               : cb_fail(err, CB_EINPUT,
                         "the CA's URL must be scheme://host:port without a path or anything else");
}

/* check_pin - "sha256//" and the base64 of 32 bytes, or none. */
static enum cb_code check_pin(const char *pin, struct cb_err *err)
{
    const struct slice s = slice_of(pin);
    bool good = s.ptr == NULL || (s.len == 8 + 44 && slice_has_prefix(s, SLICE("sha256//")) &&
                                  s.ptr[s.len - 1] == '=');
    for (size_t i = 8; good && s.ptr != NULL && i < s.len - 1; i++) {
        good = ascii_is_alnum(s.ptr[i]) || s.ptr[i] == '+' || s.ptr[i] == '/';
    }
    return good ? CB_OK
                : cb_fail(err, CB_EINPUT,
                          "the CA's pin must be sha256// and 44 characters of base64");
}

enum cb_code ca_settings_check(const struct ca_settings *s, struct cb_err *err)
{
    bool any_https = false;
    if (s->num_upstreams == 0 || s->num_upstreams > CA_UPSTREAM_MAX) {
        return cb_fail(err, CB_EINPUT, "1 to %d URLs of the CA are needed", CA_UPSTREAM_MAX);
    }
    for (size_t i = 0; i < s->num_upstreams; i++) {
        bool https = false;
        TRY(check_url(s->upstreams[i].url, &https, err));
        any_https = any_https || https;
    }
    if (any_https && s->tls_ca == NULL) {
        return cb_fail(err, CB_EINPUT, "https to the CA needs the certificate of its issuer");
    }
    if (s->connect_timeout_ms == 0 || s->timeout_ms == 0 || s->max_answer_bytes == 0 ||
        s->max_answer_head_bytes == 0) {
        return cb_fail(err, CB_EINPUT, "the CA's timeouts and size limits can't be 0");
    }
    return check_pin(s->tls_pin, err);
}
