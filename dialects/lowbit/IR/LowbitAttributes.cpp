//===- LowbitAttributes.cpp - layouts, packed weights and tiles -----------===//
//
// Their verification, and the sizes of packed weights. Formats are in WeightFormats.cpp and beside it.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/IR/LookupTriples.h"
#include "dialects/lowbit/IR/Triples.h"
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

LogicalResult LayoutAttr::verify(EmitError emitError, int64_t rows, Type alpha, Type zeta, bool symmetric, DenseI32ArrayAttr codebook,
                                bool triples, bool quotients, bool lookupTriples, bool quads) {
  if (rows < 1)
    return emitError() << "rows must be positive, but is " << rows;
  if (rows > 65536)
    return emitError() << "rows must be at most 65536, but is " << rows;
  if (!alpha.isF16() && !alpha.isF32())
    return emitError() << "alpha must be f16 or f32, but is " << alpha;
  if (zeta && !zeta.isInteger(8) && !zeta.isF16() && !zeta.isF32())
    return emitError() << "zeta must be i8, f16 or f32, but is " << zeta;
  if (quotients && (!zeta || !zeta.isF16()))
    return emitError() << "quotients are stored as f16 in place of zetas, but zeta is " << (zeta ? zeta : Type(NoneType::get(alpha.getContext())))
                       << "; write zeta = f16, or leave quotients out";
  if ((triples || lookupTriples) && rows != kTripleRows)
    return emitError() << "triples are for tiles of " << kTripleRows << " rows, but rows is " << rows;
  if (lookupTriples && (triples || symmetric || codebook || zeta))
    return emitError() << "triples that are looked up are codes and signs of their own, without zetas; leave "
                       << (triples ? "triples" : symmetric ? "symmetric" : codebook ? "codebook" : "zeta") << " or lookup_triples out";
  if (triples && quotients)
    return emitError() << "triples are read beside zetas, not quotients; leave quotients or triples out";
  if (triples && (symmetric || codebook))
    return emitError() << "triples are codes themselves, not indices; leave " << (symmetric ? "symmetric" : "codebook") << " or triples out";
  if (quads && (triples || symmetric || codebook))
    return emitError() << "quads are an order of full indices of tables; leave " << (triples ? "triples" : symmetric ? "symmetric" : "codebook")
                       << " or quads out";
  if (!codebook)
    return success();
  if (symmetric)
    return emitError() << "a codebook's indices are not halves of tables; leave symmetric out";
  if (codebook.empty() || codebook.size() > kCodebookEntries)
    return emitError() << "a codebook has 1 to " << kCodebookEntries << " codes, but this one has " << codebook.size();
  for (auto [index, code] : llvm::enumerate(codebook.asArrayRef()))
    if (code < (index == 0 ? 0 : codebook[index - 1] + 1) || code > 255)
      return emitError() << "a codebook's codes ascend from 0 to 255 at most, but code " << index << " is " << code;
  return success();
}

LogicalResult PackedAttr::verify(EmitError emitError, WeightFormatInterface format, LayoutAttr layout) {
  if (!isPlanesFormat(format))
    return emitError() << "only #lowbit.bipolar and #lowbit.bcq weights are packed, but the format is " << format
                       << "; reinterpret it first";
  auto bipolar = dyn_cast<BipolarAttr>(format);
  if (layout.getTriples() && (!bipolar || bipolar.getPlanes() != 2))
    return emitError() << "triples hold codes of 0, 1 and 2 in two planes that share an alpha, but the format is " << format;
  if (layout.getLookupTriples() && !isTernary(format))
    return emitError() << "triples that are looked up are of two planes that share an alpha and have zeta 1, but the format is " << format;
  if (layout.getQuotients() && !bipolar)
    return emitError() << "quotients of an alpha stand for zetas of #lowbit.bipolar weights, but the format is " << format;
  bool perGroup = !bipolar || !bipolar.getZeta();
  if (perGroup && !layout.getZeta())
    return emitError() << "the layout must say how " << (bipolar ? "zetas" : "betas")
                       << " are stored (zeta = i8, f16 or f32), since " << format << " has one per row and group";
  if (!perGroup && layout.getZeta())
    return emitError() << "the layout must not store zetas, since that of " << format << " is constant";
  if (DenseI32ArrayAttr codebook = layout.getCodebook()) {
    if (!bipolar)
      return emitError() << "only codes of #lowbit.bipolar weights are stored as indices into a codebook, but the format is " << format;
    if (codebook.asArrayRef().back() >> format.getCodeBits() != 0)
      return emitError() << "code " << codebook.asArrayRef().back() << " of the codebook has more than the " << format.getCodeBits()
                         << " bits of " << format;
  }
  return success();
}
unsigned PackedAttr::getCodeBits() const { return getFormat().getCodeBits(); }
int64_t PackedAttr::getGroupSize() const { return getFormat().getGroupSize(); }
SmallVector<ExpectedComponent> PackedAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  return {{"data", RankedTensorType::get({getTotalBytes(rows, cols)}, IntegerType::get(getContext(), 8))}};
}

unsigned PackedAttr::getStoredBits() const { return getLayout().getCodebook() ? kCodebookIndexBits : getCodeBits(); }

int64_t PackedAttr::getCodeBytes() const {
  int64_t octets = getTablesPerGroup(getGroupSize()) / 2;
  if (getLayout().getLookupTriples())
    return getLookupTripleBytes(getGroupSize());
  if (getLayout().getQuads()) {
    int64_t bytes = 0;
    forEachPlaneRun(getCodeBits(), [&](unsigned width) { bytes += llvm::divideCeil(octets, 4 / width) * 4 * getLayout().getRows(); });
    return bytes;
  }
  return getLayout().getTriples() ? getTripleBytes(octets) : getStoredBits() * octets * getLayout().getRows();
}

int64_t PackedAttr::getGroupBytes() const {
  LayoutAttr layout = getLayout();
  int64_t alphas = isa<BCQAttr>(getFormat()) ? getCodeBits() : 1;
  int64_t zetaBytes = layout.getZeta() ? layout.getZeta().getIntOrFloatBitWidth() / 8 : 0;
  return getCodeBytes() + layout.getRows() * (alphas * (layout.getAlpha().getIntOrFloatBitWidth() / 8) + zetaBytes);
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
