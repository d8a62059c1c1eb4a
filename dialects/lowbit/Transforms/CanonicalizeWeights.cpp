//===- CanonicalizeWeights.cpp - uniform weights to bit planes ------------===//
//
// lowbit-canonicalize-weights: see Passes.td. A weight that several products read is converted once.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"
#include "dialects/lowbit/Transforms/Passes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

#define DEBUG_TYPE "lowbit-canonicalize-weights"

namespace lutra::lowbit {
#define GEN_PASS_DEF_CANONICALIZEWEIGHTS
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// How a weight is narrowed: the codes move down by `shift` and keep `bits` bits; the zero points become `zero`.
struct Narrowing {
  unsigned bits;
  int64_t shift;
  ZeroKind zero;
};
} // namespace

/// Bits that tell `count` values apart, at least one.
static unsigned bitsFor(int64_t count) { return std::max(1u, llvm::Log2_64_Ceil(count)); }

/// The least integer zero point of `elements` (unsigned bytes), read as the weight's reader reads them.
static uint8_t leastZero(ElementsAttr elements) {
  uint8_t least = 255;
  ArrayRef<char> raw;
  if (auto dense = dyn_cast<DenseIntOrFPElementsAttr>(elements))
    raw = dense.getRawData();
  else
    raw = cast<DenseResourceElementsAttr>(elements).getRawHandle().getBlob()->getData();
  for (char byte : raw)
    least = std::min(least, static_cast<uint8_t>(byte));
  return least;
}

/// The narrowing that drops most bits, if any is exact and drops one.
static std::optional<Narrowing> findNarrowing(WeightOp op, UniformAttr format, const WeightReader &reader) {
  auto [low, high] = reader.findCodeRange();
  Narrowing best{format.getBits(), 0, format.getZero()};
  auto consider = [&](Narrowing candidate) {
    if (candidate.bits < best.bits)
      best = candidate;
  };
  switch (format.getZero()) {
  case ZeroKind::Midpoint: {
    int64_t mid = int64_t(1) << (format.getBits() - 1);
    for (unsigned bits = 1; bits < format.getBits(); ++bits) {
      int64_t shift = mid - (int64_t(1) << (bits - 1));
      if (shift <= low && high < shift + (int64_t(1) << bits)) {
        consider({bits, shift, ZeroKind::Midpoint});
        break;
      }
    }
    int64_t shift = std::min<int64_t>(low, mid);
    consider({bitsFor(high - shift + 1), shift, ZeroKind::Integer});
    break;
  }
  case ZeroKind::Integer: {
    int64_t shift = std::min(low, leastZero(cast<ElementsAttr>(op.getComponents().get("zeros"))));
    consider({bitsFor(high - shift + 1), shift, ZeroKind::Integer});
    break;
  }
  case ZeroKind::Float:
    consider({bitsFor(int64_t(high) + 1), 0, ZeroKind::Float});
    break;
  }
  return best.bits < format.getBits() ? std::optional(best) : std::nullopt;
}

/// Squeezes 8 codes, one per byte, to `bits` bits each.
static uint64_t squeezeCodes(uint64_t codes, unsigned bits) {
  uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i)
    word |= (codes >> (8 * i) & 0xff) << (bits * i);
  return word;
}

/// The codes of `reader`, moved down by `shift`, as a resource of `type`.
static Attribute narrowCodes(const WeightReader &reader, Narrowing narrowing, RankedTensorType type) {
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements(), 64, /*dataIsMutable=*/true);
  MutableArrayRef<char> out = blob.getMutableData();
  int64_t codeBytes = type.getDimSize(2);
  char *at = out.data();
  uint64_t shifts = uint64_t(narrowing.shift) * 0x0101010101010101u;
  for (int64_t n = 0; n < reader.getRows(); ++n) {
    for (int64_t g = 0; g < reader.getNumGroups(); ++g, at += codeBytes) {
      int64_t length = reader.getGroupLength(g);
      for (int64_t octet = 0, byte = 0; byte < codeBytes; ++octet, byte += narrowing.bits) {
        int64_t valid = std::min<int64_t>(8, length - 8 * octet);
        uint64_t word = 0;
        if (valid > 0) {
          // Padding lanes read as 0 and must not borrow from their neighbours.
          uint64_t mask = valid == 8 ? ~uint64_t(0) : (uint64_t(1) << (8 * valid)) - 1;
          word = squeezeCodes(reader.octetCodes(n, g, octet) - (shifts & mask), narrowing.bits);
        }
        std::memcpy(at + byte, &word, std::min<int64_t>(narrowing.bits, codeBytes - byte));
      }
    }
  }
  return DenseResourceElementsAttr::get(type, "narrowed", std::move(blob));
}

/// Integer zero points moved down by `shift`: a splat stays one.
static Attribute shiftZeros(ElementsAttr zeros, int64_t shift) {
  auto type = cast<RankedTensorType>(zeros.getShapedType());
  if (shift == 0)
    return zeros;
  ArrayRef<char> raw;
  if (auto dense = dyn_cast<DenseIntOrFPElementsAttr>(zeros))
    raw = dense.getRawData();
  else
    raw = cast<DenseResourceElementsAttr>(zeros).getRawHandle().getBlob()->getData();
  if (raw.size() == 1)
    return DenseElementsAttr::getFromRawBuffer(type, ArrayRef<char>(static_cast<char>(raw[0] - shift)));
  AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(raw, 64, /*dataIsMutable=*/true);
  for (char &byte : blob.getMutableData())
    byte = static_cast<char>(byte - shift);
  return DenseResourceElementsAttr::get(type, "narrowed_zeros", std::move(blob));
}

/// Makes the narrowed constant beside `op`.
static WeightOp narrowWeight(OpBuilder &builder, WeightOp op, UniformAttr format, const WeightReader &reader,
                             Narrowing narrowing) {
  MLIRContext *context = op.getContext();
  auto i8 = IntegerType::get(context, 8);
  WeightType type = op.getType();
  int64_t codeBytes = (type.getGroup() * narrowing.bits + 7) / 8;
  auto codesType = RankedTensorType::get({type.getRows(), type.getNumGroups(), codeBytes}, i8);
  NamedAttrList components;
  components.set("codes", narrowCodes(reader, narrowing, codesType));
  components.set("scales", op.getComponents().get("scales"));
  if (Attribute zeros = op.getComponents().get("zeros")) {
    components.set("zeros", shiftZeros(cast<ElementsAttr>(zeros), narrowing.shift));
  } else if (narrowing.zero == ZeroKind::Integer) {
    char zero = static_cast<char>((int64_t(1) << (format.getBits() - 1)) - narrowing.shift);
    auto zerosType = RankedTensorType::get({type.getRows(), type.getNumGroups()}, i8);
    components.set("zeros", DenseElementsAttr::getFromRawBuffer(zerosType, ArrayRef<char>(zero)));
  }
  auto narrowed = UniformAttr::get(context, narrowing.bits, format.getGroup(), narrowing.zero);
  builder.setInsertionPointAfter(op);
  return WeightOp::create(builder, op.getLoc(), type.withFormat(narrowed), components.getDictionary(context));
}

namespace {
struct CanonicalizeWeights : lutra::lowbit::impl::CanonicalizeWeightsBase<CanonicalizeWeights> {
  using CanonicalizeWeightsBase::CanonicalizeWeightsBase;

  void runOnOperation() override {
    llvm::DenseMap<Value, Value> converted;
    WalkResult result = getOperation()->walk([&](MatmulOp matmul) {
      Value weight = matmul.getWeight();
      if (!isa<UniformAttr>(matmul.getWeight().getType().getFormat()))
        return WalkResult::advance();
      auto [place, isNew] = converted.try_emplace(weight);
      if (isNew) {
        FailureOr<Value> planes = convert(weight);
        if (failed(planes))
          return WalkResult::interrupt();
        place->second = *planes;
      }
      matmul.getWeightMutable().assign(place->second);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
  }

private:
  /// The planes of the uniform `weight`.
  FailureOr<Value> convert(Value weight) {
    OpBuilder builder(&getContext());
    auto type = cast<WeightType>(weight.getType());
    auto format = cast<UniformAttr>(type.getFormat());
    FloatAttr zeta;
    auto constant = weight.getDefiningOp<WeightOp>();
    if (constant) {
      FailureOr<WeightReader> reader = WeightReader::create(weight);
      if (failed(reader))
        return failure();
      if (std::optional<float> value = reader->findConstantZeta())
        zeta = builder.getF32FloatAttr(*value);
      if (auto narrowing = narrow ? findNarrowing(constant, format, *reader) : std::nullopt) {
        remark::passed(weight.getLoc(), remark::RemarkOpts::name(DEBUG_TYPE).category(DEBUG_TYPE))
            << remark::reason("the codes use {0} of {1} bits", narrowing->bits, format.getBits())
            << remark::metric("rows", type.getRows()) << remark::metric("cols", type.getCols());
        WeightOp narrowed = narrowWeight(builder, constant, format, *reader, *narrowing);
        weight = narrowed;
        type = narrowed.getType();
        format = cast<UniformAttr>(type.getFormat());
        FailureOr<WeightReader> narrowedReader = WeightReader::create(weight);
        if (failed(narrowedReader))
          return failure();
        std::optional<float> value = narrowedReader->findConstantZeta();
        zeta = value ? builder.getF32FloatAttr(*value) : FloatAttr();
      }
    } else if (format.getZero() == ZeroKind::Midpoint) {
      zeta = builder.getF32FloatAttr(-1.0f);
    }
    builder.setInsertionPointAfterValue(weight);
    auto planes = BipolarAttr::get(&getContext(), format.getBits(), format.getGroup(), zeta);
    return ReinterpretOp::create(builder, weight.getLoc(), type.withFormat(planes), weight).getResult();
  }
};
} // namespace
