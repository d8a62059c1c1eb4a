//===- FloatSums.cpp - sums of exact f32 table entries --------------------===//
//
// Each plane is summed by itself, tables in ascending order, then the planes are combined by fma (docs/spec/numerics.md,
// "Lookup matmul"). A 32-bit lane holds the code bytes of one output row; shifted right, its low four bits are an index.
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
};
} // namespace

/// Loads the codes of `run` and `pair` for the tile's rows [row, row + 16).
static RowCodes loadCodes(ImplicitLocOpBuilder &b, const GroupBlock &block, const PlaneRun &run, Value pair, int64_t row) {
  auto lanes = VectorType::get({kLanes}, b.getI32Type());
  int64_t place = run.offset;
  if (run.width == 4) {
    Value offset = affine(b, block.offset, 4 * kTileRows, pair, place + 4 * row);
    Value bytes = loadBytes(b, block.buffers.weights, offset, b.getI8Type(), 4 * kLanes);
    return {vector::BitCastOp::create(b, lanes, bytes), 0};
  }
  // Two bytes: the planes of a row, or (one plane) the codes of rows r and r + 32.
  int64_t half = run.width == 1 ? row / (kTileRows / 2) : 0;
  int64_t first = run.width == 1 ? row % (kTileRows / 2) : row;
  Value offset = affine(b, block.offset, run.width * kTileRows, pair, place + 2 * first);
  Value bytes = loadBytes(b, block.buffers.weights, offset, b.getI8Type(), 2 * kLanes);
  Value words = vector::BitCastOp::create(b, VectorType::get({kLanes}, b.getI16Type()), bytes);
  return {arith::ExtUIOp::create(b, lanes, words), 8 * half};
}

GroupSums lutloops::emitFloatSums(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count) {
  const GroupLayout &layout = block.layout;
  auto table = VectorType::get({16}, b.getF32Type());
  auto accumulate = [&](Value pair, ArrayRef<Value> accumulators, int64_t row) {
    SmallVector<Value> result(accumulators);
    SmallVector<std::pair<RowCodes, unsigned>> codes;
    for (const PlaneRun &run : layout.runs)
      codes.emplace_back(loadCodes(b, block, run, pair, row), run.width);
    for (int64_t half : {0, 1})
      for (auto [index, activationRow] : llvm::enumerate(block.rows)) {
        Value place = affine(b, {}, 32, pair, 16 * half);
        Value entries =
            vector::LoadOp::create(b, table, block.buffers.entries, ValueRange{activationRow, block.group, place});
        unsigned plane = 0;
        for (auto [rowCodes, width] : codes)
          for (unsigned inRun = 0; inRun < width; ++inRun, ++plane) {
            int64_t shift = rowCodes.shift + 8 * inRun + 4 * half;
            Value indices = rowCodes.lanes;
            if (shift != 0)
              indices = arith::ShRUIOp::create(b, indices, splatInt(b, kLanes, 32, shift));
            Value &sum = result[index * layout.planes + plane];
            sum = arith::AddFOp::create(b, sum, lut::LookupOp::create(b, table, entries, indices));
          }
      }
    return result;
  };

  GroupSums sums(block.rows.size(), SmallVector<SmallVector<Value>>(layout.perPlane ? layout.planes : 1));
  bool unroll = layout.pairs * layout.planes * count / kTileRows <= kMaxUnrolledVectors;
  for (int64_t row = begin; row < begin + count; row += kLanes) {
    // -0.0 + x is x for every x: the sum starts from the first entry.
    SmallVector<Value> planeSums(block.rows.size() * layout.planes, splatFloat(b, kLanes, -0.0f));
    planeSums = forEachPair(b, constantIndex(b, 0), layout.pairs, unroll, planeSums,
                            [&](Value pair, ArrayRef<Value> values) { return accumulate(pair, values, row); });
    for (unsigned index = 0; index < block.rows.size(); ++index) {
      ArrayRef<Value> planes = ArrayRef<Value>(planeSums).slice(index * layout.planes, layout.planes);
      if (layout.perPlane) {
        for (auto [output, plane] : llvm::enumerate(planes))
          sums[index][output].push_back(plane);
        continue;
      }
      Value sum = planes.front();
      for (unsigned plane = 1; plane < layout.planes; ++plane)
        sum = math::FmaOp::create(b, splatFloat(b, kLanes, float(1u << plane)), planes[plane], sum);
      sums[index][0].push_back(sum);
    }
  }
  return sums;
}
