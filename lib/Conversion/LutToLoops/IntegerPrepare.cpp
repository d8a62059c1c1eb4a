//===- IntegerPrepare.cpp - the loops of a preparation of codes -----------===//
//
// A row at a time, a group at a time: the codes are copied, padded with zeros, and summed in integers: |sum| is at most 128 * 2^18 = 2^25.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// Codes of a pair of tables: what a group is padded to a multiple of.
constexpr int64_t kPairCodes = 2 * lowbit::kTableWidth;

class PrepareEmitter {
public:
  PrepareEmitter(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t factor, bool scalePerRow)
      : b(b), codes(args[0]), scales(args[1]), padded(args[2]), bias(args[3]), sums(args[4]), worth(args[5]), group(group), factor(factor),
        scalePerRow(scalePerRow) {}

  /// Emits group `index` of `row`, of which `length` codes exist.
  void emitGroup(Value row, Value index, int64_t length);

private:
  /// Copies `width` codes, of which `count` exist, from code `at` of the group on, and adds them to `sum`.
  Value copy(Value row, Value index, Value at, int64_t width, int64_t count, Value sum);
  /// The same for `count` steps of `width` codes, as a loop.
  Value copyMany(Value row, Value index, int64_t width, int64_t steps, Value sum);

  ImplicitLocOpBuilder &b;
  Value codes, scales, padded, bias, sums, worth;
  int64_t group, factor;
  bool scalePerRow;
};
} // namespace

Value PrepareEmitter::copy(Value row, Value index, Value at, int64_t width, int64_t count, Value sum) {
  auto whole = VectorType::get({width}, b.getI8Type());
  Value values = splatInt(b, width, 8, 0);
  if (count > 0) {
    Value column = affine(b, at, group, index, 0);
    auto part = VectorType::get({count}, b.getI8Type());
    Value loaded = vector::LoadOp::create(b, part, codes, ValueRange{row, column});
    values = part == whole ? loaded
                           : vector::InsertStridedSliceOp::create(b, loaded, values, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1})
                                 .getResult();
  }
  vector::StoreOp::create(b, values, padded, ValueRange{index, row, at});
  if (count == 0)
    return sum;
  Value wide = arith::ExtSIOp::create(b, VectorType::get({width}, b.getI32Type()), values);
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, wide, sum);
}

Value PrepareEmitter::copyMany(Value row, Value index, int64_t width, int64_t steps, Value sum) {
  auto loop = scf::ForOp::create(b, constantIndex(b, 0), constantIndex(b, steps), constantIndex(b, 1), ValueRange{sum},
                                 [&](OpBuilder &, Location, Value step, ValueRange before) {
                                   Value next = copy(row, index, affine(b, {}, width, step, 0), width, width, before[0]);
                                   scf::YieldOp::create(b, next);
                                 });
  return loop.getResult(0);
}

void PrepareEmitter::emitGroup(Value row, Value index, int64_t length) {
  Value sum = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  int64_t end = (group + kPairCodes - 1) / kPairCodes * kPairCodes, done = 0;
  // As wide as vectors are where the group allows, then the rest by pairs.
  for (int64_t width : {int64_t(32), kPairCodes}) {
    int64_t steps = (length - done) / width;
    if (steps > 0 && done == 0)
      sum = copyMany(row, index, width, steps, sum);
    else
      for (int64_t step = 0; step < steps; ++step)
        sum = copy(row, index, constantIndex(b, done + step * width), width, width, sum);
    done += steps * width;
  }
  if (done < length) {
    sum = copy(row, index, constantIndex(b, done), kPairCodes, length - done, sum);
    done += kPairCodes;
  }
  for (; done < end; done += kPairCodes)
    copy(row, index, constantIndex(b, done), kPairCodes, 0, sum);

  Value weight = arith::ConstantOp::create(b, b.getI32IntegerAttr(-factor));
  memref::StoreOp::create(b, arith::MulIOp::create(b, sum, weight), bias, ValueRange{index, row});
  Value column = scalePerRow ? constantIndex(b, 0) : index;
  Value scale = memref::LoadOp::create(b, scales, ValueRange{row, column});
  memref::StoreOp::create(b, scale, worth, ValueRange{index, row});
  Value asum = arith::MulFOp::create(b, scale, arith::SIToFPOp::create(b, b.getF32Type(), sum).getResult());
  memref::StoreOp::create(b, asum, sums, ValueRange{index, row});
}

void lutloops::emitPrepareCodes(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t rest, int64_t factor,
                                bool scalePerRow) {
  PrepareEmitter emitter(b, args, group, factor, scalePerRow);
  Value cols = memref::DimOp::create(b, args[0], constantIndex(b, 1));
  forEachGroup(b, args.take_back(2), cols, group, rest,
               [&](Value row, Value index, int64_t columns) { emitter.emitGroup(row, index, columns); });
}
