/* parse_info.c - the body of CFSSL's info: which profile's public data is wanted. */
#include "broker/request/parse.h"

#include "broker/request/parse_body.h"

#include <cjson/cJSON.h>

enum { INFO_LABEL, INFO_PROFILE, INFO_NUM };
static const struct member info_members[INFO_NUM] = {
    [INFO_LABEL] = {"label", MEMBER_STRING},
    [INFO_PROFILE] = {"profile", MEMBER_STRING},
};

static enum cb_code read_info(struct arena *arena, const cJSON *root, struct slice *ret,
                              struct cb_err *err)
{
    const cJSON *values[INFO_NUM];
    TRY(body_members(root, "", info_members, INFO_NUM, values, err));
    TRY(body_no_label(values[INFO_LABEL], err));
    struct slice profile;
    TRY(body_profile(values[INFO_PROFILE], &profile, err));
    const struct slice copy = arena_slice(arena, profile);
    if (copy.ptr == NULL) {
        return cb_fail(err, CB_ENOMEM, "the request does not fit into its memory");
    }
    *ret = copy;
    return CB_OK;
}

enum cb_code parse_info(struct arena *arena, struct slice body, struct slice *ret_profile,
                        struct cb_err *err)
{
    cJSON *root = NULL;
    TRY(body_open(body, &root, err));
    const enum cb_code code = read_info(arena, root, ret_profile, err);
    cJSON_Delete(root);
    return code;
}
