//===- WeightNarrowing.cpp - constants with fewer bits --------------------===//
//
// Only codes are rewritten, and integer zero points if they move; the scales stay where they are. What is exact is said
// in Passes.td (lowbit-canonicalize-weights).
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/Transforms/WeightNarrowing.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// How a uniform weight is narrowed: the codes, as unsigned ones, move down by `shift` and keep `bits` bits; with
/// `isSigned` they are then two's complement. The zero points become `zero`.
struct Narrowing {
  unsigned bits;
  int64_t shift;
  ZeroKind zero;
  bool isSigned = false;
};
} // namespace

/// Bits that tell `count` values apart, at least one.
static unsigned bitsFor(int64_t count) { return std::max(1u, llvm::Log2_64_Ceil(count)); }

/// The bytes of a component; one for a splat.
static ArrayRef<char> getBytes(Attribute component) {
  if (auto dense = dyn_cast<DenseIntOrFPElementsAttr>(component))
    return dense.getRawData();
  return cast<DenseResourceElementsAttr>(component).getRawHandle().getBlob()->getData();
}

/// The least bits whose range around the middle of `bits` bits holds the codes from `low` to `high`, and how far those
/// move down.
static std::pair<unsigned, int64_t> narrowAroundMiddle(unsigned bits, int64_t low, int64_t high) {
  int64_t middle = int64_t(1) << (bits - 1);
  for (unsigned fewer = 1; fewer < bits; ++fewer) {
    int64_t shift = middle - (int64_t(1) << (fewer - 1));
    if (shift <= low && high < shift + (int64_t(1) << fewer))
      return {fewer, shift};
  }
  return {bits, 0};
}

/// The narrowing that drops most bits, if any is exact and drops one.
static std::optional<Narrowing> findNarrowing(WeightOp op, UniformAttr format, const WeightReader &reader) {
  auto [low, high] = reader.findCodeRange();
  const unsigned bits = format.getBits();
  const int64_t middle = int64_t(1) << (bits - 1);
  Narrowing best{bits, 0, format.getZero()};
  auto consider = [&](Narrowing candidate) {
    if (candidate.bits < best.bits)
      best = candidate;
  };
  auto [around, aroundShift] = narrowAroundMiddle(bits, low, high);
  if (format.getConstantZero() == middle) {
    consider({around, aroundShift, ZeroKind::Midpoint});
    int64_t shift = std::min<int64_t>(low, middle);
    consider({bitsFor(high - shift + 1), shift, ZeroKind::Integer});
  } else if (format.getConstantZero() == 0) {
    consider({bitsFor(int64_t(high) + 1), 0, ZeroKind::None});
  } else if (format.getIsSigned()) {
    // Sign bits that repeat: the zero points stay what they are.
    consider({around, aroundShift, format.getZero(), /*isSigned=*/true});
  } else if (format.getZero() == ZeroKind::Float) {
    consider({bitsFor(int64_t(high) + 1), 0, ZeroKind::Float});
  }
  if (format.getZero() == ZeroKind::Integer) {
    int64_t least = 255, greatest = -128;
    for (char byte : getBytes(op.getComponents().get("zeros"))) {
      int64_t zero = format.getIsSigned() ? static_cast<int8_t>(byte) + middle : static_cast<uint8_t>(byte);
      least = std::min(least, zero);
      greatest = std::max(greatest, zero);
    }
    int64_t shift = std::min<int64_t>(low, least);
    // Zero points far outside of signed codes have no unsigned byte.
    if (shift >= 0 && greatest - shift <= 255)
      consider({bitsFor(high - shift + 1), shift, ZeroKind::Integer});
  }
  return best.bits < bits ? std::optional(best) : std::nullopt;
}

/// Squeezes 8 codes, one per byte, to `bits` bits each.
static uint64_t squeezeCodes(uint64_t codes, unsigned bits) {
  uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i)
    word |= (codes >> (8 * i) & 0xff) << (bits * i);
  return word;
}

/// `byte` in each byte.
static uint64_t repeat(uint64_t byte) { return byte * 0x0101010101010101u; }

/// What `change` makes of the codes of `reader`, 8 at a time, as codes of `bits` bits. Its second argument has ones
/// where there are elements: bytes of padding must stay 0.
static Attribute changeCodes(const WeightReader &reader, unsigned bits,
                             llvm::function_ref<uint64_t(uint64_t, uint64_t)> change) {
  int64_t codeBytes = llvm::divideCeil(reader.getGroup() * bits, 8);
  auto type = RankedTensorType::get({reader.getRows(), reader.getNumGroups(), codeBytes},
                                    IntegerType::get(reader.getFormat().getContext(), 8));
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements(), 64, /*dataIsMutable=*/true);
  char *at = blob.getMutableData().data();
  for (int64_t n = 0; n < reader.getRows(); ++n) {
    for (int64_t g = 0; g < reader.getNumGroups(); ++g, at += codeBytes) {
      int64_t length = reader.getGroupLength(g);
      for (int64_t octet = 0, byte = 0; byte < codeBytes; ++octet, byte += bits) {
        int64_t valid = std::min<int64_t>(8, length - 8 * octet);
        uint64_t word = 0;
        if (valid > 0) {
          uint64_t mask = valid == 8 ? ~uint64_t(0) : (uint64_t(1) << (8 * valid)) - 1;
          word = squeezeCodes(change(reader.octetCodes(n, g, octet), mask), bits);
        }
        std::memcpy(at + byte, &word, std::min<int64_t>(bits, codeBytes - byte));
      }
    }
  }
  return DenseResourceElementsAttr::get(type, "narrowed", std::move(blob));
}

/// Integer zero points moved by `shift`: a splat stays one.
static Attribute shiftZeros(Attribute zeros, int64_t shift) {
  auto type = cast<RankedTensorType>(cast<ElementsAttr>(zeros).getShapedType());
  if (shift == 0)
    return zeros;
  ArrayRef<char> raw = getBytes(zeros);
  if (raw.size() == 1)
    return DenseElementsAttr::getFromRawBuffer(type, ArrayRef<char>(static_cast<char>(raw[0] - shift)));
  AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(raw, 64, /*dataIsMutable=*/true);
  for (char &byte : blob.getMutableData())
    byte = static_cast<char>(byte - shift);
  return DenseResourceElementsAttr::get(type, "narrowed_zeros", std::move(blob));
}

static WeightOp narrowUniform(OpBuilder &builder, WeightOp op, UniformAttr format, const WeightReader &reader) {
  std::optional<Narrowing> narrowing = findNarrowing(op, format, reader);
  if (!narrowing)
    return {};
  MLIRContext *context = op.getContext();
  WeightType type = op.getType();
  uint64_t shift = repeat(narrowing->shift);
  // Two's complement of fewer bits differs from the code less `shift` in the sign bit.
  uint64_t flip = narrowing->isSigned ? repeat(uint64_t(1) << (narrowing->bits - 1)) : 0;
  NamedAttrList components;
  components.set("codes", changeCodes(reader, narrowing->bits, [&](uint64_t codes, uint64_t mask) {
                   // Padding must not borrow from its neighbours.
                   return (codes - (shift & mask)) ^ (flip & mask);
                 }));
  components.set("scales", op.getComponents().get("scales"));
  int64_t middle = int64_t(1) << (format.getBits() - 1);
  auto narrowed = UniformAttr::get(context, narrowing->bits, format.getGroup(), narrowing->zero, narrowing->isSigned,
                                   format.getPer(), format.getScale());
  if (Attribute zeros = op.getComponents().get("zeros")) {
    bool moves = narrowing->zero == ZeroKind::Integer && !narrowing->isSigned;
    components.set("zeros", shiftZeros(zeros, moves ? narrowing->shift - (format.getIsSigned() ? middle : 0) : 0));
  } else if (narrowing->zero == ZeroKind::Integer) {
    auto zerosType = ComponentTypes(narrowed, type.getRows(), type.getCols()).shared(IntegerType::get(context, 8));
    components.set("zeros", DenseElementsAttr::getFromRawBuffer(
                                zerosType, ArrayRef<char>(static_cast<char>(middle - narrowing->shift))));
  }
  return WeightOp::create(builder, op.getLoc(), type.withFormat(narrowed), components.getDictionary(context));
}

/// Two digits of three need one bit: {0, 1} and {-1, 0} as uniform codes, {-1, 1} as a plane whose alpha is the scale.
static WeightOp narrowTernary(OpBuilder &builder, WeightOp op, TernaryAttr format, const WeightReader &reader) {
  uint8_t found = 0;
  for (int64_t n = 0; n < reader.getRows() && found != 7; ++n)
    for (int64_t k = 0; k < reader.getCols() && found != 7; ++k)
      found |= static_cast<uint8_t>(1 << reader.code(n, k));
  if (found == 7)
    return {};
  MLIRContext *context = op.getContext();
  NamedAttrList components;
  WeightFormatInterface narrowed;
  const int64_t group = format.getGroup();
  if (found == 5) {
    narrowed = BipolarAttr::get(context, 1, group, builder.getF32FloatAttr(0.0f), format.getPer(), format.getScale());
    components.set("alphas", op.getComponents().get("scales"));
  } else {
    // Codes are t + 1; those of {-1, 0} stand, those of {0, 1} move down.
    ZeroKind zero = found & 4 ? ZeroKind::None : ZeroKind::Midpoint;
    narrowed = UniformAttr::get(context, 1, group, zero, false, format.getPer(), format.getScale());
    components.set("scales", op.getComponents().get("scales"));
  }
  components.set("codes", changeCodes(reader, 1, [&](uint64_t codes, uint64_t mask) {
                   if (found == 5)
                     return codes >> 1 & repeat(1);
                   return found & 4 ? codes - (repeat(1) & mask) : codes;
                 }));
  return WeightOp::create(builder, op.getLoc(), op.getType().withFormat(narrowed), components.getDictionary(context));
}

WeightOp lutra::lowbit::narrowWeight(OpBuilder &builder, WeightOp op, const WeightReader &reader) {
  if (auto uniform = dyn_cast<UniformAttr>(op.getType().getFormat()))
    return narrowUniform(builder, op, uniform, reader);
  if (auto ternary = dyn_cast<TernaryAttr>(op.getType().getFormat()))
    return narrowTernary(builder, op, ternary, reader);
  return {};
}
