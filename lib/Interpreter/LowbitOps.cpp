//===- LowbitOps.cpp - lowbit ops by the reference arithmetic -------------===//
//
// Weights are not values here: the op that multiplies reads them through a WeightReader, which also makes uniform,
// reinterpreted and packed weights one case.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cstring>

using namespace mlir;
using namespace lutra;

static ArrayRef<float> floats(const NpyArray &array) { return array.as<float>(); }

/// y = tables w^T, as the value of `result`.
static Step multiply(const LookupTables &tables, const lowbit::WeightReader &weight, Value result, Environment &env) {
  auto out = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {tables.rows, weight.getRows()}));
  lookupMatmul(tables, weight, out->as<float>());
  env.set(result, out);
  return Step::Done;
}

/// Groups beyond the bound of the specification would overflow 32-bit sums.
static LogicalResult checkGroup(Operation *op, int64_t group) {
  if (group > 0 && group <= kMaxGroup)
    return success();
  return op->emitError("groups of ") << group << " elements are beyond the specification's bound of " << kMaxGroup;
}

static Step matmul(lowbit::MatmulOp op, Environment &env) {
  FailureOr<lowbit::WeightReader> weight = lowbit::WeightReader::create(op.getWeight());
  if (failed(weight) || failed(checkGroup(op, weight->getGroup())))
    return Step::Failed;
  const NpyArray &a = *env.array(op.getActivations());
  if (a.shape.size() != 2 || a.shape[1] != weight->getCols())
    return op.emitError("activations have shape ") << shapeText(a.shape) << ", expected M x " << weight->getCols(),
           Step::Failed;
  LookupTables tables =
      precomputeTables(floats(a), a.shape[0], a.shape[1], weight->getGroup(), env.options->quantizedTables);
  return multiply(tables, *weight, op.getResult(), env);
}

static Step precompute(lowbit::PrecomputeOp op, Environment &env) {
  lowbit::TableType type = op.getTable().getType();
  const NpyArray &a = *env.array(op.getActivations());
  if (a.shape.size() != 2 || a.shape[1] != type.getCols())
    return op.emitError("activations have shape ") << shapeText(a.shape) << ", expected M x " << type.getCols(),
           Step::Failed;
  if (failed(checkGroup(op, type.getGroup())))
    return Step::Failed;
  env.set(op.getTable(), std::make_shared<LookupTables>(precomputeTables(
                             floats(a), a.shape[0], a.shape[1], type.getGroup(), type.getElement().isInteger(8))));
  return Step::Done;
}

static Step assemble(lowbit::AssembleTableOp op, Environment &env) {
  lowbit::TableType type = op.getTable().getType();
  const Array &entries = env.array(op.getEntries()), &scales = env.array(op.getScales()),
              &sums = env.array(op.getSums());
  auto tables = std::make_shared<LookupTables>(LookupTables::make(
      entries->shape.empty() ? 0 : entries->shape[0], type.getCols(), type.getGroup(), type.getElement().isInteger(8)));
  size_t groupValues = tables->scales.size();
  if (entries->numElements() != tables->entryIndex(tables->rows, 0, 0) || scales->as<float>().size() != groupValues ||
      sums->as<float>().size() != groupValues)
    return op.emitError("entries of shape ") << shapeText(entries->shape) << ", scales " << shapeText(scales->shape)
                                             << " and sums " << shapeText(sums->shape) << " do not make " << type,
           Step::Failed;
  if (tables->quantized)
    llvm::copy(entries->as<int8_t>(), tables->i8.begin());
  else
    llvm::copy(entries->as<float>(), tables->f32.begin());
  llvm::copy(scales->as<float>(), tables->scales.begin());
  llvm::copy(sums->as<float>(), tables->sums.begin());
  env.set(op.getTable(), tables);
  return Step::Done;
}

static Step lookup(lowbit::LookupMatmulOp op, Environment &env) {
  FailureOr<lowbit::WeightReader> weight = lowbit::WeightReader::create(op.getWeight());
  if (failed(weight))
    return Step::Failed;
  return multiply(*env.tables(op.getTable()), *weight, op.getResult(), env);
}

Step lutra::executeLowbitOp(Operation *op, Environment &env) {
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case<lowbit::WeightOp, lowbit::ReinterpretOp, lowbit::PackOp>([](auto) { return Step::Done; })
      .Case<lowbit::MatmulOp>([&](auto o) { return matmul(o, env); })
      .Case<lowbit::PrecomputeOp>([&](auto o) { return precompute(o, env); })
      .Case<lowbit::AssembleTableOp>([&](auto o) { return assemble(o, env); })
      .Case<lowbit::LookupMatmulOp>([&](auto o) { return lookup(o, env); })
      .Default([](auto) { return Step::Unknown; });
}
