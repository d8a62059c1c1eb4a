//===- DeviceReport.cpp - what a modelled device cost ---------------------===//
#include "DeviceReport.h"

#include "lutra/Simulator/Device.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lutra;

DeviceReport::DeviceReport(std::string machine, bool always) : progress(always) {
  auto opened = [this](ltc::SimulatorDevice &device) {
    device.onLaunch([this](const ltc::Simulator &simulator) {
      uint64_t launches = 0, cycles = 0;
      for (const ltc::KernelStatistics &kernel : simulator.getStatistics()) {
        launches += kernel.launches;
        cycles += kernel.timing.cycles;
      }
      progress.show(llvm::formatv("simulated {0} launches, {1:F3} ms of the device", launches,
                                  double(cycles) / simulator.getMachine().clockGHz * 1e-6)
                        .str());
    });
    // The session, and with it the device, is gone when the run is over: the report is made while it goes.
    device.onDestruction([this](ltc::Simulator &simulator) {
      progress.clear();
      llvm::raw_string_ostream os(report);
      simulator.printReport(os);
    });
  };
  ltc::registerDevice(opened, std::move(machine));
}
