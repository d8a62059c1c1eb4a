//===- PackWeights.cpp - weights in the target's layout -------------------===//
//
// lowbit-pack-weights: see Passes.td. Chooses the storage types; the bytes are made later, by packWeight.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Quotients.h"
#include "dialects/lowbit/IR/Triples.h"
#include "dialects/lowbit/IR/Weights.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#define DEBUG_TYPE "lowbit-pack-weights"

namespace lutra::lowbit {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

/// Of so many octets three that pad are less than a fiftieth.
static constexpr int64_t kManyOctets = 192;

namespace {
struct PackWeights : lutra::lowbit::impl::PackWeightsBase<PackWeights> {
  using PackWeightsBase::PackWeightsBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (rows < 1)
      return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": rows must be positive, but is " << rows.getValue();
    if (triples && symmetric)
      return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": triples are for machines that multiply codes, symmetric for half tables; leave one out";
    if (quads && symmetric)
      return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": quads are full indices, symmetric is for half tables; leave one out";
    if (codebooks && symmetric)
      return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": codebooks are for machines that multiply codes, symmetric for half tables; leave one out";
    return success();
  }

  void runOnOperation() override {
    llvm::DenseMap<std::pair<Value, int64_t>, Value> packed;
    auto packOf = [&](TypedValue<WeightType> weight, OpOperand &use, int64_t width) {
      if (weight.getType().getLayout())
        return WalkResult::advance();
      auto [place, isNew] = packed.try_emplace({weight, width});
      if (isNew) {
        FailureOr<Value> value = pack(weight, width);
        if (failed(value))
          return WalkResult::interrupt();
        place->second = *value;
      }
      use.set(place->second);
      return WalkResult::advance();
    };
    WalkResult result = getOperation()->walk([&](Operation *op) {
      if (auto product = dyn_cast<LookupMatmulOp>(op))
        return packOf(product.getWeight(), product.getWeightMutable(), product.getTable().getType().getWidth());
      if (auto product = dyn_cast<MatmulOp>(op); product && dense && isDenseOfPlanes(product))
        return packOf(product.getWeight(), product.getWeightMutable(), kTableWidth);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

private:
  /// A dense product whose weight a machine can make numbers of as it goes: of planes that share an alpha.
  static bool isDenseOfPlanes(MatmulOp op) {
    return op.getStrategy() == Strategy::Dense && !op.getPrecision() && isa<BipolarAttr>(op.getWeight().getType().getFormat());
  }

  /// `layout` with indices of 4 bits where the codes are few, which are fewer bytes than their planes.
  static LayoutAttr withCodebook(LayoutAttr layout, const WeightReader &reader) {
    SmallVector<int32_t> codes = findCodebook(reader);
    if (codes.empty())
      return layout;
    MLIRContext *context = layout.getContext();
    return LayoutAttr::get(context, layout.getRows(), layout.getAlpha(), layout.getZeta(), /*symmetric=*/false,
                           DenseI32ArrayAttr::get(context, codes));
  }

  /// Whether codes of `reader`'s weight can lie three in five bits in tiles as of `layout`, and are fewer bytes so.
  static bool fitTriples(LayoutAttr layout, const WeightReader &reader) {
    bool hasFullZeta = layout.getZeta() && layout.getZeta().isF32();
    return layout.getRows() == kTripleRows && isa<BipolarAttr>(reader.getFormat()) && reader.getBits() == 2 && !hasFullZeta &&
           getTablesPerGroup(reader.getGroup()) / 2 >= kTripleOctets && reader.findCodeRange().second <= 2;
  }

  /// Whether products multiply the codes of `weight`, and none makes numbers of its planes.
  static bool isMultiplied(Value weight) {
    return isReadAsCodes(weight) && llvm::none_of(weight.getUsers(), llvm::IsaPred<MatmulOp>);
  }

  /// Whether all that read `weight` look bytes up in it and scale their sums, or multiply its codes.
  static bool isSummedAsBytes(Value weight) {
    return llvm::all_of(weight.getUsers(), [](Operation *user) {
      auto lookup = dyn_cast<LookupMatmulOp>(user);
      if (!lookup)
        return false;
      if (multipliesCodes(lookup))
        return true;
      TableType table = lookup.getTable().getType();
      return table.getElement().isInteger(8) && table.getScale() != TableScale::Table && table.getWidth() == kTableWidth;
    });
  }

  /// Whether there are runs of fewer than four planes, and padding their tables to whole quads costs next to nothing.
  static bool fitQuads(LayoutAttr layout, const WeightReader &reader) {
    const int64_t octets = getTablesPerGroup(reader.getGroup()) / 2, perQuad = reader.getBits() % 2 == 1 ? 4 : 2;
    return reader.getBits() % 4 != 0 && !layout.getCodebook() && !layout.getTriples() && (octets % perQuad == 0 || octets >= kManyOctets);
  }

  /// Packs `weight` for products that look it up in tables of `width` activations, or multiply.
  FailureOr<Value> pack(Value weight, int64_t width) {
    FailureOr<WeightReader> reader = WeightReader::create(weight);
    if (failed(reader))
      return failure();
    auto type = cast<WeightType>(weight.getType());
    LayoutAttr layout = chooseLayout(*reader, rows, symmetric);
    if (width == kTripleWidth) {
      if (layout.getRows() != kTripleRows || symmetric || reader->findCodeRange().second > 2)
        return emitError(weight.getLoc()) << "products look the weight up in tables of three activations, which is for codes 0, 1 and 2 in tiles of "
                                          << kTripleRows << " rows with full tables, but its greatest code is " << int(reader->findCodeRange().second)
                                          << " and the tiles have " << rows.getValue() << "; take tables of " << kTableWidth;
      layout = LayoutAttr::get(&getContext(), layout.getRows(), layout.getAlpha(), /*zeta=*/Type(), /*symmetric=*/false, DenseI32ArrayAttr(),
                               /*triples=*/false, /*quotients=*/false, /*lookup_triples=*/true, quads);
    } else if (codebooks && isReadAsCodes(weight))
      layout = withCodebook(layout, *reader);
    if (triples && width == kTableWidth && isMultiplied(weight) && fitTriples(layout, *reader))
      layout = LayoutAttr::get(&getContext(), layout.getRows(), layout.getAlpha(), layout.getZeta(), /*symmetric=*/false,
                               DenseI32ArrayAttr(), /*triples=*/true, /*quotients=*/false);
    if (quads && width == kTableWidth && isSummedAsBytes(weight) && fitQuads(layout, *reader))
      layout = LayoutAttr::get(&getContext(), layout.getRows(), layout.getAlpha(), layout.getZeta(), /*symmetric=*/false, DenseI32ArrayAttr(), /*triples=*/false,
                               /*quotients=*/false, /*lookup_triples=*/false, /*quads=*/true);
    if (quotients)
      layout = withQuotients(layout, *reader);
    auto format = PackedAttr::get(&getContext(), type.getFormat(), layout);
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(weight);
    auto op = PackOp::create(builder, weight.getLoc(), type.withFormat(format), weight);
    int64_t bytes = format.getTotalBytes(type.getRows(), type.getCols());
    remark::analysis(weight.getLoc(), remarkOf(DEBUG_TYPE, weight.getLoc()))
        << remark::add("{0:F2} bits per weight", 8.0 * bytes / (double(type.getRows()) * type.getCols()))
        << remark::metric("bytes", bytes);
    return op.getResult();
  }
};
} // namespace
