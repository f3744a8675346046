/* fuzz_control_line.c - any bytes as a request on the control socket: no crash, and what is accepted
 * survives being written and read again. As an answer: no crash. */
#include "broker/control/control_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_answer(struct slice line)
{
    struct control_answer *a = NULL;
    struct cb_err err = {0};
    if (control_answer_parse(line, &a, &err) == CB_OK) {
        (void)control_answer_ok(a);
        (void)control_answer_text(a, "why");
        (void)control_answer_number(a, "num_lost");
        (void)control_answer_item(a, "changes", 0);
    }
    control_answer_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice line = {(const char *)data, size};
    struct control_request request;
    struct control_request again;
    struct cb_err err = {0};
    if (control_request_parse(line, &request, &err) == CB_OK) {
        struct buf out;
        buf_init(&out, 4 * CONTROL_LINE_MAX); /* characters beyond ASCII take more when escaped */
        control_request_write(&request, &out);
        CB_CHECK(buf_ok(&out) && memchr(out.data, '\n', out.len) == out.data + out.len - 1);
        if (out.len > CONTROL_LINE_MAX) {
            buf_free(&out);
            return 0;
        }
        CB_CHECK(control_request_parse((struct slice){out.data, out.len - 1}, &again, &err) ==
                 CB_OK);
        CB_CHECK(memcmp(&again.order, &request.order, sizeof(again.order)) == 0);
        CB_CHECK(again.command == request.command && strcmp(again.force, request.force) == 0);
        CB_CHECK(strcmp(again.reason, request.reason) == 0);
        CB_CHECK(strcmp(again.sudo_user, request.sudo_user) == 0);
        buf_free(&out);
    } else {
        CB_CHECK(utf8_valid(slice_of(err.msg)) && err.msg[0] != '\0');
    }
    look_at_answer(line);
    return 0;
}
