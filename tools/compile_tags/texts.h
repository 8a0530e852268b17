/* Strings one behind the other, each once. */
#ifndef PS_TOOLS_COMPILE_TAGS_TEXTS_H
#define PS_TOOLS_COMPILE_TAGS_TEXTS_H

#include <stddef.h>
#include <stdint.h>

/* Begin with all zero. */
struct ps_texts {
    const char **text; /* in order of their offsets; the caller's strings */
    uint32_t *offset;  /* of each */
    size_t n;
    size_t cap;
    uint32_t *slot; /* n_slots of them: 0, or a place in 'text' plus one */
    size_t n_slots;
    uint32_t n_bytes; /* with the zero byte behind each */
};

/* The offset of a string; it joins them if it is new, and must live as long as they. UINT32_MAX
 * when memory is out. */
uint32_t ps_texts_add(struct ps_texts *texts, const char *text);
void ps_texts_free(struct ps_texts *texts);

#endif
