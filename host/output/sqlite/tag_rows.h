/* The table "tags": a row for each tag that findings have, and which row it is. A tag has a second
 * one where its bytes mean something else, in an image of a Windows with another protected
 * bit. Private to this folder. */
#ifndef PS_HOST_OUTPUT_SQLITE_TAG_ROWS_H
#define PS_HOST_OUTPUT_SQLITE_TAG_ROWS_H

#include <sqlite3.h>
#include <stdint.h>

#include "host/output/fields.h"

struct ps_tag_rows;

/* Make the table. Memory does not grow with the number of tags. */
int ps_tag_rows_new(struct ps_tag_rows **out, sqlite3 *db, struct ps_err *err);
void ps_tag_rows_free(struct ps_tag_rows *t); /* accepts NULL */

/* The number of the row for the finding's tag, made when it is not there yet; 0 on failure. 'room'
 * has ps_rows_max_bytes. 'protected_bit' is that of the image, or 0. */
int64_t ps_tag_rows_number(struct ps_tag_rows *t, const struct ps_rows *rows,
                           const struct ps_finding *f, uint32_t protected_bit, char *room,
                           struct ps_err *err);

#endif
