/* control_line.c - see control_line.h. json_scan decides whether a line may be looked at at all;
 * cJSON only finds the members. */
#include "broker/control/control_line.h"

#include "broker/base/json_scan.h"
#include "broker/request/parse_body.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

static const struct json_caps request_caps = {
    .depth = 2, .members = 32, .elements = 8, .string_bytes = 1024, .text_bytes = CONTROL_LINE_MAX};
static const struct json_caps answer_caps = {.depth = 4,
                                             .members = 64,
                                             .elements = 1024,
                                             .string_bytes = 8192,
                                             .text_bytes = CONTROL_ANSWER_MAX};

/* open_object - the tree of a strict text; CB_EINPUT if it is no object. */
static enum cb_code open_object(struct slice text, const struct json_caps *caps, cJSON **ret,
                                struct cb_err *err)
{
    TRY(json_scan(text, caps, err));
    char *copy = malloc(text.len + 1);
    if (copy == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    cJSON *root = cJSON_ParseWithLengthOpts(copy, text.len + 1, NULL, true);
    free(copy);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return cb_fail(err, CB_EINPUT, "must be one JSON object, e.g. {\"command\":\"status\"}");
    }
    *ret = root;
    return CB_OK;
}

/* ---------------------------------------------------------------- requests */

static bool is_clean(struct slice text)
{
    struct cb_err err;
    return text_check(text, RELOAD_REASON_MAX, RELOAD_REASON_MAX, "", &err) == CB_OK;
}

/* is_user - the portable characters of user names, and what directories add to them. */
static bool is_user(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!ascii_is_alnum(name.ptr[i]) && !slice_has_byte(SLICE("._-$@+\\"), name.ptr[i])) {
            return false;
        }
    }
    return name.len > 0 && name.len <= RELOAD_USER_MAX;
}

enum cb_code control_reason_check(struct slice reason, struct cb_err *err)
{
    if (slice_trim(reason).len == 0) {
        return cb_fail(err, CB_EINPUT,
                       "the reason is empty: say why, it is written into the audit log");
    }
    if (reason.len > RELOAD_REASON_MAX) {
        return cb_fail(err, CB_EINPUT, "the reason has at most %u bytes, this one %zu",
                       RELOAD_REASON_MAX, reason.len);
    }
    return is_clean(reason) ? CB_OK
                            : cb_fail(err, CB_EINPUT,
                                      "the reason must be UTF-8 text without control characters");
}

enum cb_code control_user_check(struct slice name, struct cb_err *err)
{
    return is_user(name) ? CB_OK
                         : cb_fail(err, CB_EINPUT,
                                   "sudo_user must be 1 to %u letters, digits and . _ - $ @ + \\",
                                   RELOAD_USER_MAX);
}

static enum cb_code read_command(const char *word, struct control_request *ret, struct cb_err *err)
{
    if (strcmp(word, "reload") == 0) {
        ret->command = CONTROL_RELOAD;
    } else if (strcmp(word, "status") == 0) {
        ret->command = CONTROL_STATUS;
    } else if (strcmp(word, "revoke") == 0) {
        ret->command = CONTROL_REVOKE;
    } else if (strcmp(word, "record") == 0) {
        ret->command = CONTROL_RECORD;
    } else {
        return cb_fail(err, CB_EINPUT,
                       "no such command; there are \"reload\", \"status\", \"revoke\" and "
                       "\"record\"");
    }
    return CB_OK;
}

/* read_text - the member that is not the command. */
static enum cb_code read_text(const char *name, const char *text, struct control_request *ret,
                              struct cb_err *err)
{
    const struct slice value = slice_of(text);
    if (strcmp(name, "sudo_user") == 0) {
        TRY(control_user_check(value, err));
        (void)snprintf(ret->sudo_user, sizeof(ret->sudo_user), "%s", text);
        return CB_OK;
    }
    TRY(control_reason_check(value, err));
    if (strcmp(name, "force") == 0) {
        (void)snprintf(ret->force, sizeof(ret->force), "%s", text);
    } else {
        (void)snprintf(ret->reason, sizeof(ret->reason), "%s", text);
    }
    return CB_OK;
}

/* check_whole - do the members go together? */
static enum cb_code check_whole(const struct control_request *request, struct cb_err *err)
{
    const bool has_force = request->force[0] != '\0';
    const bool has_reason = request->reason[0] != '\0';
    if (request->command != CONTROL_RELOAD &&
        (has_force || has_reason || request->sudo_user[0] != '\0')) {
        return cb_fail(err, CB_EINPUT, "only a reload can be forced, have a reason or a sudo_user");
    }
    return has_force && has_reason
               ? cb_fail(err, CB_EINPUT, "\"force\" says why already: no \"reason\" beside it")
               : CB_OK;
}

/* read_order_member - one that is not the command. */
static enum cb_code read_order_member(const cJSON *member, struct control_request *ret,
                                      struct cb_err *err)
{
    const char *text = cJSON_GetStringValue(member);
    if (text == NULL) {
        return cb_fail(err, CB_EINPUT, "%.40s: must be a string", member->string);
    }
    return strcmp(member->string, "sudo_user") == 0
               ? read_text(member->string, text, ret, err)
               : control_order_set(&ret->order, member->string, text, err);
}

/* read_order - the members of a revoke or a record. */
static enum cb_code read_order(const cJSON *root, struct control_request *ret, struct cb_err *err)
{
    enum cb_code code = CB_OK;
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, root)
    {
        if (code == CB_OK && strcmp(member->string, "command") != 0) {
            code = read_order_member(member, ret, err);
        }
    }
    if (code != CB_OK) {
        return code;
    }
    return control_order_check(&ret->order, ret->command == CONTROL_REVOKE, err);
}

static bool is_order(const cJSON *root, struct control_request *ret)
{
    struct cb_err unheard;
    const char *command = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "command"));
    return command != NULL && read_command(command, ret, &unheard) == CB_OK &&
           (ret->command == CONTROL_REVOKE || ret->command == CONTROL_RECORD);
}

static enum cb_code read_members(const cJSON *root, struct control_request *ret, struct cb_err *err)
{
    const cJSON *member = NULL;
    const char *command = NULL;
    if (is_order(root, ret)) {
        return read_order(root, ret, err);
    }
    cJSON_ArrayForEach(member, root)
    {
        const bool is_command = strcmp(member->string, "command") == 0;
        if (!is_command && strcmp(member->string, "force") != 0 &&
            strcmp(member->string, "reason") != 0 && strcmp(member->string, "sudo_user") != 0) {
            return cb_fail(err, CB_EINPUT,
                           "only \"command\", \"force\", \"reason\" and \"sudo_user\" are "
                           "accepted");
        }
        if (!cJSON_IsString(member)) {
            return cb_fail(err, CB_EINPUT, "%s: must be a string", member->string);
        }
        if (is_command) {
            command = member->valuestring;
            continue;
        }
        TRY(read_text(member->string, member->valuestring, ret, err));
    }
    if (command == NULL) {
        return cb_fail(err, CB_EINPUT, "\"command\" is missing");
    }
    TRY(read_command(command, ret, err));
    return check_whole(ret, err);
}

enum cb_code control_request_parse(struct slice line, struct control_request *ret,
                                   struct cb_err *err)
{
    cJSON *root = NULL;
    struct control_request request = {.command = CONTROL_STATUS};
    TRY(open_object(line, &request_caps, &root, err));
    const enum cb_code code = read_members(root, &request, err);
    cJSON_Delete(root);
    if (code == CB_OK) {
        *ret = request;
    }
    return code;
}

static void write_text(const char *name, const char *text, struct buf *out)
{
    if (text[0] != '\0') {
        buf_printf(out, ",\"%s\":", name);
        buf_add_json_str(out, slice_of(text));
    }
}

void control_request_write(const struct control_request *request, struct buf *out)
{
    static const char *const words[] = {[CONTROL_RELOAD] = "reload",
                                        [CONTROL_STATUS] = "status",
                                        [CONTROL_REVOKE] = "revoke",
                                        [CONTROL_RECORD] = "record"};
    buf_printf(out, "{\"command\":\"%s\"", words[request->command]);
    write_text("force", request->force, out);
    write_text("reason", request->reason, out);
    if (request->command == CONTROL_REVOKE || request->command == CONTROL_RECORD) {
        control_order_write(&request->order, out);
    }
    write_text("sudo_user", request->sudo_user, out);
    buf_add_str(out, "}\n");
}

/* ---------------------------------------------------------------- answers */

struct control_answer {
    cJSON *root;
};

enum cb_code control_answer_parse(struct slice line, struct control_answer **ret,
                                  struct cb_err *err)
{
    struct control_answer *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    const enum cb_code code = open_object(line, &answer_caps, &a->root, err);
    if (code != CB_OK) {
        free(a);
        return code;
    }
    *ret = a;
    return CB_OK;
}

void control_answer_free(struct control_answer *a)
{
    if (a != NULL) {
        cJSON_Delete(a->root);
        free(a);
    }
}

bool control_answer_ok(const struct control_answer *a)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(a->root, "ok")) != 0;
}

const char *control_answer_text(const struct control_answer *a, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(a->root, name));
}

uint64_t control_answer_number(const struct control_answer *a, const char *name)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(a->root, name);
    return cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < 9e15
               ? (uint64_t)number->valuedouble
               : 0;
}

const char *control_answer_item(const struct control_answer *a, const char *list, size_t i)
{
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(a->root, list);
    return i < 4096 ? cJSON_GetStringValue(cJSON_GetArrayItem(items, (int)i)) : NULL;
}
