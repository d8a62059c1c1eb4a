# How a Lutra library, tool and unit test is declared: one place for the precompiled header,
# the link to libMLIR.so and the output folders.

# One precompiled header for every target: MLIR's core headers dominate the compile time.
if(LUTRA_USE_PCH)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/empty.cpp.in "// Carries the shared precompiled header.\n")
  configure_file(${CMAKE_BINARY_DIR}/pch/empty.cpp.in ${CMAKE_BINARY_DIR}/pch/empty.cpp COPYONLY)
  add_library(LutraPCH OBJECT ${CMAKE_BINARY_DIR}/pch/empty.cpp)
  target_include_directories(LutraPCH SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_options(LutraPCH PRIVATE -ffp-contract=off)
  if(LUTRA_SANITIZE)
    target_compile_options(LutraPCH PRIVATE -fsanitize=${LUTRA_SANITIZE} -fno-omit-frame-pointer)
  endif()
  target_precompile_headers(LutraPCH PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
  add_compile_options(-Xclang -fno-pch-timestamp)
  target_compile_options(LutraPCH PRIVATE -Xclang -fno-pch-timestamp)
endif()

function(lutra_use_pch target)
  if(LUTRA_USE_PCH)
    # -fPIC (which HandleLLVMOptions gives everything) for executables too: with -fPIE they could not share it.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_precompile_headers(${target} REUSE_FROM LutraPCH)
  endif()
endfunction()

# lutra_embed_yaml(<folder> <output>)
# Writes <output> into the current binary folder: for each NAME.yaml of <folder> a line {"NAME", R"yaml(its text)yaml"}, to be included in a table. Configures
# anew when one changes.
function(lutra_embed_yaml folder output)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.yaml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(embedded "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND embedded "{\"${name}\", R\"yaml(${text})yaml\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${output} CONTENT "@embedded@" @ONLY)
endfunction()

# lutra_add_library(<name> <source>... [NO_MLIR] [DEPENDS <tablegen target>...] [LINK_LIBS <library>...])
# LINK_LIBS may name Lutra libraries and system libraries; libMLIR.so is linked unless NO_MLIR says that the
# library needs only LLVM (what a compiled model needs at run time).
function(lutra_add_library name)
  cmake_parse_arguments(ARG "NO_MLIR" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} ${ARG_UNPARSED_ARGUMENTS})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(ARG_NO_MLIR)
    target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} LLVM)
  else()
    target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} MLIR LLVM)
    lutra_use_pch(${name})
  endif()
  if(BUILD_SHARED_LIBS)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()

# lutra_add_tool(<name> <source>... [LINK_LIBS <library>...]): an executable in build/bin.
function(lutra_add_tool name)
  set_property(GLOBAL APPEND PROPERTY LUTRA_TOOLS ${name})
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} MLIR LLVM)
  lutra_use_pch(${name})
endfunction()

# lutra_add_unittest(<name> <source>... [LINK_LIBS <library>...]): a GoogleTest program that
# `lutra-unit-tests` builds and ctest runs.
add_custom_target(lutra-unit-tests)
function(lutra_add_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} MLIR LLVM GTest::gtest GTest::gmock GTest::gtest_main)
  lutra_use_pch(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/unittests)
  add_dependencies(lutra-unit-tests ${name})
  add_test(NAME ${name} COMMAND ${name})
endfunction()
