//===- LutToLMMA.h - lookup products to LUT tensor core kernels --*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLMMA_LUTTOLMMA_H
#define LUTRA_CONVERSION_LUTTOLMMA_LUTTOLMMA_H

#include "mlir/Pass/Pass.h"

namespace lutra {

#define GEN_PASS_DECL
#include "lib/Conversion/LutToLMMA/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Conversion/LutToLMMA/Passes.h.inc"

} // namespace lutra

#endif // LUTRA_CONVERSION_LUTTOLMMA_LUTTOLMMA_H
