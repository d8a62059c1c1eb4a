//===- WeightRecipe.h - how the bytes of a weight are made ------*- C++ -*-===//
//
// A module whose weights are externalized holds no weights as values any more. What their bytes are made of is kept as
// an attribute: the ops from `lowbit.weight` to the tensor, as a tree. Equal trees are equal attributes, so that a
// weight which several products read has one place in the file.
//
//   {components = {..}, type = T}          a constant
//   {op = "lowbit.reinterpret", type = T, of = [..]}  an op, with its attributes under `attributes` if it has any
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_CODEGEN_WEIGHTRECIPE_H
#define LUTRA_LIB_CODEGEN_WEIGHTRECIPE_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"

namespace lutra {

/// The recipe of `op`, whose operands are weights and whose result is a weight or a tensor; a diagnostic when a weight
/// is no constant.
mlir::FailureOr<mlir::DictionaryAttr> makeWeightRecipe(mlir::Operation *op);

/// Makes the ops of a recipe again; null when it is not one.
mlir::Operation *followWeightRecipe(mlir::OpBuilder &builder, mlir::Location loc, mlir::DictionaryAttr recipe);

/// Calls `visit` with each component of the constants of a recipe.
void visitRecipeComponents(mlir::DictionaryAttr recipe, llvm::function_ref<void(mlir::Attribute)> visit);

} // namespace lutra

#endif // LUTRA_LIB_CODEGEN_WEIGHTRECIPE_H
