/* version.c - `certbroker version`, and the libraries we refuse to start with. */
#include "broker/commands/version.h"

#include "broker/commands/commands.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <sqlite3.h>
#include <stdio.h>
#include <yaml.h>

/* libcurl from 7.88 on has the error code and the options the CA client relies on. */
#define CURL_OLDEST 0x075800
#define OPENSSL_OLDEST 0x30000000UL

enum cb_code version_check_libraries(struct cb_err *err)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    if (curl->version_num < CURL_OLDEST) {
        return cb_fail(err, CB_EINPUT, "libcurl %s is too old: 7.88.0 or newer is needed",
                       curl->version);
    }
    if (OpenSSL_version_num() < OPENSSL_OLDEST) {
        return cb_fail(err, CB_EINPUT, "%s is too old: OpenSSL 3.0 or newer is needed",
                       OpenSSL_version(OPENSSL_VERSION));
    }
    if (event_get_version_number() < 0x02010c00) {
        return cb_fail(err, CB_EINPUT, "libevent %s is too old: 2.1.12 or newer is needed",
                       event_get_version());
    }
    return CB_OK;
}

static int print_versions(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    (void)args;
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    (void)printf("certbroker %s\n", CERTBROKER_VERSION);
    (void)printf("libevent %s\n", event_get_version());
    (void)printf("libcurl %s (%s)\n", curl->version, curl->ssl_version);
    (void)printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    (void)printf("SQLite %s\n", sqlite3_libversion());
    (void)printf("libyaml %s\n", yaml_get_version_string());
    (void)printf("cJSON %s\n", cJSON_Version());
    return EXIT_OK;
}

const struct command cmd_version = {
    .name = "version", .summary = "print versions", .run = print_versions};
