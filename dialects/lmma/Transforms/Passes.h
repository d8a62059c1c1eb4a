//===- Passes.h - passes on lmma kernels ------------------------*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LMMA_TRANSFORMS_PASSES_H
#define LUTRA_DIALECTS_LMMA_TRANSFORMS_PASSES_H

#include "dialects/lmma/IR/Lmma.h"
#include "mlir/Pass/Pass.h"

namespace lutra::lmma {

#define GEN_PASS_DECL
#include "dialects/lmma/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dialects/lmma/Transforms/Passes.h.inc"

/// The register of a value in a kernel that `lmma-allocate-registers` has seen; nothing when it has not.
std::optional<int64_t> getRegister(mlir::Value value);

} // namespace lutra::lmma

#endif // LUTRA_DIALECTS_LMMA_TRANSFORMS_PASSES_H
