//===- LowbitTypes.cpp - weights and tables as values ---------------------===//
//
// Registration of the types, and assembly and verification of `!lowbit.weight<NxK, format>`; tables are in LowbitTables.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/IR/Verify.h"
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

ParseResult lutra::lowbit::parseMatrixShape(AsmParser &parser, int64_t &rows, int64_t &cols, bool allowDynamic) {
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
  // Sizes in bytes of everything that a weight becomes then fit 64 bits.
  constexpr int64_t kMost = INT32_MAX, kMostElements = int64_t(1) << 40;
  if (rows > kMost || cols > kMost || rows > kMostElements / cols)
    return emitError() << "a weight has at most " << kMost << " rows and columns and 2^40 elements, but this one is " << rows
                       << "x" << cols;
  if (format && format.getGroupSize() > kMost)
    return emitError() << "a group has at most " << kMost << " elements, but this one has " << format.getGroupSize();
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
