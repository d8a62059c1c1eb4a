//===- LaneSums.cpp - sums of table entries in lanes of 32 bits -----------===//
//
// What is not looked up byte by byte: f32 entries as they are, f16 widened to f32, i16 to i32, and, where each table has a scale,
// integers to f32 (which is exact). A 32-bit lane holds the code bytes of one output row; shifted right, its low four bits are an
// index. Each plane is summed by itself, tables in ascending order, then the planes are combined (docs/spec/numerics.md, "The lookup
// product").
//
// Ranges. A plane's sum of i16 entries is at most 32767 T <= 32767 * 2^16 < 2^31 (constraint C5 of lut.matmul). The weighted sum of
// planes may leave 32 bits in long groups: it is then made in f64, exactly, and rounded once. Of one table, the weighted sum of
// entries is below 32767 * 255 < 2^23: exact in f32.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// The code bytes of a run for 16 rows, one row in each 32-bit lane, and the bit where plane 0 of the run begins.
struct RowCodes {
  Value lanes;
  int64_t shift;
  unsigned planes;
};

/// Looks up the entries of a block for 16 rows of the tile at a time.
class LaneLookup {
public:
  /// `element`: what a lane of a looked-up vector is, f32 or i32.
  LaneLookup(ImplicitLocOpBuilder &b, const GroupBlock &block, Type element)
      : b(b), block(block), layout(block.layout), type(VectorType::get({kLanes}, element)) {}

  /// Calls `use(activation row, half, entries of all planes)` for both tables of `pair`, all rows of the block and the tile's
  /// rows [row, row + 16).
  void forTables(Value pair, int64_t row, function_ref<void(unsigned, int64_t, ArrayRef<Value>)> use);

private:
  RowCodes loadCodes(const PlaneRun &run, Value pair, int64_t row);
  Value loadTable(Value activationRow, Value pair, int64_t half);

  ImplicitLocOpBuilder &b;
  const GroupBlock &block;
  const GroupLayout &layout;
  VectorType type;
};
} // namespace

/// Loads the codes of `run` and `pair` for the tile's rows [row, row + 16).
RowCodes LaneLookup::loadCodes(const PlaneRun &run, Value pair, int64_t row) {
  auto lanes = VectorType::get({kLanes}, b.getI32Type());
  int64_t place = run.offset;
  if (run.width == 4) {
    Value offset = affine(b, block.offsets.front(), 4 * kTileRows, pair, place + 4 * row);
    block.prefetch(b, offset);
    Value bytes = loadBytes(b, block.buffers.weights, offset, b.getI8Type(), 4 * kLanes);
    return {vector::BitCastOp::create(b, lanes, bytes), 0, run.width};
  }
  // Two bytes: the planes of a row, or (one plane) the codes of rows r and r + 32.
  int64_t half = run.width == 1 ? row / (kTileRows / 2) : 0;
  int64_t first = run.width == 1 ? row % (kTileRows / 2) : row;
  Value offset = affine(b, block.offsets.front(), run.width * kTileRows, pair, place + 2 * first);
  if (half == 0 && 2 * first % kVectorBytes == 0)
    block.prefetch(b, offset);
  Value bytes = loadBytes(b, block.buffers.weights, offset, b.getI8Type(), 2 * kLanes);
  Value words = vector::BitCastOp::create(b, VectorType::get({kLanes}, b.getI16Type()), bytes);
  return {arith::ExtUIOp::create(b, lanes, words), 8 * half, run.width};
}

/// The 16 entries of one table, as wide as the lanes.
Value LaneLookup::loadTable(Value activationRow, Value pair, int64_t half) {
  Type stored = cast<MemRefType>(block.buffers.entries.getType()).getElementType();
  Value place = affine(b, {}, 32, pair, 16 * half);
  Value entries = vector::LoadOp::create(b, VectorType::get({16}, stored), block.buffers.entries,
                                         ValueRange{activationRow, block.group, place});
  if (stored == type.getElementType())
    return entries;
  if (isa<FloatType>(stored))
    return arith::ExtFOp::create(b, type, entries);
  if (isa<FloatType>(type.getElementType()))
    return arith::SIToFPOp::create(b, type, entries);
  return arith::ExtSIOp::create(b, type, entries);
}

void LaneLookup::forTables(Value pair, int64_t row, function_ref<void(unsigned, int64_t, ArrayRef<Value>)> use) {
  SmallVector<RowCodes> codes;
  for (const PlaneRun &run : layout.runs)
    codes.push_back(loadCodes(run, pair, row));
  for (int64_t half : {0, 1})
    for (auto [index, activationRow] : llvm::enumerate(block.rows)) {
      Value table = loadTable(activationRow, pair, half);
      SmallVector<Value> entries;
      for (const RowCodes &run : codes)
        for (unsigned inRun = 0; inRun < run.planes; ++inRun) {
          int64_t shift = run.shift + 8 * inRun + 4 * half;
          Value indices = run.lanes;
          if (shift != 0)
            indices = arith::ShRUIOp::create(b, indices, splatInt(b, kLanes, 32, shift));
          entries.push_back(lut::LookupOp::create(b, type, table, indices));
        }
      use(index, half, entries);
    }
}

/// The sums of planes weighted by their powers of two, from the lowest plane up.
static Value weightFloats(ImplicitLocOpBuilder &b, ArrayRef<Value> planes) {
  Value sum = planes.front();
  for (auto [plane, value] : llvm::enumerate(planes.drop_front()))
    sum = math::FmaOp::create(b, splatFloat(b, kLanes, float(2u << plane)), value, sum);
  return sum;
}

/// The same of integers, as f32, rounded once.
static Value weightIntegers(ImplicitLocOpBuilder &b, ArrayRef<Value> planes, int64_t tables) {
  auto f32 = VectorType::get({kLanes}, b.getF32Type());
  int64_t largest = 32767 * tables * ((int64_t(1) << planes.size()) - 1);
  if (largest <= std::numeric_limits<int32_t>::max()) {
    Value sum = planes.front();
    for (auto [plane, value] : llvm::enumerate(planes.drop_front()))
      sum = arith::AddIOp::create(b, sum, arith::ShLIOp::create(b, value, splatInt(b, kLanes, 32, plane + 1)));
    return arith::SIToFPOp::create(b, f32, sum);
  }
  auto f64 = VectorType::get({kLanes}, b.getF64Type());
  Value sum;
  for (auto [plane, value] : llvm::enumerate(planes)) {
    Value wide = arith::SIToFPOp::create(b, f64, value);
    Value weight = arith::ConstantOp::create(b, DenseElementsAttr::get(f64, double(1u << plane)));
    wide = arith::MulFOp::create(b, wide, weight);
    sum = sum ? arith::AddFOp::create(b, sum, wide).getResult() : wide;
  }
  return arith::TruncFOp::create(b, f32, sum);
}

GroupSums lutloops::emitLaneSums(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count) {
  const GroupLayout &layout = block.layout;
  bool integers = lowbit::isQuantized(block.kind.element);
  LaneLookup lookup(b, block, integers ? Type(b.getI32Type()) : Type(b.getF32Type()));
  GroupSums sums(block.rows.size(), SmallVector<SmallVector<Value>>(layout.perPlane ? layout.planes : 1));
  for (int64_t row = begin; row < begin + count; row += kLanes) {
    // -0.0 + x is x for every x: the sum starts from the first entry.
    Value zero = integers ? splatInt(b, kLanes, 32, 0) : splatFloat(b, kLanes, -0.0f);
    SmallVector<Value> planeSums(block.rows.size() * layout.planes, zero);
    planeSums = forEachPair(b, constantIndex(b, 0), layout.pairs, getUnrolledPairs(layout.planes, block.rows.size()), planeSums,
                            [&](Value pair, ArrayRef<Value> values) {
                              SmallVector<Value> next(values);
                              lookup.forTables(pair, row, [&](unsigned index, int64_t, ArrayRef<Value> entries) {
                                for (auto [plane, entry] : llvm::enumerate(entries)) {
                                  Value &sum = next[index * layout.planes + plane];
                                  sum = integers ? arith::AddIOp::create(b, sum, entry).getResult()
                                                 : arith::AddFOp::create(b, sum, entry).getResult();
                                }
                              });
                              return next;
                            });
    for (unsigned index = 0; index < block.rows.size(); ++index) {
      ArrayRef<Value> planes = ArrayRef<Value>(planeSums).slice(index * layout.planes, layout.planes);
      if (!layout.perPlane) {
        sums[index][0].push_back(integers ? weightIntegers(b, planes, 2 * layout.pairs) : weightFloats(b, planes));
        continue;
      }
      auto f32 = VectorType::get({kLanes}, b.getF32Type());
      for (auto [output, plane] : llvm::enumerate(planes))
        sums[index][output].push_back(integers ? arith::SIToFPOp::create(b, f32, plane).getResult() : plane);
    }
  }
  return sums;
}

GroupSums lutloops::emitScaledSums(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count,
                                   ArrayRef<SmallVector<Value>> offsets) {
  const GroupLayout &layout = block.layout;
  LaneLookup lookup(b, block, b.getF32Type());
  unsigned outputs = layout.perPlane ? layout.planes : 1;
  GroupSums sums(block.rows.size(), SmallVector<SmallVector<Value>>(outputs));
  Value firstScale = affine(b, {}, 2 * layout.pairs, block.group, 0);
  for (int64_t row = begin; row < begin + count; row += kLanes) {
    SmallVector<Value> values;
    for (unsigned index = 0; index < block.rows.size(); ++index)
      for (unsigned output = 0; output < outputs; ++output)
        // fma(x, y, -0.0) is the product x y: a plane's sum starts from its first table.
        values.push_back(layout.perPlane ? splatFloat(b, kLanes, -0.0f) : offsets[index][(row - begin) / kLanes]);
    values = forEachPair(b, constantIndex(b, 0), layout.pairs, getUnrolledPairs(layout.planes, block.rows.size()), values,
                         [&](Value pair, ArrayRef<Value> before) {
                           SmallVector<Value> next(before);
                           lookup.forTables(pair, row, [&](unsigned index, int64_t half, ArrayRef<Value> entries) {
                             Value scale = loadSplat(b, block.buffers.scales, block.rows[index],
                                                     affine(b, firstScale, 2, pair, half));
                             if (!layout.perPlane) {
                               next[index] = math::FmaOp::create(b, scale, weightFloats(b, entries), next[index]);
                               return;
                             }
                             for (auto [plane, entry] : llvm::enumerate(entries)) {
                               Value &sum = next[index * outputs + plane];
                               sum = math::FmaOp::create(b, scale, entry, sum);
                             }
                           });
                           return next;
                         });
    for (unsigned index = 0; index < block.rows.size(); ++index)
      for (unsigned output = 0; output < outputs; ++output)
        sums[index][output].push_back(values[index * outputs + output]);
  }
  return sums;
}
