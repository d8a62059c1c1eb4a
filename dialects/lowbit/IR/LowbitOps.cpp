//===- LowbitOps.cpp - verification and folding ---------------------------===//
//
// Each check names the constraint (C1..) of the op's description. lowbit.attention is in LowbitAttention.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/IR/Verify.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lutra::lowbit;

#define GET_OP_CLASSES
#include "dialects/lowbit/IR/LowbitOps.cpp.inc"

/// C1 of the ops from weight to weight.
static LogicalResult verifySameShape(Operation *op, WeightType source, WeightType result) {
  if (source.getRows() == result.getRows() && source.getCols() == result.getCols())
    return success();
  return op->emitOpError() << "result must be a " << source.getRows() << "x" << source.getCols()
                           << " weight as the operand is, but is " << result.getRows() << "x" << result.getCols()
                           << " (C1)";
}

LogicalResult lutra::lowbit::verifyProduct(Operation *op, int64_t m, int64_t n, RankedTensorType result) {
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

LogicalResult ReinterpretOp::verify() {
  WeightType source = getSource().getType(), result = getType();
  if (failed(verifySameShape(*this, source, result)))
    return failure();
  if (source.getFormat() == result.getFormat())
    return success();
  return source.getFormat().verifyReinterpret([&] { return emitOpError(); }, result.getFormat());
}

OpFoldResult ReinterpretOp::fold(FoldAdaptor) {
  if (getSource().getType() == getType())
    return getSource();
  // Each step rounds zeta and beta as if it came from the unrounded step before only when that step is exact or the
  // composition is evaluated step by step; Weights.cpp does the latter, so a chain equals its composition.
  auto before = getSource().getDefiningOp<ReinterpretOp>();
  // Codebooks that are planes through a uniform format have no step that skips it.
  if (before && succeeded(before.getSource().getType().getFormat().verifyReinterpret(
                    [] { return InFlightDiagnostic(); }, getType().getFormat()))) {
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
  bool ofThree = table.getWidth() == kTripleWidth;
  if (ofThree && !isTernary(weight.getUnpackedFormat()))
    return emitOpError() << "tables of three activations are for ternary weights, two planes with zeta 1, but the weight's format is "
                         << weight.getFormat() << " (C5)";
  if (LayoutAttr layout = weight.getLayout(); layout && layout.getLookupTriples() != ofThree)
    return emitOpError() << "the table is of " << table.getWidth() << " activations, but the weight is packed for tables of "
                         << (ofThree ? kTableWidth : kTripleWidth) << " (C5)";
  if (failed(verifyEpilogue(*this, getEpilogue(), getEpilogueOperands(), table.getRows(), weight.getRows(), "C3, C4")))
    return failure();
  return verifyProduct(*this, table.getRows(), weight.getRows(), cast<RankedTensorType>(getType()));
}
