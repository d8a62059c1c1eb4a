//===- Sim.h - what lutra-sim does without an artifact ----------*- C++ -*-===//
#ifndef LUTRA_TOOLS_LUTRA_SIM_SIM_H
#define LUTRA_TOOLS_LUTRA_SIM_SIM_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace lutra {

/// Assembles and verifies a file of assembly text and prints it with addresses.
llvm::Error checkFile(llvm::StringRef path);

/// Writes the binary encoding of a file of either form.
llvm::Error encodeFile(llvm::StringRef path, llvm::StringRef output);

/// Writes a launch of each kernel of the file as Chrome trace events.
llvm::Error traceFile(llvm::StringRef path, int64_t rows, llvm::StringRef output);

/// Prints what a launch of each kernel of the file costs with `rows` rows.
llvm::Error timeFile(llvm::StringRef path, int64_t rows);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_SIM_SIM_H
