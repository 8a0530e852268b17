/* Digests: XXH3 of 128 bits, written as xxhsum -H2 writes it (big-endian hex). They tell images
 * and results apart; they do not resist forgery. */
#ifndef PS_HOST_DIGEST_H
#define PS_HOST_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define PS_DIGEST_HEX_BYTES 33 /* 32 digits and the terminating zero */

struct ps_digest;

/* A digest of nothing yet; NULL when memory is out. One thread at a time. */
struct ps_digest *ps_digest_new(void);
void ps_digest_update(struct ps_digest *digest, const void *data, size_t n_bytes);
/* Eight bytes, little-endian, whatever the machine. */
void ps_digest_update_u64(struct ps_digest *digest, uint64_t value);
/* The digest of all bytes so far; more may follow. */
void ps_digest_hex(const struct ps_digest *digest, char hex[PS_DIGEST_HEX_BYTES]);
/* XXH3 of 64 bits: tells that bytes were damaged. Pure. */
uint64_t ps_digest_bytes(const void *data, size_t n_bytes);
/* Fingerprint of a page of 4096 bytes: of 128 of them, spread over the page. Equal pages have equal
 * ones; who finds equal ones compares the pages. A tenth of the time that XXH3 takes for all of it
 * (docs/POOL.md, "Copies"). Pure. */
uint32_t ps_digest_page(const uint8_t *page);

/* A key of a page: equal pages have equal ones, and others the same one once in 2^64, for nobody
 * who made the image could know the secret. */
struct ps_page_secret {
    uint8_t bytes[192];
};

/* By lot. 0, or -1: the system has no random numbers. */
int ps_page_secret_draw(struct ps_page_secret *secret);
/* The same one for the same text, so that keys of different runs can be compared; who knows the
 * text can make pages with equal keys. */
void ps_page_secret_derive(struct ps_page_secret *secret, const char *text);
/* Of a page of 4096 bytes. Pure. */
uint64_t ps_digest_page_key(const struct ps_page_secret *secret, const uint8_t *page);

void ps_digest_free(struct ps_digest *digest); /* accepts NULL */

#endif
