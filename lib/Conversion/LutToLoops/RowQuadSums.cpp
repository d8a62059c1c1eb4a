//===- RowQuadSums.cpp - exact sums where four bytes are one row's --------===//
//
// In a layout with `quads`, four neighbouring bytes are indices of one row into the tables of one plane, of two planes or of four. A lookup in all of these
// tables at once, 16 entries each in a register of 64, takes bits 4 and 5 of an index for the table: the byte's place. lut.accumulate then sums a row's four
// entries, weighted, in 32 bits: seven instructions take in 64 codes of two tables each, whatever the width is. Nothing is rearranged, and a vector is 16 rows, so
// that short tiles and blocks of many activation rows take as few rows as they like.
//
// Range. A lane adds at most (2^planes - 1) * 127 per table, and constraint C5 of lut.matmul keeps the group's sum in range.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

/// Bytes of a row that are neighbours, and entries of a table.
static constexpr int64_t kQuad = 4, kTableEntries = 16;

namespace {
class RowQuadSumsEmitter {
public:
  RowQuadSumsEmitter(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count)
      : b(b), block(block), layout(block.layout), begin(begin), parts(count / kLanes), outputs(layout.perPlane ? layout.planes : 1) {}

  GroupSums emit();

private:
  SmallVector<Value> emitQuad(const PlaneRun &run, Value quad, int64_t tables, ArrayRef<Value> totals);
  std::array<Value, 2> loadTables(const PlaneRun &run, Value row, Value quad, int64_t tables);
  Value loadTables(Value row, Value quad, int64_t perQuad, int64_t first, int64_t room, int64_t count);
  Value makePlaces(const PlaneRun &run, int64_t half);
  DenseI32ArrayAttr weightsOf(const PlaneRun &run, unsigned output);

  ImplicitLocOpBuilder &b;
  const GroupBlock &block;
  const GroupLayout &layout;
  int64_t begin, parts;
  unsigned outputs;
};
} // namespace

/// What a byte of the run adds to `output`: its plane's power of two, or one for the plane that is the output. Null: nothing.
DenseI32ArrayAttr RowQuadSumsEmitter::weightsOf(const PlaneRun &run, unsigned output) {
  SmallVector<int32_t> weights;
  for (unsigned byte = 0; byte < kQuad; ++byte) {
    const unsigned plane = run.first + byte % run.width;
    weights.push_back(layout.perPlane ? plane == output : 1 << plane);
  }
  return llvm::any_of(weights, [](int32_t weight) { return weight != 0; }) ? b.getDenseI32ArrayAttr(weights) : DenseI32ArrayAttr();
}

/// Tables `first`, ..., of the quad's `perQuad`, in a register with room for `room`; those from `count` on do not exist, and are zeros.
Value RowQuadSumsEmitter::loadTables(Value row, Value quad, int64_t perQuad, int64_t first, int64_t room, int64_t count) {
  auto load = [&](int64_t table, int64_t tables) -> Value {
    Value place = affine(b, {}, perQuad * kTableEntries, quad, table * kTableEntries);
    return vector::LoadOp::create(b, VectorType::get({tables * kTableEntries}, b.getI8Type()), block.buffers.entries, ValueRange{row, block.group, place});
  };
  if (first + room <= count)
    return load(first, room);
  Value tables = splatInt(b, room * kTableEntries, 8, 0);
  for (int64_t table = first; table < count; ++table)
    tables = vector::InsertStridedSliceOp::create(b, load(table, 1), tables, ArrayRef<int64_t>{(table - first) * kTableEntries}, ArrayRef<int64_t>{1});
  return tables;
}

/// What the low and the high nibbles of a quad are looked up in: tables of their own, or two halves of one register.
std::array<Value, 2> RowQuadSumsEmitter::loadTables(const PlaneRun &run, Value row, Value quad, int64_t count) {
  const int64_t perQuad = 2 * kQuad / run.width;
  if (run.width == 2) {
    Value all = loadTables(row, quad, perQuad, 0, perQuad, count);
    return {all, all};
  }
  return {loadTables(row, quad, perQuad, 0, perQuad / 2, count), loadTables(row, quad, perQuad, perQuad / 2, perQuad / 2, count)};
}

/// The place of each byte's table in the register of either half, in bits 4 and 5. Null where it is the only one.
Value RowQuadSumsEmitter::makePlaces(const PlaneRun &run, int64_t half) {
  if (run.width == kQuad)
    return {};
  const int64_t first = run.width == 2 ? 2 * half : 0;
  SmallVector<APInt> places;
  for (int64_t byte = 0; byte < kVectorBytes; ++byte)
    places.emplace_back(8, (first + byte % kQuad / run.width) * kTableEntries);
  return arith::ConstantOp::create(b, DenseElementsAttr::get(VectorType::get({kVectorBytes}, b.getI8Type()), places));
}

/// Adds what is looked up for one quad of a run, whose first `count` tables exist.
SmallVector<Value> RowQuadSumsEmitter::emitQuad(const PlaneRun &run, Value quad, int64_t count, ArrayRef<Value> totals) {
  SmallVector<Value> result(totals);
  SmallVector<std::array<Value, 2>> tables;
  for (Value row : block.rows)
    tables.push_back(loadTables(run, row, quad, count));
  const Value places[] = {makePlaces(run, 0), makePlaces(run, 1)}, low = splatInt(b, kVectorBytes, 8, 15), four = splatInt(b, kVectorBytes, 8, 4);
  const unsigned tiles = block.offsets.size();
  for (int64_t part = 0; part < parts; ++part)
    for (auto [tile, tileOffset] : llvm::enumerate(block.offsets)) {
      Value offset = affine(b, tileOffset, kQuad * kTileRows, quad, run.offset + kQuad * (begin + part * kLanes));
      block.prefetch(b, offset);
      Value codes = loadBytes(b, block.buffers.weights, offset, b.getI8Type(), kVectorBytes);
      // The high nibbles of a last quad may have no table at all.
      for (int64_t half = 0; half < (count > kQuad / run.width ? 2 : 1); ++half) {
        // Of one table the lookup itself sees the low bits only.
        Value indices = half == 0 ? codes : arith::ShRUIOp::create(b, codes, four).getResult();
        if (places[half])
          indices = arith::OrIOp::create(b, half == 0 ? arith::AndIOp::create(b, indices, low).getResult() : indices, places[half]);
        for (unsigned row = 0; row < block.rows.size(); ++row) {
          Value entries = lut::LookupOp::create(b, codes.getType(), tables[row][half], indices);
          for (unsigned output = 0; output < outputs; ++output)
            if (DenseI32ArrayAttr weights = weightsOf(run, output)) {
              Value &total = result[((row * tiles + tile) * outputs + output) * parts + part];
              total = lut::AccumulateOp::create(b, total.getType(), entries, total, weights);
            }
        }
      }
    }
  return result;
}

GroupSums RowQuadSumsEmitter::emit() {
  SmallVector<Value> totals(block.getCells() * outputs * parts, splatInt(b, kLanes, 32, 0));
  for (const PlaneRun &run : layout.runs) {
    const int64_t perQuad = kQuad / run.width, whole = layout.pairs / perQuad, rest = layout.pairs % perQuad;
    totals = forEachPair(b, constantIndex(b, 0), whole, getUnrolledPairs(kQuad * parts, block.getCells()), totals,
                         [&](Value quad, ArrayRef<Value> values) { return emitQuad(run, quad, 2 * perQuad, values); });
    if (rest != 0)
      totals = emitQuad(run, constantIndex(b, whole), 2 * rest, totals);
  }
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  GroupSums sums(block.getCells());
  for (auto [cell, cellSums] : llvm::enumerate(sums))
    for (unsigned output = 0; output < outputs; ++output) {
      cellSums.emplace_back();
      for (int64_t part = 0; part < parts; ++part)
        cellSums.back().push_back(arith::SIToFPOp::create(b, floats, totals[(cell * outputs + output) * parts + part]));
    }
  return sums;
}

GroupSums lutloops::emitRowQuadSums(ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count) {
  return RowQuadSumsEmitter(b, block, begin, count).emit();
}
