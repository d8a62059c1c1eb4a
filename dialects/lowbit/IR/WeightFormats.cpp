//===- WeightFormats.cpp - uniform, ternary, bipolar and BCQ formats ------===//
//
// What the simple formats say about themselves: parameters, components, planes. WeightSource.cpp reads their weights,
// Quantize.cpp makes them.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lutra::lowbit;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

//===----------------------------------------------------------------------===//
// What formats share
//===----------------------------------------------------------------------===//

bool lutra::lowbit::isScaleType(Type type) {
  return isa<Float32Type, Float16Type, BFloat16Type, Float8E8M0FNUType, Float8E4M3FNType>(type);
}

LogicalResult lutra::lowbit::verifyCodes(EmitError emitError, StringRef what, unsigned bits, int64_t group) {
  if (bits < 1 || bits > 8)
    return emitError() << what << " must be 1 to 8, but is " << bits;
  if (group < 1)
    return emitError() << "group must be positive, but is " << group;
  // Sizes in bits and bytes then stay far from overflow.
  if (group > INT32_MAX)
    return emitError() << "group must be at most " << INT32_MAX << ", but is " << group;
  return success();
}

LogicalResult lutra::lowbit::verifyScaleType(EmitError emitError, Type type) {
  if (isScaleType(type))
    return success();
  return emitError() << "scale must be f32, f16, bf16, f8E8M0FNU or f8E4M3FN, but is " << type;
}

LogicalResult lutra::lowbit::verifyComponentsAre(EmitError emitError, ArrayRef<ExpectedComponent> expected,
                                                 DictionaryAttr components) {
  for (const ExpectedComponent &component : expected) {
    Attribute found = components.get(component.name);
    if (!found)
      return emitError() << "needs the component '" << component.name << "' : " << component.type;
    auto elements = dyn_cast<ElementsAttr>(found);
    if (!elements || elements.getShapedType() != component.type) {
      InFlightDiagnostic diag = emitError();
      diag << "component '" << component.name << "' must be elements of " << component.type << ", but is ";
      if (elements)
        return diag << elements.getShapedType();
      return diag << found;
    }
    if (!isa<DenseIntOrFPElementsAttr, DenseResourceElementsAttr>(elements))
      return emitError() << "component '" << component.name << "' must be dense or dense_resource elements";
  }
  for (NamedAttribute given : components)
    if (llvm::none_of(expected,
                      [&](const ExpectedComponent &component) { return component.name == given.getName().strref(); }))
      return emitError() << "component '" << given.getName().getValue() << "' does not belong to this format";
  return success();
}

LogicalResult lutra::lowbit::refuseReinterpret(EmitError emitError, WeightFormatInterface from,
                                               WeightFormatInterface to) {
  return emitError() << "expected formats in the order uniform or ternary, bipolar, bcq, but found " << from << " to "
                     << to << " (C2)";
}

WeightSourcePtr lutra::lowbit::refuseSource(WeightOp &op, WeightFormatInterface format) {
  op.emitOpError() << "has the format " << format << ", which the evaluator cannot read"
                   << (format.isComposite() ? "; take it apart with lowbit-decompose-weights" : "");
  return nullptr;
}

ComponentTypes::ComponentTypes(WeightFormatInterface format, int64_t rows, int64_t cols)
    : format(format), rows(rows), groups(llvm::divideCeil(cols, format.getGroupSize())) {}

RankedTensorType ComponentTypes::codes(int64_t groupBytes) const {
  return RankedTensorType::get({rows, groups, groupBytes}, IntegerType::get(format.getContext(), 8));
}

RankedTensorType ComponentTypes::codes() const {
  return codes(llvm::divideCeil(format.getGroupSize() * format.getCodeBits(), 8));
}

RankedTensorType ComponentTypes::shared(Type element, ArrayRef<int64_t> last) const {
  Granularity per = format.getGranularity();
  SmallVector<int64_t> shape{per == Granularity::Tensor ? 1 : rows, per == Granularity::Group ? groups : 1};
  llvm::append_range(shape, last);
  return RankedTensorType::get(shape, element);
}

/// A step of `lowbit.reinterpret` to planes keeps bits, groups and sharing; its alphas are f32s that no component
/// holds.
static LogicalResult verifyToPlanes(EmitError emitError, WeightFormatInterface from, WeightFormatInterface to) {
  if (from.getCodeBits() != to.getCodeBits() || from.getGroupSize() != to.getGroupSize())
    return emitError() << "expected " << from.getCodeBits() << " bits in groups of " << from.getGroupSize()
                       << " as the operand has, but the result has " << to.getCodeBits() << " in groups of "
                       << to.getGroupSize() << " (C2)";
  if (from.getGranularity() != to.getGranularity())
    return emitError() << "expected per = " << stringifyGranularity(from.getGranularity())
                       << " as the operand has, but the result has per = " << stringifyGranularity(to.getGranularity())
                       << " (C2)";
  if (auto bcq = dyn_cast<BCQAttr>(to); (bcq && bcq.getShiftTerms() > 0) || !to.getScaleType().isF32())
    return emitError() << "the result's alphas are computed: its scale must be f32, without shift_terms, but it is "
                       << to << " (C2)";
  return success();
}

/// The same, and the constant zeta that the result states (C3) is `implied`, if the operand's format implies one.
static LogicalResult verifyToPlanes(EmitError emitError, WeightFormatInterface from, WeightFormatInterface to,
                                    std::optional<int64_t> constantZero, StringRef zeroName) {
  if (!isPlanesFormat(to))
    return refuseReinterpret(emitError, from, to);
  if (failed(verifyToPlanes(emitError, from, to)))
    return failure();
  auto bipolar = dyn_cast<BipolarAttr>(to);
  if (!constantZero || !bipolar || !bipolar.getZeta())
    return success();
  int64_t zeta = ((int64_t(1) << from.getCodeBits()) - 1) - 2 * *constantZero;
  if (bipolar.getZeta().getValue().convertToFloat() == static_cast<float>(zeta))
    return success();
  return emitError() << "zeta of a weight whose zero point is " << zeroName << " is " << zeta
                     << ", but the result states " << bipolar.getZeta() << " (C3)";
}

/// A constant zeta from a constant zero point; null without one.
static FloatAttr getZeta(MLIRContext *context, unsigned bits, std::optional<int64_t> zero) {
  if (!zero)
    return {};
  return Builder(context).getF32FloatAttr(static_cast<float>(((int64_t(1) << bits) - 1) - 2 * *zero));
}

//===----------------------------------------------------------------------===//
// Uniform
//===----------------------------------------------------------------------===//

LogicalResult UniformAttr::verify(EmitError emitError, unsigned bits, int64_t group, ZeroKind, bool, Granularity,
                                  Type scale) {
  if (failed(verifyCodes(emitError, "bits", bits, group)))
    return failure();
  return verifyScaleType(emitError, scale);
}
unsigned UniformAttr::getCodeBits() const { return getBits(); }
int64_t UniformAttr::getGroupSize() const { return getGroup(); }
Granularity UniformAttr::getGranularity() const { return getPer(); }
Type UniformAttr::getScaleType() const { return getScale(); }

SmallVector<ExpectedComponent> UniformAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  ComponentTypes types(*this, rows, cols);
  SmallVector<ExpectedComponent> expected{{"codes", types.codes()}, {"scales", types.shared(getScale())}};
  if (getZero() == ZeroKind::Integer)
    expected.push_back({"zeros", types.shared(IntegerType::get(getContext(), 8))});
  if (getZero() == ZeroKind::Float)
    expected.push_back({"zeros", types.shared(Float32Type::get(getContext()))});
  return expected;
}

std::optional<int64_t> UniformAttr::getConstantZero() const {
  int64_t middle = int64_t(1) << (getBits() - 1);
  if (getZero() == ZeroKind::Midpoint)
    return middle;
  if (getZero() == ZeroKind::None)
    return getIsSigned() ? middle : 0;
  return std::nullopt;
}

WeightFormatInterface UniformAttr::getPlanesFormat() const {
  return BipolarAttr::get(getContext(), getBits(), getGroup(), getZeta(getContext(), getBits(), getConstantZero()),
                          getPer());
}

LogicalResult UniformAttr::verifyReinterpret(EmitError emitError, WeightFormatInterface to) const {
  bool isMiddle = getZero() == ZeroKind::Midpoint || (getZero() == ZeroKind::None && getIsSigned());
  return verifyToPlanes(emitError, *this, to, getConstantZero(), isMiddle ? "the midpoint" : "0");
}

/// Parses `key = value` pairs in any order, by hand: `signed` cannot be a parameter's name, since it is a C++ keyword.
Attribute UniformAttr::parse(AsmParser &parser, Type) {
  MLIRContext *context = parser.getContext();
  FailureOr<unsigned> bits = failure();
  FailureOr<int64_t> group = failure();
  ZeroKind zero = ZeroKind::Midpoint;
  Granularity per = Granularity::Group;
  Type scale = Float32Type::get(context);
  bool isSigned = false;
  SmallVector<StringRef, 6> seen;
  SMLoc start = parser.getCurrentLocation();
  auto parsePair = [&]() -> ParseResult {
    StringRef key;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return failure();
    if (llvm::is_contained(seen, key))
      return parser.emitError(loc, "'") << key << "' is given twice";
    seen.push_back(key);
    auto into = [](auto &place, auto parsed) -> ParseResult {
      if (failed(parsed))
        return failure();
      place = *parsed;
      return success();
    };
    if (key == "bits")
      return failure(failed(bits = FieldParser<unsigned>::parse(parser)));
    if (key == "group")
      return failure(failed(group = FieldParser<int64_t>::parse(parser)));
    if (key == "zero")
      return into(zero, FieldParser<ZeroKind>::parse(parser));
    if (key == "signed")
      return into(isSigned, FieldParser<bool>::parse(parser));
    if (key == "per")
      return into(per, FieldParser<Granularity>::parse(parser));
    if (key == "scale")
      return parser.parseType(scale);
    return parser.emitError(loc, "'")
           << key << "' is no parameter of #lowbit.uniform; expected bits, group, zero, signed, per or scale";
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, parsePair))
    return {};
  if (failed(bits) || failed(group))
    return parser.emitError(start, "#lowbit.uniform needs '") << (failed(bits) ? "bits" : "group") << "'", Attribute();
  return parser.getChecked<UniformAttr>(start, context, *bits, *group, zero, isSigned, per, scale);
}

void UniformAttr::print(AsmPrinter &printer) const {
  printer << "<bits = " << getBits() << ", group = " << getGroup();
  if (getZero() != ZeroKind::Midpoint)
    printer << ", zero = " << stringifyZeroKind(getZero());
  if (getIsSigned())
    printer << ", signed = true";
  if (getPer() != Granularity::Group)
    printer << ", per = " << stringifyGranularity(getPer());
  if (!getScale().isF32())
    printer << ", scale = " << getScale();
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Ternary
//===----------------------------------------------------------------------===//

LogicalResult TernaryAttr::verify(EmitError emitError, int64_t group, TernaryStorage, Granularity, Type scale) {
  if (failed(verifyCodes(emitError, "bits", 2, group)))
    return failure();
  return verifyScaleType(emitError, scale);
}
unsigned TernaryAttr::getCodeBits() const { return 2; }
int64_t TernaryAttr::getGroupSize() const { return getGroup(); }
Granularity TernaryAttr::getGranularity() const { return getPer(); }
Type TernaryAttr::getScaleType() const { return getScale(); }

int64_t TernaryAttr::getGroupBytes() const {
  switch (getStorage()) {
  case TernaryStorage::TwoBit: return llvm::divideCeil(getGroup(), 4);
  case TernaryStorage::FiveInEight: return llvm::divideCeil(getGroup(), 5);
  case TernaryStorage::ThreeInFive: {
    int64_t threes = llvm::divideCeil(getGroup(), 3);
    return llvm::divideCeil(threes, 2) + llvm::divideCeil(threes, 8);
  }
  }
  llvm_unreachable("a storage");
}

SmallVector<ExpectedComponent> TernaryAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  ComponentTypes types(*this, rows, cols);
  return {{"codes", types.codes(getGroupBytes())}, {"scales", types.shared(getScale())}};
}

WeightFormatInterface TernaryAttr::getPlanesFormat() const {
  return BipolarAttr::get(getContext(), 2, getGroup(), getZeta(getContext(), 2, 1), getPer());
}

LogicalResult TernaryAttr::verifyReinterpret(EmitError emitError, WeightFormatInterface to) const {
  return verifyToPlanes(emitError, *this, to, 1, "1");
}

//===----------------------------------------------------------------------===//
// Bipolar
//===----------------------------------------------------------------------===//

LogicalResult BipolarAttr::verify(EmitError emitError, unsigned planes, int64_t group, FloatAttr zeta, Granularity,
                                  Type scale) {
  if (zeta && !zeta.getType().isF32())
    return emitError() << "zeta must be an f32, but is " << zeta.getType();
  if (failed(verifyCodes(emitError, "planes", planes, group)))
    return failure();
  return verifyScaleType(emitError, scale);
}
unsigned BipolarAttr::getCodeBits() const { return getPlanes(); }
int64_t BipolarAttr::getGroupSize() const { return getGroup(); }
Granularity BipolarAttr::getGranularity() const { return getPer(); }
Type BipolarAttr::getScaleType() const { return getScale(); }
WeightFormatInterface BipolarAttr::getPlanesFormat() const { return *this; }

SmallVector<ExpectedComponent> BipolarAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  ComponentTypes types(*this, rows, cols);
  SmallVector<ExpectedComponent> expected{{"codes", types.codes()}, {"alphas", types.shared(getScale())}};
  if (!getZeta())
    expected.push_back({"zetas", types.shared(Float32Type::get(getContext()))});
  return expected;
}

LogicalResult BipolarAttr::verifyReinterpret(EmitError emitError, WeightFormatInterface to) const {
  if (!isa<BCQAttr>(to))
    return refuseReinterpret(emitError, *this, to);
  return verifyToPlanes(emitError, *this, to);
}

//===----------------------------------------------------------------------===//
// BCQ
//===----------------------------------------------------------------------===//

LogicalResult BCQAttr::verify(EmitError emitError, unsigned planes, int64_t group, Granularity, Type scale,
                              unsigned shiftTerms) {
  if (failed(verifyCodes(emitError, "planes", planes, group)) || failed(verifyScaleType(emitError, scale)))
    return failure();
  if (shiftTerms > 8)
    return emitError() << "shift_terms must be at most 8, but is " << shiftTerms;
  if (shiftTerms > 0 && !scale.isF32())
    return emitError() << "scale has no meaning beside shift_terms, whose alphas are bytes: leave it out, instead of "
                       << scale;
  return success();
}
unsigned BCQAttr::getCodeBits() const { return getPlanes(); }
int64_t BCQAttr::getGroupSize() const { return getGroup(); }
Granularity BCQAttr::getGranularity() const { return getPer(); }
Type BCQAttr::getScaleType() const { return getScale(); }
WeightFormatInterface BCQAttr::getPlanesFormat() const { return *this; }

SmallVector<ExpectedComponent> BCQAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  ComponentTypes types(*this, rows, cols);
  RankedTensorType alphas = types.shared(getScale(), getPlanes());
  if (getShiftTerms() > 0)
    alphas = types.shared(IntegerType::get(getContext(), 8), {getPlanes(), getShiftTerms()});
  return {{"codes", types.codes()}, {"alphas", alphas}, {"betas", types.shared(Float32Type::get(getContext()))}};
}

LogicalResult BCQAttr::verifyReinterpret(EmitError emitError, WeightFormatInterface to) const {
  return refuseReinterpret(emitError, *this, to);
}
