//===- PackWeights.cpp - weights in a target's layout ---------------------===//
//
// Tile by tile of `rows` rows, group by group: the codes, the alphas, the zetas. A code byte holds bit p of 8 consecutive
// codes: the index of table 2j in the low nibble, of table 2j+1 in the high one. CodePlaces says where it lies.
// docs/spec/numerics.md, "Packed layouts".
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/LookupTriples.h"
#include "dialects/lowbit/IR/Quotients.h"
#include "dialects/lowbit/IR/Triples.h"
#include "dialects/lowbit/IR/Weights.h"

#include "llvm/ADT/bit.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lutra::lowbit;

//===----------------------------------------------------------------------===//
// Half precision
//===----------------------------------------------------------------------===//

bool lutra::lowbit::isExactF16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint32_t mantissa = bits & 0x7fffff;
  int exponent = static_cast<int>(bits >> 23 & 0xff) - 127;
  if (exponent == 128)
    return mantissa == 0;
  if (exponent >= -14)
    return exponent <= 15 && (mantissa & 0x1fff) == 0;
  if ((bits & 0x7fffffff) == 0)
    return true;
  // A half-precision subnormal is a multiple of 2^-24.
  return exponent >= -24 && (mantissa & ((uint32_t(1) << (-1 - exponent)) - 1)) == 0;
}

uint16_t lutra::lowbit::toF16Bits(float value) {
  assert(isExactF16(value) && "only an exact value");
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint16_t sign = bits >> 16 & 0x8000;
  int exponent = static_cast<int>(bits >> 23 & 0xff) - 127;
  if (exponent == 128)
    return sign | 0x7c00;
  if (exponent >= -14)
    return sign | static_cast<uint16_t>((exponent + 15) << 10) | static_cast<uint16_t>((bits & 0x7fffff) >> 13);
  return sign | static_cast<uint16_t>(std::fabs(value) * 0x1p24f);
}

float lutra::lowbit::fromF16Bits(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 0x3ff;
  if (exponent == 0) {
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  uint32_t wide = exponent == 31 ? 0xff : exponent + 127 - 15;
  return llvm::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

/// Whether an i8 holds `value` exactly, its sign of zero included.
static bool isExactI8(float value) {
  return value >= -128.0f && value <= 127.0f && value == std::rint(value) && (value != 0 || !std::signbit(value));
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

LayoutAttr lutra::lowbit::chooseLayout(const WeightReader &reader, int64_t tileRows, bool symmetric) {
  MLIRContext *context = reader.getFormat().getContext();
  auto bipolar = dyn_cast<BipolarAttr>(reader.getFormat());
  bool hasOffsets = !bipolar || !bipolar.getZeta();
  unsigned alphasPerGroup = reader.isBCQ() ? reader.getBits() : 1;
  bool alphaF16 = true, offsetI8 = true, offsetF16 = true;
  for (int64_t n = 0; n < reader.getRows(); ++n) {
    for (int64_t g = 0; g < reader.getNumGroups(); ++g) {
      for (unsigned p = 0; alphaF16 && p < alphasPerGroup; ++p)
        alphaF16 = isExactF16(reader.alpha(n, g, p));
      if (!hasOffsets || !(offsetI8 || offsetF16))
        continue;
      float offset = reader.isBCQ() ? reader.beta(n, g) : reader.zeta(n, g);
      offsetI8 = offsetI8 && isExactI8(offset);
      offsetF16 = offsetF16 && isExactF16(offset);
    }
    if (!alphaF16 && (!hasOffsets || !(offsetI8 || offsetF16)))
      break;
  }
  Type f32 = Float32Type::get(context), f16 = Float16Type::get(context);
  Type offset;
  if (hasOffsets)
    offset = offsetI8 ? Type(IntegerType::get(context, 8)) : offsetF16 ? f16 : f32;
  return LayoutAttr::get(context, tileRows, alphaF16 ? f16 : f32, offset, symmetric);
}

SmallVector<int32_t> lutra::lowbit::findCodebook(const WeightReader &reader) {
  if (reader.isBCQ() || reader.getBits() <= kCodebookIndexBits)
    return {};
  bool seen[256] = {};
  int64_t count = 0;
  for (int64_t n = 0; n < reader.getRows(); ++n) {
    for (int64_t g = 0; g < reader.getNumGroups(); ++g) {
      const int64_t length = reader.getGroupLength(g);
      for (int64_t octet = 0; 8 * octet < length; ++octet) {
        uint64_t codes = reader.octetCodes(n, g, octet);
        for (int64_t i = 0; i < std::min<int64_t>(8, length - 8 * octet); ++i) {
          bool &isKnown = seen[codes >> (8 * i) & 0xff];
          count += !isKnown;
          isKnown = true;
        }
        if (count > kCodebookEntries)
          return {};
      }
    }
  }
  SmallVector<int32_t> result;
  for (int32_t code = 0; code < 256; ++code)
    if (seen[code])
      result.push_back(code);
  return result;
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// Stores `value` at place `index` of an array of `type`; false when it does not fit exactly.
static bool store(char *array, int64_t index, Type type, float value) {
  if (type.isF32()) {
    std::memcpy(array + index * 4, &value, 4);
    return true;
  }
  if (type.isF16()) {
    if (!isExactF16(value))
      return false;
    uint16_t bits = toF16Bits(value);
    std::memcpy(array + index * 2, &bits, 2);
    return true;
  }
  if (!isExactI8(value))
    return false;
  array[index] = static_cast<char>(static_cast<int8_t>(value));
  return true;
}

/// Bit `p` of each of the 8 bytes of `codes`, the first in bit 0. (One product gathers them: bit 8i moves to 56 + i.)
static uint8_t gatherPlane(uint64_t codes, unsigned p) {
  return static_cast<uint8_t>(((codes >> p & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
}

/// In each nibble, complements the lower three bits when the top one is set (LUT Tensor Core, eq. 6). Its own inverse.
static uint8_t complementIndices(uint8_t nibbles) {
  return static_cast<uint8_t>(nibbles ^ ((nibbles >> 3 & 0x11) * 7));
}

namespace {
/// Where the code bytes of one plane lie in a group of a tile, by pair of tables ("octet") and row.
///
/// A symmetric layout is plane-major: octets, then rows. Otherwise the planes are cut, from plane 0 up, into runs of 4, then 2,
/// then 1, and the bytes of a run's planes are neighbours, so that a machine that sums neighbouring bytes sums planes. In
/// a run of one plane, rows r and r + rows / 2 are neighbours (when `rows` is even).
class CodePlaces {
public:
  CodePlaces(const PackedAttr &packed, unsigned plane)
      : rows(packed.getLayout().getRows()), octets(getTablesPerGroup(packed.getGroupSize()) / 2) {
    unsigned first = 0, width = 1;
    const unsigned planes = packed.getCodeBits();
    if (packed.getLayout().getSymmetric()) {
      first = plane;
    } else {
      for (;; first += width) {
        unsigned left = planes - first;
        width = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        if (plane < first + width)
          break;
      }
    }
    base = first * octets * rows + (plane - first);
    octetStride = width * rows;
    rowStride = width;
    halves = width == 1 && rows % 2 == 0 && !packed.getLayout().getSymmetric();
  }

  int64_t operator()(int64_t octet, int64_t row) const {
    int64_t place = halves ? row % (rows / 2) * 2 + row / (rows / 2) : row * rowStride;
    return base + octet * octetStride + place;
  }

private:
  int64_t rows, octets, base, octetStride, rowStride;
  bool halves;
};
} // namespace

namespace {
/// Where the indices of one plane lie in a group of a tile with `quads`, by table and row: four bytes of each row for 8 / width tables, of which a byte's low
/// nibble has the first half.
class QuadPlaces {
public:
  QuadPlaces(const PackedAttr &packed, unsigned plane) : rows(packed.getLayout().getRows()) {
    const int64_t octets = getTablesPerGroup(packed.getGroupSize()) / 2;
    unsigned first = 0;
    forEachPlaneRun(packed.getCodeBits(), [&](unsigned runWidth) {
      if (plane >= first && plane < first + runWidth) {
        width = runWidth;
        offset = base + (plane - first);
      }
      base += llvm::divideCeil(octets, 4 / runWidth) * 4 * rows;
      first += runWidth;
    });
  }

  int64_t getByte(int64_t table, int64_t row) const {
    const int64_t perQuad = 8 / width;
    return offset + table / perQuad * 4 * rows + 4 * row + table % (perQuad / 2) * width;
  }
  int64_t getShift(int64_t table) const { return table % (8 / width) < 4 / width ? 0 : 4; }

private:
  int64_t rows, base = 0, offset = 0, width = 0;
};
} // namespace

namespace {
/// The codes of a layout with a codebook, as indices: the four bytes of 8 neighbouring codes of a row.
class CodebookIndices {
public:
  static std::optional<CodebookIndices> of(LayoutAttr layout) {
    if (!layout.getCodebook())
      return std::nullopt;
    CodebookIndices result;
    for (auto [index, code] : llvm::enumerate(layout.getCodebook().asArrayRef()))
      result.indices[code] = static_cast<uint8_t>(index);
    return result;
  }

  static int64_t place(int64_t octet, int64_t row, int64_t tileRows) { return 4 * (octet * tileRows + row); }

  /// Stores the first `count` of `codes`, one in each byte, and index 0 for the rest; false when one is not in the codebook.
  bool store(char *at, uint64_t codes, int64_t count) const {
    uint8_t bytes[4] = {};
    for (int64_t i = 0; i < count; ++i) {
      uint8_t index = indices[codes >> (8 * i) & 0xff];
      if (index == kNone)
        return false;
      bytes[i % 4] |= static_cast<uint8_t>(index << (i < 4 ? 0 : 4));
    }
    std::memcpy(at, bytes, sizeof(bytes));
    return true;
  }

private:
  static constexpr uint8_t kNone = 255;
  CodebookIndices() { std::fill(std::begin(indices), std::end(indices), kNone); }
  uint8_t indices[256];
};
} // namespace

namespace {
/// A group of the rows [first, first + count) of a tile, and where it goes.
struct TileGroup {
  int64_t first, count, group;
  char *data;
};

/// Packs groups of tiles, part by part: codes in one of three ways, then alphas and zetas.
class GroupPacker {
public:
  using EmitError = llvm::function_ref<InFlightDiagnostic()>;

  GroupPacker(const WeightReader &reader, PackedAttr packed, EmitError emitError)
      : reader(reader), packed(packed), layout(packed.getLayout()), indices(CodebookIndices::of(layout)), emitError(emitError),
        tileRows(layout.getRows()), octets(getTablesPerGroup(reader.getGroup()) / 2), planes(reader.getBits()) {
    for (unsigned p = 0; p < planes; ++p)
      places.emplace_back(packed, p);
  }

  LogicalResult pack(const TileGroup &tile) const {
    // Rows that pad are zeros, and triples and halves of bytes are added to zeros.
    if (tile.count < tileRows || layout.getTriples() || layout.getLookupTriples() || layout.getQuads())
      std::memset(tile.data, 0, packed.getGroupBytes());
    LogicalResult codes = layout.getTriples() || layout.getLookupTriples() ? packRowTriples(tile)
                          : indices                                                ? packIndices(tile)
                          : layout.getQuads()                                      ? packQuads(tile)
                                                                                   : packPlanes(tile);
    return failed(codes) ? codes : packNumbers(tile);
  }

private:
  LogicalResult packRowTriples(const TileGroup &tile) const {
    for (int64_t r = 0; r < tileRows; ++r) {
      auto codes = [&](int64_t octet) { return r < tile.count ? reader.octetCodes(tile.first + r, tile.group, octet) : 0; };
      const bool areTernary = layout.getTriples() ? packTriples(codes, octets, r, tile.data)
                                                  : packLookupTriples(codes, reader.getGroup(), r, layout.getQuads(), tile.data);
      if (!areTernary)
        return emitError() << "triples hold codes of 0, 1 and 2, but row " << tile.first + r << ", group " << tile.group
                           << " has another; pack it without triples";
    }
    return success();
  }

  LogicalResult packIndices(const TileGroup &tile) const {
    const int64_t length = reader.getGroupLength(tile.group);
    for (int64_t r = 0; r < tile.count; ++r)
      for (int64_t octet = 0; octet < octets; ++octet)
        if (!indices->store(tile.data + CodebookIndices::place(octet, r, tileRows), reader.octetCodes(tile.first + r, tile.group, octet),
                            std::min<int64_t>(8, length - 8 * octet)))
          return emitError() << "row " << tile.first + r << ", group " << tile.group << " has a code that is not in the layout's codebook "
                             << layout.getCodebook();
    return success();
  }

  LogicalResult packPlanes(const TileGroup &tile) const {
    const bool symmetric = layout.getSymmetric();
    for (int64_t r = 0; r < tile.count; ++r)
      for (int64_t octet = 0; octet < octets; ++octet) {
        uint64_t codes = reader.octetCodes(tile.first + r, tile.group, octet);
        for (unsigned p = 0; p < planes; ++p) {
          uint8_t byte = gatherPlane(codes, p);
          tile.data[places[p](octet, r)] = static_cast<char>(symmetric ? complementIndices(byte) : byte);
        }
      }
    return success();
  }

  LogicalResult packQuads(const TileGroup &tile) const {
    for (unsigned p = 0; p < planes; ++p) {
      const QuadPlaces place(packed, p);
      for (int64_t r = 0; r < tile.count; ++r)
        for (int64_t octet = 0; octet < octets; ++octet) {
          const uint8_t byte = gatherPlane(reader.octetCodes(tile.first + r, tile.group, octet), p);
          for (int64_t half : {0, 1})
            tile.data[place.getByte(2 * octet + half, r)] |= static_cast<char>((byte >> (4 * half) & 15) << place.getShift(2 * octet + half));
        }
    }
    return success();
  }

  LogicalResult packNumbers(const TileGroup &tile) const {
    const unsigned alphasPerGroup = reader.isBCQ() ? planes : 1;
    const Type alphaType = layout.getAlpha(), offsetType = layout.getZeta();
    char *alphas = tile.data + packed.getCodeBytes();
    char *offsets = alphas + alphasPerGroup * tileRows * alphaType.getIntOrFloatBitWidth() / 8;
    for (int64_t r = 0; r < tile.count; ++r) {
      const int64_t n = tile.first + r, g = tile.group;
      for (unsigned p = 0; p < alphasPerGroup; ++p)
        if (!store(alphas, p * tileRows + r, alphaType, reader.alpha(n, g, p)))
          return emitError() << "alpha " << reader.alpha(n, g, p) << " of row " << n << ", group " << g << " is not exact in " << alphaType
                             << "; store alphas as f32";
      if (!offsetType)
        continue;
      float offset = reader.isBCQ() ? reader.beta(n, g) : reader.zeta(n, g);
      if (layout.getQuotients()) {
        std::optional<float> quotient = findQuotient(offset, reader.alpha(n, g, 0), planes);
        if (!quotient)
          return emitError() << "zeta " << offset << " of row " << n << ", group " << g << " is no f16 quotient of its alpha "
                             << reader.alpha(n, g, 0) << "; pack it without quotients";
        offset = *quotient;
      }
      if (!store(offsets, r, offsetType, offset))
        return emitError() << (reader.isBCQ() ? "beta " : "zeta ") << offset << " of row " << n << ", group " << g << " is not exact in "
                           << offsetType << "; store it as f32";
    }
    return success();
  }

  const WeightReader &reader;
  PackedAttr packed;
  LayoutAttr layout;
  std::optional<CodebookIndices> indices;
  EmitError emitError;
  int64_t tileRows, octets;
  unsigned planes;
  SmallVector<CodePlaces, 8> places;
};
} // namespace

LogicalResult lutra::lowbit::packWeight(const WeightReader &reader, WeightType packedType, MutableArrayRef<char> out,
                                        llvm::function_ref<InFlightDiagnostic()> emitError) {
  auto packed = cast<PackedAttr>(packedType.getFormat());
  int64_t expected = packed.getTotalBytes(reader.getRows(), reader.getCols());
  if (static_cast<int64_t>(out.size()) != expected)
    return emitError() << "packs to " << expected << " bytes, but there is room for " << out.size();
  GroupPacker packer(reader, packed, emitError);
  const int64_t tileRows = packed.getLayout().getRows();
  char *data = out.data();
  for (int64_t first = 0; first < reader.getRows(); first += tileRows)
    for (int64_t g = 0; g < reader.getNumGroups(); ++g, data += packed.getGroupBytes())
      if (failed(packer.pack({first, std::min(tileRows, reader.getRows() - first), g, data})))
        return failure();
  return success();
}

LogicalResult lutra::lowbit::packWeight(PackOp op, MutableArrayRef<char> out) {
  FailureOr<WeightReader> reader = WeightReader::create(op.getSource());
  if (failed(reader))
    return failure();
  return packWeight(*reader, op.getType(), out, [&] { return op.emitOpError(); });
}

//===----------------------------------------------------------------------===//
// Reading back
//===----------------------------------------------------------------------===//

PackedReader::PackedReader(WeightType type, ArrayRef<char> bytes)
    : type(type), packed(cast<PackedAttr>(type.getFormat())), bytes(bytes) {
  assert(static_cast<int64_t>(bytes.size()) == packed.getTotalBytes(type.getRows(), type.getCols()));
}

const char *PackedReader::groupData(int64_t n, int64_t g) const {
  return bytes.data() + (n / packed.getLayout().getRows() * type.getNumGroups() + g) * packed.getGroupBytes();
}

uint8_t PackedReader::code(int64_t n, int64_t k) const {
  int64_t tileRows = packed.getLayout().getRows(), inGroup = k % type.getGroup();
  const char *group = groupData(n, k / type.getGroup());
  if (DenseI32ArrayAttr codebook = packed.getLayout().getCodebook()) {
    auto byte = static_cast<uint8_t>(group[CodebookIndices::place(inGroup / 8, n % tileRows, tileRows) + inGroup % 4]);
    size_t index = byte >> (inGroup % 8 < 4 ? 0 : 4) & (kCodebookEntries - 1);
    // What no packing made stands for nothing; any code will do.
    return static_cast<uint8_t>(codebook[std::min<size_t>(index, codebook.size() - 1)]);
  }
  if (packed.getLayout().getTriples())
    return unpackTriple(group, getTablesPerGroup(type.getGroup()) / 2, n % tileRows, inGroup);
  if (packed.getLayout().getLookupTriples())
    return unpackLookupTriple(group, type.getGroup(), n % tileRows, inGroup, packed.getLayout().getQuads());
  uint8_t code = 0;
  for (unsigned p = 0; p < type.getBits(); ++p) {
    if (packed.getLayout().getQuads()) {
      const QuadPlaces place(packed, p);
      const int64_t table = inGroup / kTableWidth;
      const auto index = static_cast<uint8_t>(static_cast<uint8_t>(group[place.getByte(table, n % tileRows)]) >> place.getShift(table));
      code |= static_cast<uint8_t>((index >> (inGroup % kTableWidth) & 1) << p);
      continue;
    }
    uint8_t byte = static_cast<uint8_t>(group[CodePlaces(packed, p)(inGroup / 8, n % tileRows)]);
    if (packed.getLayout().getSymmetric())
      byte = complementIndices(byte);
    code |= static_cast<uint8_t>((byte >> (inGroup % 8) & 1) << p);
  }
  return code;
}

/// The value at place `index` of an array of `type`.
static float load(const char *array, int64_t index, Type type) {
  if (type.isInteger(8))
    return static_cast<int8_t>(array[index]);
  if (type.isF16()) {
    uint16_t bits;
    std::memcpy(&bits, array + index * 2, 2);
    return fromF16Bits(bits);
  }
  float value;
  std::memcpy(&value, array + index * 4, 4);
  return value;
}

float PackedReader::alpha(int64_t n, int64_t g, unsigned p) const {
  LayoutAttr layout = packed.getLayout();
  return load(groupData(n, g) + packed.getCodeBytes(), p * layout.getRows() + n % layout.getRows(), layout.getAlpha());
}

float PackedReader::offset(int64_t n, int64_t g) const {
  LayoutAttr layout = packed.getLayout();
  if (!layout.getZeta())
    return cast<BipolarAttr>(packed.getFormat()).getZeta().getValue().convertToFloat();
  int64_t offsetBytes = layout.getRows() * (layout.getZeta().getIntOrFloatBitWidth() / 8);
  float stored = load(groupData(n, g) + packed.getGroupBytes() - offsetBytes, n % layout.getRows(), layout.getZeta());
  return layout.getQuotients() ? getZetaOfQuotient(stored, alpha(n, g), type.getBits()) : stored;
}
