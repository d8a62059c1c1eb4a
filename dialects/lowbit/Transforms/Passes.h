//===- Passes.h - passes over low-bit products ------------------*- C++ -*-===//
//
// One pass per file. All of them run on any operation that holds the products: a function or a module.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace lutra::lowbit {

/// What the entries of a lookup table are.
enum class TableElement { I8, F32 };

#define GEN_PASS_DECL
#include "dialects/lowbit/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dialects/lowbit/Transforms/Passes.h.inc"

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_H
