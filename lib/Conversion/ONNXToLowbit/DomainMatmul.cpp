//===- DomainMatmul.cpp - ai.lutra.MatMul ---------------------------------===//
//
// One `lowbit.matmul` on the weight that the node describes; before it, the quantization of its activations.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/DomainWeight.h"
#include "lib/Conversion/ONNXToLowbit/Product.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lutra::lowbit;

namespace lutra {
namespace {

/// The attribute `activation`: how A is quantized.
struct Quantization {
  ActivationCodes kind = ActivationCodes::Absmax;
  /// 0: not at all.
  int64_t bits = 0;
  bool perGroup = false;
};

FailureOr<Quantization> getQuantization(Node &node) {
  StringRef text = node.getString("activation", "none"), rest = text;
  Quantization result;
  if (text == "none")
    return result;
  if (rest.consume_front("bipolar"))
    result.kind = ActivationCodes::Bipolar;
  else if (!rest.consume_front("int"))
    rest = "";
  // 2 to 8 bits of integers; as many planes of -1 and +1 as codes of 8 bits hold.
  int64_t low = result.kind == ActivationCodes::Absmax ? 2 : 1;
  bool parsed = !rest.consumeInteger(10, result.bits) && (rest == "_per_token" || rest == "_per_group");
  if (!parsed || result.bits < low || result.bits > low + 6)
    return node.error() << "attribute 'activation' must be none, int<b>_per_token or int<b>_per_group with b = 2 to 8, "
                           "or bipolar<b>_per_token or bipolar<b>_per_group with b = 1 to 7, but is '"
                        << text << "'";
  result.perGroup = rest == "_per_group";
  return result;
}

/// The weight at the precision that input 2 asks for: fewer bits known now change the weight, others are left for run
/// time in `atRunTime`.
FailureOr<Value> applyPrecision(Node &node, Value weight, Value &atRunTime) {
  if (!node.hasInput(2))
    return weight;
  auto type = cast<WeightType>(weight.getType());
  auto nested = dyn_cast<NestedAttr>(type.getFormat());
  if (!nested)
    return node.error() << "input 'precision' is for a nested weight, but the format is '"
                        << node.getString("format", "") << "'";
  if (failed(node.requireElement(2, {node.getI32Type(), node.getI64Type()})))
    return failure();
  RankedTensorType given = node.getInputType(2);
  if (given.getRank() > 1 || (given.getRank() == 1 && given.getDimSize(0) != 1))
    return node.error() << "input 'precision' must be a scalar, but is " << given;
  if (std::optional<SmallVector<int64_t>> constant = getConstantInts(node.getInput(2))) {
    int64_t bits = constant->front(), all = nested.getCodeBits();
    if (bits < nested.getMinBits() || bits > all)
      return node.error() << "input 'precision' must be " << nested.getMinBits() << " to " << all << ", but is "
                          << bits;
    WeightType truncated = type.withFormat(nested.getTruncated(bits));
    return Value(TruncateOp::create(node, truncated, weight));
  }
  FailureOr<SmallVector<Value>> scalars = readScalars(node, 2);
  if (failed(scalars))
    return failure();
  Value bits = scalars->front();
  if (bits.getType() == node.getI64Type()) {
    // Into the range of i32 first: wrapping around could make a wrong precision look right.
    Value low = arith::MaxSIOp::create(node, bits, createScalar(node, bits.getType(), -1));
    Value both = arith::MinSIOp::create(node, low, createScalar(node, bits.getType(), 127));
    bits = arith::TruncIOp::create(node, node.getI32Type(), both);
  }
  atRunTime = bits;
  return weight;
}

/// The product of M x K activations.
struct ProductBuilder {
  Node &node;
  Value weight, precision;
  Quantization quantization;

  /// `value` as floats of another type; widening is exact.
  FailureOr<Value> convert(Value value, Type element) {
    unsigned from = cast<RankedTensorType>(value.getType()).getElementType().getIntOrFloatBitWidth();
    unsigned to = element.getIntOrFloatBitWidth();
    if (from == to)
      return value;
    return buildElementwise(node, value, element, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      if (from < to)
        return arith::ExtFOp::create(b, element, x[0]);
      return arith::TruncFOp::create(b, element, x[0]);
    });
  }

  FailureOr<Value> operator()(Value flat) {
    Type element = cast<RankedTensorType>(flat.getType()).getElementType();
    if (quantization.bits) {
      // Codes are chosen from f32, and their product is f32.
      FailureOr<Value> wide = convert(flat, node.getF32Type());
      if (failed(wide))
        return failure();
      node.setDims(*wide, node.getDims(flat));
      Value product = createProduct(*wide);
      node.setDims(product, {node.getDims(flat)[0], node.getIndexAttr(cast<WeightType>(weight.getType()).getRows())});
      return convert(product, element);
    }
    return createProduct(flat);
  }

  Value createProduct(Value flat) {
    auto type = cast<RankedTensorType>(flat.getType());
    auto weightType = cast<WeightType>(weight.getType());
    auto result = RankedTensorType::get({type.getDimSize(0), weightType.getRows()}, type.getElementType());
    Value scales;
    IntegerAttr bits;
    if (quantization.bits) {
      int64_t group = quantization.perGroup ? weightType.getGroup() : type.getDimSize(1);
      int64_t groups = llvm::divideCeil(type.getDimSize(1), group);
      auto quantized = QuantizeActivationsOp::create(
          node,
          TypeRange{type.clone(node.getI8Type()),
                    RankedTensorType::get({type.getDimSize(0), groups}, node.getF32Type())},
          flat, node.getI64IntegerAttr(quantization.bits),
          quantization.perGroup ? node.getI64IntegerAttr(group) : IntegerAttr(),
          ActivationCodesAttr::get(node.getContext(), quantization.kind));
      node.setDims(quantized.getCodes(), node.getDims(flat));
      flat = quantized.getCodes();
      scales = quantized.getScales();
      // b planes reach 2^b - 1: one bit more as two's complement.
      bool isBipolar = quantization.kind == ActivationCodes::Bipolar;
      bits = node.getI64IntegerAttr(quantization.bits + isBipolar);
    }
    return Value(
        MatmulOp::create(node, result, flat, weight, scales, precision, StrategyAttr(), TableKindAttr(), bits));
  }
};

LogicalResult lowerDomainMatMul(Node &node) {
  if (failed(node.check({"A", "bias?", "precision?", "components*"}, {"Y"},
                        {"N:i!", "K:i!", "format:s!", "activation:s"})) ||
      failed(node.requireElement(0, {node.getF32Type(), node.getF16Type(), node.getBF16Type()})) ||
      failed(node.requireElement(1, {node.getInputType(0).getElementType()})))
    return failure();
  FailureOr<DomainWeight> description = getDomainWeight(node, 3);
  FailureOr<Quantization> quantization = getQuantization(node);
  if (failed(description) || failed(quantization))
    return failure();
  WeightType type = description->type;
  if (failed(node.requireShape(1, type.getRows())))
    return failure();
  if (quantization->perGroup)
    if (auto mixed = dyn_cast<MixedAttr>(type.getFormat()))
      for (size_t part = 1; part < mixed.getFormats().size(); ++part)
        if (mixed.getFormat(part).getGroupSize() != type.getGroup())
          return node.error() << "attribute 'activation' asks for a scale per group, but the parts of the weight have "
                                 "groups of "
                              << type.getGroup() << " and " << mixed.getFormat(part).getGroupSize();
  Value precision;
  FailureOr<Value> weight = applyPrecision(node, WeightOp::create(node, type, description->components), precision);
  if (failed(weight))
    return failure();
  FailureOr<Value> result = buildProduct(node, type.getRows(), type.getCols(), node.getInput(1),
                                         ProductBuilder{node, *weight, precision, *quantization});
  if (failed(result))
    return failure();
  return node.setOutput(0, *result);
}

} // namespace

void addDomainMatmul(Registry &registry) { registry.add(lutraDomain, "MatMul", lowerDomainMatMul); }

} // namespace lutra
