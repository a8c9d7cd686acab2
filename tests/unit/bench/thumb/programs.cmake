# Thumb programs for the virtual chip, from assembly: thumb/NAME.S becomes
# NAME.bin in the build folder, to be loaded at the start of flash.
find_program(ARM_GCC arm-none-eabi-gcc REQUIRED)
find_program(ARM_OBJCOPY arm-none-eabi-objcopy REQUIRED)
function(thumb_programs target)
  set(bins)
  foreach(name ${ARGN})
    set(source ${CMAKE_CURRENT_SOURCE_DIR}/thumb/${name}.S)
    set(elf ${CMAKE_CURRENT_BINARY_DIR}/${name}.elf)
    set(bin ${CMAKE_CURRENT_BINARY_DIR}/${name}.bin)
    add_custom_command(OUTPUT ${bin}
      COMMAND ${ARM_GCC} -nostdlib -mcpu=cortex-m33 -Wl,-Ttext=0x08000000
        -Wl,-e,0x08000000 -Wa,-I${CMAKE_CURRENT_SOURCE_DIR}/thumb
        -o ${elf} ${source}
      COMMAND ${ARM_OBJCOPY} -O binary -j .text ${elf} ${bin}
      DEPENDS ${source} ${CMAKE_CURRENT_SOURCE_DIR}/thumb/start.inc
      VERBATIM)
    list(APPEND bins ${bin})
  endforeach()
  add_custom_target(${target} DEPENDS ${bins})
endfunction()
