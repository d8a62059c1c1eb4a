//===- LutToLoops.h - structured lut ops on buffers to loops ----*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLOOPS_LUTTOLOOPS_H
#define LUTRA_CONVERSION_LUTTOLOOPS_LUTTOLOOPS_H

#include "mlir/Pass/Pass.h"

namespace lutra {

#define GEN_PASS_DECL_CONVERTLUTTOLOOPS
#include "lib/Conversion/LutToLoops/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Conversion/LutToLoops/Passes.h.inc"

} // namespace lutra

#endif // LUTRA_CONVERSION_LUTTOLOOPS_LUTTOLOOPS_H
