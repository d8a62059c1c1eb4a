//===- LowbitOps.cpp - verification and folding ---------------------------===//
//
// Each check names the constraint (C1..) of the op's description. lowbit.attention is in LowbitAttention.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lutra::lowbit;

#define GET_OP_CLASSES
#include "dialects/lowbit/IR/LowbitOps.cpp.inc"

/// Whether two dimensions can be the same at run time.
static bool compatible(int64_t a, int64_t b) { return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b; }

/// C1 of the ops from weight to weight.
static LogicalResult verifySameShape(Operation *op, WeightType source, WeightType result) {
  if (source.getRows() == result.getRows() && source.getCols() == result.getCols())
    return success();
  return op->emitOpError() << "result must be a " << source.getRows() << "x" << source.getCols()
                           << " weight as the operand is, but is " << result.getRows() << "x" << result.getCols()
                           << " (C1)";
}

/// The result of a product is M x N.
static LogicalResult verifyProduct(Operation *op, int64_t m, int64_t n, RankedTensorType result) {
  if (result.getRank() != 2)
    return op->emitOpError() << "result must be a matrix, but is " << result << " (C1)";
  if (!compatible(result.getDimSize(0), m) || result.getDimSize(1) != n) {
    InFlightDiagnostic diag = op->emitOpError() << "result must be ";
    diag << (ShapedType::isDynamic(m) ? std::string("?") : std::to_string(m)) << "x" << n << ", but is " << result;
    return diag << " (C1)";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  WeightType type = getType();
  return type.getFormat().verifyComponents([&] { return emitOpError() << "(C1) "; }, type.getRows(), type.getCols(),
                                           getComponents());
}

/// The place of a format in the chain uniform, bipolar, BCQ; -1 for others.
static int getChainPlace(WeightFormatInterface format) {
  if (isa<UniformAttr>(format))
    return 0;
  if (isa<BipolarAttr>(format))
    return 1;
  return isa<BCQAttr>(format) ? 2 : -1;
}

LogicalResult ReinterpretOp::verify() {
  WeightType source = getSource().getType(), result = getType();
  if (failed(verifySameShape(*this, source, result)))
    return failure();
  WeightFormatInterface from = source.getFormat(), to = result.getFormat();
  if (from == to)
    return success();
  int fromPlace = getChainPlace(from), toPlace = getChainPlace(to);
  if (fromPlace < 0 || toPlace <= fromPlace)
    return emitOpError() << "expected formats in the order uniform, bipolar, bcq, but found " << from << " to " << to
                         << " (C2)";
  if (from.getCodeBits() != to.getCodeBits() || from.getGroupSize() != to.getGroupSize())
    return emitOpError() << "expected " << from.getCodeBits() << " bits in groups of " << from.getGroupSize()
                         << " as the operand has, but the result has " << to.getCodeBits() << " in groups of "
                         << to.getGroupSize() << " (C2)";
  auto uniform = dyn_cast<UniformAttr>(from);
  auto bipolar = dyn_cast<BipolarAttr>(to);
  if (uniform && uniform.getZero() == ZeroKind::Midpoint && bipolar && bipolar.getZeta() &&
      !bipolar.getZeta().getValue().isExactlyValue(-1.0))
    return emitOpError() << "zeta of a weight whose zero point is the midpoint is -1, but the result states "
                         << bipolar.getZeta() << " (C3)";
  return success();
}

OpFoldResult ReinterpretOp::fold(FoldAdaptor) {
  if (getSource().getType() == getType())
    return getSource();
  // Each step rounds zeta and beta as if it came from the unrounded step before only when that step is exact or the
  // composition is evaluated step by step; Weights.cpp does the latter, so a chain equals its composition.
  if (auto before = getSource().getDefiningOp<ReinterpretOp>()) {
    getSourceMutable().assign(before.getSource());
    return getResult();
  }
  return {};
}

LogicalResult PackOp::verify() {
  if (failed(verifySameShape(*this, getSource().getType(), getType())))
    return failure();
  auto packed = dyn_cast<PackedAttr>(getType().getFormat());
  if (!packed)
    return emitOpError() << "result must be #lowbit.packed, but is " << getType().getFormat() << " (C1)";
  if (packed.getFormat() != getSource().getType().getFormat())
    return emitOpError() << "result must pack the operand's format " << getSource().getType().getFormat()
                         << ", but packs " << packed.getFormat() << " (C1)";
  return success();
}

LogicalResult PackedDataOp::verify() {
  WeightType weight = getWeight().getType();
  auto packed = dyn_cast<PackedAttr>(weight.getFormat());
  if (!packed)
    return emitOpError() << "the weight must be packed, but its format is " << weight.getFormat()
                         << "; run lowbit-pack-weights (C1)";
  int64_t bytes = packed.getTotalBytes(weight.getRows(), weight.getCols());
  auto type = cast<RankedTensorType>(getType());
  if (type.getRank() != 1 || type.getDimSize(0) != bytes)
    return emitOpError() << "the packed weight is " << bytes << " bytes, but the result is " << type << " (C1)";
  return success();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::verify() {
  auto activations = cast<RankedTensorType>(getActivations().getType());
  WeightType weight = getWeight().getType();
  if (activations.getRank() != 2)
    return emitOpError() << "activations must be a matrix, but are " << activations << " (C1)";
  if (!compatible(activations.getDimSize(1), weight.getCols()))
    return emitOpError() << "K of the activations is " << activations.getDimSize(1) << ", but that of the weight is "
                         << weight.getCols() << " (C1)";
  return verifyProduct(*this, activations.getDimSize(0), weight.getRows(), cast<RankedTensorType>(getType()));
}

LogicalResult PrecomputeOp::verify() {
  auto activations = cast<RankedTensorType>(getActivations().getType());
  TableType table = getType();
  if (activations.getRank() == 2 && compatible(activations.getDimSize(0), table.getRows()) &&
      compatible(activations.getDimSize(1), table.getCols()))
    return success();
  return emitOpError() << "M and K of the activations and the table must agree, but these are " << activations
                       << " and " << table << " (C1)";
}

LogicalResult AssembleTableOp::verify() {
  TableType table = getType();
  auto check = [&](StringRef what, Type found, ArrayRef<int64_t> shape, Type element) -> LogicalResult {
    auto expected = RankedTensorType::get(shape, element);
    auto tensor = cast<RankedTensorType>(found);
    if (tensor.getElementType() == element && succeeded(verifyCompatibleShape(tensor, expected)))
      return success();
    return emitOpError() << what << " must be " << expected << ", but are " << found << " (C1)";
  };
  int64_t m = table.getRows(), groups = table.getNumGroups();
  Type f32 = Float32Type::get(getContext());
  if (failed(
          check("entries", getEntries().getType(), {m, groups, table.getTablesPerGroup() * 16}, table.getElement())) ||
      failed(check("scales", getScales().getType(), {m, groups}, f32)) ||
      failed(check("sums", getSums().getType(), {m, groups}, f32)))
    return failure();
  return success();
}

LogicalResult LookupMatmulOp::verify() {
  TableType table = getTable().getType();
  WeightType weight = getWeight().getType();
  if (!isPlanesFormat(weight.getUnpackedFormat()))
    return emitOpError() << "the weight must be in bit planes, but its format is " << weight.getFormat()
                         << "; reinterpret it with lowbit-canonicalize-weights (C2)";
  if (table.getCols() != weight.getCols())
    return emitOpError() << "K of the table is " << table.getCols() << ", but that of the weight is "
                         << weight.getCols() << " (C1)";
  if (table.getGroup() != weight.getGroup())
    return emitOpError() << "the group of the table is " << table.getGroup() << ", but that of the weight is "
                         << weight.getGroup() << " (C1)";
  return verifyProduct(*this, table.getRows(), weight.getRows(), cast<RankedTensorType>(getType()));
}
