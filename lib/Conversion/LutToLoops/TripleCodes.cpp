//===- TripleCodes.cpp - three ternary codes in five bits to bytes --------===//
//
// Of 64 nibbles each digit is one byte shuffle in a table of 16. Digit 0 is then whole; 1 and 2 are taken from the greatest code where the
// bit beside them is not set, which is one masked subtraction each: five instructions for 192 codes, and the masks. Where tables of 64 bytes are
// looked up in one instruction, nibble and bit make an index of five bits, and each digit is whole.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/TripleCodes.h"
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

static_assert(lowbit::kTripleRows == kTileRows, "the layout's tiles are those of the loops");
static_assert(kPanelBytes % (kBlockQuads * kQuadBytes) == 0, "parts of a long group are whole blocks");

TripleCodes::TripleCodes(ImplicitLocOpBuilder &b, Value weights, bool doubled, int64_t prefetchBytes, int64_t lookupEntries)
    : b(b), weights(weights), doubled(doubled), prefetchBytes(prefetchBytes), lookupEntries(lookupEntries) {
  auto type = VectorType::get({lookupEntries}, b.getI8Type());
  const bool isNumber = lookupEntries > 16;
  for (int64_t half = 0; half < (isNumber ? 2 : 1); ++half)
    for (unsigned digit = 0; digit < 3; ++digit) {
      SmallVector<APInt> entries;
      for (int64_t number = 0; number < lookupEntries; ++number) {
        uint8_t code = lowbit::getTripleDigit(number % 16, digit);
        bool isNegative = isNumber && (number >> (4 + half)) % 2 == 0 && digit > 0;
        entries.emplace_back(8, (isNegative ? 2 - code : code) << (doubled ? 1 : 0));
      }
      digits[half][digit] = arith::ConstantOp::create(b, DenseElementsAttr::get(type, entries));
    }
}

Value TripleCodes::load(Value place) { return loadBytes(b, weights, place, b.getI8Type(), kVectorBytes); }

void TripleCodes::prefetch(Value place) {
  if (prefetchBytes > 0)
    memref::PrefetchOp::create(b, weights, ValueRange{affine(b, place, 0, {}, prefetchBytes)}, /*isWrite=*/false, /*localityHint=*/3,
                               /*isDataCache=*/true);
}

Value TripleCodes::shiftRight(Value bytes, int64_t bits) {
  if (bits == 0)
    return bytes;
  Value amount = splatInt(b, kVectorBytes, 8, std::abs(bits));
  return bits > 0 ? arith::ShRUIOp::create(b, bytes, amount).getResult() : arith::ShLIOp::create(b, bytes, amount).getResult();
}

Value TripleCodes::mask(Value bytes, int64_t bits) { return arith::AndIOp::create(b, bytes, splatInt(b, kVectorBytes, 8, bits)); }

/// The codes of 64 nibbles of one half, whose bits are at place `bit` of those of `bits`.
void TripleCodes::lookUpNibbles(Value nibbles, Value bits, int64_t bit, int64_t half, SmallVectorImpl<Value> &quads) {
  Value zero = splatInt(b, kVectorBytes, 8, 0), greatest = splatInt(b, kVectorBytes, 8, doubled ? 4 : 2);
  Value indices = shiftRight(nibbles, 4 * half);
  Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, mask(bits, int64_t(1) << bit), zero);
  for (unsigned digit = 0; digit < 3; ++digit) {
    Value code = lut::LookupOp::create(b, nibbles.getType(), digits[0][digit], indices);
    if (digit > 0)
      code = arith::SelectOp::create(b, isNegative, arith::SubIOp::create(b, greatest, code), code);
    quads.push_back(code);
  }
}

/// The same by numbers of five bits: `bits` has those of the two halves at places 4 and 5, of which each half's table looks at one; what lies above them
/// in a byte is not looked at.
void TripleCodes::lookUpNumbers(Value nibbles, Value bits, int64_t half, SmallVectorImpl<Value> &quads) {
  Value numbers = arith::OrIOp::create(b, mask(shiftRight(nibbles, 4 * half), 0x0f), bits);
  for (Value digit : digits[half])
    quads.push_back(lut::LookupOp::create(b, nibbles.getType(), digit, numbers));
}

void TripleCodes::forBlock(Value place, int64_t begin, int64_t count, function_ref<void(int64_t, ArrayRef<Value>)> use) {
  Value bits = load(affine(b, place, 0, {}, lowbit::kTripleNibbleBytes));
  for (int64_t row = begin; row < begin + count; row += kLanes) {
    Value at = affine(b, place, 0, {}, 4 * row);
    prefetch(at);
    Value nibbles = load(at);
    SmallVector<Value, kBlockQuads> quads;
    const int64_t bit = 2 * (row / kLanes);
    Value high = lookupEntries > 16 ? mask(shiftRight(bits, bit - 4), 0xf0) : Value();
    for (int64_t half : {0, 1}) {
      if (high)
        lookUpNumbers(nibbles, high, half, quads);
      else
        lookUpNibbles(nibbles, bits, bit + half, half, quads);
    }
    use(row, quads);
  }
  // In the order in which they lie, which the hardware's prefetcher follows.
  if (begin + count == kTileRows)
    prefetch(affine(b, place, 0, {}, lowbit::kTripleNibbleBytes));
}

void TripleCodes::forOctet(Value place, int64_t begin, int64_t count, function_ref<void(int64_t, ArrayRef<Value>)> use) {
  Value bytes;
  for (int64_t row = begin; row < begin + count; row += kLanes) {
    if (row == begin || row % 32 == 0) {
      Value at = affine(b, place, 0, {}, row / 32 * kVectorBytes);
      prefetch(at);
      bytes = load(at);
    }
    SmallVector<Value, kOctetQuads> quads;
    for (int64_t half : {0, 1}) {
      // Two bits, brought to where a code or its double has them.
      int64_t bit = row % 32 / kLanes * 4 + half * 2;
      quads.push_back(mask(shiftRight(bytes, bit - (doubled ? 1 : 0)), doubled ? 6 : 3));
    }
    use(row, quads);
  }
}

void lutloops::emitTriplePanel(ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, Value weights, Value offset,
                               Value firstPair, Value lastPair, Value panel, Value place, int64_t prefetchBytes, int64_t lookupEntries) {
  TripleCodes codes(b, weights, doubled, prefetchBytes, lookupEntries);
  auto store = [&](Value quadPlace) {
    return [&b, panel, quadPlace](int64_t row, ArrayRef<Value> quads) {
      for (auto [quad, value] : llvm::enumerate(quads))
        vector::StoreOp::create(b, value, panel,
                                ValueRange{affine(b, quadPlace, 0, {}, int64_t(quad) * kQuadBytes + kQuad * row)});
    };
  };
  auto forRange = [&](Value begin, Value end, function_ref<void(Value)> body) {
    scf::ForOp::create(b, begin, end, constantIndex(b, 1), ValueRange(), [&](OpBuilder &, Location, Value index, ValueRange) {
      body(index);
      scf::YieldOp::create(b);
    });
  };
  int64_t blocks = layout.pairs / lowbit::kTripleOctets;
  Value perBlock = constantIndex(b, lowbit::kTripleOctets), blocksEnd = constantIndex(b, blocks * lowbit::kTripleOctets);
  Value firstBlock = arith::DivUIOp::create(b, arith::MinUIOp::create(b, firstPair, blocksEnd).getResult(), perBlock);
  Value lastBlock = arith::DivUIOp::create(b, arith::MinUIOp::create(b, lastPair, blocksEnd).getResult(), perBlock);
  auto placeOf = [&](Value pair) {
    return affine(b, place, kOctetQuads * kQuadBytes, arith::SubIOp::create(b, pair, firstPair), 0);
  };
  forRange(firstBlock, lastBlock, [&](Value block) {
    Value at = affine(b, offset, lowbit::kTripleBlockBytes, block, 0);
    codes.forBlock(at, 0, kTileRows, store(placeOf(affine(b, {}, lowbit::kTripleOctets, block, 0))));
  });
  forRange(arith::MaxUIOp::create(b, firstPair, blocksEnd), lastPair, [&](Value pair) {
    Value at = affine(b, offset, lowbit::kTripleOctetBytes, arith::SubIOp::create(b, pair, blocksEnd),
                      blocks * lowbit::kTripleBlockBytes);
    codes.forOctet(at, 0, kTileRows, store(placeOf(pair)));
  });
}
