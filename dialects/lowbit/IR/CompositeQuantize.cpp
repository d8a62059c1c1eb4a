//===- CompositeQuantize.cpp - reference quantizers, round to nearest -----===//
//
// What makes weights in codebook, nested, mixed and outlier formats from floats. Simple rules that a reader can check,
// for tests and examples; a model's own quantizer knows better which channels matter.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Codebooks.h"
#include "dialects/lowbit/IR/Composite.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// A row-major matrix of floats.
struct Matrix {
  ArrayRef<float> values;
  int64_t rows, cols;
  float at(int64_t n, int64_t k) const { return values[n * cols + k]; }
};
} // namespace

template <typename T>
static Attribute makeElements(RankedTensorType type, const std::vector<T> &values) {
  ArrayRef<char> raw(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
  return DenseElementsAttr::getFromRawBuffer(type, raw);
}

/// `value` rounded to a float type, and its bits there. Finite values saturate.
static std::pair<float, uint32_t> roundTo(FloatType type, double value) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  double largest = llvm::APFloat::getLargest(semantics).convertToDouble();
  llvm::APFloat number(std::clamp(value, isa<Float8E8M0FNUType>(type) ? 0.0 : -largest, largest));
  bool losesInfo;
  number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  uint32_t bits = static_cast<uint32_t>(number.bitcastToAPInt().getZExtValue());
  return {number.convertToFloat(), bits};
}

/// Floats as elements of a narrower (or the same) float type; each is replaced by what it is rounded to.
static Attribute makeRounded(RankedTensorType type, MutableArrayRef<float> values) {
  auto element = cast<FloatType>(type.getElementType());
  int64_t width = element.getWidth() / 8;
  std::vector<char> raw(values.size() * width);
  for (auto [i, value] : llvm::enumerate(values)) {
    auto [rounded, bits] = roundTo(element, value);
    value = rounded;
    std::memcpy(raw.data() + i * width, &bits, width); // Little endian, as everywhere.
  }
  return makeElements(type, raw);
}

//===----------------------------------------------------------------------===//
// Codebooks
//===----------------------------------------------------------------------===//

/// The entry of `table` nearest to `value`; of two, the first.
static uint8_t findNearest(ArrayRef<float> table, double value) {
  unsigned best = 0;
  for (unsigned q = 1; q < table.size(); ++q)
    if (std::fabs(value - table[q]) < std::fabs(value - table[best]))
      best = q;
  return static_cast<uint8_t>(best);
}

/// 2^bits entries from values: the means of equally full buckets of them, ascending. The buckets of fewer bits are
/// unions of these, so a code's upper bits are the code there.
static std::vector<float> makeTable(std::vector<double> values, unsigned bits) {
  llvm::sort(values);
  size_t entries = size_t(1) << bits, count = values.size();
  std::vector<float> table;
  for (size_t q = 0; q < entries; ++q) {
    size_t begin = q * count / entries, end = (q + 1) * count / entries;
    if (begin == end) {
      table.push_back(static_cast<float>(values[std::min(begin, count - 1)]));
      continue;
    }
    double sum = std::accumulate(values.begin() + begin, values.begin() + end, 0.0);
    table.push_back(static_cast<float>(sum / double(end - begin)));
  }
  return table;
}

/// One scale for each group, channel or tensor: what brings the largest magnitude of the block to that of the table.
static std::vector<float> chooseScales(CodebookAttr format, const Matrix &matrix, float largestEntry, float &global) {
  Granularity per = format.getPer();
  int64_t blockRows = per == Granularity::Tensor ? matrix.rows : 1;
  int64_t blockCols = per == Granularity::Group ? format.getGroup() : matrix.cols;
  std::vector<float> scales;
  for (int64_t n = 0; n < matrix.rows; n += blockRows) {
    for (int64_t k = 0; k < matrix.cols; k += blockCols) {
      float amax = 0;
      for (int64_t i = n; i < n + blockRows; ++i)
        for (int64_t j = k; j < std::min(matrix.cols, k + blockCols); ++j)
          amax = std::max(amax, std::fabs(matrix.at(i, j)));
      float scale = amax / largestEntry;
      // A power of two that keeps the table's exponent range (OCP microscaling): the greatest not above 2 scale.
      if (isa<Float8E8M0FNUType>(format.getScale()) && amax > 0)
        scale = std::ldexp(1.0f, std::ilogb(amax) - std::ilogb(largestEntry));
      scales.push_back(amax > 0 ? scale : 1.0f);
    }
  }
  global = 1;
  if (format.getGlobalScale()) {
    // The scales then fill the range of their type.
    float most = *std::max_element(scales.begin(), scales.end());
    if (isa<Float8E4M3FNType>(format.getScale()))
      global = most / 448.0f;
    for (float &scale : scales)
      scale /= global;
  }
  return scales;
}

/// Codes of `bits` bits as the component holds them.
static Attribute packCodes(RankedTensorType type, ArrayRef<uint8_t> codes, int64_t cols, int64_t group, unsigned bits) {
  std::vector<char> bytes(type.getNumElements());
  int64_t groups = type.getDimSize(1), groupBytes = type.getDimSize(2);
  for (auto [at, code] : llvm::enumerate(codes)) {
    int64_t n = at / cols, k = at % cols;
    int64_t bit = k % group * bits;
    char *place = bytes.data() + (n * groups + k / group) * groupBytes + bit / 8;
    unsigned shifted = unsigned(code) << (bit % 8);
    place[0] |= static_cast<char>(shifted);
    if (bit % 8 + bits > 8)
      place[1] |= static_cast<char>(shifted >> 8);
  }
  return makeElements(type, bytes);
}

/// The components of a codebook weight; with `minBits`, tables for that many bits and more under the names of a nested
/// weight.
static DictionaryAttr quantizeCodebook(CodebookAttr format, const Matrix &matrix, std::optional<unsigned> minBits) {
  MLIRContext *context = format.getContext();
  const unsigned bits = format.getBits();
  const int64_t rows = matrix.rows, cols = matrix.cols, group = format.getGroup();
  NamedAttrList components;
  llvm::SmallDenseMap<StringRef, RankedTensorType> types;
  SmallVector<ExpectedComponent> expected = format.getExpectedComponents(rows, cols);
  for (ExpectedComponent &component : expected)
    types[component.name] = component.type;

  ArrayRef<float> fixed = getFixedTable(format.getTable());
  float largest = 0;
  for (float entry : fixed)
    largest = std::max(largest, std::fabs(entry));
  float global;
  std::vector<float> scales = chooseScales(format, matrix, fixed.empty() ? 1.0f : largest, global);
  components.set("scales", makeRounded(types["scales"], scales));
  if (format.getGlobalScale())
    components.set("global_scale", makeElements(types["global_scale"], std::vector<float>{global}));

  int64_t scaleCols = types["scales"].getDimSize(1);
  auto normalized = [&](int64_t n, int64_t k) -> double {
    int64_t row = types["scales"].getDimSize(0) == 1 ? 0 : n, col = scaleCols == 1 ? 0 : k / group;
    float scale = scales[row * scaleCols + col];
    scale = format.getGlobalScale() ? scale * global : scale;
    return scale == 0 ? 0.0 : double(matrix.at(n, k)) / scale;
  };

  // Tables of their own: by row, or one.
  std::vector<float> table(fixed.begin(), fixed.end());
  std::vector<std::vector<float>> narrower(bits + 1);
  const bool perRow = format.getTable() == CodebookTable::Channel;
  if (fixed.empty()) {
    int64_t tables = perRow ? rows : 1;
    for (int64_t t = 0; t < tables; ++t) {
      std::vector<double> values;
      for (int64_t n = perRow ? t : 0; n < (perRow ? t + 1 : rows); ++n)
        for (int64_t k = 0; k < cols; ++k)
          values.push_back(normalized(n, k));
      for (unsigned b = minBits.value_or(bits); b <= bits; ++b)
        llvm::append_range(narrower[b], makeTable(values, b));
    }
    table = narrower[bits];
    for (unsigned b = minBits.value_or(bits); b <= bits; ++b) {
      SmallVector<int64_t, 2> shape;
      if (perRow)
        shape.push_back(rows);
      shape.push_back(int64_t(1) << b);
      components.set(minBits ? getNestedTableName(b) : "table",
                     makeElements(RankedTensorType::get(shape, Float32Type::get(context)), narrower[b]));
    }
  }
  std::vector<uint8_t> codes;
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t k = 0; k < cols; ++k)
      codes.push_back(findNearest(ArrayRef(table).slice(perRow ? n << bits : 0, size_t(1) << bits), normalized(n, k)));
  components.set("codes", packCodes(types["codes"], codes, cols, group, bits));
  return components.getDictionary(context);
}

DictionaryAttr CodebookAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  return quantizeCodebook(*this, {values, rows, cols}, std::nullopt);
}

//===----------------------------------------------------------------------===//
// Weights made of weights
//===----------------------------------------------------------------------===//

DictionaryAttr NestedAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  if (auto codebook = dyn_cast<CodebookAttr>(getFormat()))
    return quantizeCodebook(codebook, {values, rows, cols}, getMinBits());
  return getFormat().quantize(values, rows, cols);
}

/// The indices 0 .. count-1, those with the greatest `weight` first; equal ones in their order.
static std::vector<int64_t> orderByWeight(int64_t count, llvm::function_ref<double(int64_t)> weight) {
  std::vector<double> weights;
  for (int64_t i = 0; i < count; ++i)
    weights.push_back(weight(i));
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t a, int64_t b) { return weights[a] != weights[b] ? weights[a] > weights[b] : a < b; });
  return order;
}

/// The rows of the greatest magnitude go to the parts with the most bits.
DictionaryAttr MixedAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  std::vector<int64_t> order = orderByWeight(rows, [&](int64_t n) {
    double sum = 0;
    for (float value : values.slice(n * cols, cols))
      sum += double(value) * value;
    return sum;
  });
  std::vector<int64_t> parts =
      orderByWeight(getRows().size(), [&](int64_t part) { return getFormat(part).getCodeBits(); });
  std::vector<std::vector<int64_t>> members(parts.size());
  size_t next = 0;
  for (int64_t part : parts)
    for (int64_t i = 0; i < getRows()[part]; ++i)
      members[part].push_back(order[next++]);

  NamedAttrList components;
  std::vector<int32_t> permutation;
  for (auto [part, channels] : llvm::enumerate(members)) {
    llvm::sort(channels);
    std::vector<float> slice;
    for (int64_t n : channels) {
      permutation.push_back(static_cast<int32_t>(n));
      llvm::append_range(slice, values.slice(n * cols, cols));
    }
    DictionaryAttr own = getFormat(part).quantize(slice, channels.size(), cols);
    if (!own)
      return {};
    for (NamedAttribute component : own)
      components.set(getMixedPrefix(part) + component.getName().str(), component.getValue());
  }
  auto type = RankedTensorType::get({rows}, IntegerType::get(getContext(), 32));
  components.set("permutation", makeElements(type, permutation));
  return components.getDictionary(getContext());
}

/// The columns (or the entries of each row) of the greatest magnitude are kept. The body holds zeros there, as near as
/// it can; the outlier is what is missing.
DictionaryAttr OutliersAttr::quantize(ArrayRef<float> values, int64_t rows, int64_t cols) const {
  MLIRContext *context = getContext();
  const int64_t count = getCount();
  // The places by row, ascending.
  std::vector<int32_t> places;
  auto take = [&](std::vector<int64_t> order) {
    order.resize(count);
    llvm::sort(order);
    places.insert(places.end(), order.begin(), order.end());
  };
  if (getColumns()) {
    take(orderByWeight(cols, [&](int64_t k) {
      double sum = 0;
      for (int64_t n = 0; n < rows; ++n)
        sum += double(values[n * cols + k]) * values[n * cols + k];
      return sum;
    }));
  } else {
    for (int64_t n = 0; n < rows; ++n)
      take(orderByWeight(cols, [&](int64_t k) { return std::fabs(values[n * cols + k]); }));
  }
  auto place = [&](int64_t n, int64_t i) -> int64_t { return places[(getColumns() ? 0 : n * count) + i]; };

  std::vector<float> rest(values.begin(), values.end());
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t i = 0; i < count; ++i)
      rest[n * cols + place(n, i)] = 0;
  DictionaryAttr body = getBody().quantize(rest, rows, cols);
  if (!body)
    return {};
  OpBuilder builder(context);
  auto bodyType = WeightType::get(context, rows, cols, getBody());
  WeightOp scratch = WeightOp::create(builder, builder.getUnknownLoc(), bodyType, body);
  WeightSourcePtr source = getBody().createSource(scratch);
  scratch->erase();
  if (!source)
    return {};

  std::vector<float> kept;
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t i = 0; i < count; ++i)
      kept.push_back(static_cast<float>(values[n * cols + place(n, i)] - source->value(n, place(n, i))));
  NamedAttrList components;
  for (NamedAttribute component : body)
    components.set((kBodyPrefix + component.getName().strref()).str(), component.getValue());
  for (ExpectedComponent &component : getExpectedComponents(rows, cols)) {
    if (component.name == "columns" || component.name == "indices")
      components.set(component.name, makeElements(component.type, places));
    if (component.name == "values")
      components.set(component.name, makeRounded(component.type, kept));
  }
  return components.getDictionary(context);
}
