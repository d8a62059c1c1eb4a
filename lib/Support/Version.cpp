//===- Version.cpp - which Lutra this is ----------------------------------===//
//
// The commit is written by CMake at every build (cmake/WriteCommit.cmake), so that only this file is compiled again.
//
//===----------------------------------------------------------------------===//
#include "lutra/Support/Version.h"

#include "lib/Support/Commit.inc"
#include "llvm/Config/llvm-config.h"

llvm::StringRef lutra::versionNumber() { return LUTRA_VERSION; }
llvm::StringRef lutra::versionCommit() { return LUTRA_COMMIT; }
llvm::StringRef lutra::versionLLVM() { return LLVM_VERSION_STRING; }
