//===- GroupLayout.cpp - where a group's bytes lie in a packed tile -------===//
#include "lib/Conversion/LutToLoops/GroupLayout.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

FailureOr<GroupLayout> GroupLayout::get(lowbit::WeightType type, function_ref<InFlightDiagnostic()> emitError) {
  auto packed = cast<lowbit::PackedAttr>(type.getFormat());
  lowbit::LayoutAttr layout = packed.getLayout();
  if (layout.getRows() != kTileRows || layout.getSymmetric())
    return emitError() << "loops are made for layouts of " << kTileRows << " rows with full indices, but the weight has "
                       << layout << "; pack it with lowbit-pack-weights{rows=" << kTileRows << "}";
  GroupLayout result;
  result.planes = type.getBits();
  result.group = type.getGroup();
  result.pairs = lowbit::getTablesPerGroup(type.getGroup()) / 2;
  int64_t offset = 0;
  if (DenseI32ArrayAttr codebook = layout.getCodebook()) {
    result.codebook = codebook.asArrayRef();
    offset = lowbit::kCodebookIndexBits * result.pairs * kTileRows;
  }
  result.triples = layout.getTriples();
  result.quads = layout.getQuads();
  if (layout.getLookupTriples())
    result.tripleTables = lowbit::getTablesPerGroup(type.getGroup(), lowbit::kTripleWidth);
  if (result.triples || result.tripleTables > 0)
    offset = packed.getCodeBytes();
  for (unsigned plane = 0; !result.triples && result.tripleTables == 0 && result.codebook.empty() && plane < result.planes;) {
    unsigned left = result.planes - plane, width = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    result.runs.push_back({plane, width, offset});
    offset += result.quads ? llvm::divideCeil(result.pairs, 4 / width) * 4 * kTileRows : width * result.pairs * kTileRows;
    plane += width;
  }
  result.perPlane = isa<lowbit::BCQAttr>(packed.getFormat());
  result.alphaType = cast<FloatType>(layout.getAlpha());
  result.alphaOffset = offset;
  offset += (result.perPlane ? result.planes : 1) * kTileRows * (result.alphaType.getWidth() / 8);
  if (auto bipolar = dyn_cast<lowbit::BipolarAttr>(packed.getFormat()))
    result.zeta = bipolar.getZeta();
  result.zetaType = layout.getZeta();
  result.quotients = layout.getQuotients();
  result.zetaOffset = offset;
  if (!result.zeta && !result.zetaType)
    return emitError() << "a weight whose zeta is not a constant needs a zeta type in its layout, but has " << layout;
  if (result.zetaType)
    offset += kTileRows * (result.zetaType.getIntOrFloatBitWidth() / 8);
  result.bytes = offset;
  if (offset != packed.getGroupBytes())
    return emitError() << "the format's group is " << packed.getGroupBytes() << " bytes, but its parts are " << offset;
  return result;
}
