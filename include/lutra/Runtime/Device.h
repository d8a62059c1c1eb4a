//===- Device.h - machines that run kernels for a compiled model ----------===//
//
// The host code of a model compiled for a device calls `lutra_launch` for each kernel; the session forwards the call to
// the device registered for the manifest's target name. A tool registers the devices it links, by a call: no static
// constructors.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_RUNTIME_DEVICE_H
#define LUTRA_RUNTIME_DEVICE_H

#include "lutra/Runtime/Manifest.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <memory>

namespace lutra {

/// A machine with the artifact's kernels loaded.
class Device {
public:
  virtual ~Device();

  /// Runs kernel `kernel` on `nargs` memref descriptors, to completion. Called by the host code, one call at a time.
  virtual void launch(int32_t kernel, int32_t nargs, void **descs) = 0;

  /// What went wrong in the launches since the last call, if anything; the session asks after each run.
  virtual llvm::Error takeError();
};

/// Makes the device for an artifact (its directory is in the manifest), loading its kernels file.
using DeviceFactory = std::function<llvm::Expected<std::unique_ptr<Device>>(const Manifest &manifest)>;

/// Makes `factory` the maker of devices for artifacts whose manifest names `target`. The last registration counts.
void registerDevice(llvm::StringRef target, DeviceFactory factory);

/// Makes a device for the artifact. An error names the devices that are registered.
llvm::Expected<std::unique_ptr<Device>> createDevice(const Manifest &manifest);

} // namespace lutra

#endif // LUTRA_RUNTIME_DEVICE_H
