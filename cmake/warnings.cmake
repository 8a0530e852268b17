# One warning set for all targets: link ps_warnings privately.
add_library(ps_warnings INTERFACE)
target_compile_options(ps_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion
    -Wno-sign-conversion -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef)
option(POOLSCAN_WERROR "Warnings are errors" OFF)
if(POOLSCAN_WERROR)
    target_compile_options(ps_warnings INTERFACE -Werror)
endif()
