//===- KernelBuilder.cpp - the kernel of a lookup product -----------------===//
//
// Output-stationary: for a column of output rows and a block of activation rows, the f32 outputs stay in registers
// while the groups go by in ascending order, as docs/spec/numerics.md asks. Loads run ahead of the array in a rotation
// of register sets: a set is loaded anew as soon as its step has been computed.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "GroupSums.h"
#include "KernelTools.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

FailureOr<ProductShape> ProductShape::get(lowbit::WeightType type, Type entry, lowbit::TableScale scale,
                                          const CoreFacts &core, function_ref<InFlightDiagnostic()> emitError) {
  auto packed = dyn_cast<lowbit::PackedAttr>(type.getFormat());
  if (!packed)
    return emitError() << "the LUT tensor core reads packed weights, but found " << type.getFormat()
                       << "; run lowbit-pack-weights{rows=" << core.arrayN << " symmetric=true}";
  lowbit::LayoutAttr layout = packed.getLayout();
  if (layout.getRows() != core.arrayN || !layout.getSymmetric() || layout.getQuotients())
    return emitError() << "the LUT tensor core reads the layout rows = " << core.arrayN << ", symmetric = true, but found "
                       << layout << "; run lowbit-pack-weights{rows=" << core.arrayN << " symmetric=true}";
  ProductShape shape;
  shape.arrayM = core.arrayM;
  shape.arrayN = core.arrayN;
  shape.tablesPerTile = core.tablesPerTile;
  if (auto bipolar = dyn_cast<lowbit::BipolarAttr>(packed.getFormat()))
    shape.constantZeta = bipolar.getZeta();
  else if (isa<lowbit::BCQAttr>(packed.getFormat()))
    shape.perPlane = true;
  else
    return emitError() << "the LUT tensor core reads #lowbit.bipolar and #lowbit.bcq planes, but found "
                       << packed.getFormat() << "; compile this model for the cpu target";
  shape.planes = packed.getFormat().getCodeBits();
  shape.group = packed.getFormat().getGroupSize();
  if (shape.planes < 1 || shape.planes > 8)
    return emitError() << "the LUT tensor core takes weights of 1 to 8 bit planes, but found " << shape.planes;
  shape.rows = type.getRows();
  shape.cols = type.getCols();
  shape.groups = (shape.cols + shape.group - 1) / shape.group;
  shape.tables = (shape.group + 7) / 8 * 2;
  shape.alpha = layout.getAlpha();
  shape.zeta = layout.getZeta();
  shape.entry = entry;
  shape.scale = scale;
  // Accumulators have 32 bits. The sum of one plane fits them (lut.matmul, C5), and that of all planes for i8.
  const int64_t greatest = std::numeric_limits<int32_t>::max() / 32767 / ((int64_t(1) << shape.planes) - 1);
  if (entry.isInteger(16) && !shape.perPlane && scale != lowbit::TableScale::Table && shape.tables > greatest)
    return emitError() << "the LUT tensor core sums i16 entries of " << shape.planes
                       << " planes in 32 bits, for groups of at most " << greatest / 2 * 8
                       << " elements, but found groups of " << shape.group
                       << "; use a scale per table, or smaller groups";
  auto bytes = [&](Type stored) { return stored ? core.arrayN * int64_t(stored.getIntOrFloatBitWidth()) / 8 : 0; };
  shape.alphaOffset = shape.planes * shape.tables / 2 * core.arrayN;
  shape.zetaOffset = shape.alphaOffset + bytes(shape.alpha) * (shape.perPlane ? shape.planes : 1);
  shape.groupBytes = shape.zetaOffset + bytes(shape.zeta);
  if (!shape.zeta && !shape.constantZeta)
    return emitError() << "the layout " << layout << " stores no zeta and the format " << packed.getFormat()
                       << " has no constant one";
  return shape;
}

DramTile DramTile::fit(const ProductShape &shape, const CoreFacts &core, int64_t rows, int64_t depth) {
  const int64_t perBlock = shape.accumulatorsPerBlock();
  // The scales of a step's tables, and the sums of its group.
  const int64_t rowsPerBlock = std::min(shape.tables, shape.tablesPerTile) + 1;
  auto fits = [&] {
    const int64_t blocks = rows / shape.arrayM;
    if (blocks + 1 + shape.epilogue.f32Tiles() > core.f32Tiles)
      return false;
    if (shape.isFloat())
      return blocks * (perBlock + 1) + 1 <= core.f32Tiles;
    if (shape.scalesTables())
      return blocks * perBlock <= core.i32Tiles && blocks * (perBlock + 1) <= core.f32Tiles &&
             blocks * rowsPerBlock <= core.rowTiles;
    return blocks * perBlock <= core.i32Tiles && blocks + 1 <= core.f32Tiles;
  };
  while (rows > shape.arrayM && !fits())
    rows /= 2;
  const int64_t fixed = shape.perPlane ? 2 : 1;
  const int64_t perStep = (shape.perPlane ? shape.planes : 1) + (shape.zeta ? 1 : 0);
  depth = std::max<int64_t>(1, std::min({depth, (core.colTiles - fixed) / perStep, core.weightTiles,
                                         core.tableTiles / (rows / shape.arrayM)}));
  if (shape.scalesTables())
    depth = std::max<int64_t>(1, std::min(depth, core.rowTiles / (rows / shape.arrayM * rowsPerBlock)));
  return {rows, depth};
}

SmallVector<Type> ProductShape::bufferTypes(Builder &b) const {
  Type f32 = b.getF32Type();
  const int64_t dynamic = ShapedType::kDynamic;
  SmallVector<Type> types = {MemRefType::get({dynamic, groups, tables * kEntries}, entry),
                             MemRefType::get({dynamic, scalesPerRow()}, f32), MemRefType::get({dynamic, groups}, f32),
                             MemRefType::get({columns() * groups * groupBytes}, b.getI8Type())};
  llvm::append_range(types, epilogue.bufferTypes(b, rows));
  types.push_back(MemRefType::get({dynamic, rows}, f32));
  return types;
}

SmallVector<std::string> ProductShape::bufferNames() const {
  SmallVector<std::string> names = {"entries", "scales", "sums", "weights"};
  Builder b(entry.getContext());
  for (size_t index = 0; index < epilogue.bufferTypes(b, rows).size(); ++index)
    names.push_back("operand" + std::to_string(index));
  names.push_back("out");
  return names;
}

lmma::KernelOp luttolmma::createProductKernel(ImplicitLocOpBuilder &b, StringRef name, const ProductShape &shape) {
  auto kernel = lmma::KernelOp::create(b, name, shape.bufferTypes(b));
  // Those of a product without an epilogue are called so without saying it.
  if (!shape.epilogue.isEmpty()) {
    SmallVector<std::string> names = shape.bufferNames();
    kernel->setAttr(lmma::LmmaDialect::kBufferNamesAttr, b.getStrArrayAttr(llvm::to_vector_of<StringRef>(names)));
  }
  return kernel;
}

lmma::KernelOp luttolmma::buildKernel(OpBuilder &builder, Location loc, StringRef name, const ProductShape &shape,
                                      const DramTile &tile) {
  ImplicitLocOpBuilder b(loc, builder);
  auto kernel = createProductKernel(b, name, shape);
  Block &body = kernel.getBody().front();
  b.setInsertionPointToStart(&body);
  ProductBuffers buffers(body);
  Operands from = buffers.operands();
  GroupSums sums(b, shape);
  sums.makeConstants();
  forRange(b, bound(b, 0), bound(b, shape.columns()), 1, [&](Value column) {
    from.columns = {Index(column) * (shape.groupBytes * shape.groups)};
    forRowBlocks(b, tile.rows, shape.arrayM, [&](int64_t rows, Value firstRow) {
      const int64_t blocks = rows / shape.arrayM;
      from.row = Index(firstRow);
      Values outputs = sums.add(from, blocks, shape.groups, tile.depth, sums.makeOutputs(blocks));
      storeOutputs(b, shape, buffers, outputs, blocks, from.row, Index(column) * shape.arrayN);
    });
  });
  return kernel;
}
