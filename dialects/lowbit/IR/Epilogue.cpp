//===- Epilogue.cpp - what a product may do to its outputs ----------------===//
//
// One verifier for the epilogues of lowbit.lookup_matmul and lut.matmul. What it admits has the same value on a scalar and in a lane of a
// vector, so a kernel may inline it at its stores.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lutra::lowbit;

bool lutra::lowbit::isEpilogueOp(Operation *op) {
  if (op->getNumRegions() != 0 || !isMemoryEffectFree(op))
    return false;
  return op->hasTrait<OpTrait::ConstantLike>() || OpTrait::hasElementwiseMappableTraits(op);
}

LogicalResult lutra::lowbit::verifyEpilogue(Operation *op, Region &epilogue, ValueRange operands, int64_t rows,
                                            int64_t channels, StringRef constraint) {
  if (epilogue.empty()) {
    if (operands.empty())
      return success();
    return op->emitOpError() << "has epilogue operands but no epilogue that takes them (" << constraint << ")";
  }
  for (auto [index, operand] : llvm::enumerate(operands)) {
    auto type = cast<ShapedType>(operand.getType());
    bool perChannel = type.hasRank() && succeeded(verifyCompatibleShape(type.getShape(), {channels}));
    bool whole = type.hasRank() && succeeded(verifyCompatibleShape(type.getShape(), {rows, channels}));
    if (!type.getElementType().isF32() || (!perChannel && !whole)) {
      InFlightDiagnostic diag = op->emitOpError() << "epilogue operand " << index << " must be " << channels << " or ";
      diag << (ShapedType::isDynamic(rows) ? std::string("?") : std::to_string(rows)) << "x" << channels
           << " of f32, but is " << type << " (" << constraint << ")";
      return diag;
    }
  }
  if (!llvm::hasSingleElement(epilogue))
    return op->emitOpError() << "epilogue must have one block, but has " << epilogue.getBlocks().size() << " ("
                             << constraint << ")";
  Block &block = epilogue.front();
  if (block.getNumArguments() != operands.size() + 1 ||
      llvm::any_of(block.getArgumentTypes(), [](Type type) { return !type.isF32(); }))
    return op->emitOpError() << "epilogue must take " << operands.size() + 1
                             << " f32: the output and an element of each operand (" << constraint << ")";
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield || !yield.getValue().getType().isF32())
    return op->emitOpError() << "epilogue must end in lowbit.yield of an f32 (" << constraint << ")";
  for (Operation &inner : block.without_terminator()) {
    if (!isEpilogueOp(&inner))
      return inner.emitOpError() << "cannot be in an epilogue: expected an element-wise op or a constant (" << constraint
                                 << ")";
    for (Value operand : inner.getOperands())
      if (operand.getParentBlock() != &block && !matchPattern(operand, m_Constant()))
        return inner.emitOpError() << "uses a value from outside of the epilogue that is no constant; make it an "
                                      "epilogue operand ("
                                   << constraint << ")";
  }
  return success();
}
