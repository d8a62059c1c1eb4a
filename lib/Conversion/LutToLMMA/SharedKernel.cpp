//===- SharedKernel.cpp - a lookup product through shared memory ----------===//
//
// A block computes `rows` activation rows by `columns` x arrayN output rows; its outputs stay in registers while the groups go by
// in ascending order, as docs/spec/numerics.md asks. Shared memory holds two stages of `groups` groups: while the array
// works on one, asynchronous copies fill the other. Invariant: token 0 is the first stage's, token 1 the second's.
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
  void tile(int64_t size, Value firstRow);
  /// Scales of tables, or of a group or row.
  int64_t scalesPerGroup() const { return s.scalesTables() ? s.tables : 1; }

  ImplicitLocOpBuilder &b;
  const ProductShape &s;
  const SharedTile &cut;
  GroupSums groupSums;
  Value entries, scales, sums, weights, out, column;
  Operands stages[2];
  /// Of the rows that are built.
  int64_t size = 0;
  Index row;
};

} // namespace

Operands SharedKernelBuilder::makeStage() {
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
  copy(entries, {row, group, 0}, stage.entries, {0, 0, 0}, {size, cut.groups, s.tables * s.pitch}, token);
  if (s.hasRowScale())
    copy(scales, {row, 0}, stage.scales, {0, 0}, {size, 1}, token);
  else
    copy(scales, {row, group * scalesPerGroup()}, stage.scales, {0, 0}, {size, cut.groups * scalesPerGroup()}, token);
  copy(sums, {row, group}, stage.sums, {0, 0}, {size, cut.groups}, token);
  const int64_t tileBytes = s.groupBytes * s.groups, run = cut.groups * s.groupBytes;
  for (int64_t c = 0; c < cut.columns; ++c)
    copy(weights, {Index(column) * (cut.columns * tileBytes) + group * s.groupBytes + c * tileBytes}, stage.weights,
         {c * run}, {run}, token);
}

/// The outputs of `rows` rows: copies of the next stage are on their way while one is computed.
void SharedKernelBuilder::tile(int64_t rows, Value firstRow) {
  const int64_t blocks = rows / s.arrayM;
  size = rows;
  row = Index(firstRow);
  Values outputs = groupSums.makeOutputs(blocks * cut.columns);
  const int64_t count = (s.groups + cut.groups - 1) / cut.groups, rest = s.groups - (count - 1) * cut.groups;
  auto wait = [&](int64_t token) { lmma::WaitOp::create(b, b.getI64IntegerAttr(token)); };
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
    outputs = compute(1, rest, outputs);
  } else {
    outputs = compute(0, rest, outputs);
  }
  storeOutputs(b, s, out, outputs, blocks, row, Index(column) * (cut.columns * s.arrayN));
}

void SharedKernelBuilder::build(lmma::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  b.setInsertionPointToStart(&body);
  entries = body.getArgument(0);
  scales = body.getArgument(1);
  sums = body.getArgument(2);
  weights = body.getArgument(3);
  out = body.getArgument(4);
  column = lmma::BlockColumnOp::create(b, b.getIndexType());
  stages[0] = makeStage();
  if (s.groups > cut.groups)
    stages[1] = makeStage();
  groupSums.makeConstants();
  forRowBlocks(b, cut.rows, s.arrayM, [&](int64_t rows, Value firstRow) { tile(rows, firstRow); });
}

lmma::KernelOp luttolmma::buildSharedKernel(OpBuilder &builder, Location loc, StringRef name, const ProductShape &shape,
                                            const SharedTile &tile) {
  ImplicitLocOpBuilder b(loc, builder);
  auto kernel = lmma::KernelOp::create(b, name, shape.bufferTypes(b));
  kernel.setGrid(ArrayRef<int64_t>{shape.columns() / tile.columns, tile.rows, tile.swizzle});
  SharedKernelBuilder(b, shape, tile).build(kernel);
  return kernel;
}
