//===- SharedKernel.cpp - a lookup product through shared memory ----------===//
//
// A block computes `rows` activation rows by `columns` x arrayN output rows; its outputs stay in registers while the groups go by
// in ascending order, as docs/spec/numerics.md asks. Shared memory holds two stages of `groups` groups, or of a part of the tables of one:
// while the array works on one, asynchronous copies fill the other. Invariant: token 0 is the first stage's, token 1 the second's.
//
//===----------------------------------------------------------------------===//

#include "GroupSums.h"
#include "KernelBuilder.h"
#include "KernelTools.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

namespace {

class SharedKernelBuilder {
public:
  SharedKernelBuilder(ImplicitLocOpBuilder &b, const ProductShape &shape, const SharedTile &cut)
      : b(b), s(shape), cut(cut), groupSums(b, shape) {}
  void build(lmma::KernelOp kernel);

private:
  Value shared(ArrayRef<int64_t> shape, Type element) {
    auto space = lmma::SharedAttr::get(b.getContext());
    return lmma::SharedOp::create(b, MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space));
  }
  Operands makeStage();
  void copy(Value from, ArrayRef<Index> fromIndices, Value to, ArrayRef<Index> toIndices, ArrayRef<int64_t> sizes,
            int64_t token);
  void copyStage(const Operands &stage, const Index &number, int64_t token);
  void copyPart(int64_t stage, const Index &group, const Index &part);
  void wait(int64_t token) { lmma::WaitOp::create(b, b.getI64IntegerAttr(token)); }
  Values addGroups(int64_t blocks);
  Values addParts(int64_t blocks);
  Values addGroupInParts(int64_t blocks, const Index &group, bool isLast, const Values &outputs);
  void tile(int64_t size, Value firstRow);
  bool isWhole() const { return cut.tables == s.tables; }
  /// Scales of tables, or of a group or row.
  int64_t scalesPerGroup() const { return s.scalesTables() ? s.tables : 1; }

  ImplicitLocOpBuilder &b;
  const ProductShape &s;
  const SharedTile &cut;
  GroupSums groupSums;
  ProductBuffers buffers;
  Value column;
  Operands stages[2];
  /// Of the rows that are built.
  int64_t size = 0;
  Index row;
};

} // namespace

Operands SharedKernelBuilder::makeStage() {
  if (!isWhole()) {
    // Scales and sums of a group are read once, from DRAM; those of tables go with them.
    const int64_t planeBytes = cut.tables / 2 * s.arrayN;
    Operands part{shared({cut.rows, 1, cut.tables * s.pitch}, s.entry),
                  s.scalesTables() ? shared({cut.rows, cut.tables}, b.getF32Type()) : Value(),
                  {},
                  shared({cut.columns * s.planes * planeBytes}, b.getI8Type()),
                  {},
                  {},
                  planeBytes};
    for (int64_t c = 0; c < cut.columns; ++c)
      part.columns.push_back(c * s.planes * planeBytes);
    return part;
  }
  const int64_t rowScales = s.hasRowScale() ? 1 : cut.groups * scalesPerGroup();
  Operands stage{shared({cut.rows, cut.groups, s.tables * s.pitch}, s.entry),
                 shared({cut.rows, rowScales}, b.getF32Type()),
                 shared({cut.rows, cut.groups}, b.getF32Type()),
                 shared({cut.columns * cut.groups * s.groupBytes}, b.getI8Type()),
                 {},
                 {}};
  for (int64_t c = 0; c < cut.columns; ++c)
    stage.columns.push_back(c * cut.groups * s.groupBytes);
  return stage;
}

void SharedKernelBuilder::copy(Value from, ArrayRef<Index> fromIndices, Value to, ArrayRef<Index> toIndices,
                               ArrayRef<int64_t> sizes, int64_t token) {
  auto [fromMap, fromCounters] = access(b, fromIndices);
  auto [toMap, toCounters] = access(b, toIndices);
  lmma::CopyOp::create(b, from, fromCounters, fromMap, to, toCounters, toMap, b.getDenseI64ArrayAttr(sizes),
                       b.getI64IntegerAttr(token));
}

/// Starts the copies of the stage with the number `number`; what is past the last group arrives as zeros.
void SharedKernelBuilder::copyStage(const Operands &stage, const Index &number, int64_t token) {
  const Index group = number * cut.groups;
  copy(buffers.entries, {row, group, 0}, stage.entries, {0, 0, 0}, {size, cut.groups, s.tables * s.pitch}, token);
  if (s.hasRowScale())
    copy(buffers.scales, {row, 0}, stage.scales, {0, 0}, {size, 1}, token);
  else
    copy(buffers.scales, {row, group * scalesPerGroup()}, stage.scales, {0, 0}, {size, cut.groups * scalesPerGroup()}, token);
  copy(buffers.sums, {row, group}, stage.sums, {0, 0}, {size, cut.groups}, token);
  const int64_t tileBytes = s.groupBytes * s.groups, run = cut.groups * s.groupBytes;
  for (int64_t c = 0; c < cut.columns; ++c)
    copy(buffers.weights, {Index(column) * (cut.columns * tileBytes) + group * s.groupBytes + c * tileBytes}, stage.weights,
         {c * run}, {run}, token);
}

/// Starts the copies of a part of a group. What is past the end of a group's tables is not looked at.
void SharedKernelBuilder::copyPart(int64_t number, const Index &group, const Index &part) {
  const Operands &stage = stages[number];
  const int64_t planeBytes = stage.planePitch, tileBytes = s.groupBytes * s.groups;
  copy(buffers.entries, {row, group, part * (cut.tables * s.pitch)}, stage.entries, {0, 0, 0}, {size, 1, cut.tables * s.pitch},
       number);
  if (s.scalesTables())
    copy(buffers.scales, {row, group * s.tables + part * cut.tables}, stage.scales, {0, 0}, {size, cut.tables}, number);
  for (int64_t c = 0; c < cut.columns; ++c)
    for (int64_t plane = 0; plane < s.planes; ++plane)
      copy(buffers.weights,
           {Index(column) * (cut.columns * tileBytes) + group * s.groupBytes + part * planeBytes +
            (c * tileBytes + plane * (s.tables / 2 * s.arrayN))},
           stage.weights, {(c * s.planes + plane) * planeBytes}, {planeBytes}, number);
}

/// One group into the outputs. Its first part is on its way into the first stage, and the next group's is at the end.
Values SharedKernelBuilder::addGroupInParts(int64_t blocks, const Index &group, bool isLast, const Values &outputs) {
  const int64_t parts = (s.tables + cut.tables - 1) / cut.tables, rest = s.tables - (parts - 1) * cut.tables;
  Operands dram = buffers.operands();
  dram.row = row;
  for (int64_t c = 0; c < cut.columns; ++c)
    dram.columns.push_back(Index(column) * (cut.columns * s.groupBytes * s.groups) + c * (s.groupBytes * s.groups));
  GroupRegisters scales;
  groupSums.loadScales(scales, dram, blocks, group);
  auto accumulate = [&](int64_t stage, int64_t tables, const Values &acc) {
    wait(stage);
    return groupSums.accumulate(stages[stage], blocks, 0, tables, /*depth=*/1, acc);
  };
  Values acc = groupSums.start(scales, cut.columns);
  if (parts > 2) {
    auto loop = lmma::ForOp::create(b, bound(b, 0), bound(b, parts - 2), 2, acc,
                                    [&](OpBuilder &, Value part, ValueRange carried) {
                                      copyPart(1, group, Index(part) + 1);
                                      Values inner = accumulate(0, cut.tables, Values(carried));
                                      copyPart(0, group, Index(part) + 2);
                                      return accumulate(1, cut.tables, inner);
                                    });
    acc = Values(loop.getResults());
  }
  copyPart(1, group, parts - 1);
  acc = accumulate(0, cut.tables, acc);
  if (!isLast)
    copyPart(0, group + 1, 0);
  return groupSums.finish(scales, accumulate(1, rest, acc), outputs);
}

Values SharedKernelBuilder::addParts(int64_t blocks) {
  Values outputs = groupSums.makeOutputs(blocks * cut.columns);
  copyPart(0, 0, 0);
  if (s.groups > 1) {
    auto loop = lmma::ForOp::create(b, bound(b, 0), bound(b, s.groups - 1), 1, outputs,
                                    [&](OpBuilder &, Value group, ValueRange carried) {
                                      return addGroupInParts(blocks, group, /*isLast=*/false, Values(carried));
                                    });
    outputs = Values(loop.getResults());
  }
  return addGroupInParts(blocks, s.groups - 1, /*isLast=*/true, outputs);
}

/// Copies of the next groups are on their way while some are computed.
Values SharedKernelBuilder::addGroups(int64_t blocks) {
  Values outputs = groupSums.makeOutputs(blocks * cut.columns);
  const int64_t count = (s.groups + cut.groups - 1) / cut.groups, rest = s.groups - (count - 1) * cut.groups;
  auto compute = [&](int64_t stage, int64_t groups, const Values &carried) {
    wait(stage);
    return groupSums.add(stages[stage], blocks, groups, /*depth=*/1, carried);
  };
  copyStage(stages[0], 0, 0);
  // Two stages each time, of which the second copies the first one of the next time.
  const int64_t pairs = (count - 1) / 2;
  if (pairs > 0) {
    auto loop = lmma::ForOp::create(b, bound(b, 0), bound(b, 2 * pairs), 2, outputs,
                                    [&](OpBuilder &, Value counter, ValueRange carried) {
                                      copyStage(stages[1], Index(counter) + 1, 1);
                                      Values inner = compute(0, cut.groups, Values(carried));
                                      copyStage(stages[0], Index(counter) + 2, 0);
                                      return compute(1, cut.groups, inner);
                                    });
    outputs = Values(loop.getResults());
  }
  if (count % 2 == 0) {
    copyStage(stages[1], count - 1, 1);
    outputs = compute(0, cut.groups, outputs);
    return compute(1, rest, outputs);
  }
  return compute(0, rest, outputs);
}

/// The outputs of `rows` rows.
void SharedKernelBuilder::tile(int64_t rows, Value firstRow) {
  const int64_t blocks = rows / s.arrayM;
  size = rows;
  row = Index(firstRow);
  Values outputs = isWhole() ? addGroups(blocks) : addParts(blocks);
  storeOutputs(b, s, buffers, outputs, blocks, row, Index(column) * (cut.columns * s.arrayN));
}

void SharedKernelBuilder::build(lmma::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  b.setInsertionPointToStart(&body);
  buffers = ProductBuffers(body);
  column = lmma::BlockColumnOp::create(b, b.getIndexType());
  stages[0] = makeStage();
  if (s.groups > cut.groups || !isWhole())
    stages[1] = makeStage();
  groupSums.makeConstants();
  forRowBlocks(b, cut.rows, s.arrayM, [&](int64_t rows, Value firstRow) { tile(rows, firstRow); });
}

lmma::KernelOp luttolmma::buildSharedKernel(OpBuilder &builder, Location loc, StringRef name, const ProductShape &shape,
                                            const SharedTile &tile) {
  ImplicitLocOpBuilder b(loc, builder);
  auto kernel = createProductKernel(b, name, shape);
  kernel.setGrid(ArrayRef<int64_t>{shape.columns() / tile.columns, tile.rows, tile.swizzle});
  SharedKernelBuilder(b, shape, tile).build(kernel);
  return kernel;
}
