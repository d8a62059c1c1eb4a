//===- Device.cpp - the registry of devices -------------------------------===//
//
// A map from target names to makers of devices, guarded for sessions that open in several threads.
//
//===----------------------------------------------------------------------===//
#include "lutra/Runtime/Device.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include <map>
#include <mutex>

using namespace llvm;
using namespace lutra;

Device::~Device() = default;

Error Device::takeError() { return Error::success(); }

namespace {
struct Registry {
  std::mutex mutex;
  std::map<std::string, DeviceFactory> factories;

  static Registry &get() {
    static Registry registry;
    return registry;
  }
};
} // namespace

void lutra::registerDevice(StringRef target, DeviceFactory factory) {
  Registry &registry = Registry::get();
  std::lock_guard<std::mutex> lock(registry.mutex);
  registry.factories[target.str()] = std::move(factory);
}

Expected<std::unique_ptr<Device>> lutra::createDevice(const Manifest &manifest) {
  DeviceFactory factory;
  std::string known;
  {
    Registry &registry = Registry::get();
    std::lock_guard<std::mutex> lock(registry.mutex);
    auto it = registry.factories.find(manifest.target.name);
    if (it != registry.factories.end())
      factory = it->second;
    known = llvm::join(llvm::make_first_range(registry.factories), ", ");
  }
  if (!factory)
    return createStringError("'" + manifest.path + "': the model was compiled for device '" + manifest.target.name +
                             "', which this program does not have (it has: " + (known.empty() ? "none" : known) + ")");
  return factory(manifest);
}
