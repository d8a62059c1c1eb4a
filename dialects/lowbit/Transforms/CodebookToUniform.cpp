//===- CodebookToUniform.cpp - tables of integers, as wider codes ---------===//
//
// Part of lowbit-canonicalize-weights. Where the entries of the tables are multiples of one power of two u and span
// less than 2^8 of them, s T[q] = (s u) (T[q] / u) is a uniform weight of more bits, exactly: FP4's e2m1 takes 5.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Codebooks.h"
#include "dialects/lowbit/Transforms/WeightNarrowing.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// How codes become those of a uniform weight.
struct Widening {
  unsigned bits;
  ZeroKind zero;
  /// The code of an entry that is 0, and the power of two that the entries are multiples of.
  int64_t zeroCode;
  int exponent;
  /// New codes by row (one row for tables that rows share) and old code.
  std::vector<uint8_t> codes;
};
} // namespace

static std::optional<Widening> findWidening(const CodebookSource &source) {
  std::vector<float> entries;
  for (int64_t n = 0; n < (source.hasTablePerRow() ? source.getRows() : 1); ++n)
    for (unsigned q = 0; q < 1u << source.getBits(); ++q)
      entries.push_back(source.entry(n, q));
  std::optional<NumberGrid> grid = findGrid(entries);
  if (!grid)
    return std::nullopt;
  int64_t low = std::min<int64_t>(0, *llvm::min_element(grid->entries));
  int64_t high = std::max<int64_t>(0, *llvm::max_element(grid->entries));
  if (high - low > 255)
    return std::nullopt;
  unsigned bits = std::max(1u, llvm::Log2_64_Ceil(high - low + 1));
  int64_t middle = int64_t(1) << (bits - 1);
  // The middle of the codes as the zero point needs no component, if that takes no further bit.
  bool isMidpoint = -middle <= low && high < middle;
  Widening widening{bits, isMidpoint ? ZeroKind::Midpoint : ZeroKind::Integer, isMidpoint ? middle : -low,
                    grid->exponent, {}};
  for (int64_t entry : grid->entries)
    widening.codes.push_back(static_cast<uint8_t>(entry + widening.zeroCode));
  return widening;
}

/// s u for each scale, which must be exact; null otherwise.
static Attribute makeScales(const CodebookSource &source, const Widening &widening, RankedTensorType type) {
  int64_t scaleRows = type.getDimSize(0), scaleCols = type.getDimSize(1);
  std::vector<float> scales;
  for (int64_t n = 0; n < scaleRows; ++n) {
    for (int64_t g = 0; g < scaleCols; ++g) {
      float scale = source.scale(n, g);
      scales.push_back(std::ldexp(scale, widening.exponent));
      if (double(scales.back()) != std::ldexp(double(scale), widening.exponent))
        return {};
    }
  }
  ArrayRef<char> raw(reinterpret_cast<const char *>(scales.data()), scales.size() * sizeof(float));
  return DenseResourceElementsAttr::get(type, "widened_scales", HeapAsmResourceBlob::allocateAndCopyWithAlign(raw, 64));
}

static Attribute makeCodes(const CodebookSource &source, const Widening &widening, RankedTensorType type) {
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements(), 64, /*dataIsMutable=*/true);
  char *at = blob.getMutableData().data();
  const int64_t codeBytes = type.getDimSize(2);
  for (int64_t n = 0; n < source.getRows(); ++n) {
    const uint8_t *codes = widening.codes.data() + (source.hasTablePerRow() ? n << source.getBits() : 0);
    for (int64_t g = 0; g < source.getNumGroups(); ++g, at += codeBytes) {
      const int64_t length = source.getGroupLength(g);
      for (int64_t octet = 0, byte = 0; byte < codeBytes; ++octet, byte += widening.bits) {
        uint64_t old = source.octetCodes(n, g, octet), word = 0;
        for (int64_t i = 0; i < std::min<int64_t>(8, length - 8 * octet); ++i)
          word |= uint64_t(codes[old >> (8 * i) & 0xff]) << (widening.bits * i);
        std::memcpy(at + byte, &word, std::min<int64_t>(widening.bits, codeBytes - byte));
      }
    }
  }
  return DenseResourceElementsAttr::get(type, "widened", std::move(blob));
}

WeightOp lutra::lowbit::convertCodebook(OpBuilder &builder, WeightOp op, const WeightReader &reader) {
  auto format = dyn_cast<CodebookAttr>(op.getType().getFormat());
  if (!format)
    return {};
  const auto &source = static_cast<const CodebookSource &>(reader.getSource());
  std::optional<Widening> widening = findWidening(source);
  // As many planes of BCQ keep the codes where they are.
  if (!widening || (widening->bits > format.getBits() && source.findPlanesFormat()))
    return {};
  MLIRContext *context = op.getContext();
  WeightType type = op.getType();
  auto uniform = UniformAttr::get(context, widening->bits, format.getGroup(), widening->zero, /*isSigned=*/false,
                                  format.getPer(), builder.getF32Type());
  ComponentTypes types(uniform, type.getRows(), type.getCols());
  Attribute scales = makeScales(source, *widening, types.shared(builder.getF32Type()));
  if (!scales)
    return {};
  NamedAttrList components;
  components.set("codes", makeCodes(source, *widening, types.codes()));
  components.set("scales", scales);
  if (widening->zero == ZeroKind::Integer)
    components.set("zeros", DenseElementsAttr::getFromRawBuffer(types.shared(builder.getI8Type()),
                                                                ArrayRef<char>(static_cast<char>(widening->zeroCode))));
  return WeightOp::create(builder, op.getLoc(), type.withFormat(uniform), components.getDictionary(context));
}
