//===- LowbitToLoops.h - lowbit ops on buffers to loops ---------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LOWBITTOLOOPS_LOWBITTOLOOPS_H
#define LUTRA_CONVERSION_LOWBITTOLOOPS_LOWBITTOLOOPS_H

#include "mlir/Pass/Pass.h"

namespace lutra {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Conversion/LowbitToLoops/Passes.h.inc"
} // namespace lutra

#endif // LUTRA_CONVERSION_LOWBITTOLOOPS_LOWBITTOLOOPS_H
