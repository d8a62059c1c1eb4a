//===- Weights.cpp - reading constant weights -----------------------------===//
//
// See Weights.h. Formulas: docs/spec/numerics.md, "Weights".
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace mlir;
using namespace lutra::lowbit;

//===----------------------------------------------------------------------===//
// Words of codes
//===----------------------------------------------------------------------===//

/// Spreads 8 codes of `bits` bits to 8 bytes, halving three times: 4+4, 2+2, 1+1.
static uint64_t spreadCodes(uint64_t word, unsigned bits) {
  uint64_t four = (uint64_t(1) << (4 * bits)) - 1;
  uint64_t two = ((uint64_t(1) << (2 * bits)) - 1) * 0x0000000100000001u;
  uint64_t one = ((uint64_t(1) << bits) - 1) * 0x0001000100010001u;
  word = (word & four) | (((word >> (4 * bits)) & four) << 32);
  word = (word & two) | (((word >> (2 * bits)) & two) << 16);
  return (word & one) | (((word >> bits) & one) << 8);
}

uint64_t WeightReader::octetCodes(int64_t n, int64_t g, int64_t octet) const {
  int64_t valid = getGroupLength(g) - 8 * octet;
  if (valid <= 0)
    return 0;
  const char *at = codes.stride == 0 ? splatCodes.data() : codes.data + (n * groups + g) * codeBytes + octet * bits;
  uint64_t word = 0;
  // One load of 8 bytes where the data goes that far: what lies past the octet is masked off.
  if (codes.stride == 0 || codesEnd - at >= 8)
    std::memcpy(&word, at, 8);
  else
    std::memcpy(&word, at, codesEnd - at);
  word = spreadCodes(word, bits);
  return valid >= 8 ? word : word & ((uint64_t(1) << (8 * valid)) - 1);
}

uint8_t WeightReader::code(int64_t n, int64_t k) const {
  int64_t inGroup = k % group;
  return static_cast<uint8_t>(octetCodes(n, k / group, inGroup / 8) >> (inGroup % 8 * 8));
}

void WeightReader::rowCodes(int64_t n, int64_t g, MutableArrayRef<uint8_t> out) const {
  int64_t size = out.size();
  assert(size >= group && "room for one group");
  int64_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word = octetCodes(n, g, at / 8);
    std::memcpy(out.data() + at, &word, 8);
  }
  if (at < size) {
    uint64_t word = octetCodes(n, g, at / 8);
    std::memcpy(out.data() + at, &word, size - at);
  }
}

//===----------------------------------------------------------------------===//
// Binding to the IR
//===----------------------------------------------------------------------===//

float WeightReader::Elements::f32(int64_t index) const {
  float value;
  std::memcpy(&value, data + index * stride, sizeof(value));
  return value;
}

FailureOr<WeightReader::Elements> WeightReader::bindElements(WeightOp op, StringRef name, int64_t count) {
  Attribute attr = op.getComponents().get(name);
  auto elements = dyn_cast_if_present<ElementsAttr>(attr);
  if (!elements)
    return op.emitOpError() << "has no component '" << name << "'";
  int64_t width = elements.getElementType().getIntOrFloatBitWidth() / 8;
  ArrayRef<char> raw;
  if (auto dense = dyn_cast<DenseIntOrFPElementsAttr>(attr)) {
    raw = dense.getRawData();
    if (dense.isSplat())
      return Elements{raw.data(), 0};
  } else if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return op.emitOpError() << "component '" << name << "': the resource '" << resource.getRawHandle().getKey()
                              << "' has no data; give it in the file's dialect_resources section";
    raw = blob->getData();
  }
  if (static_cast<int64_t>(raw.size()) != count * width)
    return op.emitOpError() << "component '" << name << "' needs " << count * width << " bytes, but its data has "
                            << raw.size();
  return Elements{raw.data(), width};
}

LogicalResult WeightReader::bind(WeightOp op) {
  WeightType type = op.getType();
  baseFormat = type.getFormat();
  rows = type.getRows();
  cols = type.getCols();
  group = type.getGroup();
  groups = type.getNumGroups();
  bits = type.getBits();
  codeBytes = (group * bits + 7) / 8;
  StringRef alphasName = "alphas", offsetsName;
  int64_t numAlphas = rows * groups;
  if (auto uniform = dyn_cast<UniformAttr>(baseFormat)) {
    alphasName = "scales";
    baseForm = Form::Uniform;
    zero = uniform.getZero();
    if (zero != ZeroKind::Midpoint)
      offsetsName = "zeros";
  } else if (auto bipolar = dyn_cast<BipolarAttr>(baseFormat)) {
    baseForm = Form::Bipolar;
    if (!bipolar.getZeta())
      offsetsName = "zetas";
  } else if (isa<BCQAttr>(baseFormat)) {
    baseForm = Form::BCQ;
    numAlphas *= bits;
    offsetsName = "betas";
  } else {
    return op.emitOpError() << "has the format " << baseFormat << ", which the evaluator cannot read; expected "
                            << "#lowbit.uniform, #lowbit.bipolar or #lowbit.bcq";
  }
  FailureOr<Elements> codesOr = bindElements(op, "codes", rows * groups * codeBytes);
  FailureOr<Elements> alphasOr = bindElements(op, alphasName, numAlphas);
  if (failed(codesOr) || failed(alphasOr))
    return failure();
  codes = *codesOr;
  alphas = *alphasOr;
  if (codes.stride != 0)
    codesEnd = codes.data + rows * groups * codeBytes;
  if (codes.stride == 0)
    splatCodes.fill(codes.data[0]);
  if (!offsetsName.empty()) {
    FailureOr<Elements> offsetsOr = bindElements(op, offsetsName, rows * groups);
    if (failed(offsetsOr))
      return failure();
    offsets = *offsetsOr;
  }
  return success();
}

FailureOr<WeightReader> WeightReader::create(Value weight) {
  auto type = dyn_cast<WeightType>(weight.getType());
  if (!type)
    return emitError(weight.getLoc()) << "expected a !lowbit.weight value, but found " << weight.getType();
  // Down the chain to the constant, and back up with the constant zeta that the steps state.
  Value value = weight;
  BipolarAttr lastBipolar;
  while (true) {
    if (auto bipolar = dyn_cast<BipolarAttr>(cast<WeightType>(value.getType()).getUnpackedFormat());
        bipolar && (!lastBipolar || bipolar.getZeta()))
      lastBipolar = bipolar;
    Operation *op = value.getDefiningOp();
    if (auto reinterpret = dyn_cast_if_present<ReinterpretOp>(op))
      value = reinterpret.getSource();
    else if (auto pack = dyn_cast_if_present<PackOp>(op))
      value = pack.getSource();
    else
      break;
  }
  auto constant = value.getDefiningOp<WeightOp>();
  if (!constant)
    return emitError(weight.getLoc())
           << "the weight must be a constant: a lowbit.weight through lowbit.reinterpret and "
              "lowbit.pack only";
  WeightReader reader;
  if (failed(reader.bind(constant)))
    return failure();
  reader.format = type.getUnpackedFormat();
  if (isa<UniformAttr>(reader.format))
    reader.form = Form::Uniform;
  else
    reader.form = isa<BCQAttr>(reader.format) ? Form::BCQ : Form::Bipolar;
  if (lastBipolar && lastBipolar.getZeta()) {
    float stated = lastBipolar.getZeta().getValue().convertToFloat();
    bool isBase = reader.baseForm == Form::Bipolar && !reader.offsets.data;
    if (!isBase) {
      std::optional<float> found = reader.findConstantZeta();
      if (!found || *found != stated)
        return emitError(weight.getLoc())
               << "the format states a constant zeta of " << stated << ", but the zero points do not all give it";
    }
    reader.constantZeta = stated;
  }
  return reader;
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

double WeightReader::zeroPoint(int64_t n, int64_t g) const {
  switch (zero) {
  case ZeroKind::Midpoint:
    return uint64_t(1) << (bits - 1);
  case ZeroKind::Integer:
    return offsets.u8(n * groups + g);
  case ZeroKind::Float:
    return offsets.f32(n * groups + g);
  }
  llvm_unreachable("a zero kind");
}

float WeightReader::derivedZeta(int64_t n, int64_t g) const {
  if (baseForm == Form::Bipolar)
    return offsets.f32(n * groups + g);
  return static_cast<float>(double((1u << bits) - 1) - 2.0 * zeroPoint(n, g));
}

float WeightReader::alpha(int64_t n, int64_t g, unsigned p) const {
  int64_t at = n * groups + g;
  if (baseForm == Form::BCQ)
    return alphas.f32(at * bits + p);
  float alpha = baseForm == Form::Uniform ? alphas.f32(at) * 0.5f : alphas.f32(at);
  return form == Form::BCQ ? alpha * static_cast<float>(1u << p) : alpha;
}

float WeightReader::zeta(int64_t n, int64_t g) const {
  assert(form != Form::BCQ && "a BCQ weight has betas");
  return constantZeta ? *constantZeta : derivedZeta(n, g);
}

float WeightReader::beta(int64_t n, int64_t g) const {
  if (baseForm == Form::BCQ)
    return offsets.f32(n * groups + g);
  // Plane 0's alpha is the bipolar alpha.
  return alpha(n, g, 0) * (constantZeta ? *constantZeta : derivedZeta(n, g));
}

double WeightReader::value(int64_t n, int64_t k) const {
  int64_t g = k / group;
  unsigned q = code(n, k);
  if (form == Form::Uniform)
    return double(alphas.f32(n * groups + g)) * (q - zeroPoint(n, g));
  if (form == Form::Bipolar)
    return double(alpha(n, g)) * (2.0 * q - double((1u << bits) - 1) + double(zeta(n, g)));
  double sum = 0;
  for (unsigned p = 0; p < bits; ++p)
    sum += (q >> p & 1) ? double(alpha(n, g, p)) : -double(alpha(n, g, p));
  return sum + double(beta(n, g));
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

std::optional<float> WeightReader::findConstantZeta() const {
  if (baseForm == Form::BCQ)
    return std::nullopt;
  if (constantZeta)
    return constantZeta;
  float first = derivedZeta(0, 0);
  if (!offsets.data || offsets.stride == 0)
    return first;
  // The same bits everywhere: stricter than equal values only for NaN and signed zeros, which then stay per group.
  for (int64_t at = 1, count = rows * groups; at < count; ++at)
    if (std::memcmp(offsets.data, offsets.data + at * offsets.stride, offsets.stride) != 0)
      return std::nullopt;
  return first;
}

std::pair<uint8_t, uint8_t> WeightReader::findCodeRange() const {
  uint8_t low = 255, high = 0;
  std::vector<uint8_t> buffer((group + 7) / 8 * 8);
  const uint8_t most = static_cast<uint8_t>((1u << bits) - 1);
  const bool wholeBytes = bits == 8 && codes.stride != 0;
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t g = 0; g < groups; ++g) {
      const uint8_t *row = buffer.data();
      if (wholeBytes)
        row = reinterpret_cast<const uint8_t *>(codes.data) + (n * groups + g) * codeBytes;
      else
        rowCodes(n, g, buffer);
      for (int64_t i = 0, length = getGroupLength(g); i < length; ++i) {
        low = std::min(low, row[i]);
        high = std::max(high, row[i]);
      }
    }
    // Most weights use every code: their first rows show it.
    if (low == 0 && high == most)
      break;
  }
  return {low, high};
}
