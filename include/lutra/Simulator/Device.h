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

  /// `observe` sees the simulator after each launch.
  void onLaunch(std::function<void(const Simulator &)> observe) { afterLaunch = std::move(observe); }

  /// `observe` sees the simulator when the session closes the device.
  void onDestruction(std::function<void(Simulator &)> observe) { atEnd = std::move(observe); }

private:
  std::function<void(Simulator &)> atEnd;
  std::function<void(const Simulator &)> afterLaunch;
  std::unique_ptr<Simulator> simulator;
  /// The first failure since it was last asked for; launches after it do nothing.
  std::string failure;
};

/// Reads and checks the kernels file that the manifest names, for the machine that it was compiled for, or for another one (a name or a
/// file, as `loadMachine` takes it) with the same array.
llvm::Expected<std::unique_ptr<SimulatorDevice>> loadDevice(const Manifest &manifest, llvm::StringRef machine = "");

/// Makes artifacts for this machine run on the simulator. `opened`, if given, sees every device that a session opens; `machine` as above.
void registerDevice(std::function<void(SimulatorDevice &)> opened = {}, std::string machine = "");

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_DEVICE_H
