//===- Version.h - which Lutra this is --------------------------*- C++ -*-===//
#ifndef LUTRA_SUPPORT_VERSION_H
#define LUTRA_SUPPORT_VERSION_H

#include "llvm/ADT/StringRef.h"

namespace lutra {

/// Lutra's version number.
llvm::StringRef versionNumber();

/// The commit of the sources, as `git describe` shortens it ("unknown" outside a checkout).
llvm::StringRef versionCommit();

/// The version of the LLVM that Lutra is built with.
llvm::StringRef versionLLVM();

} // namespace lutra

#endif // LUTRA_SUPPORT_VERSION_H
