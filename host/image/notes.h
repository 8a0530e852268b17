/* What somebody should know about an image that could be opened all the same. */
#ifndef PS_HOST_IMAGE_NOTES_H
#define PS_HOST_IMAGE_NOTES_H

#define PS_NOTES_MAX  8u
#define PS_NOTE_BYTES 240u

enum ps_note_kind {
    PS_NOTE_INFO,    /* how it is read: "unpacked to a temporary file" */
    PS_NOTE_WARNING, /* something is doubtful: "Windows has resumed from this file" */
    PS_NOTE_LOSS,    /* memory that should be there is not: "the file ends 12 pages early" */
};

/* Begin with all zero. What finds no room is dropped. */
struct ps_notes {
    unsigned n;
    struct {
        enum ps_note_kind kind;
        char text[PS_NOTE_BYTES];
    } note[PS_NOTES_MAX];
};

/* One sentence without a final period, which does not name the image. */
void ps_notes_add(struct ps_notes *notes, enum ps_note_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 1: there is a note of that kind. */
int ps_notes_have(const struct ps_notes *notes, enum ps_note_kind kind);

#endif
