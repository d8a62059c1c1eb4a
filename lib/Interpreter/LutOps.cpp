//===- LutOps.cpp - precompute and matmul on tensors ----------------------===//
//
// The tables are plain tensors here and the weight is its packed bytes: both are read as they lie, so that what packing
// and fusion did is part of what is interpreted.
//
//===----------------------------------------------------------------------===//
#include "Products.h"

#include "dialects/lut/IR/Lut.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace lutra;

/// Makes tables the results of an op whose outputs have the shapes of their parts.
static Step setTables(DestinationStyleOpInterface op, FailureOr<LookupTables> tables, Environment &env) {
  if (failed(tables))
    return Step::Failed;
  SmallVector<Array> parts = partsOfTables(*tables);
  for (auto [part, init] : llvm::zip_equal(parts, op.getDpsInits()))
    if (part->shape != env.array(init)->shape)
      return op.emitError("the output of shape ")
                 << shapeText(env.array(init)->shape) << " cannot take what has shape " << shapeText(part->shape),
             Step::Failed;
  for (auto [result, part] : llvm::zip_equal(op->getResults(), parts))
    env.set(result, part);
  return Step::Done;
}

static Step precompute(lut::PrecomputeOp op, Environment &env) {
  const NpyArray &a = *env.array(op.getActivations());
  lowbit::TableKind kind{*lowbit::getTableElement(getElementTypeOrSelf(op.getEntries())), op.getScaleKind(), static_cast<int64_t>(op.getWidth())};
  return setTables(op,
                   makeTables(op, a, op.getActScales() ? env.array(op.getActScales()).get() : nullptr, a.shape.back(),
                              op.getGroup(), kind),
                   env);
}

/// The rows divided by the root of their mean square, times the weight: numerics.md, "Sums of floats".
static NpyArray normalized(const NpyArray &x, const NpyArray &weight, float epsilon) {
  NpyArray result = NpyArray::zeros(DType::F32, x.shape);
  const int64_t cols = x.shape.back(), rows = cols ? x.numElements() / cols : 0;
  for (int64_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (int64_t i = row * cols; i < (row + 1) * cols; ++i)
      sum += loadElement(x, i).f * loadElement(x, i).f;
    const float factor = static_cast<float>(1 / std::sqrt(sum / static_cast<double>(cols) + static_cast<double>(epsilon)));
    for (int64_t i = row * cols; i < (row + 1) * cols; ++i) {
      const float scaled = static_cast<float>(loadElement(x, i).f) * factor;
      storeElement(result, i, {0, scaled * static_cast<float>(loadElement(weight, i - row * cols).f)});
    }
  }
  return result;
}

static Step normPrecompute(lut::NormPrecomputeOp op, Environment &env) {
  lowbit::TableKind kind{*lowbit::getTableElement(getElementTypeOrSelf(op.getEntries())), op.getScaleKind()};
  NpyArray rows = normalized(*env.array(op.getActivations()), *env.array(op.getWeight()), op.getEpsilon().convertToFloat());
  return setTables(op, makeTables(op, rows, nullptr, rows.shape.back(), op.getGroup(), kind), env);
}

static Step matmul(lut::MatmulOp op, Environment &env) {
  lowbit::WeightType type = op.getWeightType();
  const Array &bytes = env.array(op.getWeights());
  int64_t expected = cast<lowbit::PackedAttr>(type.getFormat()).getTotalBytes(type.getRows(), type.getCols());
  if (bytes->numElements() != expected)
    return op.emitError("the weights have ") << bytes->numElements() << " bytes, expected " << expected, Step::Failed;
  FailureOr<LookupTables> tables = tablesOfParts(
      op, *env.array(op.getEntries()), *env.array(op.getScales()), *env.array(op.getSums()), type.getCols(),
      type.getGroup(), {*lowbit::getTableElement(getElementTypeOrSelf(op.getEntries())), op.getScaleKind(), op.getTableWidth()});
  if (failed(tables))
    return Step::Failed;
  return multiply(op, *tables, readPacked(type, bytes), op.getEpilogue(), op.getEpilogueOperands(), env);
}

Step lutra::executeLutOp(Operation *op, Environment &env) {
  if (op->getNumResults() == 0)
    return Step::Unknown;
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case<lut::PrecomputeOp>([&](auto o) { return precompute(o, env); })
      .Case<lut::NormPrecomputeOp>([&](auto o) { return normPrecompute(o, env); })
      .Case<lut::MatmulOp>([&](auto o) { return matmul(o, env); })
      .Case<lut::DenseMatmulOp>([&](auto o) { return executeDenseMatmul(o, env); })
      .Case<lut::QuantizeOp>([&](auto o) { return executeQuantize(o, env); })
      .Case<lut::PrepareCodesOp>([&](auto o) { return executePrepareCodes(o, env); })
      .Case<lut::IntegerMatmulOp>([&](auto o) { return executeIntegerMatmul(o, env); })
      .Default([](auto) { return Step::Unknown; });
}
