/* A pool tag is four bytes, not text. It is kept as the dword that stands in memory: the
 * first character is the low byte. */
#ifndef PS_SCAN_TAGS_TAG_H
#define PS_SCAN_TAGS_TAG_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

/* A tag with some bytes left open: tag t matches when (t & mask) == value. mask has 0xff or
 * 0x00 in each byte. Open bytes stand for a printable character (0x20 .. 0x7e). */
struct ps_tag_pattern {
    uint32_t value;
    uint32_t mask;
};

/* Longest printed form: four times "\xNN" and the terminating zero. */
#define PS_TAG_TEXT_BYTES 17

#define PS_TAG_BYTES 4u

/* Print 'tag' into text[PS_TAG_TEXT_BYTES] as four characters: printable ASCII as it is, any
 * other byte, and the backslash, as \xNN. Spaces are significant and kept. Returns text. */
char *ps_tag_print(uint32_t tag, char *text);

/* Read one pattern as a user types it: up to four bytes, '?' for any one character, '*' (last, or
 * with nothing but padding up to the fourth column: "Bu* ") for all the rest, \xNN for a byte,
 * \\ \? \* \, for these characters themselves. Fewer than four bytes are padded with spaces ("Irp"
 * is "Irp "), as pool tags are. On failure err->at is the position in 'text'. */
int ps_tag_pattern_parse(const char *text, size_t n, struct ps_tag_pattern *out,
                         struct ps_err *err);

/* Print a pattern into text[PS_TAG_TEXT_BYTES] so that ps_tag_pattern_parse reads the same one
 * back: like ps_tag_print, open bytes as '?', the characters ? * , themselves as \xNN. Returns
 * text. */
char *ps_tag_pattern_print(struct ps_tag_pattern p, char *text);

/* Less than, equal to or greater than zero: the order of patterns as printed, an open byte as '?';
 * of patterns that are printed alike the one with more open bytes comes first. */
int ps_tag_pattern_compare(struct ps_tag_pattern a, struct ps_tag_pattern b);

/* Does the pattern match the tag (protected bit already cleared by the caller)? Open bytes
 * match printable characters only. */
int ps_tag_pattern_matches(struct ps_tag_pattern p, uint32_t tag);

/* Does one of the patterns? Where there are none, every tag is meant. */
int ps_tag_patterns_match(const struct ps_tag_pattern *p, size_t n, uint32_t tag);

/* Less than, equal to or greater than zero: the order of the bytes as they are spelled. */
int ps_tag_compare(uint32_t a, uint32_t b);

/* Are the bytes of 'tag' that the pattern leaves open of the kind that drivers choose: letters,
 * digits, blanks, underscores? Others occur in single tags, which lists name one by one, and in
 * what is no tag. The protected bit is to be cleared where it means nothing. */
int ps_tag_pattern_is_usual(struct ps_tag_pattern p, uint32_t tag);

/* Does 'wide' match every tag that 'narrow' matches? */
int ps_tag_pattern_covers(struct ps_tag_pattern wide, struct ps_tag_pattern narrow);

/* Is there a tag that both match? Then *both (may be NULL) is the pattern of all of them. */
int ps_tag_pattern_overlaps(struct ps_tag_pattern a, struct ps_tag_pattern b,
                            struct ps_tag_pattern *both);

/* How specific a pattern with this mask is; no two masks have the same rank. More fixed bytes
 * rank higher, then a longer literal prefix, then fixed bytes that come earlier. */
unsigned ps_tag_mask_rank(uint32_t mask);

#endif
