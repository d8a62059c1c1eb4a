//===- HostCheck.h - can this machine run the artifact? -------------------===//
//
// Code for a CPU that lacks an instruction dies of SIGILL; the check refuses it before anything is loaded.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_RUNTIME_HOSTCHECK_H
#define LUTRA_RUNTIME_HOSTCHECK_H

#include "lutra/Runtime/Manifest.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace lutra {

/// Fails unless a host of architecture `hostArch` (as in a triple) with `hostFeatures` can run the artifact; the
/// message names what is missing and the target option that avoids it.
llvm::Error checkHost(const Manifest &manifest, llvm::StringRef hostArch, const llvm::StringMap<bool> &hostFeatures);

/// The same for the machine that runs this.
llvm::Error checkHost(const Manifest &manifest);

} // namespace lutra

#endif // LUTRA_RUNTIME_HOSTCHECK_H
