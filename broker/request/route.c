/* route.c - the one table of what exists here. Exact bytes: no decoding, no aliases, no query, no
 * trailing slash. Everything else of the CA's API does not exist. */
#include "broker/request/request.h"

static const struct {
    const char *path;
    enum http_method method;
    const char *allow;
    enum req_route route;
} routes[] = {
    {"/api/v1/cfssl/newcert", HTTP_POST, "POST", ROUTE_NEWCERT},
    {"/api/v1/cfssl/revoke", HTTP_POST, "POST", ROUTE_REVOKE},
    {"/api/v1/cfssl/info", HTTP_POST, "POST", ROUTE_INFO},
    {"/api/v1/cfssl/health", HTTP_GET, "GET", ROUTE_HEALTH},
    {"/v1/whoami", HTTP_GET, "GET", ROUTE_WHOAMI},
    {"/v1/explain", HTTP_POST, "POST", ROUTE_EXPLAIN},
};

enum req_route req_route_of(enum http_method method, struct slice path, const char **ret_allow)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (slice_eq_str(path, routes[i].path)) {
            if (method == routes[i].method) {
                return routes[i].route;
            }
            *ret_allow = routes[i].allow;
            return ROUTE_REFUSED;
        }
    }
    return ROUTE_REFUSED;
}
