/* Words of the user in, exit status out. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/cancel.h"
#include "host/cli/version.h"
#include "host/commands/commands.h"
#include "host/exit_code.h"
#include "host/log.h"
#include "host/options.h"
#include "host/report/status.h"
#include "host/temp_files.h"
#include "scan/err.h"

typedef int command_fn(const struct ps_options *opt, struct ps_err *err);

static int print_help(const struct ps_options *opt, struct ps_err *err)
{
    (void)err;
    return ps_options_help(opt->help_verb, stdout);
}

static int print_version(const struct ps_options *opt, struct ps_err *err)
{
    (void)err;
    ps_version_print(opt->verbose, stdout);
    return 0;
}

static int print_generated(const struct ps_options *opt, struct ps_err *err)
{
    return ps_options_generate(opt->generate, stdout, err);
}

static const struct {
    enum ps_verb verb;
    command_fn *run;
} commands[] = {
    {PS_VERB_SCAN, ps_cmd_scan},         {PS_VERB_INFO, ps_cmd_info},
    {PS_VERB_BIGPOOLS, ps_cmd_bigpools}, {PS_VERB_VTOP, ps_cmd_vtop},
    {PS_VERB_PTOV, ps_cmd_ptov},         {PS_VERB_TAGS, ps_cmd_tags},
    {PS_VERB_FIND, ps_cmd_find},         {PS_VERB_DEVICES, ps_cmd_devices},
    {PS_VERB_BENCH, ps_cmd_bench},       {PS_VERB_USED, ps_cmd_used},
    {PS_VERB_PLAN, ps_cmd_plan},         {PS_VERB_KEYSPACE, ps_cmd_keyspace},
    {PS_VERB_FARM, ps_cmd_farm},         {PS_VERB_DIFF, ps_cmd_diff},
    {PS_VERB_MERGE, ps_cmd_merge},       {PS_VERB_POOL, ps_cmd_pool},
    {PS_VERB_MKIMAGE, ps_cmd_mkimage},   {PS_VERB_HELP, print_help},
    {PS_VERB_VERSION, print_version},    {PS_VERB_GENERATE, print_generated},
};

static int run_command(const struct ps_options *opt, struct ps_err *err)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].verb == opt->verb)
            return commands[i].run(opt, err);
    return ps_fail(err, PS_EARG, PS_AT_NONE, "this verb is not available in this version");
}

/* A scheduler that says SIGTERM means five seconds. */
#define GRACE_SECONDS 4u

static void stop_at_once(int status)
{
    ps_temp_files_remove();
    _exit(status);
}

/* What waits for a reader, a disk or a device does not see that it is to stop. */
static void on_alarm(int number)
{
    static const char line[] = "poolscan: told to stop (SIGTERM) before the end: run it again\n";

    (void)number;
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
        stop_at_once(ps_exit_code(-PS_ETEMP));
    stop_at_once(ps_exit_code(-PS_ETEMP));
}

/* A second Ctrl-C does not wait for anything. */
static void on_signal(int number)
{
    if (number == SIGUSR1) {
        ps_status_request();
        return;
    }
    if (number == SIGINT && ps_cancel_requested() == PS_ECANCEL)
        stop_at_once(ps_exit_code(-PS_ECANCEL));
    ps_cancel_request(number == SIGINT ? PS_ECANCEL : PS_ETEMP);
    if (number == SIGTERM)
        alarm(GRACE_SECONDS);
}

/* A signal that was ignored when the program started (nohup, a shell's background job) stays
 * ignored. */
static void catch_signal(int number)
{
    struct sigaction old;
    struct sigaction act;

    memset(&act, 0, sizeof act);
    sigemptyset(&act.sa_mask);
    act.sa_flags = SA_RESTART;
    act.sa_handler = on_signal;
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, &act, NULL);
}

static void catch_alarm(void)
{
    struct sigaction act;
    sigset_t set;

    memset(&act, 0, sizeof act);
    sigemptyset(&act.sa_mask);
    act.sa_handler = on_alarm;
    sigaction(SIGALRM, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void set_up_signals(void)
{
    catch_alarm();
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    catch_signal(SIGUSR1);
    /* A closed pipe is a write error with an exit status, not a death. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* and so is a file size limit */
}

/* What sits in stdio's buffer may still fail to be written. */
static int flush_output(struct ps_err *err)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return ps_fail(err, PS_EIO, PS_AT_NONE, "standard output: writing failed (%s)",
                       strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    struct ps_options opt;
    struct ps_err err = {.code = PS_OK, .at = PS_AT_NONE};
    int rc = ps_options_parse(&opt, argc, argv, &err);

    if (rc >= 0) {
        ps_log_set_level(opt.quiet, opt.verbose);
        ps_status_start();
        set_up_signals();
        rc = run_command(&opt, &err);
        /* Searches that it cut short found less than there is. */
        if (rc >= 0)
            rc = ps_cancel_check(&err);
        if (rc >= 0)
            rc = flush_output(&err);
        ps_status_stop();
        ps_options_free(&opt);
    }
    if (rc >= 0)
        return 0;
    if (err.msg[0])
        ps_log(PS_LOG_ERROR, "%s", err.msg);
    return ps_exit_code(rc);
}
