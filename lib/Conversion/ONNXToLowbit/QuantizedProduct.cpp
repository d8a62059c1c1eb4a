//===- QuantizedProduct.cpp - MatMulInteger and QLinearMatMul -------------===//
//
// Both begin with an exact product of integers. Where the right side is a constant of few distinct values (BitNet's
// ternary weights, for one), that product is a lookup: its sums are below 2^24, so its f32 results are integers too, and
// a chain that quantizes its activations by itself keeps every bit.
//
//===----------------------------------------------------------------------===//

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/MatrixProduct.h"
#include "lib/Conversion/ONNXToLowbit/Product.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedWeight.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {
namespace {

/// Where an operator has the parts of its product.
struct Places {
  unsigned a, aZero, b, bZero;
};

/// A zero point as a tensor that broadcasts against the matrix: a number, or one for each row (column).
FailureOr<Value> spreadZero(Node &node, Value zero, bool isRow) {
  Dims dims = node.getDims(zero);
  if (dims.size() > 1 && getConstantIntValue(dims[dims.size() - (isRow ? 1 : 2)]) != 1)
    return node.error() << "a zero point must be a number, or one for each " << (isRow ? "row" : "column")
                        << ", but is " << zero.getType();
  if (dims.size() == 1 && getConstantIntValue(dims[0]) != 1 && isRow)
    dims.push_back(node.getIndexAttr(1));
  else if (dims.size() == 1 && getConstantIntValue(dims[0]) == 1)
    dims.clear();
  return buildReshape(node, zero, dims);
}

/// An operand in i32, less its zero point.
FailureOr<Value> widen(Node &node, Value value, Value zero, bool isRow) {
  Type i32 = node.getI32Type();
  SmallVector<Value> operands = {value};
  bool isUnsigned = node.isUnsigned(value), isZeroUnsigned = zero && node.isUnsigned(zero);
  if (zero) {
    FailureOr<Value> spread = spreadZero(node, zero, isRow);
    if (failed(spread))
      return failure();
    operands.push_back(*spread);
  }
  return buildElementwise(node, operands, i32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value wide = createCast(b, x[0], isUnsigned, i32, false);
    return x.size() == 1 ? wide
                         : Value(arith::SubIOp::create(b, wide, createCast(b, x[1], isZeroUnsigned, i32, false)));
  });
}

/// A constant K x N matrix less its zero points, transposed; and what it is as a weight.
struct SmallMatrix {
  int64_t rows, cols, bits;
  int lowest = 0;
  SmallVector<int> values;
  SmallVector<int32_t> rowSums;
};

/// The right side, if it is a constant of at most 16 neighbouring values that can be summed exactly.
std::optional<SmallMatrix> getSmallMatrix(Node &node, const Places &places) {
  ElementsAttr constant = getConstant(node.getInput(places.b));
  RankedTensorType type = node.getInputType(places.b);
  if (!constant || type.getRank() != 2 || !type.hasStaticShape() || type.getNumElements() == 0)
    return std::nullopt;
  std::optional<SmallVector<char>> codes = unpackCodes(constant, node.isUnsigned(node.getInput(places.b))), zeros;
  bool isUnsigned = node.isUnsigned(node.getInput(places.b));
  if (Value zero = node.getInput(places.bZero)) {
    ElementsAttr values = getConstant(zero);
    zeros = values ? unpackCodes(values, isUnsigned) : std::nullopt;
    if (!zeros || (zeros->size() != 1 && static_cast<int64_t>(zeros->size()) != type.getDimSize(1)))
      return std::nullopt;
  }
  if (!codes)
    return std::nullopt;
  auto read = [&](char code) { return isUnsigned ? static_cast<int>(static_cast<uint8_t>(code)) : static_cast<int>(code); };
  SmallMatrix matrix = {type.getDimSize(1), type.getDimSize(0), 1, 0, {}, {}};
  int highest = 0;
  matrix.values.resize(codes->size());
  matrix.rowSums.assign(matrix.rows, 0);
  for (int64_t row = 0; row < matrix.rows; ++row) {
    int zero = zeros ? read((*zeros)[zeros->size() == 1 ? 0 : row]) : 0;
    for (int64_t col = 0; col < matrix.cols; ++col) {
      int value = read((*codes)[col * matrix.rows + row]) - zero;
      matrix.values[row * matrix.cols + col] = value;
      matrix.rowSums[row] += value;
      matrix.lowest = std::min(matrix.lowest, value);
      highest = std::max(highest, value);
    }
  }
  while (highest - matrix.lowest >= 1 << matrix.bits)
    ++matrix.bits;
  constexpr int64_t exact = int64_t(1) << 24;
  if (matrix.bits > 4 || matrix.cols * 128 * (int64_t(1) << matrix.bits) > exact)
    return std::nullopt;
  return matrix;
}

Value createWeight(Node &node, const SmallMatrix &matrix, int64_t group) {
  SmallVector<char> codes;
  for (int value : matrix.values)
    codes.push_back(static_cast<char>(value - matrix.lowest));
  auto one = RankedTensorType::get({1, 1}, node.getF32Type());
  auto zero = RankedTensorType::get({1, 1}, node.getI8Type());
  NamedAttribute components[] = {
      node.getNamedAttr("codes", packCodes(node, codes, matrix.rows, matrix.cols, matrix.bits, group)),
      node.getNamedAttr("scales", DenseElementsAttr::get(one, 1.0f)),
      node.getNamedAttr("zeros", DenseElementsAttr::get(zero, static_cast<int8_t>(-matrix.lowest)))};
  auto format = lowbit::UniformAttr::get(node.getContext(), static_cast<unsigned>(matrix.bits), group,
                                         lowbit::ZeroKind::Integer, /*is_signed=*/false, lowbit::Granularity::Tensor,
                                         node.getF32Type());
  auto type = lowbit::WeightType::get(node.getContext(), matrix.rows, matrix.cols, format);
  return lowbit::WeightOp::create(node, type, node.getDictionaryAttr(components));
}

/// A (B - zero) by lookup: A as signed codes, its zero point made good by the sums of B's columns.
FailureOr<Value> buildLookup(Node &node, const Places &places, const SmallMatrix &matrix) {
  Type i8 = node.getI8Type(), i32 = node.getI32Type(), f32 = node.getF32Type();
  Value a = node.getInput(places.a);
  bool isUnsigned = node.isUnsigned(a);
  Value weight = createWeight(node, matrix, std::min<int64_t>(matrix.cols, 256));
  FailureOr<Value> product = buildProduct(node, matrix.rows, matrix.cols, {}, [&](Value flat) -> FailureOr<Value> {
    Dims dims = node.getDims(flat);
    FailureOr<Value> codes = flat;
    if (isUnsigned)
      codes = buildElementwise(node, flat, i8, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        return arith::XOrIOp::create(b, x[0], createScalar(b, i8, -128));
      });
    if (failed(codes))
      return failure();
    Value scales = createFilled(node, {dims[0], node.getIndexAttr(1)}, node.getF32FloatAttr(1.0f));
    auto result = RankedTensorType::get({cast<RankedTensorType>(codes->getType()).getDimSize(0), matrix.rows}, f32);
    return Value(lowbit::MatmulOp::create(node, result, *codes, weight, scales, Value(), lowbit::StrategyAttr(),
                                          lowbit::TableKindAttr(), node.getI64IntegerAttr(8)));
  });
  if (failed(product))
    return failure();
  SmallVector<Value> operands = {*product};
  Value zero = node.getInput(places.aZero);
  bool isZeroUnsigned = zero && node.isUnsigned(zero);
  if (zero || isUnsigned) {
    auto sums = RankedTensorType::get({matrix.rows}, i32);
    operands.push_back(
        arith::ConstantOp::create(node, DenseElementsAttr::get(sums, ArrayRef<int32_t>(matrix.rowSums))));
  }
  if (zero) {
    FailureOr<Value> spread = spreadZero(node, zero, /*isRow=*/true);
    if (failed(spread))
      return failure();
    operands.push_back(*spread);
  }
  return buildElementwise(node, operands, i32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value sum = arith::FPToSIOp::create(b, i32, x[0]);
    if (x.size() == 1)
      return sum;
    Value shift = createScalar(b, i32, isUnsigned ? 128 : 0);
    if (x.size() == 3)
      shift = arith::SubIOp::create(b, shift, createCast(b, x[2], isZeroUnsigned, i32, false));
    return arith::AddIOp::create(b, sum, arith::MulIOp::create(b, shift, x[1]));
  });
}

/// The product in i32.
FailureOr<Value> buildIntegerProduct(Node &node, const Places &places) {
  for (unsigned index : {places.a, places.aZero, places.b, places.bZero})
    if (node.hasInput(index) && !node.getInputType(index).getElementType().isInteger(8))
      return node.error() << "input '" << node.getInputName(index) << "' must be int8 or uint8, but is "
                          << node.getInputType(index);
  if (places.a == 0 && node.getInputType(places.a).getRank() > 0)
    if (std::optional<SmallMatrix> matrix = getSmallMatrix(node, places))
      return buildLookup(node, places, *matrix);
  FailureOr<Value> a = widen(node, node.getInput(places.a), node.getInput(places.aZero), /*isRow=*/true);
  FailureOr<Value> b = widen(node, node.getInput(places.b), node.getInput(places.bZero), /*isRow=*/false);
  if (failed(a) || failed(b))
    return failure();
  return buildMatrixProduct(node, *a, *b);
}

LogicalResult lowerMatMulInteger(Node &node) {
  if (failed(node.check({"A", "B", "a_zero_point?", "b_zero_point?"}, {"Y"}, {})))
    return failure();
  FailureOr<Value> product = buildIntegerProduct(node, {0, 2, 1, 3});
  return failed(product) ? failure() : node.setOutput(0, *product, /*isUnsigned=*/false);
}

/// clamp(round(product (a_scale b_scale / y_scale)) + y_zero_point).
LogicalResult lowerQLinearMatMul(Node &node) {
  if (failed(node.check({"a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point", "y_scale", "y_zero_point"},
                        {"y"}, {})) ||
      failed(node.requireF32(1)) || failed(node.requireF32(4)) || failed(node.requireF32(6)))
    return failure();
  Type f32 = node.getF32Type(), to = node.getInputType(7).getElementType();
  if (!to.isInteger(8))
    return node.error() << "input 'y_zero_point' must be int8 or uint8, but is " << node.getInputType(7);
  bool isUnsigned = node.isUnsigned(node.getInput(7));
  FailureOr<Value> product = buildIntegerProduct(node, {0, 2, 3, 5});
  FailureOr<Value> aScale = spreadZero(node, node.getInput(1), true), bScale = spreadZero(node, node.getInput(4), false);
  FailureOr<Value> yScale = spreadZero(node, node.getInput(6), true), yZero = spreadZero(node, node.getInput(7), true);
  if (failed(product) || failed(aScale) || failed(bScale) || failed(yScale) || failed(yZero))
    return failure();
  SmallVector<Value> operands = {*product, *aScale, *bScale, *yScale, *yZero};
  return setElementwise(
      node, operands, to,
      [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        Value scale = arith::DivFOp::create(b, arith::MulFOp::create(b, x[1], x[2]), x[3]);
        Value exact = arith::MulFOp::create(b, arith::SIToFPOp::create(b, f32, x[0]), scale);
        Value shifted = arith::AddFOp::create(b, math::RoundEvenOp::create(b, exact),
                                              createCast(b, x[4], isUnsigned, f32, false));
        Value low = arith::MaximumFOp::create(b, shifted, createScalar(b, f32, isUnsigned ? 0 : -128));
        Value high = arith::MinimumFOp::create(b, low, createScalar(b, f32, isUnsigned ? 255 : 127));
        return createCast(b, high, false, to, isUnsigned);
      },
      isUnsigned);
}

} // namespace

void addQuantizedProduct(Registry &registry) {
  registry.add("", "MatMulInteger", lowerMatMulInteger);
  registry.add("", "QLinearMatMul", lowerQLinearMatMul, Halves::InF32);
}

} // namespace lutra
