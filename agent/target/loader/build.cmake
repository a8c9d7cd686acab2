# The RAM loader as a C array: compiled for the Cortex-M33, the same bytes on
# every machine (no paths, no dates, no build id). loader_blob(OUT_VAR) gives
# the generated source.
find_program(ARM_GCC arm-none-eabi-gcc REQUIRED)
find_program(ARM_OBJCOPY arm-none-eabi-objcopy REQUIRED)

function(loader_blob out)
  set(dir ${CMAKE_CURRENT_SOURCE_DIR}/loader)
  set(built ${CMAKE_CURRENT_BINARY_DIR}/loader)
  file(MAKE_DIRECTORY ${built})
  add_custom_command(OUTPUT ${built}/loader.bin
    COMMAND ${ARM_GCC} -mcpu=cortex-m33 -mthumb -mfloat-abi=soft -std=c11 -O2
      -ffreestanding -fno-tree-loop-distribute-patterns -nostdlib
      -Wall -Wextra -Wshadow -Wconversion -Werror -I${CMAKE_SOURCE_DIR}
      -T${dir}/loader.ld -Wl,--build-id=none -o ${built}/loader.elf
      ${dir}/loader.c
    COMMAND ${ARM_OBJCOPY} -O binary ${built}/loader.elf ${built}/loader.bin
    DEPENDS ${dir}/loader.c ${dir}/loader.ld ${dir}/mailbox.h
      ${CMAKE_CURRENT_SOURCE_DIR}/u5_regs.h
    VERBATIM)
  add_custom_command(OUTPUT ${built}/loader_blob.c
    COMMAND ${CMAKE_COMMAND} -DIN=${built}/loader.bin
      -DOUT=${built}/loader_blob.c -P ${dir}/blob.cmake
    DEPENDS ${built}/loader.bin ${dir}/blob.cmake
    VERBATIM)
  set(${out} ${built}/loader_blob.c PARENT_SCOPE)
endfunction()
