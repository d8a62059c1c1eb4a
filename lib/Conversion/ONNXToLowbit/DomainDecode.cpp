//===- DomainDecode.cpp - one element of a stored weight ------------------===//
//
// The formulas are those of docs/spec/onnx-domain.md, "Formats", in f64: with integers of 8 bits and f32 scales only
// float zero points and sums of alphas can round before the end.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/DomainDecode.h"

#include "dialects/lowbit/IR/Codebooks.h"
#include "dialects/lowbit/IR/Composite.h"
#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lutra::lowbit;

namespace lutra {

/// `count` numbers as an f32 constant of `shape`.
static Value createFloats(Node &node, ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, node.getF32Type());
  if (values.size() <= 64)
    return arith::ConstantOp::create(node, DenseElementsAttr::get(type, values));
  AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyInferAlign(values);
  return arith::ConstantOp::create(node, DenseResourceElementsAttr::get(type, "scales", std::move(blob)));
}

/// A component of bytes that no machine instruction widens: each byte as a number.
static FailureOr<Value> widenBytes(Node &node, StringRef name, Value bytes, llvm::function_ref<double(uint8_t)> value,
                                   int64_t termsPerNumber) {
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> raw = getConstantBytes(getConstant(bytes), storage);
  if (!raw)
    return node.error() << "component '" << name << "' has no data";
  std::vector<float> numbers(raw->size() / termsPerNumber);
  for (auto [index, number] : llvm::enumerate(numbers)) {
    double sum = 0;
    for (char byte : raw->slice(index * termsPerNumber, termsPerNumber))
      sum += value(static_cast<uint8_t>(byte));
    number = static_cast<float>(sum);
  }
  ArrayRef<int64_t> shape = cast<RankedTensorType>(bytes.getType()).getShape();
  return createFloats(node, shape.size() == 4 ? shape.drop_back() : shape, numbers);
}

static double getShiftTerm(uint8_t byte) {
  double magnitude = byte == 0 ? 0 : std::ldexp(1.0, (byte & 127) - 64);
  return byte & 128 ? -magnitude : magnitude;
}

static double getFloat8(const llvm::fltSemantics &semantics, uint8_t byte) {
  APFloat number(semantics, APInt(8, byte));
  bool losesInfo;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

FailureOr<ElementDecoder> ElementDecoder::create(Node &node, const DomainWeight &weight, unsigned first) {
  WeightFormatInterface format = weight.type.getFormat();
  auto nested = dyn_cast<NestedAttr>(format);
  if (isa<MixedAttr, OutliersAttr>(format))
    return node.error() << "attribute 'format': rows cannot be looked up in a weight that is mixed or has outliers; "
                           "store the table in one format";
  ElementDecoder decoder(nested ? nested.getFormat() : format);
  for (auto [index, part] :
       llvm::enumerate(format.getExpectedComponents(weight.type.getRows(), weight.type.getCols()))) {
    Value tensor = node.getInput(first + index);
    Type element = part.type.getElementType();
    FailureOr<Value> widened = tensor;
    if (auto narrow = dyn_cast<FloatType>(element); narrow && narrow.getWidth() == 8)
      widened = widenBytes(
          node, part.name, tensor, [&](uint8_t byte) { return getFloat8(narrow.getFloatSemantics(), byte); }, 1);
    if (part.name == "alphas" && element.isInteger(8))
      widened = widenBytes(node, part.name, tensor, getShiftTerm, part.type.getShape().back());
    if (failed(widened))
      return failure();
    decoder.components[part.name] = *widened;
  }
  // All bits of a nested codebook: its last table.
  if (nested)
    if (Value table = decoder.components.lookup(getNestedTableName(format.getCodeBits())))
      decoder.components["table"] = table;
  if (auto codebook = dyn_cast<CodebookAttr>(decoder.format))
    if (ArrayRef<float> table = getFixedTable(codebook.getTable()); !table.empty())
      decoder.components["table"] = createFloats(node, static_cast<int64_t>(table.size()), table);
  return decoder;
}

//===----------------------------------------------------------------------===//
// Parts of an element
//===----------------------------------------------------------------------===//

static Value createIndex(ImplicitLocOpBuilder &b, int64_t value) { return arith::ConstantIndexOp::create(b, value); }

static Value toF64(ImplicitLocOpBuilder &b, Value number) {
  Type f64 = b.getF64Type();
  if (isa<IntegerType>(number.getType()))
    return arith::SIToFPOp::create(b, f64, number);
  return arith::ExtFOp::create(b, f64, number);
}

Value ElementDecoder::getShared(ImplicitLocOpBuilder &b, StringRef name, const Place &at, ArrayRef<Value> more) const {
  Granularity per = format.getGranularity();
  Value zero = createIndex(b, 0);
  SmallVector<Value> indices{per == Granularity::Tensor ? zero : at.row, per == Granularity::Group ? at.group : zero};
  llvm::append_range(indices, more);
  return tensor::ExtractOp::create(b, components.lookup(name), indices);
}

Value ElementDecoder::getSharedF64(ImplicitLocOpBuilder &b, StringRef name, const Place &at,
                                   ArrayRef<Value> more) const {
  return toF64(b, getShared(b, name, at, more));
}

Value ElementDecoder::getByte(ImplicitLocOpBuilder &b, const Place &at, Value byte) const {
  Value codes = components.lookup("codes");
  Value last = createIndex(b, cast<RankedTensorType>(codes.getType()).getDimSize(2) - 1);
  Value index = arith::MinUIOp::create(b, byte, last);
  Value value = tensor::ExtractOp::create(b, codes, ValueRange{at.row, at.group, index});
  return arith::ExtUIOp::create(b, b.getI32Type(), value);
}

Value ElementDecoder::getCode(ImplicitLocOpBuilder &b, const Place &at, unsigned bits) const {
  Type i32 = b.getI32Type();
  if (bits == 8)
    return getByte(b, at, at.inGroup);
  Value bit = arith::MulIOp::create(b, at.inGroup, createIndex(b, bits)), eight = createIndex(b, 8);
  Value byte = arith::DivUIOp::create(b, bit, eight);
  Value word = getByte(b, at, byte);
  if (8 % bits != 0) {
    // The code may go on in the next byte; of the last one it does not.
    Value next = getByte(b, at, arith::AddIOp::create(b, byte, createIndex(b, 1)));
    word = arith::OrIOp::create(b, word, arith::ShLIOp::create(b, next, createScalar(b, i32, 8)));
  }
  Value shift = arith::IndexCastOp::create(b, i32, arith::RemUIOp::create(b, bit, eight));
  return arith::AndIOp::create(b, arith::ShRUIOp::create(b, word, shift), createScalar(b, i32, (1 << bits) - 1));
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

Value ElementDecoder::decodeUniform(ImplicitLocOpBuilder &b, UniformAttr uniform, const Place &at) const {
  Type i32 = b.getI32Type();
  unsigned bits = uniform.getBits();
  Value code = getCode(b, at, bits);
  double constant = uniform.getZero() == ZeroKind::Midpoint && !uniform.getIsSigned() ? 1 << (bits - 1) : 0;
  if (uniform.getIsSigned()) {
    Value top = createScalar(b, i32, 1 << (bits - 1));
    code = arith::SubIOp::create(b, arith::XOrIOp::create(b, code, top), top);
  }
  Value zero;
  if (uniform.getZero() == ZeroKind::Float) {
    zero = getSharedF64(b, "zeros", at);
  } else if (uniform.getZero() == ZeroKind::Integer) {
    Value stored = getShared(b, "zeros", at);
    Value wide = uniform.getIsSigned() ? Value(arith::ExtSIOp::create(b, i32, stored))
                                       : Value(arith::ExtUIOp::create(b, i32, stored));
    zero = toF64(b, wide);
  } else {
    zero = createScalar(b, b.getF64Type(), constant);
  }
  Value steps = arith::SubFOp::create(b, toF64(b, code), zero);
  return arith::MulFOp::create(b, getSharedF64(b, "scales", at), steps);
}

/// `table`[index] of small integers: 3^index and its like, as a chain of selects.
static Value createPower3(ImplicitLocOpBuilder &b, Value index, unsigned count) {
  Type i32 = b.getI32Type();
  Value result = createScalar(b, i32, 1);
  for (unsigned i = 1, power = 3; i < count; ++i, power *= 3) {
    Value is = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, index, createIndex(b, i));
    result = arith::SelectOp::create(b, is, createScalar(b, i32, power), result);
  }
  return result;
}

Value ElementDecoder::decodeTernary(ImplicitLocOpBuilder &b, TernaryAttr ternary, const Place &at) const {
  Type i32 = b.getI32Type();
  Value digit, three = createScalar(b, i32, 3);
  auto divide = [&](Value x, int64_t by) -> Value { return arith::DivUIOp::create(b, x, createIndex(b, by)); };
  auto remainder = [&](Value x, int64_t by) -> Value { return arith::RemUIOp::create(b, x, createIndex(b, by)); };
  switch (ternary.getStorage()) {
  case TernaryStorage::TwoBit: digit = getCode(b, at, 2); break;
  case TernaryStorage::FiveInEight: {
    Value byte = getByte(b, at, divide(at.inGroup, 5));
    Value power = createPower3(b, remainder(at.inGroup, 5), 5);
    digit = arith::RemUIOp::create(b, arith::DivUIOp::create(b, byte, power), three);
    break;
  }
  case TernaryStorage::ThreeInFive: {
    int64_t nibbleBytes = llvm::divideCeil(llvm::divideCeil(ternary.getGroup(), 3), 2);
    Value triple = divide(at.inGroup, 3);
    auto shiftOut = [&](Value byte, Value places) -> Value {
      return arith::ShRUIOp::create(b, byte, arith::IndexCastOp::create(b, i32, places));
    };
    Value half = arith::MulIOp::create(b, remainder(triple, 2), createIndex(b, 4));
    Value nibble = shiftOut(getByte(b, at, divide(triple, 2)), half);
    nibble = arith::AndIOp::create(b, nibble, createScalar(b, i32, 15));
    Value signByte = arith::AddIOp::create(b, divide(triple, 8), createIndex(b, nibbleBytes));
    Value sign = shiftOut(getByte(b, at, signByte), remainder(triple, 8));
    sign = arith::AndIOp::create(b, sign, createScalar(b, i32, 1));
    // v = -|v| where the sign is set; v + 13 has the digits t + 1.
    Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, sign, createScalar(b, i32, 0));
    Value middle = createScalar(b, i32, 13);
    Value up = arith::AddIOp::create(b, middle, nibble), down = arith::SubIOp::create(b, middle, nibble);
    Value shifted = arith::SelectOp::create(b, negative, down, up);
    Value power = createPower3(b, remainder(at.inGroup, 3), 3);
    digit = arith::RemUIOp::create(b, arith::DivUIOp::create(b, shifted, power), three);
    break;
  }
  }
  Value trit = arith::SubIOp::create(b, digit, createScalar(b, i32, 1));
  return arith::MulFOp::create(b, getSharedF64(b, "scales", at), toF64(b, trit));
}

Value ElementDecoder::decodeBipolar(ImplicitLocOpBuilder &b, BipolarAttr bipolar, const Place &at) const {
  Type f64 = b.getF64Type();
  Value code = toF64(b, getCode(b, at, bipolar.getPlanes()));
  Value twice = arith::MulFOp::create(b, code, createScalar(b, f64, 2));
  Value odd = arith::SubFOp::create(b, twice, createScalar(b, f64, (1 << bipolar.getPlanes()) - 1));
  Value zeta =
      bipolar.getZeta() ? createScalar(b, f64, bipolar.getZeta().getValueAsDouble()) : getSharedF64(b, "zetas", at);
  Value sum = arith::AddFOp::create(b, odd, zeta);
  return arith::MulFOp::create(b, getSharedF64(b, "alphas", at), sum);
}

Value ElementDecoder::decodeBCQ(ImplicitLocOpBuilder &b, BCQAttr bcq, const Place &at) const {
  Type i32 = b.getI32Type();
  Value code = getCode(b, at, bcq.getPlanes()), zero = createScalar(b, i32, 0);
  Value sum = createScalar(b, b.getF64Type(), 0);
  for (unsigned plane = 0; plane < bcq.getPlanes(); ++plane) {
    Value alpha = getSharedF64(b, "alphas", at, createIndex(b, plane));
    Value bit = arith::AndIOp::create(b, code, createScalar(b, i32, 1 << plane));
    Value isSet = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bit, zero);
    Value term = arith::SelectOp::create(b, isSet, alpha, arith::NegFOp::create(b, alpha));
    sum = arith::AddFOp::create(b, sum, term);
  }
  return arith::AddFOp::create(b, sum, getSharedF64(b, "betas", at));
}

Value ElementDecoder::decodeCodebook(ImplicitLocOpBuilder &b, CodebookAttr codebook, const Place &at) const {
  Value code = arith::IndexCastOp::create(b, b.getIndexType(), getCode(b, at, codebook.getBits()));
  SmallVector<Value> indices{code};
  if (codebook.getTable() == CodebookTable::Channel)
    indices.insert(indices.begin(), at.row);
  Value entry = tensor::ExtractOp::create(b, components.lookup("table"), indices);
  Value scale = getShared(b, "scales", at);
  if (codebook.getGlobalScale()) {
    Value whole = tensor::ExtractOp::create(b, components.lookup("global_scale"), createIndex(b, 0));
    if (!scale.getType().isF32())
      scale = arith::ExtFOp::create(b, b.getF32Type(), scale);
    scale = arith::MulFOp::create(b, scale, whole);
  }
  return arith::MulFOp::create(b, toF64(b, scale), toF64(b, entry));
}

Value ElementDecoder::decode(ImplicitLocOpBuilder &b, Value row, Value column) const {
  Value group = createIndex(b, format.getGroupSize());
  Place at = {row, arith::DivUIOp::create(b, column, group), arith::RemUIOp::create(b, column, group)};
  Value value;
  if (auto uniform = dyn_cast<UniformAttr>(format))
    value = decodeUniform(b, uniform, at);
  else if (auto ternary = dyn_cast<TernaryAttr>(format))
    value = decodeTernary(b, ternary, at);
  else if (auto bipolar = dyn_cast<BipolarAttr>(format))
    value = decodeBipolar(b, bipolar, at);
  else if (auto bcq = dyn_cast<BCQAttr>(format))
    value = decodeBCQ(b, bcq, at);
  else
    value = decodeCodebook(b, cast<CodebookAttr>(format), at);
  return arith::TruncFOp::create(b, b.getF32Type(), value);
}

} // namespace lutra
