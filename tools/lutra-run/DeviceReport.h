//===- DeviceReport.h - what a modelled device cost -------------*- C++ -*-===//
#ifndef LUTRA_TOOLS_LUTRA_RUN_DEVICEREPORT_H
#define LUTRA_TOOLS_LUTRA_RUN_DEVICEREPORT_H

#include "Progress.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace lutra {

/// Makes artifacts for the LUT tensor core run on the simulator, says how far it is, and keeps the report that a device leaves when its
/// session closes. One at a time, and it outlives the sessions.
class DeviceReport {
public:
  /// `machine`: one to run on instead of the artifact's; empty: none. `progress`: say how far it is even where stderr is no terminal.
  DeviceReport(std::string machine, bool progress);
  DeviceReport(const DeviceReport &) = delete;

  /// The report; empty when no device was opened.
  llvm::StringRef text() const { return report; }

private:
  std::string report;
  Progress progress;
};

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_RUN_DEVICEREPORT_H
