//===- RandomWeight.cpp - weights with known numbers for the tests --------===//
//
// Codes are laid out bit by bit here, the slow obvious way, as an oracle for the reader's word-level code.
//
//===----------------------------------------------------------------------===//
#include "RandomWeight.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <ostream>

using namespace mlir;
using namespace lutra::lowbit;

void lutra::lowbit::PrintTo(const WeightShape &shape, std::ostream *os) {
  *os << shape.rows << "x" << shape.cols << " bits " << shape.bits << " group " << shape.group << " zero "
      << stringifyZeroKind(shape.zero).str() << " codes from " << shape.low;
  if (shape.high >= 0)
    *os << " to " << shape.high;
}

/// A resource of `type` with the bytes of `data`.
template <typename T>
static Attribute makeResource(RankedTensorType type, ArrayRef<T> data) {
  ArrayRef<char> raw(reinterpret_cast<const char *>(data.data()), data.size() * sizeof(T));
  return DenseResourceElementsAttr::get(type, "test", HeapAsmResourceBlob::allocateAndCopyWithAlign(raw, 64));
}

RandomWeight::RandomWeight(MLIRContext &context, WeightShape shape, unsigned seed)
    : shape(shape), groups((shape.cols + shape.group - 1) / shape.group),
      module(ModuleOp::create(UnknownLoc::get(&context))), builder(module->getBodyRegion()) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> anyCode(shape.low, shape.high < 0 ? (1 << shape.bits) - 1 : shape.high),
      anyByte(0, 255);
  std::normal_distribution<float> anyScale(0.0f, 0.05f);
  std::uniform_real_distribution<float> anyZero(-1.0f, static_cast<float>(1 << shape.bits));
  int64_t codeBytes = (shape.group * shape.bits + 7) / 8, numGroups = shape.rows * groups;

  codes.resize(shape.rows * shape.cols);
  for (uint8_t &code : codes)
    code = static_cast<uint8_t>(anyCode(random));
  std::vector<uint8_t> raw(numGroups * codeBytes);
  for (uint8_t &byte : raw)
    byte = static_cast<uint8_t>(anyByte(random));
  for (int64_t n = 0; n < shape.rows; ++n) {
    for (int64_t k = 0; k < shape.cols; ++k) {
      for (unsigned bit = 0; bit < shape.bits; ++bit) {
        int64_t at = (k % shape.group) * shape.bits + bit;
        uint8_t &byte = raw[(n * groups + k / shape.group) * codeBytes + at / 8];
        byte = static_cast<uint8_t>((byte & ~(1 << at % 8)) | ((code(n, k) >> bit & 1) << at % 8));
      }
    }
  }

  Type f32 = builder.getF32Type(), i8 = builder.getI8Type();
  NamedAttrList components;
  components.set("codes", makeResource<uint8_t>(RankedTensorType::get({shape.rows, groups, codeBytes}, i8), raw));
  for (int64_t i = 0; i < numGroups; ++i)
    scales.push_back(anyScale(random));
  components.set("scales", makeResource<float>(RankedTensorType::get({shape.rows, groups}, f32), scales));
  std::vector<uint8_t> integers;
  for (int64_t i = 0; i < numGroups; ++i) {
    switch (shape.zero) {
    case ZeroKind::Midpoint:
      zeros.push_back(static_cast<float>(1 << (shape.bits - 1)));
      break;
    case ZeroKind::Integer:
      integers.push_back(static_cast<uint8_t>(anyCode(random)));
      zeros.push_back(integers.back());
      break;
    case ZeroKind::Float:
      zeros.push_back(anyZero(random));
      break;
    case ZeroKind::None:
      zeros.push_back(0);
      break;
    }
  }
  if (shape.zero == ZeroKind::Integer)
    components.set("zeros", makeResource<uint8_t>(RankedTensorType::get({shape.rows, groups}, i8), integers));
  if (shape.zero == ZeroKind::Float)
    components.set("zeros", makeResource<float>(RankedTensorType::get({shape.rows, groups}, f32), zeros));
  auto format = UniformAttr::get(&context, shape.bits, shape.group, shape.zero);
  auto type = WeightType::get(&context, shape.rows, shape.cols, format);
  uniform = WeightOp::create(builder, builder.getUnknownLoc(), type, components.getDictionary(&context));
}

MatmulOp RandomWeight::makeMatmul(Value value) {
  Type f32 = builder.getF32Type();
  auto activations = UnrealizedConversionCastOp::create(
      builder, value.getLoc(), TypeRange(RankedTensorType::get({2, shape.cols}, f32)), ValueRange());
  return MatmulOp::create(builder, value.getLoc(), RankedTensorType::get({2, shape.rows}, f32),
                          activations.getResult(0), value);
}

Value RandomWeight::makeBipolar(std::optional<float> zeta) {
  FloatAttr constant = zeta ? builder.getF32FloatAttr(*zeta) : FloatAttr();
  auto format = BipolarAttr::get(builder.getContext(), shape.bits, shape.group, constant);
  return ReinterpretOp::create(builder, uniform.getLoc(), cast<WeightType>(uniform.getType()).withFormat(format),
                               uniform);
}

Value RandomWeight::makeBCQ(Value value) {
  auto format = BCQAttr::get(builder.getContext(), shape.bits, shape.group);
  return ReinterpretOp::create(builder, value.getLoc(), cast<WeightType>(value.getType()).withFormat(format), value);
}

PackOp RandomWeight::makePack(Value value, LayoutAttr layout) {
  auto type = cast<WeightType>(value.getType());
  auto format = PackedAttr::get(builder.getContext(), type.getFormat(), layout);
  return PackOp::create(builder, value.getLoc(), type.withFormat(format), value);
}

std::vector<WeightShape> lutra::lowbit::getTestShapes() {
  std::vector<WeightShape> shapes;
  // Rows and columns that divide nothing; groups that are no multiple of 8, or of the bytes that codes fill.
  for (unsigned bits = 1; bits <= 8; ++bits)
    for (ZeroKind zero : {ZeroKind::Midpoint, ZeroKind::Integer, ZeroKind::Float, ZeroKind::None})
      for (auto [rows, cols, group] : {std::tuple<int64_t, int64_t, int64_t>{5, 264, 32},
                                       {131, 50, 16},
                                       {3, 37, 7},
                                       {64, 64, 64},
                                       {1, 3, 4},
                                       {66, 29, 12}})
        shapes.push_back({rows, cols, group, bits, zero});
  return shapes;
}
