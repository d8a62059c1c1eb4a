//===- Sim.h - what lutra-sim does without an artifact ----------*- C++ -*-===//
#ifndef LUTRA_TOOLS_LUTRA_SIM_SIM_H
#define LUTRA_TOOLS_LUTRA_SIM_SIM_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace lutra {

/// A program file, and the machine that it is for: as ltc::loadMachine takes them; both may be empty.
struct ProgramFile {
  std::string path, machine, array;
};

/// Assembles and verifies a file of assembly text and prints it with addresses.
llvm::Error checkFile(const ProgramFile &file);

/// Writes the binary encoding of a file of either form.
llvm::Error encodeFile(const ProgramFile &file, llvm::StringRef output);

/// Writes a launch of each kernel of the file as Chrome trace events.
llvm::Error traceFile(const ProgramFile &file, int64_t rows, llvm::StringRef output);

/// Prints what a launch of each kernel of the file costs with `rows` rows.
llvm::Error timeFile(const ProgramFile &file, int64_t rows);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_SIM_SIM_H
