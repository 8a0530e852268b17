# cmake -DSOURCE_DIR=... -DOUTPUT=... -DFILES=a;b;c -P embed_cl.cmake
#
# Concatenates the files into one OpenCL C source and writes it as the bytes of a C array. #include
# lines are dropped, since a device compiler has no include path; #line keeps the place of an error
# in the build log right.
set(hex "")
foreach(file IN LISTS FILES)
    file(READ ${SOURCE_DIR}/${file} text HEX)
    string(HEX "#line 1 \"${file}\"\n" line)
    string(APPEND hex "${line}${text}")
endforeach()

# Every pair of digits becomes one array element; a line is matched as hex from '#include' to '\n',
# and turned into an empty one so that lines keep their numbers.
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\1 " hex "${hex}")
string(HEX "#include" include)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\1 " include "${include}")
string(REGEX REPLACE "${include}([1-9a-f][0-9a-f] |0[0-9b-f] )*" "" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f]) " "0x\\1," hex "${hex}")
string(REGEX REPLACE "(0x0a,)" "\\1\n" hex "${hex}")

file(WRITE ${OUTPUT}.new
"/* Made by cmake/embed_cl.cmake from kernels/; see host/opencl/program.h. */
#include \"host/opencl/program.h\"

const unsigned char ps_cl_source[] = {
${hex}};
const size_t ps_cl_source_bytes = sizeof ps_cl_source;
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
