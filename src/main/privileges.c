#include "main/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NAMES_BYTES 16384 /* for the text behind one row of passwd or group */

struct ids {
    uid_t user;
    gid_t group;
};

/* False: there is no such user or group; `*missing` says which. */
static bool find_ids(const struct main_conf *conf, struct ids *out, const char **missing)
{
    char *buf = malloc(NAMES_BYTES);
    struct passwd pw;
    struct passwd *pw_found = NULL;
    struct group gr;
    struct group *gr_found = NULL;
    bool ok = buf && getpwnam_r(conf->user, &pw, buf, NAMES_BYTES, &pw_found) == 0 && pw_found;
    *missing = conf->user;
    if (ok)
        *out = (struct ids){pw.pw_uid, pw.pw_gid};
    if (ok && conf->group) {
        *missing = conf->group;
        ok = getgrnam_r(conf->group, &gr, buf, NAMES_BYTES, &gr_found) == 0 && gr_found;
        if (ok)
            out->group = gr.gr_gid;
    }
    free(buf);
    return ok;
}

static bool become(const struct main_conf *conf, struct log *log)
{
    struct ids ids;
    const char *missing;
    if (!find_ids(conf, &ids, &missing)) {
        log_write(log, LOG_EMERG, "user: there is no \"%s\"", missing);
        return false;
    }
    if (initgroups(conf->user, ids.group) == 0 && setgid(ids.group) == 0 && setuid(ids.user) == 0)
        return true;
    log_write(log, LOG_EMERG, "user: cannot become \"%s\": %m", conf->user);
    return false;
}

bool privileges_drop(const struct main_conf *conf, struct log *log)
{
    bool root = geteuid() == 0;
    if (conf->user && root && !become(conf, log))
        return false;
    if (conf->user && !root)
        log_write(log, LOG_NOTICE, "user: has no effect, we were not started by root");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        log_write(log, LOG_WARN, "PR_SET_NO_NEW_PRIVS: %m");
    return true;
}

static bool may_give(const struct main_conf *conf, struct ids *ids)
{
    const char *missing;
    return conf->user && geteuid() == 0 && find_ids(conf, ids, &missing);
}

/* Where that fails, opening it again will, and that is told. */
void privileges_give_log(const struct main_conf *conf, struct log *log)
{
    struct ids ids;
    int result UNUSED
    = 0;
    if (log->path[0] != '\0' && may_give(conf, &ids))
        result = fchown(atomic_load(&log->fd), ids.user, ids.group);
}

void privileges_give_file(const struct main_conf *conf, const char *path)
{
    struct ids ids;
    int result UNUSED
    = 0;
    if (may_give(conf, &ids))
        result = lchown(path, ids.user, ids.group);
}
