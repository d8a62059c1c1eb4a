//===- Device.h - the simulator as a device of the run time -----*- C++ -*-===//
#ifndef LUTRA_SIMULATOR_DEVICE_H
#define LUTRA_SIMULATOR_DEVICE_H

#include "lutra/Runtime/Device.h"
#include "lutra/Simulator/Simulator.h"

#include <functional>

namespace lutra::ltc {

/// The target name in the manifests of artifacts for this machine.
inline constexpr llvm::StringLiteral kTargetName = "ltc";

/// Runs the kernels of an artifact on the simulator.
class SimulatorDevice : public Device {
public:
  explicit SimulatorDevice(std::unique_ptr<Simulator> simulator) : simulator(std::move(simulator)) {}
  ~SimulatorDevice() override;

  void launch(int32_t kernel, int32_t nargs, void **descs) override;
  llvm::Error takeError() override;

  Simulator &getSimulator() { return *simulator; }

  /// `observe` sees the simulator when the session closes the device.
  void onDestruction(std::function<void(Simulator &)> observe) { atEnd = std::move(observe); }

private:
  std::function<void(Simulator &)> atEnd;
  std::unique_ptr<Simulator> simulator;
  /// The first failure since it was last asked for; launches after it do nothing.
  std::string failure;
};

/// Reads and checks the kernels file that the manifest names, for `machine`.
llvm::Expected<std::unique_ptr<SimulatorDevice>> loadDevice(const Manifest &manifest, Machine machine = {});

/// Makes artifacts for this machine run on the simulator. `opened`, if given, sees every device that a session opens.
void registerDevice(std::function<void(SimulatorDevice &)> opened = {});

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_DEVICE_H
