//===- Passes.h - passes over low-bit products ------------------*- C++ -*-===//
//
// One pass per file. All of them run on any operation that holds the products: a function or a module.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_H
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/Pass/Pass.h"

namespace lutra::lowbit {

/// The values of pass and command-line options that name table entries, and of those that name what shares a scale.
inline llvm::cl::ValuesClass getTableElementChoices() {
  return llvm::cl::values(clEnumValN(TableElement::I8, "i8", "quantized to 8 bits"),
                          clEnumValN(TableElement::I16, "i16", "quantized to 16 bits"),
                          clEnumValN(TableElement::F16, "f16", "rounded to half precision"),
                          clEnumValN(TableElement::F32, "f32", "exact"));
}
inline llvm::cl::ValuesClass getTableScaleChoices() {
  return llvm::cl::values(clEnumValN(TableScale::Group, "group", "one for each row and group"),
                          clEnumValN(TableScale::Table, "table", "one for each table of four activations"),
                          clEnumValN(TableScale::Row, "row", "one for each row"));
}

#define GEN_PASS_DECL
#include "dialects/lowbit/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dialects/lowbit/Transforms/Passes.h.inc"

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_H
