#include "host/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum ps_log_level max_level = PS_LOG_WARN;
static int (*keeper)(void *arg, enum ps_log_level level, const char *text);
static void *keeper_arg;

void ps_log_keep(int (*keep)(void *arg, enum ps_log_level level, const char *text), void *arg)
{
    keeper = keep;
    keeper_arg = arg;
}

void ps_log_set_level(int quiet, int verbose)
{
    if (quiet)
        max_level = PS_LOG_ERROR;
    else
        max_level = verbose == 0 ? PS_LOG_WARN : verbose == 1 ? PS_LOG_INFO : PS_LOG_DEBUG;
}

void ps_log(enum ps_log_level level, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    if (level > max_level && !keeper)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if ((keeper && keeper(keeper_arg, level, line)) || level > max_level)
        return;
    /* File names may hold anything; one message is one line and drives no terminal. */
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    fprintf(stderr, "poolscan: %s\n", line);
}
