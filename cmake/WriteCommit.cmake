# Run at every build with -DSOURCE= and -DOUTPUT=: writes the commit of SOURCE to OUTPUT, if it changed.
set(commit "unknown")
execute_process(COMMAND git describe --always --dirty --abbrev=10 WORKING_DIRECTORY ${SOURCE}
                OUTPUT_VARIABLE described RESULT_VARIABLE code OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(code EQUAL 0)
  set(commit "${described}")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define LUTRA_COMMIT \"${commit}\"\n")
