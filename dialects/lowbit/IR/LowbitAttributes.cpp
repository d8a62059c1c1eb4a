//===- LowbitAttributes.cpp - weight formats, layouts and tiles -----------===//
//
// Verification of the formats and of the components that carry them, and the sizes of packed weights.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra::lowbit;

#include "dialects/lowbit/IR/LowbitAttrInterfaces.cpp.inc"
#include "dialects/lowbit/IR/LowbitEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/lowbit/IR/LowbitAttributes.cpp.inc"

void LowbitDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/lowbit/IR/LowbitAttributes.cpp.inc"
      >();
}

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

/// Bits per code and group length, which every format has.
static LogicalResult verifyCodes(EmitError emitError, StringRef what, unsigned bits, int64_t group) {
  if (bits < 1 || bits > 8)
    return emitError() << what << " must be 1 to 8, but is " << bits;
  if (group < 1)
    return emitError() << "group must be positive, but is " << group;
  return success();
}

namespace {
/// A component that a format asks for: its name and exact type.
struct Expected {
  StringRef name;
  RankedTensorType type;
};
} // namespace

/// `components` are exactly `expected`, each an elements attribute of the stated type.
static LogicalResult verifyExactly(EmitError emitError, ArrayRef<Expected> expected, DictionaryAttr components) {
  for (const Expected &component : expected) {
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
    if (llvm::none_of(expected, [&](const Expected &component) { return component.name == given.getName(); }))
      return emitError() << "component '" << given.getName().getValue() << "' does not belong to this format";
  return success();
}

/// Builds the types of the components of an N x K weight.
namespace {
struct ComponentTypes {
  MLIRContext *context;
  int64_t rows, groups, codeBytes;

  ComponentTypes(WeightFormatInterface format, int64_t rows, int64_t cols)
      : context(format.getContext()), rows(rows), groups((cols + format.getGroupSize() - 1) / format.getGroupSize()),
        codeBytes((format.getGroupSize() * format.getCodeBits() + 7) / 8) {}

  RankedTensorType codes() const {
    return RankedTensorType::get({rows, groups, codeBytes}, IntegerType::get(context, 8));
  }
  RankedTensorType bytes() const { return RankedTensorType::get({rows, groups}, IntegerType::get(context, 8)); }
  RankedTensorType floats() const { return RankedTensorType::get({rows, groups}, Float32Type::get(context)); }
  RankedTensorType floats(int64_t last) const {
    return RankedTensorType::get({rows, groups, last}, Float32Type::get(context));
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

LogicalResult UniformAttr::verify(EmitError emitError, unsigned bits, int64_t group, ZeroKind) {
  return verifyCodes(emitError, "bits", bits, group);
}
unsigned UniformAttr::getCodeBits() const { return getBits(); }
int64_t UniformAttr::getGroupSize() const { return getGroup(); }
LogicalResult UniformAttr::verifyComponents(EmitError emitError, int64_t rows, int64_t cols,
                                            DictionaryAttr components) const {
  ComponentTypes types(*this, rows, cols);
  SmallVector<Expected> expected{{"codes", types.codes()}, {"scales", types.floats()}};
  if (getZero() == ZeroKind::Integer)
    expected.push_back({"zeros", types.bytes()});
  if (getZero() == ZeroKind::Float)
    expected.push_back({"zeros", types.floats()});
  return verifyExactly(emitError, expected, components);
}

LogicalResult BipolarAttr::verify(EmitError emitError, unsigned planes, int64_t group, FloatAttr zeta) {
  if (zeta && !zeta.getType().isF32())
    return emitError() << "zeta must be an f32, but is " << zeta.getType();
  return verifyCodes(emitError, "planes", planes, group);
}
unsigned BipolarAttr::getCodeBits() const { return getPlanes(); }
int64_t BipolarAttr::getGroupSize() const { return getGroup(); }
LogicalResult BipolarAttr::verifyComponents(EmitError emitError, int64_t rows, int64_t cols,
                                            DictionaryAttr components) const {
  ComponentTypes types(*this, rows, cols);
  SmallVector<Expected> expected{{"codes", types.codes()}, {"alphas", types.floats()}};
  if (!getZeta())
    expected.push_back({"zetas", types.floats()});
  return verifyExactly(emitError, expected, components);
}

LogicalResult BCQAttr::verify(EmitError emitError, unsigned planes, int64_t group) {
  return verifyCodes(emitError, "planes", planes, group);
}
unsigned BCQAttr::getCodeBits() const { return getPlanes(); }
int64_t BCQAttr::getGroupSize() const { return getGroup(); }
LogicalResult BCQAttr::verifyComponents(EmitError emitError, int64_t rows, int64_t cols,
                                        DictionaryAttr components) const {
  ComponentTypes types(*this, rows, cols);
  return verifyExactly(emitError,
                       {{"codes", types.codes()}, {"alphas", types.floats(getPlanes())}, {"betas", types.floats()}},
                       components);
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

LogicalResult LayoutAttr::verify(EmitError emitError, int64_t rows, Type alpha, Type zeta, bool) {
  if (rows < 1)
    return emitError() << "rows must be positive, but is " << rows;
  if (!alpha.isF16() && !alpha.isF32())
    return emitError() << "alpha must be f16 or f32, but is " << alpha;
  if (zeta && !zeta.isInteger(8) && !zeta.isF16() && !zeta.isF32())
    return emitError() << "zeta must be i8, f16 or f32, but is " << zeta;
  return success();
}

LogicalResult PackedAttr::verify(EmitError emitError, WeightFormatInterface format, LayoutAttr layout) {
  if (!isPlanesFormat(format))
    return emitError() << "only #lowbit.bipolar and #lowbit.bcq weights are packed, but the format is " << format
                       << "; reinterpret it first";
  auto bipolar = dyn_cast<BipolarAttr>(format);
  bool perGroup = !bipolar || !bipolar.getZeta();
  if (perGroup && !layout.getZeta())
    return emitError() << "the layout must say how " << (bipolar ? "zetas" : "betas")
                       << " are stored (zeta = i8, f16 or f32), since " << format << " has one per row and group";
  if (!perGroup && layout.getZeta())
    return emitError() << "the layout must not store zetas, since that of " << format << " is constant";
  return success();
}
unsigned PackedAttr::getCodeBits() const { return getFormat().getCodeBits(); }
int64_t PackedAttr::getGroupSize() const { return getFormat().getGroupSize(); }
LogicalResult PackedAttr::verifyComponents(EmitError emitError, int64_t rows, int64_t cols,
                                           DictionaryAttr components) const {
  auto type = RankedTensorType::get({getTotalBytes(rows, cols)}, IntegerType::get(getContext(), 8));
  return verifyExactly(emitError, {{"data", type}}, components);
}

int64_t PackedAttr::getGroupBytes() const {
  LayoutAttr layout = getLayout();
  int64_t codes = getCodeBits() * (getTablesPerGroup(getGroupSize()) / 2);
  int64_t alphas = isa<BCQAttr>(getFormat()) ? getCodeBits() : 1;
  int64_t zetaBytes = layout.getZeta() ? layout.getZeta().getIntOrFloatBitWidth() / 8 : 0;
  return layout.getRows() * (codes + alphas * (layout.getAlpha().getIntOrFloatBitWidth() / 8) + zetaBytes);
}

int64_t PackedAttr::getTotalBytes(int64_t rows, int64_t cols) const {
  int64_t tiles = (rows + getLayout().getRows() - 1) / getLayout().getRows();
  int64_t groups = (cols + getGroupSize() - 1) / getGroupSize();
  return tiles * groups * getGroupBytes();
}

LogicalResult TileAttr::verify(EmitError emitError, int64_t m, int64_t n, int64_t k) {
  if (m < 1 || n < 1 || k < 1)
    return emitError() << "m, n and k must be positive, but are " << m << ", " << n << " and " << k;
  return success();
}
