# ps_embed_text(TARGET symbol file): compile a text file into TARGET as
# 'const char symbol[]' (zero-terminated) and 'const size_t symbol_bytes' (without the zero).
function(ps_embed_text target symbol file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)"
        "\\1\n" bytes "${bytes}")
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c CONTENT
"#include <stddef.h>
extern const char ${symbol}[];
extern const size_t ${symbol}_bytes;
const char ${symbol}[] = {
@bytes@0
};
const size_t ${symbol}_bytes = sizeof ${symbol} - 1;
" @ONLY)
    target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
endfunction()
