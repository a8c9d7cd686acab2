# What every C target of the project shares: warnings as errors, sanitizers,
# and one line per library, program and unit test.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET GLOBAL jansson)
find_library(MBEDCRYPTO mbedcrypto REQUIRED)
find_library(MBEDX509 mbedx509 REQUIRED)
find_library(MBEDTLS mbedtls REQUIRED)

# -Wformat=2 guesses at lengths when it optimises: snprintf() is there to cut.
add_library(provline_flags INTERFACE)
target_compile_options(provline_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wformat=2 -Wno-format-truncation -Werror -fno-common
  -fstack-protector-strong)
target_compile_definitions(provline_flags INTERFACE
  _GNU_SOURCE PROVLINE_VERSION="${PROJECT_VERSION}")
target_include_directories(provline_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(PROVLINE_FUZZ) # by clang; the warnings above are meant for gcc
  target_compile_options(provline_flags INTERFACE
    -w -O1 -fno-sanitize-recover=undefined
    -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
  target_link_options(provline_flags INTERFACE -fsanitize=address,undefined)
elseif(PROVLINE_SANITIZE)
  target_compile_options(provline_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  target_link_options(provline_flags INTERFACE -fsanitize=address,undefined)
else()
  target_compile_definitions(provline_flags INTERFACE _FORTIFY_SOURCE=2)
endif()

# provline_library(NAME SOURCES a.c b.c [LIBS x y])
function(provline_library name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PUBLIC provline_flags ${A_LIBS})
endfunction()

# provline_program(NAME SOURCES main.c [LIBS x y])
function(provline_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE provline_flags ${A_LIBS})
endfunction()

# provline_unit_test(NAME SOURCES test_x.c [LIBS x y]): a cmocka program that
# CTest runs, with a time limit, under whatever sanitizers the build has.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
function(provline_unit_test name)
  cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE provline_flags PkgConfig::CMOCKA ${A_LIBS})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test-bin)
  add_test(NAME unit.${name} COMMAND ${name})
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 600 LABELS unit)
endfunction()

# provline_fuzz_target(NAME SOURCES fuzz_x.c [LIBS x y] [MAX_LEN bytes]
# [SHARE n]): a libFuzzer program. The preset `fuzz` builds it; every other build
# with tests gets a test fuzz.NAME that runs it on corpus/NAME, after fuzz.build
# has built all of them. PROVLINE_FUZZ_SECONDS (20) is how long, divided by SHARE
# for small readers that are through sooner.
function(provline_fuzz_target name)
  cmake_parse_arguments(A "" "MAX_LEN;SHARE" "SOURCES;LIBS" ${ARGN})
  if(NOT A_MAX_LEN)
    set(A_MAX_LEN 4096)
  endif()
  if(NOT A_SHARE)
    set(A_SHARE 1)
  endif()
  if(PROVLINE_FUZZ)
    add_executable(fuzz-${name} ${A_SOURCES})
    target_link_libraries(fuzz-${name} PRIVATE provline_flags ${A_LIBS})
    target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers fuzz-${name})
    return()
  endif()
  add_test(NAME fuzz.${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run.sh
    ${name} -max_len=${A_MAX_LEN})
  set_tests_properties(fuzz.${name} PROPERTIES FIXTURES_REQUIRED fuzzers
    TIMEOUT 3600 LABELS fuzz ENVIRONMENT PROVLINE_FUZZ_SHARE=${A_SHARE})
endfunction()
