//===- LutVectorOps.cpp - verification and folding of the vector ops ------===//
#include "dialects/lut/IR/Lut.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra::lut;

//===----------------------------------------------------------------------===//
// lut.lookup
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verify() {
  VectorType indices = getIndices().getType(), result = getType();
  Type entry = getTable().getType().getElementType();
  if (indices.isScalable())
    return emitOpError() << "indices must be a fixed vector, but are " << indices << " (C2)";
  if (getTable().getType().getDimSize(0) != 16 && !entry.isInteger(8))
    return emitOpError() << "a table of " << entry << " must have 16 entries, but is " << getTable().getType() << " (C1)";
  unsigned indexWidth = entry.isInteger(8) ? 8 : 32;
  if (!indices.getElementType().isInteger(indexWidth))
    return emitOpError() << "indices into a table of " << entry << " must be i" << indexWidth << ", but are " << indices
                         << " (C1)";
  if (result != VectorType::get(indices.getShape(), entry))
    return emitOpError() << "result must be " << VectorType::get(indices.getShape(), entry) << ", but is " << result
                         << " (C2)";
  return success();
}

ParseResult LookupOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand table, indices;
  VectorType tableType, indicesType;
  if (parser.parseOperand(table) || parser.parseLSquare() || parser.parseOperand(indices) || parser.parseRSquare() ||
      parser.parseOptionalAttrDict(result.attributes) || parser.parseColonType(tableType) || parser.parseComma() ||
      parser.parseType(indicesType) || parser.resolveOperand(table, tableType, result.operands) ||
      parser.resolveOperand(indices, indicesType, result.operands))
    return failure();
  result.addTypes(VectorType::get(indicesType.getShape(), tableType.getElementType()));
  return success();
}

void LookupOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getTable() << '[' << getIndices() << ']';
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << getTable().getType() << ", " << getIndices().getType();
}

OpFoldResult LookupOp::fold(FoldAdaptor adaptor) {
  auto table = dyn_cast_or_null<DenseElementsAttr>(adaptor.getTable());
  if (!table)
    return {};
  if (table.isSplat())
    return table.resizeSplat(getType());
  auto indices = dyn_cast_or_null<DenseElementsAttr>(adaptor.getIndices());
  if (!indices)
    return {};
  auto entries = llvm::to_vector(table.getValues<Attribute>());
  SmallVector<Attribute> values;
  for (const APInt &index : indices.getValues<APInt>())
    values.push_back(entries[index.extractBitsAsZExtValue(8, 0) % entries.size()]);
  return DenseElementsAttr::get(getType(), values);
}

//===----------------------------------------------------------------------===//
// lut.fields
//===----------------------------------------------------------------------===//

LogicalResult FieldsOp::verify() {
  VectorType type = getType();
  if (type.isScalable() || type.getDimSize(0) % 8 != 0)
    return emitOpError() << "words of 64 bits need a multiple of 8 lanes, but found " << type << " (C1)";
  return success();
}

//===----------------------------------------------------------------------===//
// lut.accumulate
//===----------------------------------------------------------------------===//

LogicalResult AccumulateOp::verify() {
  VectorType source = getSource().getType(), acc = getType();
  ArrayRef<int32_t> weights = getWeights();
  int64_t width = weights.size();
  unsigned sourceBits = source.getElementTypeBitWidth(), accBits = acc.getElementTypeBitWidth();
  if (width != 2 && width != 4)
    return emitOpError() << "expected 2 or 4 weights, but found " << width << " (C1)";
  if (source.isScalable() || acc.isScalable() || source.getDimSize(0) != width * acc.getDimSize(0) ||
      accBits != width * sourceBits)
    return emitOpError() << "with " << width << " weights a source of " << source << " needs an accumulator of "
                         << source.getDimSize(0) / width << " lanes of i" << width * sourceBits << ", but found " << acc
                         << " (C2)";
  int64_t limit = sourceBits == 8 ? 255 : 32767, sum = 0;
  for (int32_t weight : weights) {
    if (weight < 0 || weight > limit)
      return emitOpError() << "weights must be 0 to " << limit << ", but one is " << weight << " (C1)";
    sum += weight;
  }
  int64_t extreme = sum << (sourceBits - 1);
  if (extreme >= int64_t(1) << (accBits - 1))
    return emitOpError() << "the weighted sum of extreme lanes is " << -extreme << " and leaves the range of i" << accBits
                         << " (C3)";
  return success();
}

OpFoldResult AccumulateOp::fold(FoldAdaptor adaptor) {
  // Adding lanes that are zero, or with weights that are zero, changes nothing.
  if (llvm::all_of(getWeights(), [](int32_t weight) { return weight == 0; }))
    return getAccumulator();
  auto source = dyn_cast_or_null<DenseElementsAttr>(adaptor.getSource());
  if (source && source.isSplat() && source.getSplatValue<APInt>().isZero())
    return getAccumulator();
  return {};
}

//===----------------------------------------------------------------------===//
// lut.dot
//===----------------------------------------------------------------------===//

LogicalResult DotOp::verify() {
  VectorType bytes = getWeights().getType(), lanes = getType();
  const bool isShort = lanes.getElementType().isInteger(16);
  if (bytes.isScalable() || lanes.isScalable() || bytes.getDimSize(0) != (isShort ? 2 : 4) * lanes.getDimSize(0))
    return emitOpError() << "weights and codes must have " << (isShort ? "two" : "four") << " lanes for each of the accumulator, but are "
                         << bytes << " for " << lanes << " (C1)";
  const int64_t largest = getLargest(), limit = isShort ? 127 : 255;
  if (largest < 1 || largest > limit)
    return emitOpError() << "largest must be 1 to " << limit << (isShort ? " for lanes of 16 bits" : "") << ", but is " << largest
                         << " (C2)";
  return success();
}
