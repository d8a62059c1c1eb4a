//===- HostCheck.cpp - compares the manifest's needs with the host --------===//
//
// Feature names are LLVM's on both sides.
//
//===----------------------------------------------------------------------===//
#include "lutra/Runtime/HostCheck.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace lutra;

Error lutra::checkHost(const Manifest &manifest, StringRef hostArch, const StringMap<bool> &hostFeatures) {
  const ManifestTarget &target = manifest.target;
  Triple triple(target.triple);
  if (!target.triple.empty() && triple.getArch() != Triple(hostArch).getArch())
    return createStringError("'" + manifest.path + "': compiled for " + triple.getArchName() + " ('" + target.triple +
                             "'), but this machine is " + hostArch +
                             ": compile the model again on or for this machine");
  SmallVector<StringRef> missing;
  for (const std::string &feature : target.features)
    if (!hostFeatures.lookup(feature))
      missing.push_back(feature);
  if (missing.empty())
    return Error::success();
  return createStringError(
      "'" + manifest.path + "': compiled for CPU '" + target.cpu + "', but this machine lacks " +
      llvm::join(missing, ", ") + ": compile the model again with --target-option=" + target.name +
      ".mcpu=native on this machine (or with the name of an older CPU, such as x86-64-v3 or x86-64)");
}

Error lutra::checkHost(const Manifest &manifest) {
  Triple host(sys::getProcessTriple());
  return checkHost(manifest, host.getArchName(), sys::getHostCPUFeatures());
}
