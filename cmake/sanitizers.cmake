# POOLSCAN_SANITIZE: 'address' adds the undefined-behaviour sanitizer, with every finding fatal
# (a recoverable one would be printed and pass, see docs/TESTING.md on Criterion).
if(POOLSCAN_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
elseif(POOLSCAN_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
elseif(POOLSCAN_SANITIZE)
    message(FATAL_ERROR "POOLSCAN_SANITIZE: 'address', 'thread' or empty")
endif()

# Coverage for libFuzzer in everything that its targets call; sanitizers as above.
if(POOLSCAN_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "POOLSCAN_FUZZ needs clang: cmake --preset fuzz")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
endif()
