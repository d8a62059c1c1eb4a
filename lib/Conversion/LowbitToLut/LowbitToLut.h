//===- LowbitToLut.h - tables and packed weights to tensors -----*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LOWBITTOLUT_LOWBITTOLUT_H
#define LUTRA_CONVERSION_LOWBITTOLUT_LOWBITTOLUT_H

#include "mlir/Pass/Pass.h"

namespace lutra {

#define GEN_PASS_DECL
#include "lib/Conversion/LowbitToLut/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Conversion/LowbitToLut/Passes.h.inc"

} // namespace lutra

#endif // LUTRA_CONVERSION_LOWBITTOLUT_LOWBITTOLUT_H
