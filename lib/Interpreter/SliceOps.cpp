//===- SliceOps.cpp - parts of arrays taken out and put in ----------------===//
//
// Slices, concatenation and padding. A slice that leaves its array is an error here, where a compiled program would
// read or write other memory.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cstring>

using namespace mlir;
using namespace lutra;

/// Calls `fn(source index, slice index)` for each element of a slice of an array of shape `shape`; false when the slice
/// leaves the array.
template <typename Fn>
static bool forEachSliceElement(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                                ArrayRef<int64_t> strides, Fn &&fn) {
  int64_t count = 1;
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    int64_t last = offsets[dim] + (size - 1) * strides[dim];
    if (size < 0 || offsets[dim] < 0 || (size > 0 && (last < 0 || last >= shape[dim] || offsets[dim] >= shape[dim])))
      return false;
    count *= size;
  }
  SmallVector<int64_t, 4> sourceStrides = rowMajorStrides(shape), sliceStrides = rowMajorStrides(sizes);
  for (int64_t i = 0; i < count; ++i) {
    int64_t source = 0;
    for (size_t dim = 0; dim < sizes.size(); ++dim)
      source += (offsets[dim] + i / sliceStrides[dim] % sizes[dim] * strides[dim]) * sourceStrides[dim];
    fn(source, i);
  }
  return true;
}

static void copyElement(NpyArray &to, int64_t at, const NpyArray &from, int64_t index) {
  int64_t size = dtypeSize(to.dtype);
  std::memcpy(to.bytes.data() + at * size, from.bytes.data() + index * size, size);
}

bool lutra::writeSlice(NpyArray &destination, const NpyArray &source, ArrayRef<int64_t> offsets,
                       ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count == source.numElements() && destination.shape.size() == sizes.size() &&
         forEachSliceElement(destination.shape, offsets, sizes, strides,
                             [&](int64_t to, int64_t from) { copyElement(destination, to, source, from); });
}

static Step leaves(Operation *op, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes, const NpyArray &array) {
  auto text = [](ArrayRef<int64_t> numbers) {
    std::string joined;
    for (int64_t number : numbers)
      joined += (joined.empty() ? "" : ", ") + std::to_string(number);
    return "[" + joined + "]";
  };
  op->emitError("the slice at ") << text(offsets) << " of sizes " << text(sizes) << " leaves the array of shape "
                                 << shapeText(array.shape);
  return Step::Failed;
}

static Step extractSlice(tensor::ExtractSliceOp op, Environment &env) {
  const Array &source = env.array(op.getSource());
  SmallVector<int64_t> offsets = evaluate(op.getMixedOffsets(), env), sizes = evaluate(op.getMixedSizes(), env),
                       strides = evaluate(op.getMixedStrides(), env);
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (size < 0)
      return leaves(op, offsets, sizes, *source);
    if (!dropped[dim])
      shape.push_back(size);
  }
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(source->dtype, shape));
  if (!forEachSliceElement(source->shape, offsets, sizes, strides,
                           [&](int64_t from, int64_t to) { copyElement(*result, to, *source, from); }))
    return leaves(op, offsets, sizes, *source);
  env.set(op.getResult(), result);
  return Step::Done;
}

static Step insertSlice(tensor::InsertSliceOp op, Environment &env) {
  const Array &source = env.array(op.getSource());
  auto result = std::make_shared<NpyArray>(*env.array(op.getDest()));
  SmallVector<int64_t> offsets = evaluate(op.getMixedOffsets(), env), sizes = evaluate(op.getMixedSizes(), env);
  if (!writeSlice(*result, *source, offsets, sizes, evaluate(op.getMixedStrides(), env)))
    return leaves(op, offsets, sizes, *result);
  env.set(op.getResult(), result);
  return Step::Done;
}

static Step concat(tensor::ConcatOp op, Environment &env) {
  SmallVector<int64_t, 4> shape = env.array(op.getInputs().front())->shape;
  uint64_t dim = op.getDim();
  shape[dim] = 0;
  for (Value input : op.getInputs())
    shape[dim] += env.array(input)->shape[dim];
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(env.array(op.getInputs().front())->dtype, shape));
  SmallVector<int64_t> offsets(shape.size(), 0), strides(shape.size(), 1);
  for (Value input : op.getInputs()) {
    const Array &part = env.array(input);
    bool agrees = true;
    for (size_t i = 0; i < shape.size(); ++i)
      agrees &= i == dim || part->shape[i] == shape[i];
    if (!agrees || !writeSlice(*result, *part, offsets, part->shape, strides))
      return op->emitError("the operands' shapes disagree: ")
                 << shapeText(part->shape) << " does not fit " << shapeText(shape),
             Step::Failed;
    offsets[dim] += part->shape[dim];
  }
  env.set(op.getResult(), result);
  return Step::Done;
}

/// The body runs for each element of the result, with its indices; those of the source are then put in.
static Step pad(tensor::PadOp op, Environment &env) {
  const Array source = env.array(op.getSource());
  SmallVector<int64_t> low = evaluate(op.getMixedLowPad(), env), high = evaluate(op.getMixedHighPad(), env), shape;
  for (auto [dim, size] : llvm::enumerate(source->shape)) {
    shape.push_back(size + low[dim] + high[dim]);
    if (low[dim] < 0 || high[dim] < 0)
      return op.emitError("dimension ") << dim << " is padded by " << std::min(low[dim], high[dim])
                                        << " elements; expected 0 or more",
             Step::Failed;
  }
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(source->dtype, shape));
  if (failed(computeElements(op.getRegion().front(), *result, env)))
    return Step::Failed;
  if (!writeSlice(*result, *source, low, source->shape, SmallVector<int64_t>(shape.size(), 1)))
    return leaves(op, low, source->shape, *result);
  env.set(op.getResult(), result);
  return Step::Done;
}

Step lutra::executeSliceOp(Operation *op, Environment &env) {
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case<tensor::ExtractSliceOp>([&](auto o) { return extractSlice(o, env); })
      .Case<tensor::InsertSliceOp>([&](auto o) { return insertSlice(o, env); })
      .Case<tensor::ConcatOp>([&](auto o) { return concat(o, env); })
      .Case<tensor::PadOp>([&](auto o) { return pad(o, env); })
      .Default([](auto) { return Step::Unknown; });
}
