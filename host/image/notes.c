#include "host/image/notes.h"

#include <stdarg.h>
#include <stdio.h>

void ps_notes_add(struct ps_notes *notes, enum ps_note_kind kind, const char *format, ...)
{
    va_list args;

    if (notes->n >= PS_NOTES_MAX)
        return;
    notes->note[notes->n].kind = kind;
    va_start(args, format);
    vsnprintf(notes->note[notes->n].text, PS_NOTE_BYTES, format, args);
    va_end(args);
    notes->n++;
}

int ps_notes_have(const struct ps_notes *notes, enum ps_note_kind kind)
{
    for (unsigned i = 0; i < notes->n; i++)
        if (notes->note[i].kind == kind)
            return 1;
    return 0;
}
