//===- LowbitAttributes.cpp - layouts, packed weights and tiles -----------===//
//
// Their verification, and the sizes of packed weights. Formats are in WeightFormats.cpp and beside it.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra::lowbit;

#include "dialects/lowbit/IR/LowbitAttrInterfaces.cpp.inc"
#include "dialects/lowbit/IR/LowbitOpInterfaces.cpp.inc"
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

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

LogicalResult LayoutAttr::verify(EmitError emitError, int64_t rows, Type alpha, Type zeta, bool) {
  if (rows < 1)
    return emitError() << "rows must be positive, but is " << rows;
  if (rows > 65536)
    return emitError() << "rows must be at most 65536, but is " << rows;
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
SmallVector<ExpectedComponent> PackedAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  return {{"data", RankedTensorType::get({getTotalBytes(rows, cols)}, IntegerType::get(getContext(), 8))}};
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
