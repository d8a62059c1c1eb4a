//===- WeightSource.cpp - elements, views and chains of weights -----------===//
//
// See WeightSource.h. Formulas: docs/spec/numerics.md, "Weights".
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/WeightSource.h"
#include "dialects/lowbit/IR/Weights.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lutra::lowbit;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

FailureOr<ComponentElements> ComponentElements::bind(WeightOp op, StringRef name) {
  auto elements = dyn_cast_if_present<ElementsAttr>(op.getComponents().get(name));
  if (!elements)
    return op.emitOpError() << "has no component '" << name << "'";
  ComponentElements result;
  Type type = elements.getElementType();
  auto kind = llvm::TypeSwitch<Type, std::optional<Kind>>(type)
                  .Case<Float32Type>([](auto) { return Kind::F32; })
                  .Case<Float16Type>([](auto) { return Kind::F16; })
                  .Case<BFloat16Type>([](auto) { return Kind::BF16; })
                  .Case<Float8E8M0FNUType>([](auto) { return Kind::E8M0; })
                  .Case<Float8E4M3FNType>([](auto) { return Kind::E4M3; })
                  .Default([](Type type) -> std::optional<Kind> {
                    if (type.isInteger(8))
                      return Kind::Byte;
                    return type.isInteger(32) ? std::optional(Kind::Int32) : std::nullopt;
                  });
  if (!kind)
    return op.emitOpError() << "component '" << name << "' has elements of " << type
                            << ", which the evaluator cannot read";
  result.kind = *kind;
  int64_t width = type.getIntOrFloatBitWidth() / 8;
  result.count = elements.getNumElements();
  result.stride = width;
  ArrayRef<char> raw;
  if (auto dense = dyn_cast<DenseIntOrFPElementsAttr>(elements)) {
    raw = dense.getRawData();
    if (dense.isSplat()) {
      result.stride = 0;
      result.data = raw.data();
      return result;
    }
  } else if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return op.emitOpError() << "component '" << name << "': the resource '" << resource.getRawHandle().getKey()
                              << "' has no data; give it in the file's dialect_resources section";
    raw = blob->getData();
  }
  if (static_cast<int64_t>(raw.size()) != result.count * width)
    return op.emitOpError() << "component '" << name << "' needs " << result.count * width
                            << " bytes, but its data has " << raw.size();
  result.data = raw.data();
  return result;
}

/// OCP 8-bit float: 4 bits of exponent (bias 7), 3 of mantissa, no infinities.
static float fromE4M3(uint8_t bits) {
  unsigned exponent = bits >> 3 & 15, mantissa = bits & 7;
  float magnitude;
  if (exponent == 15 && mantissa == 7)
    magnitude = std::numeric_limits<float>::quiet_NaN();
  else if (exponent == 0)
    magnitude = static_cast<float>(mantissa) * 0x1p-9f;
  else
    magnitude = llvm::bit_cast<float>((exponent + 120) << 23 | mantissa << 20);
  return bits & 0x80 ? -magnitude : magnitude;
}

/// A power of two, 2^(bits - 127), or NaN.
static float fromE8M0(uint8_t bits) {
  if (bits == 0)
    return 0x1p-127f;
  return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : llvm::bit_cast<float>(uint32_t(bits) << 23);
}

float ComponentElements::convert(int64_t index) const {
  const char *at = data + index * stride;
  uint16_t half;
  switch (kind) {
  case Kind::F16: std::memcpy(&half, at, 2); return fromF16Bits(half);
  case Kind::BF16: std::memcpy(&half, at, 2); return llvm::bit_cast<float>(uint32_t(half) << 16);
  case Kind::E8M0: return fromE8M0(static_cast<uint8_t>(*at));
  case Kind::E4M3: return fromE4M3(static_cast<uint8_t>(*at));
  case Kind::Byte:
  case Kind::Int32:
  case Kind::F32: break;
  }
  llvm_unreachable("not elements of a narrow float type");
}

bool ComponentElements::allEqual() const {
  for (int64_t i = 1; stride != 0 && i < count; ++i)
    if (std::memcmp(data, data + i * stride, stride) != 0)
      return false;
  return true;
}

FailureOr<SharedElements> SharedElements::bind(WeightOp op, StringRef name, int64_t inner) {
  FailureOr<ComponentElements> elements = ComponentElements::bind(op, name);
  if (failed(elements))
    return failure();
  SharedElements result;
  result.elements = *elements;
  Granularity per = op.getType().getFormat().getGranularity();
  if (per == Granularity::Group)
    result.groupStride = inner;
  if (per != Granularity::Tensor)
    result.rowStride = (per == Granularity::Group ? op.getType().getNumGroups() : 1) * inner;
  return result;
}

FailureOr<StoredCodes> StoredCodes::bind(WeightOp op, unsigned bits) {
  FailureOr<ComponentElements> elements = ComponentElements::bind(op, "codes");
  if (failed(elements))
    return failure();
  StoredCodes result;
  result.begin = elements->getData();
  if (elements->isSplat())
    result.splat.fill(*result.begin);
  else
    result.end = result.begin + elements->size();
  result.groups = op.getType().getNumGroups();
  result.groupBytes = llvm::divideCeil(op.getType().getGroup() * bits, 8);
  result.bits = bits;
  result.four = bits == 8 ? 0xffffffffu : (uint64_t(1) << (4 * bits)) - 1;
  result.two = ((uint64_t(1) << (2 * bits)) - 1) * 0x0000000100000001u;
  result.one = ((uint64_t(1) << bits) - 1) * 0x0001000100010001u;
  return result;
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

WeightSource::WeightSource(WeightType type)
    : format(type.getUnpackedFormat()), rows(type.getRows()), cols(type.getCols()), group(type.getGroup()),
      groups(type.getNumGroups()), bits(type.getBits()) {}

WeightSource::WeightSource(const WeightSource &shape, WeightFormatInterface format)
    : format(format), rows(shape.rows), cols(shape.cols), group(format.getGroupSize()),
      groups(llvm::divideCeil(cols, group)), bits(format.getCodeBits()) {}

float WeightSource::alpha(int64_t, int64_t, unsigned) const { llvm_unreachable("a weight without planes"); }
double WeightSource::sumPlanes(int64_t n, int64_t k) const {
  int64_t g = k / group;
  uint8_t q = code(n, k);
  double sum = 0;
  for (unsigned p = 0; p < bits; ++p)
    sum += (q >> p & 1) ? double(alpha(n, g, p)) : -double(alpha(n, g, p));
  return sum + double(beta(n, g));
}

float WeightSource::zeta(int64_t, int64_t) const { llvm_unreachable("a weight without planes, or with betas"); }

WeightSourcePtr WeightSource::create(Value weight) {
  if (!isa<WeightType>(weight.getType())) {
    emitError(weight.getLoc()) << "expected a !lowbit.weight value, but found " << weight.getType();
    return nullptr;
  }
  if (auto op = weight.getDefiningOp<WeightValueOpInterface>())
    return op.createSource();
  emitError(weight.getLoc())
      << "the weight must be a constant: a lowbit.weight through lowbit.reinterpret, lowbit.pack "
         "and other ops from weight to weight only";
  return nullptr;
}

bool lutra::lowbit::isConstantWeight(Value weight) {
  if (!isa<WeightType>(weight.getType()))
    return false;
  Operation *op = weight.getDefiningOp();
  return isa_and_present<WeightValueOpInterface>(op) && llvm::all_of(op->getOperands(), isConstantWeight);
}

WeightFormatInterface WeightSource::findPlanesFormat() const {
  WeightFormatInterface planes = format.getPlanesFormat();
  auto bipolar = dyn_cast_if_present<BipolarAttr>(planes);
  if (planes == format || !bipolar || bipolar.getZeta() || !hasPlanes())
    return planes;
  std::optional<float> zeta = findConstantZeta();
  if (!zeta)
    return planes;
  return BipolarAttr::get(format.getContext(), bipolar.getPlanes(), bipolar.getGroup(),
                          Builder(format.getContext()).getF32FloatAttr(*zeta), bipolar.getPer(), bipolar.getScale());
}

namespace {
/// Planes of another source: the same codes and alphas.
class PlanesView : public WeightSource {
public:
  PlanesView(WeightSourcePtr inner, WeightFormatInterface to) : WeightSource(*inner, to), inner(std::move(inner)) {}
  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override { return inner->octetCodes(n, g, octet); }
  bool hasPlanes() const override { return true; }
  float alpha(int64_t n, int64_t g, unsigned) const override { return inner->alpha(n, g, 0); }

protected:
  WeightSourcePtr inner;
};

/// A source with planes as bipolar ones, with a zeta that is constant when the format says so.
class BipolarView final : public PlanesView {
public:
  BipolarView(WeightSourcePtr inner, BipolarAttr to) : PlanesView(std::move(inner), to) {
    if (to.getZeta())
      constant = to.getZeta().getValue().convertToFloat();
  }
  float zeta(int64_t n, int64_t g) const override { return constant ? *constant : inner->zeta(n, g); }
  std::optional<float> findConstantZeta() const override { return constant ? constant : inner->findConstantZeta(); }
  double value(int64_t n, int64_t k) const override {
    int64_t g = k / group;
    return double(alpha(n, g, 0)) * (2.0 * code(n, k) - double((1u << bits) - 1) + double(zeta(n, g)));
  }

private:
  std::optional<float> constant;
};

/// Bipolar planes as BCQ: alpha_p = 2^p alpha, beta = alpha zeta.
class BCQView final : public PlanesView {
public:
  using PlanesView::PlanesView;
  float alpha(int64_t n, int64_t g, unsigned p) const override {
    return inner->alpha(n, g, 0) * static_cast<float>(1u << p);
  }
  float beta(int64_t n, int64_t g) const override { return inner->beta(n, g); }
  double value(int64_t n, int64_t k) const override { return sumPlanes(n, k); }
};

/// Weights one below the other.
class ConcatSource final : public WeightSource {
public:
  ConcatSource(WeightType type, std::vector<WeightSourcePtr> parts) : WeightSource(type), parts(std::move(parts)) {
    int64_t end = 0;
    for (const WeightSourcePtr &part : this->parts)
      ends.push_back(end += part->getRows());
  }
  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override {
    const WeightSource &part = find(n);
    return part.octetCodes(n, g, octet);
  }
  double value(int64_t n, int64_t k) const override {
    const WeightSource &part = find(n);
    return part.value(n, k);
  }
  bool hasPlanes() const override {
    return llvm::all_of(parts, [](const WeightSourcePtr &part) { return part->hasPlanes(); });
  }
  float alpha(int64_t n, int64_t g, unsigned p) const override {
    const WeightSource &part = find(n);
    return part.alpha(n, g, p);
  }
  float zeta(int64_t n, int64_t g) const override {
    const WeightSource &part = find(n);
    return part.zeta(n, g);
  }
  float beta(int64_t n, int64_t g) const override {
    const WeightSource &part = find(n);
    return part.beta(n, g);
  }
  std::optional<float> findConstantZeta() const override {
    std::optional<float> first = parts.front()->findConstantZeta();
    for (const WeightSourcePtr &part : parts)
      if (!first || part->findConstantZeta() != first)
        return std::nullopt;
    return first;
  }

private:
  /// The part that has row `n`, which becomes that of the part.
  const WeightSource &find(int64_t &n) const {
    size_t part = 0;
    while (n >= ends[part])
      ++part;
    if (part > 0)
      n -= ends[part - 1];
    return *parts[part];
  }

  std::vector<WeightSourcePtr> parts;
  SmallVector<int64_t> ends;
};
} // namespace

WeightSourcePtr lutra::lowbit::concatSources(WeightType type, std::vector<WeightSourcePtr> parts) {
  return std::make_shared<ConcatSource>(type, std::move(parts));
}

WeightSourcePtr WeightSource::reinterpret(WeightSourcePtr self, WeightFormatInterface to, EmitErrorFn emitError) const {
  if (to == format)
    return self;
  if (!hasPlanes() || !isPlanesFormat(to)) {
    emitError() << "the evaluator cannot read a weight in " << format << " as " << to;
    return nullptr;
  }
  if (isa<BCQAttr>(to))
    return std::make_shared<BCQView>(std::move(self), to);
  auto bipolar = cast<BipolarAttr>(to);
  if (bipolar.getZeta()) {
    float stated = bipolar.getZeta().getValue().convertToFloat();
    std::optional<float> found = findConstantZeta();
    if (!found || *found != stated) {
      emitError() << "the format states a constant zeta of " << stated << ", but the zero points do not all give it";
      return nullptr;
    }
  }
  return std::make_shared<BipolarView>(std::move(self), bipolar);
}
