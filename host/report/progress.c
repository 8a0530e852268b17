#include "host/report/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/options.h"
#include "host/output/text.h"
#include "host/report/units.h"

#define NS_PER_S         UINT64_C(1000000000)
#define BAR_INTERVAL_NS  (NS_PER_S / 10)
#define JSON_INTERVAL_NS NS_PER_S
/* A run that is over sooner never shows a bar. */
#define BAR_DELAY_NS (NS_PER_S / 4)

#define MAX_BAR      40u
#define LINE_SIZE    256u

/* The one that ps_progress_tell tells of. The lock is of its contents too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ps_progress *current;

static void set_current(struct ps_progress *p)
{
    pthread_mutex_lock(&lock);
    current = p;
    pthread_mutex_unlock(&lock);
}

int ps_progress_wants_bar(int when)
{
    if (when == PS_WHEN_AUTO)
        return isatty(STDERR_FILENO);
    return when == PS_WHEN_ALWAYS;
}

static uint64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static unsigned terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

void ps_progress_start(struct ps_progress *p, const struct ps_progress_config *config)
{
    *p = (struct ps_progress){.config = *config};
    if (!p->config.session)
        p->config.session = "poolscan";
    if (!p->config.target)
        p->config.target = "";
    if (!p->config.out)
        p->config.out = stderr;
    if (!p->config.now_ns)
        p->config.now_ns = monotonic_ns;
    if (!p->config.wall_start)
        p->config.wall_start = time(NULL);
    if (p->config.json)
        p->config.bar = 0;
    p->start_ns = p->config.now_ns();
    p->due_ns = p->start_ns + (p->config.json ? JSON_INTERVAL_NS : BAR_DELAY_NS);
    set_current(p);
}

/* What every form of the status says, worked out once. */
struct status {
    double bytes_per_s;
    int percent_known;
    double percent;
    int left_known;
    uint64_t elapsed_s;
    uint64_t left_s;
};

static struct status status_of(const struct ps_progress *p, uint64_t now_ns)
{
    double elapsed = (double)(now_ns - p->start_ns) / (double)NS_PER_S;
    uint64_t total = p->config.total_bytes;
    uint64_t left = total > p->done_bytes ? total - p->done_bytes : 0;
    struct status s = {.elapsed_s = (uint64_t)elapsed};

    if (elapsed > 0)
        s.bytes_per_s = (double)p->done_bytes / elapsed;
    s.percent_known = total > 0;
    if (s.percent_known)
        s.percent = 100.0 * (double)(total - left) / (double)total;
    s.left_known = s.percent_known && s.bytes_per_s > 0;
    if (s.left_known)
        s.left_s = (uint64_t)((double)left / s.bytes_per_s + 0.5);
    return s;
}

static void print_status(const struct ps_progress *p, const struct status *s, char *text, size_t n)
{
    char done[PS_UNIT_TEXT_BYTES];
    char total[PS_UNIT_TEXT_BYTES];
    char rate[PS_UNIT_TEXT_BYTES];
    char left[PS_UNIT_TEXT_BYTES];

    ps_print_bytes(p->done_bytes, done);
    ps_print_rate(s->bytes_per_s, rate);
    if (!s->percent_known) {
        snprintf(text, n, "%s  %s  %" PRIu64 " findings", done, rate, p->n_findings);
        return;
    }
    snprintf(text, n, "%s of %s  %s  ETA %s  %" PRIu64 " findings", done,
             ps_print_bytes(p->config.total_bytes, total), rate,
             s->left_known ? ps_print_duration(s->left_s, left) : "-:--", p->n_findings);
}

/* "[=====>    ] " in n_cells cells, or nothing where the line has no room for it. */
static void print_bar(double percent, unsigned n_cells, char *text)
{
    unsigned full = (unsigned)((double)n_cells * percent / 100.0);

    for (unsigned i = 0; i < n_cells; i++)
        text[i] = i < full ? '=' : i == full ? '>' : ' ';
    text[n_cells] = '\0';
}

static void draw(struct ps_progress *p, uint64_t now_ns)
{
    struct status s = status_of(p, now_ns);
    unsigned width = p->config.width ? p->config.width : terminal_width();
    char facts[LINE_SIZE];
    char line[LINE_SIZE + MAX_BAR + 16];
    char bar[MAX_BAR + 1];
    unsigned used;

    print_status(p, &s, facts, sizeof facts);
    used = (unsigned)strlen(facts) + 11; /* percent, brackets, blanks, and one free */
    if (!s.percent_known) {
        snprintf(line, sizeof line, "%s", facts);
    } else if (width < used + 8) {
        snprintf(line, sizeof line, "%5.1f%% %s", s.percent, facts);
    } else {
        print_bar(s.percent, width - used < MAX_BAR ? width - used : MAX_BAR, bar);
        snprintf(line, sizeof line, "%5.1f%% [%s] %s", s.percent, bar, facts);
    }
    /* The last column stays free: some terminals wrap as soon as it is filled. */
    fprintf(p->config.out, "\r%.*s\033[K", (int)(width - 1), line);
    fflush(p->config.out);
    p->drawn = 1;
}

static void hide(struct ps_progress *p)
{
    if (!p->drawn)
        return;
    fputs("\r\033[K", p->config.out);
    fflush(p->config.out);
    p->drawn = 0;
}

void ps_progress_hide(struct ps_progress *p)
{
    pthread_mutex_lock(&lock);
    hide(p);
    pthread_mutex_unlock(&lock);
}

/* File names may hold anything; one message is one line and drives no terminal. */
static void print_target(const struct ps_progress *p)
{
    struct ps_text clean = {0};

    ps_text_add_utf8(&clean, p->config.target, PS_TEXT_EXACT);
    for (size_t i = 0; i < clean.n; i++)
        if ((unsigned char)clean.s[i] < 0x20 || clean.s[i] == 0x7f)
            clean.s[i] = '?';
    if (clean.n)
        fprintf(p->config.out, "%.*s: ", (int)clean.n, clean.s);
    ps_text_free(&clean);
}

static void print_line(struct ps_progress *p, uint64_t now_ns, const char *phase)
{
    struct status s = status_of(p, now_ns);
    char facts[LINE_SIZE];

    hide(p);
    print_status(p, &s, facts, sizeof facts);
    fputs("poolscan: ", p->config.out);
    print_target(p);
    if (phase)
        fprintf(p->config.out, "%s, ", phase);
    if (s.percent_known)
        fprintf(p->config.out, "%.1f%%, ", s.percent);
    fprintf(p->config.out, "%s\n", facts);
    fflush(p->config.out);
}

static void add_string(struct ps_text *t, const char *name, const char *value)
{
    struct ps_text clean = {0};

    ps_text_add(t, name, strlen(name));
    ps_text_add_utf8(&clean, value, PS_TEXT_EXACT);
    ps_text_add_json(t, clean.s ? clean.s : "", clean.n);
    t->failed |= clean.failed;
    ps_text_free(&clean);
}

static void add_numbers(struct ps_text *t, const struct ps_progress *p, const struct status *s)
{
    char text[LINE_SIZE];

    snprintf(text, sizeof text,
             ",\"progress\":[%" PRIu64 ",%" PRIu64 "],\"bytes_per_s\":%.0f,\"hits\":%" PRIu64,
             p->done_bytes, p->config.total_bytes, s->bytes_per_s, p->n_findings);
    ps_text_add(t, text, strlen(text));
}

static void add_times(struct ps_text *t, const struct ps_progress *p, const struct status *s)
{
    int64_t start = (int64_t)p->config.wall_start;
    char text[LINE_SIZE];

    snprintf(text, sizeof text, ",\"time_start\":%" PRId64 ",\"estimated_stop\":", start);
    ps_text_add(t, text, strlen(text));
    if (s->left_known)
        snprintf(text, sizeof text, "%" PRId64, start + (int64_t)(s->elapsed_s + s->left_s));
    else
        snprintf(text, sizeof text, "null");
    ps_text_add(t, text, strlen(text));
}

static void print_json(struct ps_progress *p, uint64_t now_ns)
{
    struct status s = status_of(p, now_ns);
    struct ps_text t = {0};

    add_string(&t, "{\"kind\":\"status\",\"session\":", p->config.session);
    add_string(&t, ",\"target\":", p->config.target);
    add_numbers(&t, p, &s);
    ps_text_add(&t, ",\"devices\":[", 12);
    for (size_t i = 0; i < p->config.n_devices; i++) {
        add_string(&t, i == 0 ? "{\"name\":" : ",{\"name\":", p->config.devices[i]);
        ps_text_add(&t, "}", 1);
    }
    ps_text_add(&t, "]", 1);
    add_times(&t, p, &s);
    ps_text_add(&t, "}\n", 2);
    if (!t.failed)
        fwrite(t.s, 1, t.n, p->config.out);
    fflush(p->config.out);
    ps_text_free(&t);
}

int ps_progress_tell(const char *phase)
{
    struct ps_progress *p;

    pthread_mutex_lock(&lock);
    p = current;
    if (p && p->config.json)
        print_json(p, p->config.now_ns());
    else if (p)
        print_line(p, p->config.now_ns(), phase);
    pthread_mutex_unlock(&lock);
    return p != NULL;
}

static void update(struct ps_progress *p, uint64_t done_bytes, uint64_t n_findings)
{
    uint64_t now_ns;

    p->done_bytes = done_bytes;
    p->n_findings = n_findings;
    if (!p->config.bar && !p->config.json)
        return;
    now_ns = p->config.now_ns();
    if (now_ns < p->due_ns)
        return;
    if (p->config.json)
        print_json(p, now_ns);
    else if (p->config.bar)
        draw(p, now_ns);
    p->due_ns = now_ns + (p->config.json ? JSON_INTERVAL_NS : BAR_INTERVAL_NS);
}

void ps_progress_update(struct ps_progress *p, uint64_t done_bytes, uint64_t n_findings)
{
    pthread_mutex_lock(&lock);
    update(p, done_bytes, n_findings);
    pthread_mutex_unlock(&lock);
}

void ps_progress_end(struct ps_progress *p)
{
    set_current(NULL);
    hide(p);
    if (p->config.json)
        print_json(p, p->config.now_ns());
}
