//===- Quantize.cpp - the loops of a quantization of activations ----------===//
//
// A row at a time, a group at a time: the largest magnitude, as the bits of its number, which grow with it; then codes. docs/spec/numerics.md,
// "Integer activations", has every rounding.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <limits>

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

namespace {
/// Vectors of a group that are code without a loop, at most.
constexpr int64_t kStraightVectors = 8;
/// The bits of infinity: of no finite magnitude are they as many.
constexpr int64_t kInfinity = 0x7f800000;

class QuantizeEmitter {
public:
  QuantizeEmitter(ImplicitLocOpBuilder &b, ValueRange args, int64_t group, int64_t bits)
      : b(b), activations(args[0]), codes(args[1]), scales(args[2]), group(group), largest((int64_t(1) << (bits - 1)) - 1) {}

  /// Emits group `index` of `row`, of which `length` activations exist.
  void emitGroup(Value row, Value index, int64_t length);

private:
  using Step = function_ref<Value(Value at, int64_t count, Value carried)>;
  /// `step` for each 16 activations of the group, and for those that are left.
  Value forVectors(int64_t length, Value carried, Step step);
  Value load(Value row, Value column, int64_t count);
  Value scalar(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }

  ImplicitLocOpBuilder &b;
  Value activations, codes, scales;
  int64_t group, largest;
};
} // namespace

Value QuantizeEmitter::forVectors(int64_t length, Value carried, Step step) {
  int64_t vectors = length / kLanes, rest = length % kLanes;
  if (vectors > kStraightVectors) {
    SmallVector<Value> initial;
    if (carried)
      initial.push_back(carried);
    auto loop = scf::ForOp::create(b, constantIndex(b, 0), constantIndex(b, vectors), constantIndex(b, 1), initial,
                                   [&](OpBuilder &, Location, Value vector, ValueRange before) {
                                     Value next = step(affine(b, {}, kLanes, vector, 0), kLanes, before.empty() ? Value() : before[0]);
                                     scf::YieldOp::create(b, carried ? ValueRange(next) : ValueRange());
                                   });
    carried = carried ? loop.getResult(0) : Value();
  } else {
    for (int64_t vector = 0; vector < vectors; ++vector)
      carried = step(constantIndex(b, vector * kLanes), kLanes, carried);
  }
  return rest > 0 ? step(constantIndex(b, vectors * kLanes), rest, carried) : carried;
}

/// 16 activations, of which `count` exist and the others are 0.
Value QuantizeEmitter::load(Value row, Value column, int64_t count) {
  auto whole = VectorType::get({kLanes}, b.getF32Type());
  if (count == kLanes)
    return vector::LoadOp::create(b, whole, activations, ValueRange{row, column});
  Value part = vector::LoadOp::create(b, VectorType::get({count}, b.getF32Type()), activations, ValueRange{row, column});
  return vector::InsertStridedSliceOp::create(b, part, splatFloat(b, kLanes, 0.0f), ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1});
}

void QuantizeEmitter::emitGroup(Value row, Value index, int64_t length) {
  auto ints = VectorType::get({kLanes}, b.getI32Type());
  Value begin = affine(b, {}, group, index, 0);
  Value greatest = forVectors(length, splatInt(b, kLanes, 32, 0), [&](Value at, int64_t count, Value before) -> Value {
    Value bits = arith::BitcastOp::create(b, ints, load(row, arith::AddIOp::create(b, begin, at), count));
    Value magnitude = arith::AndIOp::create(b, bits, splatInt(b, kLanes, 32, 0x7fffffff));
    return arith::MaxSIOp::create(b, before, magnitude);
  });
  Value bits = vector::ReductionOp::create(b, vector::CombiningKind::MAXSI, greatest);
  Value infinity = arith::ConstantOp::create(b, b.getI32IntegerAttr(kInfinity));
  Value isFinite = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, bits, infinity);
  Value magnitude = arith::BitcastOp::create(b, b.getF32Type(), bits);
  Value isLarge = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, magnitude, scalar(1e-5f));
  Value bounded = arith::SelectOp::create(b, isLarge, magnitude, scalar(1e-5f));
  Value multiplier = arith::DivFOp::create(b, scalar(static_cast<float>(largest)), bounded);
  Value scale = arith::DivFOp::create(b, scalar(1.0f), multiplier);
  scale = arith::SelectOp::create(b, isFinite, scale, scalar(std::numeric_limits<float>::quiet_NaN()));
  memref::StoreOp::create(b, scale, scales, ValueRange{row, index});
  // Of a group with an infinity or a NaN all codes are 0, whatever is computed.
  Value mask = arith::ExtSIOp::create(b, b.getI32Type(), isFinite);
  mask = vector::BroadcastOp::create(b, ints, mask);
  Value factor = vector::BroadcastOp::create(b, VectorType::get({kLanes}, b.getF32Type()), multiplier);
  forVectors(length, Value(), [&](Value at, int64_t count, Value) -> Value {
    Value column = arith::AddIOp::create(b, begin, at);
    // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits. |a multiplier| exceeds Q by less than 1/2, so that the clamp of
    // the specification never acts.
    Value scaled = arith::MulFOp::create(b, load(row, column, count), factor);
    Value shifted = arith::AddFOp::create(b, scaled, splatFloat(b, kLanes, 0x1.8p23f));
    Value code = arith::AndIOp::create(b, arith::BitcastOp::create(b, ints, shifted).getResult(), mask);
    Value bytes = arith::TruncIOp::create(b, VectorType::get({kLanes}, b.getI8Type()), code);
    if (count < kLanes)
      bytes = vector::ExtractStridedSliceOp::create(b, bytes, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
    vector::StoreOp::create(b, bytes, codes, ValueRange{row, column});
    return {};
  });
}

LogicalResult KernelFunctions::lower(lut::QuantizeOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  FailureOr<SmallVector<Value>> buffers = castToArguments(b, op);
  if (failed(buffers))
    return failure();
  SmallVector<Type> types = llvm::to_vector(ValueRange(*buffers).getTypes());
  types.append(2, b.getIndexType());
  int64_t group = op.getGroup(), bits = op.getBits(), rest = cast<MemRefType>(op.getActivations().getType()).getDimSize(1) % group;
  SmallVector<Attribute> key{b.getStringAttr("quantize"), TypeAttr::get(b.getFunctionType(types, {})), b.getI64IntegerAttr(group),
                             b.getI64IntegerAttr(rest), b.getI64IntegerAttr(bits)};
  func::FuncOp function =
      getOrCreate(op.getLoc(), "lut_quantize", b.getArrayAttr(key), types, [&](ImplicitLocOpBuilder &body, ValueRange args) {
        QuantizeEmitter emitter(body, args, group, bits);
        Value cols = memref::DimOp::create(body, args[0], constantIndex(body, 1));
        forEachGroup(body, args.take_back(2), cols, group, rest,
                     [&](Value row, Value index, int64_t columns) { emitter.emitGroup(row, index, columns); });
      });
  callForRows(b, op, function, *buffers, op.getActivations());
  op.erase();
  return success();
}
