//===- LMMAToLLVM.h - launches to calls -------------------------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LMMATOLLVM_LMMATOLLVM_H
#define LUTRA_CONVERSION_LMMATOLLVM_LMMATOLLVM_H

#include "mlir/Pass/Pass.h"

namespace lutra {

#define GEN_PASS_DECL
#include "lib/Conversion/LMMAToLLVM/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Conversion/LMMAToLLVM/Passes.h.inc"

} // namespace lutra

#endif // LUTRA_CONVERSION_LMMATOLLVM_LMMATOLLVM_H
