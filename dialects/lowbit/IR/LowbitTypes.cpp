//===- LowbitTypes.cpp - weights and tables as values ---------------------===//
//
// Assembly and verification of `!lowbit.weight<NxK, format>` and `!lowbit.table<MxK, group = .., element = ..>`.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra::lowbit;

#define GET_TYPEDEF_CLASSES
#include "dialects/lowbit/IR/LowbitTypes.cpp.inc"

void LowbitDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/lowbit/IR/LowbitTypes.cpp.inc"
      >();
}

/// Parses `AxB`; `?` stands for a dynamic A when `allowDynamic`.
static ParseResult parseMatrixShape(AsmParser &parser, int64_t &rows, int64_t &cols, bool allowDynamic) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t, 2> shape;
  if (parser.parseDimensionList(shape, allowDynamic, /*withTrailingX=*/false))
    return failure();
  if (shape.size() != 2)
    return parser.emitError(loc, "expected two dimensions, as in 131x264, but found ") << shape.size();
  rows = shape[0];
  cols = shape[1];
  return success();
}

//===----------------------------------------------------------------------===//
// Weight
//===----------------------------------------------------------------------===//

Type WeightType::parse(AsmParser &parser) {
  int64_t rows, cols;
  Attribute format;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parseMatrixShape(parser, rows, cols, /*allowDynamic=*/false) || parser.parseComma())
    return {};
  SMLoc formatLoc = parser.getCurrentLocation();
  if (parser.parseAttribute(format) || parser.parseGreater())
    return {};
  auto interface = dyn_cast<WeightFormatInterface>(format);
  if (!interface) {
    parser.emitError(formatLoc, "expected a weight format, such as #lowbit.uniform<...>, but found ") << format;
    return {};
  }
  return parser.getChecked<WeightType>(loc, parser.getContext(), rows, cols, interface);
}

void WeightType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getCols() << ", " << Attribute(getFormat()) << '>';
}

LogicalResult WeightType::verify(llvm::function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t cols,
                                 WeightFormatInterface format) {
  if (rows < 1 || cols < 1)
    return emitError() << "a weight has at least one row and one column, but this one is " << rows << "x" << cols;
  return success();
}

WeightFormatInterface WeightType::getUnpackedFormat() const {
  if (auto packed = dyn_cast<PackedAttr>(getFormat()))
    return packed.getFormat();
  return getFormat();
}

LayoutAttr WeightType::getLayout() const {
  if (auto packed = dyn_cast<PackedAttr>(getFormat()))
    return packed.getLayout();
  return {};
}

WeightType WeightType::withFormat(WeightFormatInterface format) const {
  return get(getContext(), getRows(), getCols(), format);
}

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

Type TableType::parse(AsmParser &parser) {
  int64_t rows, cols, group;
  Type element;
  bool symmetric = false;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parseMatrixShape(parser, rows, cols, /*allowDynamic=*/true) || parser.parseComma() ||
      parser.parseKeyword("group") || parser.parseEqual() || parser.parseInteger(group) || parser.parseComma() ||
      parser.parseKeyword("element") || parser.parseEqual() || parser.parseType(element))
    return {};
  if (succeeded(parser.parseOptionalComma()) &&
      (parser.parseKeyword("symmetric") || parser.parseEqual() || parser.parseInteger(symmetric)))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<TableType>(loc, parser.getContext(), rows, cols, group, element, symmetric);
}

void TableType::print(AsmPrinter &printer) const {
  printer << '<';
  if (ShapedType::isDynamic(getRows()))
    printer << '?';
  else
    printer << getRows();
  printer << 'x' << getCols() << ", group = " << getGroup() << ", element = " << getElement();
  if (getSymmetric())
    printer << ", symmetric = true";
  printer << '>';
}

LogicalResult TableType::verify(llvm::function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t cols,
                                int64_t group, Type element, bool) {
  if (ShapedType::isDynamic(cols) || cols < 1)
    return emitError() << "a table's K must be static and positive";
  if (group < 1)
    return emitError() << "group must be positive, but is " << group;
  if (!element.isInteger(8) && !element.isF32())
    return emitError() << "element must be i8 or f32, but is " << element;
  return success();
}
