//===- TensorOps.cpp - constants, shapes and slices of arrays -------------===//
//
// Ops that move elements or know shapes, without computing with elements. Every result is an array of its own.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cstring>

using namespace mlir;
using namespace lutra;

/// An attribute's value as a scalar.
static std::optional<Scalar> scalarFromAttr(Attribute attr) {
  if (auto number = dyn_cast<FloatAttr>(attr)) {
    llvm::APFloat value = number.getValue();
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return Scalar{0, value.convertToDouble()};
  }
  if (auto number = dyn_cast<IntegerAttr>(attr))
    return Scalar{wrapInteger(number.getValue().getSExtValue(), number.getType()), 0};
  return std::nullopt;
}

/// A constant tensor as an array; null after a diagnostic.
static Array arrayFromAttr(Operation *op, ElementsAttr attr) {
  std::optional<DType> dtype = dtypeOfType(attr.getElementType());
  if (!dtype)
    return op->emitError("the interpreter has no arrays of ") << attr.getElementType(), nullptr;
  auto array = std::make_shared<NpyArray>(NpyArray::zeros(*dtype, attr.getShapedType().getShape()));
  int64_t count = array->numElements(), size = dtypeSize(*dtype);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || static_cast<int64_t>(blob->getData().size()) < count * size)
      return op->emitError("the resource '") << resource.getRawHandle().getKey() << "' has no data, or too little",
             nullptr;
    std::memcpy(array->bytes.data(), blob->getData().data(), count * size);
    return array;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return op->emitError("the interpreter cannot read this kind of constant"), nullptr;
  if (*dtype == DType::Bool) {
    for (auto [i, bit] : llvm::enumerate(dense.getValues<bool>()))
      array->bytes[i] = bit;
    return array;
  }
  ArrayRef<char> raw = dense.getRawData();
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(array->bytes.data() + i * size, raw.data() + (dense.isSplat() ? 0 : i * size), size);
  return array;
}

/// The same elements in another shape.
static Array reshaped(const Array &source, ArrayRef<int64_t> shape) {
  auto result = std::make_shared<NpyArray>(*source);
  result->shape.assign(shape.begin(), shape.end());
  return result;
}

static SmallVector<int64_t> evaluate(ArrayRef<OpFoldResult> sizes, Environment &env) {
  SmallVector<int64_t> result;
  for (OpFoldResult size : sizes) {
    if (auto attr = dyn_cast<Attribute>(size))
      result.push_back(cast<IntegerAttr>(attr).getInt());
    else
      result.push_back(env.integer(cast<Value>(size)));
  }
  return result;
}

/// Calls `fn(source index, slice index)` for each element of a slice of an array of shape `shape`; false when the slice
/// leaves the array.
template <typename Fn>
static bool forEachSliceElement(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                                ArrayRef<int64_t> strides, Fn &&fn) {
  int64_t count = 1;
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (size < 0 || offsets[dim] < 0 || (size > 0 && offsets[dim] + (size - 1) * strides[dim] >= shape[dim]))
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

static Step extractSlice(tensor::ExtractSliceOp op, Environment &env) {
  const Array &source = env.array(op.getSource());
  SmallVector<int64_t> offsets = evaluate(op.getMixedOffsets(), env), sizes = evaluate(op.getMixedSizes(), env),
                       strides = evaluate(op.getMixedStrides(), env);
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!dropped[dim])
      shape.push_back(size);
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(source->dtype, shape));
  if (!forEachSliceElement(source->shape, offsets, sizes, strides,
                           [&](int64_t from, int64_t to) { storeElement(*result, to, loadElement(*source, from)); }))
    return op.emitError("the slice leaves the array of shape ") << shapeText(source->shape), Step::Failed;
  env.set(op.getResult(), result);
  return Step::Done;
}

static Step insertSlice(tensor::InsertSliceOp op, Environment &env) {
  const Array &source = env.array(op.getSource());
  auto result = std::make_shared<NpyArray>(*env.array(op.getDest()));
  if (!forEachSliceElement(result->shape, evaluate(op.getMixedOffsets(), env), evaluate(op.getMixedSizes(), env),
                           evaluate(op.getMixedStrides(), env),
                           [&](int64_t to, int64_t from) { storeElement(*result, to, loadElement(*source, from)); }))
    return op.emitError("the slice leaves the array of shape ") << shapeText(result->shape), Step::Failed;
  env.set(op.getResult(), result);
  return Step::Done;
}

static Step extract(tensor::ExtractOp op, Environment &env) {
  const Array &source = env.array(op.getTensor());
  int64_t linear = 0;
  SmallVector<int64_t, 4> strides = source->strides();
  for (auto [dim, value] : llvm::enumerate(op.getIndices())) {
    int64_t index = env.integer(value);
    if (index < 0 || index >= source->shape[dim])
      return op.emitError("index ") << index << " is outside the array of shape " << shapeText(source->shape),
             Step::Failed;
    linear += index * strides[dim];
  }
  env.set(op.getResult(), loadElement(*source, linear));
  return Step::Done;
}

static Step constant(arith::ConstantOp op, Environment &env) {
  if (auto elements = dyn_cast<ElementsAttr>(op.getValue())) {
    Array array = arrayFromAttr(op, elements);
    if (!array)
      return Step::Failed;
    env.set(op.getResult(), array);
    return Step::Done;
  }
  std::optional<Scalar> scalar = scalarFromAttr(op.getValue());
  if (!scalar)
    return Step::Unknown;
  env.set(op.getResult(), *scalar);
  return Step::Done;
}

/// The result is `fill` everywhere; null (unknown op) for elements that arrays cannot have.
static Step filled(Operation *op, ArrayRef<int64_t> shape, llvm::function_ref<Scalar(int64_t)> fill, Environment &env) {
  std::optional<DType> dtype = dtypeOfType(getElementTypeOrSelf(op->getResult(0).getType()));
  if (!dtype)
    return Step::Unknown;
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(*dtype, shape));
  for (int64_t i = 0, e = result->numElements(); i < e; ++i)
    storeElement(*result, i, fill(i));
  env.set(op->getResult(0), result);
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
    if (!forEachSliceElement(shape, offsets, part->shape, strides,
                             [&](int64_t to, int64_t from) { storeElement(*result, to, loadElement(*part, from)); }))
      return op.emitError("the operands' shapes disagree"), Step::Failed;
    offsets[dim] += part->shape[dim];
  }
  env.set(op.getResult(), result);
  return Step::Done;
}

Step lutra::executeTensorOp(Operation *op, Environment &env) {
  auto define = [&](Value value, RuntimeValue runtime) {
    env.set(value, std::move(runtime));
    return Step::Done;
  };
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case<arith::ConstantOp>([&](auto o) { return constant(o, env); })
      .Case<tensor::ExtractSliceOp>([&](auto o) { return extractSlice(o, env); })
      .Case<tensor::InsertSliceOp>([&](auto o) { return insertSlice(o, env); })
      .Case<tensor::ExtractOp>([&](auto o) { return extract(o, env); })
      .Case<tensor::ConcatOp>([&](auto o) { return concat(o, env); })
      .Case<tensor::CastOp>([&](auto o) { return define(o.getResult(), env.array(o.getSource())); })
      .Case<tensor::DimOp>([&](tensor::DimOp o) {
        const Array &array = env.array(o.getSource());
        int64_t index = env.integer(o.getIndex());
        if (index < 0 || index >= static_cast<int64_t>(array->shape.size()))
          return o.emitError("dimension ") << index << " of a tensor of rank " << array->shape.size(), Step::Failed;
        return define(o.getResult(), Scalar{array->shape[index], 0});
      })
      .Case<tensor::EmptyOp>([&](tensor::EmptyOp o) {
        return filled(
            o, evaluate(o.getMixedSizes(), env), [](int64_t) { return Scalar(); }, env);
      })
      .Case<tensor::SplatOp>([&](tensor::SplatOp o) {
        SmallVector<OpFoldResult> sizes = getMixedValues(o.getType().getShape(), o.getDynamicSizes(), o.getContext());
        return filled(
            o, evaluate(sizes, env), [&](int64_t) { return env.scalar(o.getInput()); }, env);
      })
      .Case<tensor::FromElementsOp>([&](tensor::FromElementsOp o) {
        return filled(
            o, o.getType().getShape(), [&](int64_t i) { return env.scalar(o.getElements()[i]); }, env);
      })
      .Case<tensor::CollapseShapeOp>([&](tensor::CollapseShapeOp o) {
        const Array &source = env.array(o.getSrc());
        SmallVector<int64_t> shape;
        for (const ReassociationIndices &dims : o.getReassociationIndices()) {
          shape.push_back(1);
          for (int64_t dim : dims)
            shape.back() *= source->shape[dim];
        }
        return define(o.getResult(), reshaped(source, shape));
      })
      .Case<tensor::ExpandShapeOp, tensor::ReshapeOp>([&](auto o) {
        SmallVector<int64_t> shape;
        if constexpr (std::is_same_v<decltype(o), tensor::ExpandShapeOp>)
          shape = evaluate(o.getMixedOutputShape(), env);
        else
          for (int64_t i = 0, e = env.array(o.getShape())->numElements(); i < e; ++i)
            shape.push_back(loadElement(*env.array(o.getShape()), i).i);
        const Array &source = env.array(o->getOperand(0));
        Array result = reshaped(source, shape);
        if (result->numElements() != source->numElements())
          return o.emitError("the shape ")
                     << shapeText(shape) << " has not as many elements as " << shapeText(source->shape),
                 Step::Failed;
        return define(o.getResult(), result);
      })
      .Case<cf::AssertOp>([&](cf::AssertOp o) {
        if (env.integer(o.getArg()))
          return Step::Done;
        return o.emitError(o.getMsg()), Step::Failed;
      })
      .Case<bufferization::MaterializeInDestinationOp>(
          [&](bufferization::MaterializeInDestinationOp o) { return define(o.getDest(), env.array(o.getSource())); })
      .Default([](auto) { return Step::Unknown; });
}
