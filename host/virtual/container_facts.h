/* What the container of an image says about the Windows inside (host/image/facts.h), made into
 * hints: each is used only where memory itself does not tell, or proves what it says. */
#ifndef PS_HOST_VIRTUAL_CONTAINER_FACTS_H
#define PS_HOST_VIRTUAL_CONTAINER_FACTS_H

#include <stdint.h>

#include "host/image/facts.h"
#include "scan/pool/era.h"
#include "scan/windows/symbols/symbols.h"

/* "crash dump header": where the facts are from; never NULL. */
const char *ps_container_source(const struct ps_image_facts *facts);

/* The architecture whose pool it is; 0: not said. ARM64 has the headers of x64. */
int ps_container_arch(const struct ps_image_facts *facts, enum ps_arch *arch);

/* The build, if the container can mean this architecture and the number is that of a Windows NT; 0:
 * not said. */
uint32_t ps_container_build(const struct ps_image_facts *facts, enum ps_arch arch);

/* Add the lists that the container names and no source of symbols does, as guesses; only what lies
 * in the Windows kernel, whose base is known. */
void ps_container_symbols(const struct ps_image_facts *facts, struct ps_symbols *symbols);

#endif
