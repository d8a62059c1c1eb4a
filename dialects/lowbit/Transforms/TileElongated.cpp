//===- TileElongated.cpp - tiles by footprint in bytes --------------------===//
//
// lowbit-tile-elongated: the capacities and the objective are in Passes.td (LUT Tensor Core, eq. 7 and 8).
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/LookupTriples.h"
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "lowbit-tile-elongated"

namespace lutra::lowbit {
#define GEN_PASS_DEF_TILEELONGATED
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// The footprints of one product, all per group along K.
struct Footprint {
  /// Tables of one activation row, with their scale and sum.
  int64_t tables;
  /// A step of `rows` weight rows.
  int64_t weights;
};

struct TileElongated : lutra::lowbit::impl::TileElongatedBase<TileElongated> {
  using TileElongatedBase::TileElongatedBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (rows < 1 || accumulators < 1 || l1Bytes < 1 || l2Bytes < 1)
      return emitError(UnknownLoc::get(context))
             << DEBUG_TYPE ": rows, accumulators, l1-bytes and l2-bytes must be positive, but are " << rows.getValue()
             << ", " << accumulators.getValue() << ", " << l1Bytes.getValue() << " and " << l2Bytes.getValue();
    return success();
  }

  void runOnOperation() override {
    getOperation()->walk([&](LookupMatmulOp op) {
      if (!op.getTile())
        op.setTileAttr(choose(op));
    });
  }

private:
  Footprint footprint(LookupMatmulOp op) const {
    TableType table = op.getTable().getType();
    WeightType weight = op.getWeight().getType();
    int64_t entry = table.getElement().getIntOrFloatBitWidth() / 8;
    Footprint bytes;
    bytes.tables = table.getTablesPerGroup() * 16 * entry + 4 + 4;
    if (table.getWidth() == kTripleWidth) {
      bytes.weights = llvm::divideCeil(getLookupTripleBytes(table.getGroup()) * rows, kTripleRows) + 4 * rows;
    } else if (auto packed = dyn_cast<PackedAttr>(weight.getFormat())) {
      bytes.weights = llvm::divideCeil(packed.getGroupBytes() * rows, packed.getLayout().getRows());
    } else {
      WeightFormatInterface format = weight.getFormat();
      auto bipolar = dyn_cast<BipolarAttr>(format);
      int64_t floats = (bipolar ? 1 : weight.getBits()) + (bipolar && bipolar.getZeta() ? 0 : 1);
      bytes.weights = rows * (weight.getBits() * (table.getTablesPerGroup() / 2) + 4 * floats);
    }
    return bytes;
  }

  /// The best tile.
  TileAttr choose(LookupMatmulOp op) {
    TableType table = op.getTable().getType();
    WeightType weight = op.getWeight().getType();
    Footprint bytes = footprint(op);
    const int64_t group = table.getGroup(), groups = table.getNumGroups();
    const int64_t rowTiles = llvm::divideCeil(weight.getRows(), rows);
    const int64_t maxM =
        ShapedType::isDynamic(table.getRows()) ? accumulators : std::min<int64_t>(accumulators, table.getRows());
    const double w = double(bytes.weights) / double(rows * group), t = double(bytes.tables) / double(group);

    double bestCost = 0;
    int64_t bestM = 0, bestTiles = 0, bestGroups = 0;
    for (int64_t m = 1; m <= maxM; m *= 2) {
      for (int64_t g = 1; g <= groups; ++g) {
        int64_t tables = m * g * bytes.tables;
        if (tables + 2 * bytes.weights > l1Bytes)
          break;
        // tables + n (weights + outputs) <= l2, in steps of `rows`.
        int64_t tiles = std::min(rowTiles, (l2Bytes - tables) / (g * bytes.weights + 4 * m * rows));
        if (tiles < 1)
          break;
        // A last step that K does not fill costs as much as a full one.
        int64_t steps = llvm::divideCeil(groups, g);
        double k = double(groups * group) / double(steps);
        double cost = w / double(m) + t / double(tiles * rows) + 8.0 / k;
        if (bestM == 0 || cost < bestCost) {
          bestCost = cost;
          bestM = m;
          bestTiles = tiles;
          bestGroups = g;
        }
      }
    }
    if (bestM == 0) {
      // Slower than the cost says, but right: groups as long as K times 8 planes are nobody's error.
      bestM = bestTiles = bestGroups = 1;
      remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
          << remark::reason("no tile fits, so the smallest is taken: one group of one activation row needs {0} bytes of "
                            "tables and one step of {1} weight rows {2} bytes twice, but l1-bytes is {3} and l2-bytes {4}",
                            bytes.tables, rows.getValue(), bytes.weights, l1Bytes.getValue(), l2Bytes.getValue());
    }
    int64_t n = std::min(bestTiles * rows, weight.getRows());
    int64_t k = std::min(bestGroups * group, weight.getCols());
    remark::analysis(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
        << remark::add("tile m = {0}, n = {1}, k = {2}", bestM, n, k)
        << remark::metric("table-bytes", bestM * bestGroups * bytes.tables)
        << remark::metric("weight-bytes", bestTiles * bestGroups * bytes.weights);
    return TileAttr::get(op.getContext(), bestM, n, k);
  }
};
} // namespace
