//===- LinalgOps.cpp - structured ops, one element after the other --------===//
//
// Any linalg op is its indexing maps and its body: loops run in row-major order, outermost dimension first, whatever
// the iterator types. Maps may name dimensions and constants; others (a window of a convolution) are refused.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AffineExpr.h"

using namespace mlir;
using namespace lutra;

namespace {
/// How one operand's element follows from the loop indices: base + sum of index * stride.
struct Access {
  int64_t base = 0;
  SmallVector<int64_t, 6> strides;

  int64_t at(ArrayRef<int64_t> indices) const {
    int64_t linear = base;
    for (auto [index, stride] : llvm::zip_equal(indices, strides))
      linear += index * stride;
    return linear;
  }
};
} // namespace

/// Makes the access of an array under `map` and learns the loops' ranges from its shape; false when the map is of
/// another kind, or the shape contradicts what was learnt.
static bool analyze(AffineMap map, const NpyArray &array, Access &access, MutableArrayRef<int64_t> ranges) {
  access.strides.assign(map.getNumDims(), 0);
  SmallVector<int64_t, 4> strides = array.strides();
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      int64_t &range = ranges[loop.getPosition()];
      if (range >= 0 && range != array.shape[dim])
        return false;
      range = array.shape[dim];
      access.strides[loop.getPosition()] += strides[dim];
    } else if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      access.base += constant.getValue() * strides[dim];
    } else {
      return false;
    }
  }
  return true;
}

static Step executeStructured(linalg::LinalgOp op, Environment &env) {
  Block *body = op.getBlock();
  unsigned operands = op->getNumOperands(), inputs = op.getNumDpsInputs();
  SmallVector<int64_t, 6> ranges(op.getNumLoops(), -1);
  SmallVector<Access> accesses(operands);
  SmallVector<Array> arrays(operands);
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned i = operand.getOperandNumber();
    if (!isa<TensorType>(operand.get().getType()))
      continue; // A scalar: bound once, below.
    arrays[i] = i < inputs ? env.array(operand.get()) : std::make_shared<NpyArray>(*env.array(operand.get()));
    if (!analyze(op.getMatchingIndexingMap(&operand), *arrays[i], accesses[i], ranges))
      return op->emitError("the interpreter cannot follow operand ")
                 << i << ": its shape " << shapeText(arrays[i]->shape)
                 << " does not fit the other operands under its indexing map",
             Step::Failed;
  }
  int64_t count = 1;
  for (int64_t range : ranges) {
    if (range < 0)
      return op->emitError("a loop's range follows from no operand"), Step::Failed;
    count *= range;
  }

  for (OpOperand &operand : op->getOpOperands())
    if (!arrays[operand.getOperandNumber()])
      env.set(op.getMatchingBlockArgument(&operand), env.scalar(operand.get()));
  SmallVector<int64_t, 6> saved = std::exchange(env.loopIndices, SmallVector<int64_t, 6>(ranges.size(), 0));
  for (int64_t step = 0; step < count; ++step) {
    for (OpOperand &operand : op->getOpOperands())
      if (const Array &array = arrays[operand.getOperandNumber()])
        env.set(op.getMatchingBlockArgument(&operand),
                loadElement(*array, accesses[operand.getOperandNumber()].at(env.loopIndices)));
    for (Operation &inner : body->without_terminator())
      if (failed(executeOp(&inner, env)))
        return Step::Failed;
    for (auto [i, value] : llvm::enumerate(body->getTerminator()->getOperands()))
      storeElement(*arrays[inputs + i], accesses[inputs + i].at(env.loopIndices), env.scalar(value));
    for (size_t dim = ranges.size(); dim-- > 0;) {
      if (++env.loopIndices[dim] < ranges[dim])
        break;
      env.loopIndices[dim] = 0;
    }
  }
  env.loopIndices = saved;
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    env.set(result, arrays[inputs + i]);
  return Step::Done;
}

Step lutra::executeLinalgOp(Operation *op, Environment &env) {
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    env.set(index.getResult(), Scalar{env.loopIndices[index.getDim()], 0});
    return Step::Done;
  }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured || !structured.hasPureTensorSemantics())
    return Step::Unknown;
  return executeStructured(structured, env);
}
