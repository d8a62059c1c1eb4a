# Runs when a wheel's files are installed (see LutraWheel.cmake): copies LUTRA_C_LIBRARY, LUTRA_LUTRAC, LUTRA_LLD and what they need.

# OpenMP is needed by compiled models, not by the compiler.
find_library(LUTRA_OMP NAMES libomp.so.5 PATHS /usr/lib/llvm-22/lib /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu REQUIRED)

file(GET_RUNTIME_DEPENDENCIES
  LIBRARIES ${LUTRA_C_LIBRARY} ${LUTRA_OMP}
  EXECUTABLES ${LUTRA_LUTRAC} ${LUTRA_LLD}
  RESOLVED_DEPENDENCIES_VAR needed
  UNRESOLVED_DEPENDENCIES_VAR missing
  DIRECTORIES /usr/lib/llvm-22/lib
  # The C and C++ runtimes are every system's own (as in Python's manylinux policies).
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|stdc\\+\\+|gcc_s)\\.so")
if(missing)
  message(FATAL_ERROR "cannot find ${missing}, which the wheel must hold")
endif()

function(put from folder run_path)
  get_filename_component(name ${from} NAME)
  get_filename_component(real ${from} REALPATH)
  set(to ${CMAKE_INSTALL_PREFIX}/${folder}/${name})
  file(MAKE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${folder})
  configure_file(${real} ${to} COPYONLY)
  file(CHMOD ${to} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  # An RPATH, unlike a RUNPATH, also counts for what the library loads: a model's code finds OpenMP by it.
  execute_process(COMMAND ${LUTRA_PATCHELF} --force-rpath --set-rpath ${run_path} ${to} COMMAND_ERROR_IS_FATAL ANY)
  message(STATUS "Installed ${to}")
endfunction()

put(${LUTRA_C_LIBRARY} . "$ORIGIN/lib")
put(${LUTRA_LUTRAC} bin "$ORIGIN/../lib")
put(${LUTRA_LLD} bin "$ORIGIN/../lib")
foreach(dependency IN LISTS needed)
  put(${dependency} lib "$ORIGIN")
endforeach()
put(${LUTRA_OMP} lib "$ORIGIN")
