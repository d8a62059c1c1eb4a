//===- LinalgOps.cpp - structured ops, one element after the other --------===//
//
// Any linalg op is its indexing maps and its body: loops run in row-major order, outermost dimension first, whatever
// the iterator types. A map of dimensions and constants is followed by strides; any other is evaluated, and checked, at
// each step.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AffineExpr.h"

using namespace mlir;
using namespace lutra;

namespace {
/// How one operand's element follows from the loop indices.
struct Access {
  Array array;
  AffineMap map;
  SmallVector<int64_t, 4> arrayStrides;
  /// For a map of dimensions and constants: base + sum of index * stride.
  bool isStrided = true;
  int64_t base = 0;
  SmallVector<int64_t, 6> strides;

  /// The element's index, or -1 outside of the array.
  int64_t at(ArrayRef<int64_t> indices) const {
    int64_t linear = base;
    if (isStrided) {
      for (auto [index, stride] : llvm::zip_equal(indices, strides))
        linear += index * stride;
      return linear;
    }
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      std::optional<int64_t> index = evaluateAffine(expr, indices, {});
      if (!index || *index < 0 || *index >= array->shape[dim])
        return -1;
      linear += *index * arrayStrides[dim];
    }
    return linear;
  }
};
} // namespace

/// Learns the loops' ranges from the shape of the array that `access` is of; false when it contradicts what was learnt.
static bool analyze(Access &access, MutableArrayRef<int64_t> ranges) {
  access.strides.assign(access.map.getNumDims(), 0);
  access.arrayStrides = access.array->strides();
  ArrayRef<int64_t> shape = access.array->shape;
  for (auto [dim, expr] : llvm::enumerate(access.map.getResults())) {
    if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      int64_t &range = ranges[loop.getPosition()];
      if (range >= 0 && range != shape[dim])
        return false;
      range = shape[dim];
      access.strides[loop.getPosition()] += access.arrayStrides[dim];
    } else if (auto constant = dyn_cast<AffineConstantExpr>(expr);
               constant && constant.getValue() >= 0 && constant.getValue() < shape[dim]) {
      access.base += constant.getValue() * access.arrayStrides[dim];
    } else {
      access.isStrided = false;
    }
  }
  if (!access.isStrided)
    access.base = 0;
  return true;
}

static Step executeStructured(linalg::LinalgOp op, Environment &env) {
  Block *body = op.getBlock();
  unsigned operands = op->getNumOperands(), inputs = op.getNumDpsInputs();
  SmallVector<int64_t, 6> ranges(op.getNumLoops(), -1);
  SmallVector<Access> accesses(operands);
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned i = operand.getOperandNumber();
    if (!isa<TensorType>(operand.get().getType()))
      continue; // A scalar: bound once, below.
    const Array &array = env.array(operand.get());
    accesses[i].array = i < inputs ? array : std::make_shared<NpyArray>(*array);
    accesses[i].map = op.getMatchingIndexingMap(&operand);
    if (!analyze(accesses[i], ranges))
      return op->emitError("the interpreter cannot follow operand ")
                 << i << ": its shape " << shapeText(array->shape)
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
    if (!accesses[operand.getOperandNumber()].array)
      env.set(op.getMatchingBlockArgument(&operand), env.scalar(operand.get()));
  SmallVector<int64_t, 6> saved = std::exchange(env.loopIndices, SmallVector<int64_t, 6>(ranges.size(), 0));
  SmallVector<int64_t> elements(operands, 0);
  for (int64_t step = 0; step < count; ++step) {
    for (OpOperand &operand : op->getOpOperands()) {
      unsigned i = operand.getOperandNumber();
      const Access &access = accesses[i];
      if (!access.array)
        continue;
      elements[i] = access.at(env.loopIndices);
      if (elements[i] < 0)
        return op->emitError("operand ") << i << " is read outside of its shape " << shapeText(access.array->shape),
               Step::Failed;
      env.set(op.getMatchingBlockArgument(&operand), loadElement(*access.array, elements[i]));
    }
    if (failed(executeBlock(*body, env)))
      return Step::Failed;
    for (auto [i, value] : llvm::enumerate(body->getTerminator()->getOperands()))
      storeElement(*accesses[inputs + i].array, elements[inputs + i], env.scalar(value));
    for (size_t dim = ranges.size(); dim-- > 0;) {
      if (++env.loopIndices[dim] < ranges[dim])
        break;
      env.loopIndices[dim] = 0;
    }
  }
  env.loopIndices = saved;
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    env.set(result, accesses[inputs + i].array);
  return Step::Done;
}

Step lutra::executeLinalgOp(Operation *op, Environment &env) {
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    if (index.getDim() >= env.loopIndices.size())
      return op->emitError("there is no loop ") << index.getDim() << " around it", Step::Failed;
    env.set(index.getResult(), Scalar{env.loopIndices[index.getDim()], 0});
    return Step::Done;
  }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured || !structured.hasPureTensorSemantics())
    return Step::Unknown;
  return executeStructured(structured, env);
}
