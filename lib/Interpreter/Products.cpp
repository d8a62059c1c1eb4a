//===- Products.cpp - tables and lookup products of runtime values --------===//
#include "Products.h"

using namespace mlir;
using namespace lutra;

LogicalResult lutra::checkGroup(Operation *op, int64_t group) {
  if (group > 0 && group <= kMaxGroup)
    return success();
  return op->emitError("groups of ") << group << " elements are beyond the specification's bound of " << kMaxGroup;
}

static Array floats(ArrayRef<float> values, ArrayRef<int64_t> shape) {
  auto array = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, shape));
  llvm::copy(values, array->as<float>().begin());
  return array;
}

static DType dtypeOfEntries(lowbit::TableElement element) {
  switch (element) {
  case lowbit::TableElement::F32: return DType::F32;
  case lowbit::TableElement::F16: return DType::F16;
  case lowbit::TableElement::I16: return DType::I16;
  case lowbit::TableElement::I8: return DType::I8;
  }
  llvm_unreachable("every element is handled");
}

std::vector<float> lutra::widen(const NpyArray &array) {
  std::vector<float> result(array.numElements());
  for (auto [i, value] : llvm::enumerate(result))
    value = static_cast<float>(loadElement(array, i).f);
  return result;
}

SmallVector<Array> lutra::partsOfTables(const LookupTables &tables) {
  SmallVector<int64_t> shape{tables.rows, tables.groups, tables.tables * 16};
  Array entries = std::make_shared<NpyArray>(NpyArray::zeros(dtypeOfEntries(tables.kind.element), shape));
  for (int64_t i = 0, count = entries->numElements(); i < count; ++i) {
    if (tables.kind.element == lowbit::TableElement::I8)
      storeElement(*entries, i, {tables.i8[i], 0});
    else if (tables.kind.element == lowbit::TableElement::I16)
      storeElement(*entries, i, {tables.i16[i], 0});
    else
      storeElement(*entries, i, {0, tables.f32[i]});
  }
  return {entries, floats(tables.scales, {tables.rows, tables.getScalesPerRow()}),
          floats(tables.sums, {tables.rows, tables.groups})};
}

FailureOr<LookupTables> lutra::tablesOfParts(Operation *op, const NpyArray &entries, const NpyArray &scales,
                                             const NpyArray &sums, int64_t cols, int64_t group,
                                             lowbit::TableKind kind) {
  if (failed(checkGroup(op, group)))
    return failure();
  LookupTables tables = LookupTables::make(entries.shape.empty() ? 0 : entries.shape[0], cols, group, kind);
  if (entries.dtype != dtypeOfEntries(kind.element) || entries.numElements() != tables.entryIndex(tables.rows, 0, 0) ||
      scales.numElements() != static_cast<int64_t>(tables.scales.size()) ||
      sums.numElements() != static_cast<int64_t>(tables.sums.size()))
    return op->emitError("entries of shape ")
           << shapeText(entries.shape) << ", scales " << shapeText(scales.shape) << " and sums "
           << shapeText(sums.shape) << " do not make tables of " << cols << " columns in groups of " << group;
  for (int64_t i = 0, count = entries.numElements(); i < count; ++i) {
    Scalar entry = loadElement(entries, i);
    if (kind.element == lowbit::TableElement::I8)
      tables.i8[i] = static_cast<int8_t>(entry.i);
    else if (kind.element == lowbit::TableElement::I16)
      tables.i16[i] = static_cast<int16_t>(entry.i);
    else
      tables.f32[i] = static_cast<float>(entry.f);
  }
  llvm::copy(scales.as<float>(), tables.scales.begin());
  llvm::copy(sums.as<float>(), tables.sums.begin());
  return tables;
}

FailureOr<LookupTables> lutra::makeTables(Operation *op, const NpyArray &activations, const NpyArray *scales,
                                          int64_t cols, int64_t group, lowbit::TableKind kind) {
  if (failed(checkGroup(op, group)))
    return failure();
  if (activations.shape.size() != 2 || activations.shape[1] != cols)
    return op->emitError("activations have shape ") << shapeText(activations.shape) << ", expected M x " << cols;
  int64_t rows = activations.shape[0];
  if (!scales)
    return precomputeTables(widen(activations), rows, cols, group, kind);
  int64_t tables = lowbit::getTablesPerGroup(group, kind.width);
  int64_t count = rows * lowbit::getScalesPerRow(kind.scale, (cols + group - 1) / group, tables);
  if (scales->numElements() != count)
    return op->emitError("scales have shape ") << shapeText(scales->shape) << ", expected " << count << " of them";
  return precomputeCodes(activations.as<int8_t>(), scales->as<float>(), rows, cols, group, kind);
}

LogicalResult lutra::applyEpilogue(Operation *op, Region &epilogue, ValueRange operands, NpyArray &out, Environment &env) {
  int64_t rows = out.shape[0], channels = out.shape[1];
  for (Value operand : operands) {
    ArrayRef<int64_t> shape = env.array(operand)->shape;
    if (shape != ArrayRef<int64_t>{channels} && shape != ArrayRef<int64_t>{rows, channels})
      return op->emitError("an epilogue operand has shape ")
             << shapeText(shape) << ", expected " << channels << " or " << rows << "x" << channels;
  }
  Block &body = epilogue.front();
  for (int64_t i = 0; i < rows * channels; ++i) {
    env.set(body.getArgument(0), loadElement(out, i));
    for (auto [argument, operand] : llvm::zip_equal(body.getArguments().drop_front(), operands)) {
      const Array &array = env.array(operand);
      env.set(argument, loadElement(*array, array->shape.size() == 1 ? i % channels : i));
    }
    if (failed(executeBlock(body, env)))
      return failure();
    storeElement(out, i, env.scalar(body.getTerminator()->getOperand(0)));
  }
  return success();
}

Step lutra::multiply(Operation *op, const LookupTables &tables, const lowbit::WeightReader &weight, Region &epilogue,
                     ValueRange epilogueOperands, Environment &env) {
  if (!weight.hasPlanes())
    return op->emitError("a weight of format ") << weight.getFormat() << " has no bit planes to look up; give the "
                                                << "product strategy = dense",
           Step::Failed;
  if (tables.cols != weight.getCols() || tables.group != weight.getGroup())
    return op->emitError("tables of ") << tables.cols << " columns in groups of " << tables.group
                                       << " meet a weight of " << weight.getCols() << " in groups of "
                                       << weight.getGroup(),
           Step::Failed;
  if (tables.kind.width == lowbit::kTripleWidth && (!lowbit::isTernary(weight.getFormat()) || weight.findCodeRange().second > 2))
    return op->emitError("tables of three activations are for ternary weights, codes 0, 1 and 2 of two planes with zeta 1, but the weight has format ")
               << weight.getFormat() << " and greatest code " << int(weight.findCodeRange().second),
           Step::Failed;
  auto out = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {tables.rows, weight.getRows()}));
  lookupMatmul(tables, weight, out->as<float>());
  if (!epilogue.empty() && failed(applyEpilogue(op, epilogue, epilogueOperands, *out, env)))
    return Step::Failed;
  env.set(op->getResult(0), out);
  return Step::Done;
}
