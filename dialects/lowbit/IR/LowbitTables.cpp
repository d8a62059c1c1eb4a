//===- LowbitTables.cpp - the kinds of tables and of activations ----------===//
//
// Assembly and verification of `!lowbit.table<MxK, group = .., element = .., scale = ..>` and `#lowbit.table_kind`, and of
// the ops that make tables or name their kind. Each check names the constraint (C1..) of the op's description.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "lutra/Support/OperandSegments.h"
#include "dialects/lowbit/IR/Verify.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace lutra::lowbit;

//===----------------------------------------------------------------------===//
// Kinds
//===----------------------------------------------------------------------===//

Type lutra::lowbit::getElementType(MLIRContext *context, TableElement element) {
  switch (element) {
  case TableElement::F32: return Float32Type::get(context);
  case TableElement::F16: return Float16Type::get(context);
  case TableElement::I16: return IntegerType::get(context, 16);
  case TableElement::I8: return IntegerType::get(context, 8);
  }
  llvm_unreachable("every element is handled");
}

std::optional<TableElement> lutra::lowbit::getTableElement(Type type) {
  if (type.isF32())
    return TableElement::F32;
  if (type.isF16())
    return TableElement::F16;
  if (type.isSignlessInteger(16))
    return TableElement::I16;
  if (type.isSignlessInteger(8))
    return TableElement::I8;
  return std::nullopt;
}

TableKindAttr lutra::lowbit::getKindAttr(MLIRContext *context, TableKind kind) {
  return TableKindAttr::get(context, getElementType(context, kind.element), kind.scale, kind.width);
}

TableKind lutra::lowbit::getKind(TableKindAttr attr) {
  return {*getTableElement(attr.getElement()), attr.getScale(), attr.getWidth()};
}

/// What attribute and type check alike.
static LogicalResult verifyKind(function_ref<InFlightDiagnostic()> emitError, Type element, TableScale scale, int64_t width) {
  std::optional<TableElement> known = getTableElement(element);
  if (!known)
    return emitError() << "element must be f32, f16, i16 or i8, but is " << element;
  if (!isQuantized(*known) && scale != TableScale::Group)
    return emitError() << "tables of " << element << " have no scale to share, so scale must be left out, but is "
                       << stringifyTableScale(scale) << "; take i16 or i8 entries";
  if (width != kTableWidth && width != kTripleWidth)
    return emitError() << "width must be " << kTableWidth << " or " << kTripleWidth << ", but is " << width;
  if (width == kTripleWidth && (*known != TableElement::I8 || scale == TableScale::Table))
    return emitError() << "tables of three activations have i8 entries and a scale per group or row, but found " << element << " and "
                       << stringifyTableScale(scale) << "; take width = " << kTableWidth;
  return success();
}

LogicalResult TableKindAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type element, TableScale scale, int64_t width) {
  return verifyKind(emitError, element, scale, width);
}

//===----------------------------------------------------------------------===//
// The type
//===----------------------------------------------------------------------===//

Type TableType::parse(AsmParser &parser) {
  int64_t rows, cols, group, width = kTableWidth;
  Type element;
  bool symmetric = false;
  TableScale scale = TableScale::Group;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parseMatrixShape(parser, rows, cols, /*allowDynamic=*/true) || parser.parseComma() ||
      parser.parseKeyword("group") || parser.parseEqual() || parser.parseInteger(group) || parser.parseComma() ||
      parser.parseKeyword("element") || parser.parseEqual() || parser.parseType(element))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    if (succeeded(parser.parseOptionalKeyword("scale"))) {
      StringRef name;
      SMLoc nameLoc = parser.getCurrentLocation();
      if (parser.parseEqual() || parser.parseKeyword(&name))
        return {};
      std::optional<TableScale> parsed = symbolizeTableScale(name);
      if (!parsed) {
        parser.emitError(nameLoc, "expected scale to be group, table or row, but found ") << name;
        return {};
      }
      scale = *parsed;
    } else if (succeeded(parser.parseOptionalKeyword("width"))) {
      if (parser.parseEqual() || parser.parseInteger(width))
        return {};
    } else if (parser.parseKeyword("symmetric", ", scale or width") || parser.parseEqual() ||
               parser.parseInteger(symmetric)) {
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<TableType>(loc, parser.getContext(), rows, cols, group, element, symmetric, scale, width);
}

void TableType::print(AsmPrinter &printer) const {
  printer << '<';
  if (ShapedType::isDynamic(getRows()))
    printer << '?';
  else
    printer << getRows();
  printer << 'x' << getCols() << ", group = " << getGroup() << ", element = " << getElement();
  if (getScale() != TableScale::Group)
    printer << ", scale = " << stringifyTableScale(getScale());
  if (getWidth() != kTableWidth)
    printer << ", width = " << getWidth();
  if (getSymmetric())
    printer << ", symmetric = true";
  printer << '>';
}

LogicalResult TableType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t cols, int64_t group,
                                Type element, bool symmetric, TableScale scale, int64_t width) {
  if (ShapedType::isDynamic(cols) || cols < 1)
    return emitError() << "a table's K must be static and positive";
  if (group < 1)
    return emitError() << "group must be positive, but is " << group;
  // As of weights: sizes in bytes then fit 64 bits.
  if (cols > INT32_MAX || group > INT32_MAX)
    return emitError() << "K and group are at most " << INT32_MAX << ", but are " << cols << " and " << group;
  if (symmetric && width == kTripleWidth)
    return emitError() << "tables of three activations are halves as they are; leave symmetric out";
  return verifyKind(emitError, element, scale, width);
}

int64_t TableType::getScalesPerRow() const {
  return lutra::lowbit::getScalesPerRow(getScale(), getNumGroups(), getTablesPerGroup());
}

TableKindAttr TableType::getKind() const { return TableKindAttr::get(getContext(), getElement(), getScale(), getWidth()); }

TableType TableType::withKind(TableKindAttr kind) const {
  return get(getContext(), getRows(), getCols(), getGroup(), kind.getElement(), getSymmetric(), kind.getScale(), kind.getWidth());
}

TableType TableType::withSymmetric(bool symmetric) const {
  return get(getContext(), getRows(), getCols(), getGroup(), getElement(), symmetric, getScale(), getWidth());
}

//===----------------------------------------------------------------------===//
// Integer activations
//===----------------------------------------------------------------------===//

/// Scales come with codes and only with them, M x 1 or M x G; `act_bits` is theirs, too. `c` names the constraint.
static LogicalResult verifyActivations(Operation *op, RankedTensorType activations, Value scales,
                                       std::optional<uint64_t> bits, int64_t groups, StringRef c) {
  bool integers = activations.getElementType().isInteger(8);
  if (integers != bool(scales))
    return op->emitOpError() << (integers ? "activations in i8 are codes and need scales, but there are none ("
                                          : "activations that are floats have no scales; leave them out (")
                             << c << ")";
  if (!integers) {
    if (bits)
      return op->emitOpError() << "act_bits is for activations in i8, but these are " << activations << " (" << c << ")";
    return success();
  }
  if (bits && (*bits < 2 || *bits > 8))
    return op->emitOpError() << "act_bits must be 2 to 8, but is " << *bits << " (" << c << ")";
  auto type = cast<RankedTensorType>(scales.getType());
  if (type.getRank() != 2 || !compatible(type.getDimSize(0), activations.getDimSize(0)) || type.isDynamicDim(1) ||
      (type.getDimSize(1) != 1 && type.getDimSize(1) != groups))
    return op->emitOpError() << "scales must be one per row or one per group, M x 1 or M x " << groups << ", but are "
                             << type << " (" << c << ")";
  return success();
}

/// The tables of codes are exact: wide enough, with the scale that the codes have.
static LogicalResult verifyIntegerTable(Operation *op, TableKindAttr kind, Value scales, int64_t bits, int64_t groups,
                                        StringRef c) {
  if (kind.getWidth() != kTableWidth)
    return op->emitOpError() << "tables of integer activations are of " << kTableWidth << ", but found width = " << kind.getWidth()
                             << ": ternary weights multiply codes without tables (" << c << ")";
  int64_t count = cast<RankedTensorType>(scales.getType()).getDimSize(1);
  int64_t largest = kTableWidth << (bits - 1);
  std::optional<TableElement> element = getTableElement(kind.getElement());
  if (!element || !isQuantized(*element))
    return op->emitOpError() << "tables of integer activations are exact integers, i16 or i8, but found "
                             << kind.getElement() << " (" << c << ")";
  if (*element == TableElement::I8 && largest > 127)
    return op->emitOpError() << "sums of four codes of " << bits << " bits reach " << largest
                             << ", which i8 entries do not hold; take i16 (" << c << ")";
  bool fits = kind.getScale() == TableScale::Row     ? count == 1
              : kind.getScale() == TableScale::Group ? count == groups
                                                     : false;
  if (!fits)
    return op->emitOpError() << "with " << count << " scales per row of codes, the scale of their tables is "
                             << (count == 1 ? "row" : "group") << ", but found " << stringifyTableScale(kind.getScale())
                             << " (" << c << ")";
  return success();
}

bool MatmulOp::hasIntegerActivations() {
  return cast<RankedTensorType>(getActivations().getType()).getElementType().isInteger(8);
}

int64_t MatmulOp::getActivationBits() { return getActBits().value_or(8); }

TableKindAttr MatmulOp::getExactIntegerTable() {
  bool perRow = cast<RankedTensorType>(getScales().getType()).getDimSize(1) == 1;
  return TableKindAttr::get(getContext(), IntegerType::get(getContext(), 16),
                            perRow ? TableScale::Row : TableScale::Group);
}

LogicalResult MatmulOp::verify() {
  if (failed(lutra::verifyRequiredOperands(*this, {0, 1})))
    return failure();
  auto activations = cast<RankedTensorType>(getActivations().getType());
  WeightType weight = getWeight().getType();
  if (activations.getRank() != 2)
    return emitOpError() << "activations must be a matrix, but are " << activations << " (C1)";
  if (!compatible(activations.getDimSize(1), weight.getCols()))
    return emitOpError() << "K of the activations is " << activations.getDimSize(1) << ", but that of the weight is "
                         << weight.getCols() << " (C1)";
  auto result = cast<RankedTensorType>(getType());
  if (failed(verifyProduct(*this, activations.getDimSize(0), weight.getRows(), result)))
    return failure();
  if (failed(verifyActivations(*this, activations, getScales(), getActBits(), weight.getNumGroups(),
                               getActBits() ? "C3" : "C2")))
    return failure();
  if (!result.getElementType().isF32() && result.getElementType() != activations.getElementType())
    return emitOpError() << "the result must be f32 or of the activations' type, but is " << result << " (C4)";
  if (getTable() && getTable()->getWidth() == kTripleWidth && weight.getBits() != 2)
    return emitOpError() << "tables of three activations are for ternary weights, but the weight's format is " << weight.getFormat() << " (C5)";
  if (getTable() && hasIntegerActivations())
    return verifyIntegerTable(*this, *getTable(), getScales(), getActivationBits(), weight.getNumGroups(), "C5");
  return success();
}

LogicalResult QuantizeActivationsOp::verify() {
  auto activations = cast<RankedTensorType>(getActivations().getType());
  auto codes = cast<RankedTensorType>(getCodes().getType()), scales = cast<RankedTensorType>(getScales().getType());
  if (activations.getRank() != 2 || failed(verifyCompatibleShape(activations, codes)))
    return emitOpError() << "codes must have the shape of the activations, a matrix, but these are " << activations
                         << " and " << codes << " (C1)";
  int64_t least = getKind() == ActivationCodes::Absmax ? 2 : 1, most = getKind() == ActivationCodes::Absmax ? 8 : 7;
  if (static_cast<int64_t>(getBits()) < least || static_cast<int64_t>(getBits()) > most)
    return emitOpError() << stringifyActivationCodes(getKind()) << " codes have " << least << " to " << most
                         << " bits, but bits is " << static_cast<int64_t>(getBits()) << " (C2)";
  int64_t cols = activations.getDimSize(1), group = getGroup().value_or(cols);
  if (cols == 0 || (getGroup() && group < 1))
    return emitOpError() << "K and group must be positive, but are " << cols << " and " << group << " (C2)";
  int64_t groups = !getGroup() ? 1 : ShapedType::isDynamic(cols) ? cols : cols / group + (cols % group != 0);
  if (scales.getRank() != 2 || !compatible(scales.getDimSize(0), activations.getDimSize(0)) ||
      !compatible(scales.getDimSize(1), groups))
    return emitOpError() << "scales must be M x groups, " << groups << " per row, but are " << scales << " (C1)";
  return success();
}

//===----------------------------------------------------------------------===//
// Ops that make tables
//===----------------------------------------------------------------------===//

LogicalResult PrecomputeOp::verify() {
  auto activations = cast<RankedTensorType>(getActivations().getType());
  TableType table = getType();
  if (activations.getRank() != 2 || !compatible(activations.getDimSize(0), table.getRows()) ||
      !compatible(activations.getDimSize(1), table.getCols()))
    return emitOpError() << "M and K of the activations and the table must agree, but these are " << activations
                         << " and " << table << " (C1)";
  if (failed(verifyActivations(*this, activations, getScales(), getActBits(), table.getNumGroups(), "C2")))
    return failure();
  if (getScales())
    return verifyIntegerTable(*this, table.getKind(), getScales(), getActBits().value_or(8), table.getNumGroups(), "C2");
  return success();
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
      failed(check("scales", getScales().getType(), {m, table.getScalesPerRow()}, f32)) ||
      failed(check("sums", getSums().getType(), {m, groups}, f32)))
    return failure();
  return success();
}
