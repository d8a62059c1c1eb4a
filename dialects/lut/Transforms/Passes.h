//===- Passes.h - passes on structured lut ops ------------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES_H
#define LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES_H

#include "dialects/lut/IR/Lut.h"
#include "mlir/Pass/Pass.h"

namespace lutra::lut {

#define GEN_PASS_DECL
#include "dialects/lut/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dialects/lut/Transforms/Passes.h.inc"

} // namespace lutra::lut

#endif // LUTRA_DIALECTS_LUT_TRANSFORMS_PASSES_H
