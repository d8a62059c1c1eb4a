//===- FormatPropertyTest.cpp - what holds for every simple format --------===//
//
// Random formats, shapes and values, a seed per case. What a quantizer makes verifies; its values are those of the
// formats' definitions; and nothing changes on the way from uniform to planes, BCQ, packed bytes and back.
//
//===----------------------------------------------------------------------===//
#include "RandomFormat.h"

#include "dialects/lowbit/Transforms/Passes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
class FormatPropertyTest : public testing::TestWithParam<unsigned> {
protected:
  FormatPropertyTest() : random(GetParam()), builder(&context) {
    context.loadDialect<LowbitDialect>();
    module = ModuleOp::create(builder, builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
    rows = std::uniform_int_distribution<int64_t>(1, 9)(random);
    cols = std::uniform_int_distribution<int64_t>(1, 70)(random);
  }

  /// A constant in `format` with what its quantizer makes of random values.
  WeightOp makeWeight(WeightFormatInterface format) {
    values = makeRandomValues(rows, cols, random);
    return makeWeight(format, values);
  }
  WeightOp makeWeight(WeightFormatInterface format, ArrayRef<float> from) {
    DictionaryAttr components = format.quantize(from, rows, cols);
    return WeightOp::create(builder, builder.getUnknownLoc(), WeightType::get(&context, rows, cols, format),
                            components);
  }
  WeightReader read(Value value) {
    FailureOr<WeightReader> reader = WeightReader::create(value);
    EXPECT_TRUE(succeeded(reader));
    return *reader;
  }
  Value reinterpret(Value value, WeightFormatInterface to) {
    auto op = ReinterpretOp::create(builder, value.getLoc(), cast<WeightType>(value.getType()).withFormat(to), value);
    EXPECT_TRUE(succeeded(op.verify()));
    return op;
  }
  static std::string text(WeightFormatInterface format) {
    std::string result;
    llvm::raw_string_ostream(result) << Attribute(format);
    return result;
  }

  MLIRContext context;
  std::mt19937 random;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
  int64_t rows, cols;
  std::vector<float> values;
};

uint32_t bitsOf(float value) { return llvm::bit_cast<uint32_t>(value); }
/// Half a unit in the last place of `value`.
double halfUnit(float value) { return (std::nextafter(std::fabs(value), INFINITY) - std::fabs(value)) / 2.0; }
} // namespace

INSTANTIATE_TEST_SUITE_P(Seeds, FormatPropertyTest, testing::Range(0u, 400u));

TEST_P(FormatPropertyTest, ValuesAreThoseOfTheDefinition) {
  WeightFormatInterface format = makeRandomFormat(context, random);
  SCOPED_TRACE(text(format));
  WeightOp op = makeWeight(format);
  ASSERT_TRUE(succeeded(op.verify()));
  WeightReader reader = read(op);
  Oracle oracle(op);
  auto uniform = dyn_cast<UniformAttr>(format);
  int offset = isa<TernaryAttr>(format) ? 1 : uniform && uniform.getIsSigned() ? 1 << (uniform.getBits() - 1) : 0;
  std::vector<uint8_t> row((reader.getGroup() + 7) / 8 * 8);
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k) {
      ASSERT_EQ(int(reader.code(n, k)), oracle.code(n, k) + offset) << n << ", " << k;
      ASSERT_EQ(reader.value(n, k), oracle.value(n, k)) << n << ", " << k;
    }
    for (int64_t g = 0; g < reader.getNumGroups(); ++g) {
      reader.rowCodes(n, g, row);
      for (int64_t i = 0; i < int64_t(row.size()); ++i)
        ASSERT_EQ(row[i], i < reader.getGroupLength(g) ? reader.code(n, g * reader.getGroup() + i) : 0);
    }
  }
}

TEST_P(FormatPropertyTest, PlanesKeepTheValues) {
  WeightFormatInterface format = makeRandomFormat(context, random);
  SCOPED_TRACE(text(format));
  WeightOp op = makeWeight(format);
  WeightReader before = read(op);
  Value planesValue = reinterpret(op, before.getSource().findPlanesFormat());
  WeightReader planes = read(planesValue);
  auto uniform = dyn_cast<UniformAttr>(format);
  bool rounds = uniform && uniform.getZero() == ZeroKind::Float;
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k) {
      int64_t g = k / planes.getGroup();
      ASSERT_EQ(planes.code(n, k), before.code(n, k));
      // A float zero point rounds once, in zeta. (Alphas are halves of scales: exact.)
      double bound = rounds ? std::fabs(planes.alpha(n, g)) * halfUnit(planes.zeta(n, g)) * (1 + 1e-9) : 0;
      ASSERT_NEAR(planes.value(n, k), before.value(n, k), bound) << n << ", " << k;
    }
  }
  if (planes.isBCQ())
    return;
  // As BCQ, alphas are exact multiples, and only beta = alpha zeta rounds, once.
  WeightReader bcq = read(
      reinterpret(planesValue, BCQAttr::get(&context, planes.getBits(), planes.getGroup(), format.getGranularity())));
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k) {
      int64_t g = k / planes.getGroup();
      ASSERT_EQ(bcq.code(n, k), planes.code(n, k));
      for (unsigned p = 0; p < planes.getBits(); ++p)
        ASSERT_EQ(bcq.alpha(n, g, p), std::ldexp(planes.alpha(n, g), p));
      ASSERT_NEAR(bcq.value(n, k), planes.value(n, k), halfUnit(bcq.beta(n, g)) * (1 + 1e-9));
    }
  }
}

TEST_P(FormatPropertyTest, PackingLosesNothing) {
  WeightFormatInterface format = makeRandomFormat(context, random);
  SCOPED_TRACE(text(format));
  WeightOp op = makeWeight(format);
  Value value = reinterpret(op, read(op).getSource().findPlanesFormat());
  WeightReader reader = read(value);
  if (!reader.isBCQ() && random() % 3 == 0) {
    value = reinterpret(value, BCQAttr::get(&context, reader.getBits(), reader.getGroup(), format.getGranularity()));
    reader = read(value);
  }
  bool symmetric = random() % 2;
  LayoutAttr layout = chooseLayout(reader, 1 + random() % 9, symmetric);
  auto type = cast<WeightType>(value.getType());
  auto packed = PackedAttr::get(&context, type.getFormat(), layout);
  auto pack = PackOp::create(builder, value.getLoc(), type.withFormat(packed), value);
  ASSERT_TRUE(succeeded(pack.verify()));
  std::vector<char> bytes(packed.getTotalBytes(rows, cols), '\x55');
  ASSERT_TRUE(succeeded(packWeight(pack, bytes)));
  PackedReader back(pack.getType(), bytes);
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k)
      ASSERT_EQ(back.code(n, k), reader.code(n, k));
    for (int64_t g = 0; g < reader.getNumGroups(); ++g) {
      for (unsigned p = 0; p < (reader.isBCQ() ? reader.getBits() : 1); ++p)
        ASSERT_EQ(bitsOf(back.alpha(n, g, p)), bitsOf(reader.alpha(n, g, p)));
      ASSERT_EQ(bitsOf(back.offset(n, g)), bitsOf(reader.isBCQ() ? reader.beta(n, g) : reader.zeta(n, g)));
    }
  }
  // The reader of the packed value reads through.
  WeightReader through = read(pack);
  EXPECT_EQ(through.getFormat(), reader.getFormat());
  EXPECT_EQ(through.value(rows - 1, cols - 1), reader.value(rows - 1, cols - 1));
}

TEST_P(FormatPropertyTest, CanonicalizingKeepsTheValues) {
  WeightFormatInterface format = makeRandomFormat(context, random, GetParam() % 2);
  SCOPED_TRACE(text(format));
  values = makeRandomValues(rows, cols, random);
  // Half of the weights use a part of their codes: then there is something to narrow.
  WeightOp op = makeWeight(format, values);
  if (random() % 2) {
    double factor = std::pow(0.5, random() % 4);
    for (float &value : values)
      value = static_cast<float>(value * factor);
    DictionaryAttr narrow = format.quantize(values, rows, cols);
    NamedAttrList components(op.getComponents());
    components.set("codes", narrow.get("codes"));
    op.setComponentsAttr(components.getDictionary(&context));
  }
  WeightReader before = read(op);
  Type f32 = builder.getF32Type();
  auto activations = UnrealizedConversionCastOp::create(builder, op.getLoc(),
                                                        TypeRange(RankedTensorType::get({2, cols}, f32)), ValueRange());
  auto matmul =
      MatmulOp::create(builder, op.getLoc(), RankedTensorType::get({2, rows}, f32), activations.getResult(0), op);
  PassManager pm(&context, ModuleOp::getOperationName());
  pm.addPass(createCanonicalizeWeights());
  ASSERT_TRUE(succeeded(pm.run(*module)));
  WeightReader after = read(matmul.getWeight());
  ASSERT_TRUE(isPlanesFormat(after.getFormat()));
  EXPECT_EQ(after.getFormat().getGranularity(), format.getGranularity());
  EXPECT_LE(after.getBits(), format.getCodeBits());
  auto uniform = dyn_cast<UniformAttr>(format);
  bool rounds = uniform && uniform.getZero() == ZeroKind::Float;
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k) {
      double alpha = std::fabs(after.alpha(n, k / after.getGroup())),
             zeta = std::fabs(after.zeta(n, k / after.getGroup()));
      double bound = rounds ? alpha * (zeta + (1 << format.getCodeBits())) * 0x1p-23 : 0;
      ASSERT_NEAR(after.value(n, k), before.value(n, k), bound) << n << ", " << k;
    }
  }
}

TEST_P(FormatPropertyTest, RoundsToTheNearestLevel) {
  WeightFormatInterface format = makeRandomFormat(context, random, GetParam() % 4 == 1 ? 0 : GetParam() % 4);
  SCOPED_TRACE(text(format));
  WeightOp op = makeWeight(format);
  WeightReader reader = read(op);
  auto levels = [&](int64_t n, int64_t g) {
    std::vector<double> found;
    for (unsigned q = 0; q < 1u << reader.getBits(); ++q) {
      double level = reader.isBCQ() ? reader.beta(n, g) : 0;
      for (unsigned p = 0; p < reader.getBits(); ++p) {
        double alpha = reader.isBCQ() ? reader.alpha(n, g, p) : std::ldexp(double(reader.alpha(n, g)), p);
        level += q >> p & 1 ? alpha : -alpha;
      }
      found.push_back(reader.isBCQ() ? level : level + double(reader.alpha(n, g)) * reader.zeta(n, g));
    }
    return found;
  };
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k) {
      double value = values[n * cols + k], error = std::fabs(reader.value(n, k) - value);
      for (double level : levels(n, k / reader.getGroup()))
        ASSERT_LE(error, std::fabs(level - value) + 1e-6) << n << ", " << k << " is " << value;
    }
  }
}

TEST_P(FormatPropertyTest, StoragesOfTernaryDigitsAgree) {
  auto format = cast<TernaryAttr>(makeRandomFormat(context, random, 1));
  values = makeRandomValues(rows, cols, random);
  std::vector<WeightReader> readers;
  for (TernaryStorage storage : {TernaryStorage::TwoBit, TernaryStorage::ThreeInFive, TernaryStorage::FiveInEight})
    readers.push_back(read(makeWeight(
        TernaryAttr::get(&context, format.getGroup(), storage, format.getPer(), format.getScale()), values)));
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < cols; ++k) {
      ASSERT_EQ(readers[0].value(n, k), readers[1].value(n, k)) << n << ", " << k << " group " << format.getGroup();
      ASSERT_EQ(readers[0].value(n, k), readers[2].value(n, k)) << n << ", " << k << " group " << format.getGroup();
    }
    // BitNet b1.58: digits are the values in units of the scale, rounded and clamped.
    double scale = 2.0 * readers[0].alpha(n, 0);
    for (int64_t k = 0; k < std::min(cols, format.getGroup()); ++k)
      ASSERT_EQ(readers[0].code(n, k), 1 + std::clamp(std::rint(values[n * cols + k] / scale), -1.0, 1.0));
  }
}

TEST_P(FormatPropertyTest, ConcatenatedRowsAreThoseOfTheParts) {
  WeightFormatInterface format = makeRandomFormat(context, random);
  SCOPED_TRACE(text(format));
  SmallVector<Value> parts;
  SmallVector<WeightReader> readers;
  int64_t total = 0;
  for (int i = 0; i < 3; ++i, total += rows) {
    rows = 1 + random() % 5;
    parts.push_back(makeWeight(format));
    readers.push_back(read(parts.back()));
  }
  // Parts that share one scale each have a scale per channel together.
  WeightFormatInterface whole = format;
  if (format.getGranularity() == Granularity::Tensor) {
    Type scale = format.getScaleType();
    if (auto u = dyn_cast<UniformAttr>(format))
      whole = UniformAttr::get(&context, u.getBits(), u.getGroup(), u.getZero(), u.getIsSigned(), Granularity::Channel,
                               scale);
    else if (auto t = dyn_cast<TernaryAttr>(format))
      whole = TernaryAttr::get(&context, t.getGroup(), t.getStorage(), Granularity::Channel, scale);
    else if (auto b = dyn_cast<BipolarAttr>(format))
      whole = BipolarAttr::get(&context, b.getPlanes(), b.getGroup(), b.getZeta(), Granularity::Channel, scale);
    else if (auto c = dyn_cast<BCQAttr>(format))
      whole = BCQAttr::get(&context, c.getPlanes(), c.getGroup(), Granularity::Channel, scale, c.getShiftTerms());
  }
  auto concat =
      ConcatRowsOp::create(builder, builder.getUnknownLoc(), WeightType::get(&context, total, cols, whole), parts);
  ASSERT_TRUE(succeeded(concat.verify()));
  Value planes = reinterpret(concat, read(concat).getSource().findPlanesFormat());
  WeightReader reader = read(concat), planesReader = read(planes);
  int64_t n = 0;
  for (const WeightReader &part : readers) {
    for (int64_t r = 0; r < part.getRows(); ++r, ++n) {
      for (int64_t k = 0; k < cols; ++k) {
        ASSERT_EQ(reader.code(n, k), part.code(r, k));
        ASSERT_EQ(reader.value(n, k), part.value(r, k));
        ASSERT_EQ(planesReader.code(n, k), part.code(r, k));
      }
      for (int64_t g = 0; g < part.getNumGroups(); ++g) {
        ASSERT_EQ(planesReader.alpha(n, g), part.alpha(r, g));
        if (!part.isBCQ())
          ASSERT_EQ(planesReader.zeta(n, g), part.zeta(r, g));
      }
    }
  }
  // Packed, the rows of the parts follow each other too.
  LayoutAttr layout = chooseLayout(planesReader, 4, false);
  auto type = cast<WeightType>(planes.getType());
  auto packedType = type.withFormat(PackedAttr::get(&context, type.getFormat(), layout));
  std::vector<char> bytes(cast<PackedAttr>(packedType.getFormat()).getTotalBytes(total, cols));
  ASSERT_TRUE(succeeded(packWeight(planesReader, packedType, bytes, [&] { return concat.emitOpError(); })));
  PackedReader back(packedType, bytes);
  for (int64_t row = 0; row < total; ++row)
    ASSERT_EQ(back.code(row, cols - 1), reader.code(row, cols - 1));
}
