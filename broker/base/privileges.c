/* privileges.c - see privileges.h. */
#include "broker/base/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* not_dumpable - no core file and no ptrace by other processes of this user. The leak checker of
 * sanitizer builds works through ptrace, so those builds leave it out. */
static int not_dumpable(void)
{
#ifdef CB_SANITIZED
    return 0;
#else
    return prctl(PR_SET_DUMPABLE, 0);
#endif
}

enum cb_code privileges_harden(struct cb_err *err)
{
    const struct rlimit no_core = {0, 0};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) {
        return cb_fail_errno(err, "cannot switch core files off");
    }
    if (not_dumpable() != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return cb_fail_errno(err, "cannot restrict the process");
    }
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigaction(SIGXFSZ, &ignore, NULL) != 0) {
        return cb_fail_errno(err, "cannot set signals");
    }
    (void)umask(077);
    return CB_OK;
}

static enum cb_code group_of(const struct passwd *pw, const char *group, gid_t *ret,
                             struct cb_err *err)
{
    *ret = pw->pw_gid;
    if (group == NULL) {
        return CB_OK;
    }
    errno = 0;
    const struct group *gr = getgrnam(group); /* before any thread exists */
    if (gr == NULL) {
        return cb_fail(err, CB_EINPUT, "group \"%.60s\" does not exist", group);
    }
    *ret = gr->gr_gid;
    return CB_OK;
}

enum cb_code privileges_drop(const char *user, const char *group, struct cb_err *err)
{
    if (user == NULL) {
        return CB_OK;
    }
    const struct passwd *pw = getpwnam(user); /* before any thread exists */
    if (pw == NULL) {
        return cb_fail(err, CB_EINPUT, "user \"%.60s\" does not exist", user);
    }
    if (geteuid() != 0) {
        return geteuid() == pw->pw_uid
                   ? CB_OK
                   : cb_fail(err, CB_EINPUT, "cannot become user \"%.60s\": not started as root",
                             user);
    }
    gid_t gid = 0;
    const uid_t uid = pw->pw_uid;
    TRY(group_of(pw, group, &gid, err));
    if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0) {
        return cb_fail_errno(err, "cannot become user \"%.60s\"", user);
    }
    if (uid != 0 && setuid(0) == 0) {
        return cb_fail(err, CB_EINTERNAL, "root privileges came back after they were dropped");
    }
    /* Changing ids makes a process dumpable again. */
    if (not_dumpable() != 0) {
        return cb_fail_errno(err, "cannot restrict the process");
    }
    return CB_OK;
}
