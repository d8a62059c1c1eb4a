//===- WriteFile.h - files that are written whole, or an error ------------===//
#ifndef LUTRA_SUPPORT_WRITEFILE_H
#define LUTRA_SUPPORT_WRITEFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace llvm {
class raw_pwrite_stream;
} // namespace llvm

namespace lutra {

/// Makes the file `path` what `write` writes. Where it cannot be opened, or the disk does not take all of it, the error says so and names the
/// path; an error of `write` is returned as it is. (A raw_fd_ostream whose errors nobody asks for ends the process.)
llvm::Error writeFile(llvm::StringRef path, llvm::function_ref<llvm::Error(llvm::raw_pwrite_stream &)> write);

} // namespace lutra

#endif // LUTRA_SUPPORT_WRITEFILE_H
