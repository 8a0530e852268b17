#include "host/bench/report/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "host/cli/version.h"
#include "host/report/units.h"

void ps_facts_add(struct ps_facts *facts, const char *name, const char *fmt, ...)
{
    struct ps_fact *f = &facts->fact[facts->n];
    va_list ap;

    if (facts->n == PS_MAX_FACTS)
        return;
    facts->n++;
    snprintf(f->name, sizeof f->name, "%s", name);
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

/* The rest of the first line of 'path' that begins with 'key', behind 'separator'. */
static int line_of(const char *path, const char *key, char separator, char *text, size_t n)
{
    char line[512];
    FILE *in = fopen(path, "r");
    int found = 0;

    while (in && !found && fgets(line, sizeof line, in)) {
        char *value = strncmp(line, key, strlen(key)) == 0 ? strchr(line, separator) : NULL;

        if (!value)
            continue;
        value += 1 + strspn(value + 1, " \t\"");
        value[strcspn(value, "\"\n")] = 0;
        snprintf(text, n, "%s", value);
        found = 1;
    }
    if (in)
        fclose(in);
    return found;
}

static void add_line(struct ps_facts *facts, const char *name, const char *path, const char *key,
                     char separator)
{
    char text[120];

    ps_facts_add(facts, name, "%s",
                 line_of(path, key, separator, text, sizeof text) ? text : "unknown");
}

static void add_date(struct ps_facts *facts)
{
    time_t now = time(NULL);
    struct tm utc;
    char text[32];

    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    ps_facts_add(facts, "date", "%s", text);
}

static void add_topology(struct ps_facts *facts, const struct ps_machine *m)
{
    char l2[PS_UNIT_TEXT_BYTES], l3[PS_UNIT_TEXT_BYTES], memory[PS_UNIT_TEXT_BYTES];

    ps_facts_add(facts, "cores", "%u cores, %u hardware threads, %u NUMA nodes", m->n_cores,
                 m->n_pus, m->n_nodes);
    ps_facts_add(facts, "caches", "L2 %s each, L3 %s x %u", ps_print_bytes(m->l2_bytes, l2),
                 ps_print_bytes(m->l3_bytes, l3), m->n_l3);
    ps_facts_add(facts, "memory", "%s", ps_print_bytes(m->memory_bytes, memory));
}

static void add_system(struct ps_facts *facts)
{
    struct utsname u;
    double load[3] = {0};
    int n = getloadavg(load, 3);

    if (uname(&u) == 0)
        ps_facts_add(facts, "system", "%.20s %.60s %.20s", u.sysname, u.release, u.machine);
    if (n == 3)
        ps_facts_add(facts, "load", "%.2f %.2f %.2f (1, 5, 15 minutes, before the first row)",
                     load[0], load[1], load[2]);
}

/* Line by line what --version -v says. */
static void add_versions(struct ps_facts *facts)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    if (!out)
        return;
    ps_version_print(1, out);
    fclose(out);
    for (char *save, *line = text ? strtok_r(text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        char *value = strstr(line, ": ");

        if (value)
            *value = 0;
        ps_facts_add(facts, value ? line : "program", "%s", value ? value + 2 : line);
    }
    free(text);
}

void ps_facts_collect(struct ps_facts *facts, const struct ps_topology *topology)
{
    facts->n = 0;
    add_date(facts);
    add_line(facts, "cpu", "/proc/cpuinfo", "model name", ':');
    add_topology(facts, ps_topology_machine(topology));
    add_line(facts, "distribution", "/etc/os-release", "PRETTY_NAME", '=');
    add_system(facts);
    add_versions(facts);
}
