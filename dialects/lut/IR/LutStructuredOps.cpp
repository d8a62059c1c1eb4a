//===- LutStructuredOps.cpp - verification, effects and tiling ------------===//
//
// The ops on tensors and buffers. Each check names the constraint (C1..) of the op's description.
//
//===----------------------------------------------------------------------===//
#include "dialects/lut/IR/Lut.h"
#include "dialects/lut/IR/StructuredOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lut;

//===----------------------------------------------------------------------===//
// What all structured ops check
//===----------------------------------------------------------------------===//

/// Prints a shape in the manner of a type: `?x9x128`.
static std::string printShape(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t dim : shape)
    text += (text.empty() ? "" : "x") + (ShapedType::isDynamic(dim) ? std::string("?") : std::to_string(dim));
  return text;
}

LogicalResult lut::verifyOperand(Operation *op, StringRef name, Value value, ArrayRef<int64_t> shape,
                                 ArrayRef<Type> elements, StringRef constraint) {
  auto type = cast<ShapedType>(value.getType());
  if (type.hasRank() && llvm::is_contained(elements, type.getElementType()) &&
      succeeded(verifyCompatibleShape(type.getShape(), shape)))
    return success();
  InFlightDiagnostic diag = op->emitOpError() << name << " must be " << printShape(shape) << " of ";
  llvm::interleave(elements, diag, " or ");
  return diag << ", but is " << type << " (" << constraint << ")";
}

LogicalResult lut::verifyStorage(Operation *op) {
  unsigned outputs = cast<DestinationStyleOpInterface>(op).getNumDpsInits();
  bool tensors = llvm::all_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>);
  bool buffers = llvm::all_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>);
  if (!tensors && !buffers)
    return op->emitOpError("operands must be all tensors or all buffers (C4)");
  unsigned expected = tensors ? outputs : 0;
  if (op->getNumResults() != expected)
    return op->emitOpError() << "on " << (tensors ? "tensors" : "buffers") << " there must be " << expected
                             << " results, but there are " << op->getNumResults() << " (C4)";
  return success();
}

void lut::getStructuredEffects(DestinationStyleOpInterface op,
                               SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  }
}

//===----------------------------------------------------------------------===//
// lut.precompute
//===----------------------------------------------------------------------===//

int64_t PrecomputeOp::getNumGroups() {
  int64_t cols = cast<ShapedType>(getActivations().getType()).getDimSize(1);
  return (cols + getGroup() - 1) / getGroup();
}

std::optional<lowbit::TableScale> lut::findScaleKind(Value entries, Value scales, int64_t groups, int64_t tables) {
  auto type = cast<ShapedType>(scales.getType());
  if (!type.hasRank() || type.getRank() != 2)
    return std::nullopt;
  int64_t count = type.getDimSize(1);
  if (count == groups)
    return lowbit::TableScale::Group;
  if (isa<FloatType>(getElementTypeOrSelf(entries)))
    return std::nullopt;
  if (count == groups * tables)
    return lowbit::TableScale::Table;
  return count == 1 ? std::optional(lowbit::TableScale::Row) : std::nullopt;
}

LogicalResult lut::verifyTables(Operation *op, Value entries, Value scales, Value sums, int64_t rows, int64_t groups,
                                int64_t tables) {
  Builder b(op->getContext());
  Type f32 = b.getF32Type();
  if (failed(verifyOperand(op, "entries", entries, {rows, groups, tables * 16},
                           {b.getI8Type(), b.getI16Type(), b.getF16Type(), f32}, "C2")))
    return failure();
  auto scalesType = cast<ShapedType>(scales.getType());
  if (scalesType.hasRank() && scalesType.getRank() == 2 && scalesType.isDynamicDim(1))
    return op->emitOpError() << "scales must have a static number per row, which says what shares them, but is "
                             << scalesType << " (C2)";
  // Any number of scales that means something is right; the others are told of the usual one.
  std::optional<lowbit::TableScale> kind = findScaleKind(entries, scales, groups, tables);
  int64_t count = lowbit::getScalesPerRow(kind.value_or(lowbit::TableScale::Group), groups, tables);
  if (failed(verifyOperand(op, "scales", scales, {rows, count}, {f32}, "C2")))
    return failure();
  return verifyOperand(op, "sums", sums, {rows, groups}, {f32}, "C2");
}

lowbit::TableScale PrecomputeOp::getScaleKind() {
  return *findScaleKind(getEntries(), getScales(), getNumGroups(), getTablesPerGroup());
}

LogicalResult PrecomputeOp::verify() {
  auto activations = cast<ShapedType>(getActivations().getType());
  Type f32 = Float32Type::get(getContext()), i8 = IntegerType::get(getContext(), 8);
  bool integers = activations.hasRank() && activations.getElementType() == i8;
  if (!activations.hasRank() || activations.getRank() != 2 || activations.isDynamicDim(1) ||
      (activations.getElementType() != f32 && !integers))
    return emitOpError() << "activations must be a matrix of f32 whose K is static, but are " << activations << " (C1)";
  if (integers != bool(getActScales()))
    return emitOpError() << "act_scales are what codes in i8 are worth, but the activations are " << activations
                         << (integers ? " without them (C1)" : " (C1)");
  if (getGroup() <= 0 || getGroup() > INT32_MAX)
    return emitOpError() << "group must be positive and at most " << INT32_MAX << ", but is " << getGroup() << " (C3)";
  const int64_t width = getWidth();
  if (width != lowbit::kTableWidth && width != lowbit::kTripleWidth)
    return emitOpError() << "width must be " << lowbit::kTableWidth << " or " << lowbit::kTripleWidth << ", but is " << width << " (C5)";
  int64_t rows = activations.getDimSize(0), groups = getNumGroups();
  if (failed(verifyTables(*this, getEntries(), getScales(), getSums(), rows, groups, getTablesPerGroup())))
    return failure();
  if (width == lowbit::kTripleWidth && (integers || getSymmetric() || !getElementTypeOrSelf(getEntries()).isInteger(8) ||
                                        getScaleKind() == lowbit::TableScale::Table))
    return emitOpError() << "tables of three are of f32, have i8 entries and a scale per group or row, and are not symmetric, but entries are "
                         << getEntries().getType() << " and scales " << getScales().getType() << " (C5)";
  if (integers) {
    int64_t count = cast<ShapedType>(getScales().getType()).getDimSize(1);
    if (isa<FloatType>(getElementTypeOrSelf(getEntries())) || (count != 1 && count != groups))
      return emitOpError() << "tables of codes have i8 or i16 entries and a scale per row or per group, but entries are "
                           << getEntries().getType() << " and scales " << getScales().getType() << " (C1)";
    if (failed(verifyOperand(*this, "act_scales", getActScales(), {rows, count}, {f32}, "C1")))
      return failure();
  }
  return verifyStorage(*this);
}

void PrecomputeOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getStructuredEffects(*this, effects);
}

SmallVector<utils::IteratorType> PrecomputeOp::getLoopIteratorTypes() { return {utils::IteratorType::parallel}; }

SmallVector<Range> PrecomputeOp::getIterationDomain(OpBuilder &b) {
  OpFoldResult rows = tensor::getMixedSize(b, getLoc(), getActivations(), 0);
  return {Range{b.getIndexAttr(0), rows, b.getIndexAttr(1)}};
}

/// Rows `offset`, ..., `offset + size` of a tensor.
static tensor::ExtractSliceOp sliceRows(OpBuilder &b, Location loc, Value value, OpFoldResult offset, OpFoldResult size) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)), strides(type.getRank(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, value);
  offsets[0] = offset;
  sizes[0] = size;
  return tensor::ExtractSliceOp::create(b, loc, value, offsets, sizes, strides);
}

FailureOr<TilingResult> PrecomputeOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                             ArrayRef<OpFoldResult> sizes) {
  if (getNumResults() == 0)
    return emitOpError("tiles on tensors only");
  SmallVector<Value> operands;
  SmallVector<Operation *> slices;
  for (Value operand : getOperands()) {
    slices.push_back(sliceRows(b, getLoc(), operand, offsets[0], sizes[0]));
    operands.push_back(slices.back()->getResult(0));
  }
  Operation *tiled = mlir::clone(b, *this, ValueRange(operands).take_back(3).getTypes(), operands);
  return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), slices};
}

LogicalResult PrecomputeOp::getResultTilePosition(OpBuilder &b, unsigned resultNumber, ArrayRef<OpFoldResult> offsets,
                                                  ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
                                                  SmallVector<OpFoldResult> &resultSizes) {
  Value output = getDpsInits()[resultNumber];
  resultOffsets.assign(cast<ShapedType>(output.getType()).getRank(), b.getIndexAttr(0));
  resultSizes = tensor::getMixedSizes(b, getLoc(), output);
  resultOffsets[0] = offsets[0];
  resultSizes[0] = sizes[0];
  return success();
}

FailureOr<TilingResult> PrecomputeOp::generateResultTileValue(OpBuilder &b, unsigned resultNumber,
                                                              ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  // Only whole rows: a cut along the groups is not a tile of the iteration domain.
  SmallVector<OpFoldResult> whole = tensor::getMixedSizes(b, getLoc(), getDpsInits()[resultNumber]);
  for (unsigned dim = 1; dim < whole.size(); ++dim)
    if (!isConstantIntValue(offsets[dim], 0) || !isEqualConstantIntOrValue(sizes[dim], whole[dim]))
      return failure();
  FailureOr<TilingResult> tiled = getTiledImplementation(b, offsets.take_front(), sizes.take_front());
  if (succeeded(tiled))
    tiled->tiledValues = {tiled->tiledValues[resultNumber]};
  return tiled;
}

//===----------------------------------------------------------------------===//
// lut.matmul
//===----------------------------------------------------------------------===//

lowbit::TableScale MatmulOp::getScaleKind() {
  lowbit::WeightType weight = getWeightType();
  return *findScaleKind(getEntries(), getScales(), weight.getNumGroups(), lowbit::getTablesPerGroup(weight.getGroup(), getTableWidth()));
}

int64_t MatmulOp::getTableWidth() { return getWeightType().getLayout().getLookupTriples() ? lowbit::kTripleWidth : lowbit::kTableWidth; }

lowbit::WeightType MatmulOp::getWeightType() { return cast<lowbit::WeightType>(getWeight()); }

LogicalResult MatmulOp::verify() {
  auto weight = dyn_cast<lowbit::WeightType>(getWeight());
  auto packed = weight ? dyn_cast<lowbit::PackedAttr>(weight.getFormat()) : lowbit::PackedAttr();
  if (!packed || !lowbit::isPlanesFormat(packed.getFormat()))
    return emitOpError() << "weight must be packed bit planes, but is " << getWeight() << " (C1)";
  Type f32 = Float32Type::get(getContext()), i8 = IntegerType::get(getContext(), 8);
  int64_t bytes = packed.getTotalBytes(weight.getRows(), weight.getCols());
  int64_t rows = cast<ShapedType>(getEntries().getType()).hasRank()
                     ? cast<ShapedType>(getEntries().getType()).getDimSize(0)
                     : ShapedType::kDynamic;
  int64_t groups = weight.getNumGroups(), tables = lowbit::getTablesPerGroup(weight.getGroup(), getTableWidth());
  if (failed(verifyOperand(*this, "weights", getWeights(), {bytes}, {i8}, "C1")) ||
      failed(verifyTables(*this, getEntries(), getScales(), getSums(), rows, groups, tables)) ||
      failed(verifyOperand(*this, "out", getOut(), {rows, weight.getRows()}, {f32}, "C3")))
    return failure();
  if (failed(lowbit::verifyEpilogue(*this, getEpilogue(), getEpilogueOperands(), rows, weight.getRows(), "C6")))
    return failure();
  bool narrow = getElementTypeOrSelf(getEntries()) == i8, ofThree = getTableWidth() == lowbit::kTripleWidth;
  if (ofThree && (!narrow || getScaleKind() == lowbit::TableScale::Table))
    return emitOpError() << "tables of three have i8 entries and a scale per group or row, but entries are " << getEntries().getType()
                         << " and scales " << getScales().getType() << " (C2)";
  bool isOfCodes = getElementTypeOrSelf(getEntries()).isInteger(16);
  if (getWeightType().getLayout().getQuads() && ((!narrow && !isOfCodes) || getScaleKind() == lowbit::TableScale::Table))
    return emitOpError() << "quads are looked up in tables of i8 with a scale per group or row, or multiplied as codes whose tables are i16, but entries are "
                         << getEntries().getType() << " and scales " << getScales().getType() << "; pack the weight without quads (C2)";
  int64_t extreme = ofThree ? 2 * 127 * tables : narrow ? ((int64_t(1) << weight.getBits()) - 1) * 127 * tables : 32767 * tables;
  if (extreme > std::numeric_limits<int32_t>::max())
    return emitOpError() << "a group of " << weight.getGroup() << " elements of " << weight.getBits()
                         << " bits can sum to " << extreme << ", which leaves i32; split the groups (C5)";
  return verifyStorage(*this);
}

void MatmulOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  getStructuredEffects(*this, effects);
}
