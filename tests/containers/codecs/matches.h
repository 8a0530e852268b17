/* Finding what stood before: the match finder of all encoders. */
#ifndef PS_TESTS_CONTAINERS_CODECS_MATCHES_H
#define PS_TESTS_CONTAINERS_CODECS_MATCHES_H

#include <stddef.h>
#include <stdint.h>

#define MATCHES_MAX_BYTES 65536u
#define MATCHES_LEAST     3u

struct match {
    uint32_t offset; /* how far back, 1 and more */
    uint32_t length; /* 0: there is none, else at least MATCHES_LEAST */
};

struct matches {
    const uint8_t *bytes;
    uint32_t n_bytes; /* MATCHES_MAX_BYTES at most */
    uint32_t max_offset;
    uint32_t max_length;
    int32_t head[4096];                  /* the last place with this hash, or -1 */
    int32_t previous[MATCHES_MAX_BYTES]; /* the place before it with the same */
};

void matches_begin(struct matches *m, const uint8_t *bytes, size_t n_bytes);
/* The longest match for what begins at 'at'. */
struct match matches_find(const struct matches *m, uint32_t at);
/* The bytes from 'at' to 'at' + n may be found from now on. */
void matches_add(struct matches *m, uint32_t at, uint32_t n);

#endif
