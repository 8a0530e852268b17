/* A main() for a fuzz target where there is no libFuzzer: feeds it the empty input, every file of
 * the folder named on the command line, and seeded variations of those files. The target aborts
 * when something is wrong. PS_SEED in the environment changes the variations. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INPUT_BYTES 65536u
#define N_VARIATIONS    200u
#define N_RANDOM_INPUTS 2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static uint64_t rng_state;

static uint32_t rng_below(uint32_t limit)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)((rng_state >> 32) % limit);
}

/* A copy of exactly n_bytes, so that AddressSanitizer sees a read behind the end. */
static void feed(const uint8_t *data, size_t n_bytes)
{
    uint8_t *exact = malloc(n_bytes ? n_bytes : 1);

    if (!exact) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    memcpy(exact, data, n_bytes);
    LLVMFuzzerTestOneInput(exact, n_bytes);
    free(exact);
}

static void feed_variation(const uint8_t *data, size_t n_bytes)
{
    static uint8_t changed[MAX_INPUT_BYTES];
    size_t n = n_bytes;

    memcpy(changed, data, n_bytes);
    for (uint32_t i = 1 + rng_below(8); i > 0 && n > 0; i--)
        changed[rng_below((uint32_t)n)] = (uint8_t)rng_below(256);
    if (n > 0 && rng_below(4) == 0)
        n = rng_below((uint32_t)n);
    feed(changed, n);
}

static int feed_file(const char *path)
{
    static uint8_t data[MAX_INPUT_BYTES];
    FILE *file = fopen(path, "rb");
    size_t n;

    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    n = fread(data, 1, sizeof(data), file);
    fclose(file);
    feed(data, n);
    for (uint32_t i = 0; i < N_VARIATIONS; i++)
        feed_variation(data, n);
    return 0;
}

/* Number of files fed, or -1. */
static int feed_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];
    int n_files = 0;

    if (!dir)
        return -1;
    while ((entry = readdir(dir)) != NULL && n_files >= 0) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        n_files = feed_file(path) < 0 ? -1 : n_files + 1;
    }
    closedir(dir);
    return n_files;
}

static void feed_random_inputs(void)
{
    static uint8_t data[2 * 4096];

    for (uint32_t i = 0; i < N_RANDOM_INPUTS; i++) {
        uint32_t n = rng_below(i % 16 == 0 ? (uint32_t)sizeof(data) : 256);

        for (uint32_t k = 0; k < n; k++)
            data[k] = (uint8_t)rng_below(256);
        feed(data, n);
    }
}

int main(int argc, char **argv)
{
    const char *seed = getenv("PS_SEED");
    int n_files;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 64;
    }
    rng_state = seed ? strtoull(seed, NULL, 0) : 20260727u;
    if (rng_state == 0)
        rng_state = 1;
    printf("PS_SEED=%" PRIu64 "\n", rng_state);
    fflush(stdout);
    feed((const uint8_t *)"", 0);
    n_files = feed_folder(argv[1]);
    if (n_files < 1) {
        fprintf(stderr, "%s: no corpus file\n", argv[1]);
        return 1;
    }
    feed_random_inputs();
    printf("%d corpus files, %u variations of each, %u random inputs\n", n_files, N_VARIATIONS,
           N_RANDOM_INPUTS);
    return 0;
}
