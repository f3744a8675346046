/* tools_common.c - see tools_internal.h. */
#include "broker/tools/tools_internal.h"

static bool read_source(const struct command_env *env, const struct command_args *args,
                        struct diag_list *diags, struct tools_source *source)
{
    const char *config = args_text(args, "config");
    source->path = args_text(args, "policy");
    if (source->path != NULL && config == NULL) {
        return policy_load(source->path, cli_now_s(), diags, &source->policy) == CB_OK;
    }
    if (env->open_config(args_config(args), diags, &source->config) != CB_OK) {
        return false;
    }
    source->has_config = true;
    if (source->path == NULL) {
        source->path = source->config.policy_path;
    }
    return env->load_policy(&source->config, source->path, diags, &source->policy) == CB_OK;
}

bool tools_open(const struct command_env *env, const struct command_args *args,
                struct tools_source *ret)
{
    struct tools_source source = {.policy = NULL};
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        (void)cli_no_memory();
        return false;
    }
    const bool good = read_source(env, args, diags, &source);
    if (!good && diag_num_errors(diags) == 0) {
        (void)cli_no_memory();
    }
    if (!good) {
        diag_print(diags, stderr);
        tools_close(env, &source);
    }
    diag_free(diags);
    *ret = source;
    return good;
}

void tools_close(const struct command_env *env, struct tools_source *source)
{
    policy_free(source->policy);
    source->policy = NULL;
    if (source->has_config) {
        env->close_config(&source->config);
        source->has_config = false;
    }
}

struct policy *tools_load(const char *path)
{
    struct policy *policy = NULL;
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        (void)cli_no_memory();
        return NULL;
    }
    if (policy_load(path, cli_now_s(), diags, &policy) != CB_OK) {
        diag_print(diags, stderr);
    }
    diag_free(diags);
    return policy;
}
