//===- CompositeTest.cpp - codebooks, nested, mixed and outlier weights ---===//
//
// Values by an independent formula over the elements of the components; planes exact for every code; quantizers round
// to nearest. Products of these weights are tested with the interpreter.
//
//===----------------------------------------------------------------------===//
#include "RandomFormat.h"

#include "dialects/lowbit/IR/Codebooks.h"
#include "dialects/lowbit/IR/Composite.h"
#include "dialects/lowbit/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// The elements of a dense attribute as doubles.
std::vector<double> numbers(Attribute attr) {
  std::vector<double> result;
  auto elements = cast<DenseElementsAttr>(attr);
  if (isa<IntegerType>(elements.getElementType())) {
    for (APInt value : elements.getValues<APInt>())
      result.push_back(double(value.getSExtValue()));
    return result;
  }
  for (APFloat value : elements.getValues<APFloat>()) {
    bool losesInfo;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    result.push_back(value.convertToDouble());
  }
  return result;
}

class CompositeTest : public testing::Test {
protected:
  CompositeTest() : module(ModuleOp::create(UnknownLoc::get(&context))), builder(&context) {
    context.loadDialect<LowbitDialect>();
    builder.setInsertionPointToEnd(module->getBody());
  }

  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }

  /// A weight of random values in `format`.
  WeightOp quantize(WeightFormatInterface format, int64_t rows, int64_t cols) {
    std::normal_distribution<float> normal;
    values.assign(rows * cols, 0);
    for (float &value : values)
      value = normal(random);
    DictionaryAttr components = format.quantize(values, rows, cols);
    EXPECT_TRUE(components);
    auto type = WeightType::get(&context, rows, cols, format);
    auto op = WeightOp::create(builder, builder.getUnknownLoc(), type, components);
    EXPECT_TRUE(succeeded(op.verify()));
    return op;
  }

  /// Every table, granularity and type of scales.
  CodebookAttr makeCodebook(int64_t at) {
    const CodebookTable tables[] = {CodebookTable::NF4, CodebookTable::BnbFP4, CodebookTable::E2M1,
                                    CodebookTable::Tensor, CodebookTable::Channel};
    const Type scales[] = {builder.getF32Type(), builder.getF16Type(), builder.getBF16Type(),
                           Float8E8M0FNUType::get(&context), Float8E4M3FNType::get(&context)};
    CodebookTable table = tables[at % 5];
    unsigned bits = getFixedTable(table).empty() ? static_cast<unsigned>(pick(1, 8)) : 4;
    return CodebookAttr::get(&context, bits, pick(1, 40), table, static_cast<Granularity>(at / 5 % 3),
                             scales[at / 15 % 5], at % 2 == 0);
  }

  static unsigned codeOf(DictionaryAttr components, int64_t n, int64_t k, unsigned bits, int64_t group) {
    auto codes = cast<DenseElementsAttr>(components.get("codes"));
    auto type = cast<ShapedType>(codes.getType());
    int64_t first = (n * type.getDimSize(1) + k / group) * type.getDimSize(2);
    unsigned code = 0;
    for (unsigned bit = 0; bit < bits; ++bit) {
      int64_t at = k % group * bits + bit;
      uint64_t byte = (*(codes.value_begin<APInt>() + first + at / 8)).getZExtValue();
      code |= (byte >> (at % 8) & 1) << bit;
    }
    return code;
  }

  /// s T[q >> dropped] from the components, by the format's definition.
  static double codebookValue(CodebookAttr format, DictionaryAttr components, StringRef table, unsigned dropped,
                              int64_t n, int64_t k) {
    std::vector<double> scales = numbers(components.get("scales"));
    auto type = cast<ShapedType>(cast<ElementsAttr>(components.get("scales")).getType());
    int64_t row = type.getDimSize(0) == 1 ? 0 : n, col = type.getDimSize(1) == 1 ? 0 : k / format.getGroup();
    double scale = scales[row * type.getDimSize(1) + col];
    if (format.getGlobalScale())
      scale = float(scale) * float(numbers(components.get("global_scale"))[0]);
    unsigned code = codeOf(components, n, k, format.getBits(), format.getGroup()) >> dropped;
    if (!getFixedTable(format.getTable()).empty())
      return scale * getFixedTable(format.getTable())[code];
    int64_t entries = int64_t(1) << (format.getBits() - dropped);
    int64_t first = format.getTable() == CodebookTable::Channel ? n * entries : 0;
    return scale * numbers(components.get(table))[first + code];
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  OpBuilder builder;
  std::mt19937 random{1};
  std::vector<float> values;
};
} // namespace

TEST_F(CompositeTest, FixedTables) {
  EXPECT_EQ(getFixedTable(CodebookTable::NF4)[0], -1.0f);
  EXPECT_EQ(getFixedTable(CodebookTable::NF4)[7], 0.0f);
  EXPECT_EQ(getFixedTable(CodebookTable::BnbFP4)[3], 1.0f);
  EXPECT_EQ(getFixedTable(CodebookTable::BnbFP4)[10], -2.0f / 3);
  for (CodebookTable table : {CodebookTable::BnbFP4, CodebookTable::E2M1})
    for (unsigned q = 0; q < 8; ++q)
      EXPECT_EQ(getFixedTable(table)[8 + q], -getFixedTable(table)[q]);
  // e2m1: 1.m 2^(e - 1), and 0.m without an exponent.
  for (unsigned q = 0; q < 8; ++q) {
    double m = (q & 1) * 0.5;
    EXPECT_EQ(getFixedTable(CodebookTable::E2M1)[q], q >> 1 ? std::ldexp(1 + m, int(q >> 1) - 1) : m);
  }
  EXPECT_TRUE(getFixedTable(CodebookTable::Tensor).empty());
}

TEST_F(CompositeTest, CodebooksReadAsDefined) {
  for (int64_t at = 0; at < 75; ++at) {
    CodebookAttr format = makeCodebook(at);
    int64_t rows = pick(1, 5), cols = pick(1, 70);
    WeightOp op = quantize(format, rows, cols);
    FailureOr<WeightReader> reader = WeightReader::create(op);
    ASSERT_TRUE(succeeded(reader));
    EXPECT_FALSE(reader->hasPlanes());
    for (int64_t n = 0; n < rows; ++n)
      for (int64_t k = 0; k < cols; ++k)
        ASSERT_EQ(reader->value(n, k), codebookValue(format, op.getComponents(), "table", 0, n, k)) << at;
  }
}

TEST_F(CompositeTest, CodebooksRoundToNearest) {
  for (int64_t at = 0; at < 75; ++at) {
    CodebookAttr format = makeCodebook(at);
    int64_t rows = pick(1, 5), cols = pick(1, 70);
    WeightOp op = quantize(format, rows, cols);
    const auto source = CodebookSource::create(op, op.getType());
    ASSERT_TRUE(source);
    for (int64_t n = 0; n < rows; ++n) {
      for (int64_t k = 0; k < cols; ++k) {
        double scale = source->scale(n, k / format.getGroup()), wanted = values[n * cols + k];
        double error = std::fabs(source->value(n, k) - wanted);
        for (unsigned q = 0; q < 1u << format.getBits(); ++q)
          ASSERT_LE(error, std::fabs(scale * source->entry(n, q) - wanted) * (1 + 1e-12)) << at;
      }
    }
  }
}

TEST_F(CompositeTest, PlanesOfCodebooksAreExact) {
  // Random tables of small multiples, symmetric tables, and the fixed ones.
  unsigned converted = 0;
  for (int64_t at = 0; at < 60; ++at) {
    bool perRow = at % 2, symmetric = at % 3 == 0;
    unsigned bits = symmetric ? 2 : static_cast<unsigned>(pick(1, 4));
    auto format = at % 5 == 4 ? CodebookAttr::get(&context, 4, pick(1, 40), CodebookTable::E2M1, Granularity::Group,
                                                  Float8E8M0FNUType::get(&context), false)
                              : CodebookAttr::get(&context, bits, pick(1, 40),
                                                  perRow ? CodebookTable::Channel : CodebookTable::Tensor,
                                                  static_cast<Granularity>(at % 3), builder.getBF16Type(), false);
    int64_t rows = pick(1, 5), cols = pick(1, 70);
    WeightOp op = quantize(format, rows, cols);
    if (Attribute table = op.getComponents().get("table")) {
      auto type = cast<RankedTensorType>(cast<ElementsAttr>(table).getType());
      std::vector<float> entries(type.getNumElements());
      for (float &entry : entries)
        entry = std::ldexp(float(pick(-20, 20)), at % 7 - 3);
      for (size_t i = 0; symmetric && i < entries.size(); i += 4)
        entries[i + 3] = -entries[i], entries[i + 2] = -entries[i + 1];
      NamedAttrList components(op.getComponents());
      components.set("table", DenseElementsAttr::get(type, ArrayRef(entries)));
      op.setComponentsAttr(components.getDictionary(&context));
    }
    Value a = UnrealizedConversionCastOp::create(builder, builder.getUnknownLoc(),
                                                 RankedTensorType::get({1, cols}, builder.getF32Type()), ValueRange())
                  .getResult(0);
    auto product = MatmulOp::create(builder, builder.getUnknownLoc(),
                                    RankedTensorType::get({1, rows}, builder.getF32Type()), a, op);
    FailureOr<WeightReader> before = WeightReader::create(op);
    PassManager pm(&context, ModuleOp::getOperationName());
    pm.addPass(createCanonicalizeWeights());
    ASSERT_TRUE(succeeded(pm.run(*module)));
    FailureOr<WeightReader> after = WeightReader::create(product.getWeight());
    ASSERT_TRUE(succeeded(before) && succeeded(after));
    ASSERT_TRUE(after->hasPlanes()) << at;
    converted += isPlanesFormat(after->getFormat());
    for (int64_t n = 0; n < rows; ++n) {
      for (int64_t k = 0; k < cols; ++k) {
        // By the planes themselves, not by what the source says of its values.
        unsigned code = after->code(n, k);
        int64_t g = k / after->getGroup();
        double sum = after->isBCQ() ? double(after->beta(n, g)) : double(after->alpha(n, g)) * after->zeta(n, g);
        for (unsigned p = 0; p < after->getBits(); ++p) {
          double alpha = after->isBCQ() ? after->alpha(n, g, p) : std::ldexp(after->alpha(n, g), int(p));
          sum += (code >> p & 1) ? alpha : -alpha;
        }
        ASSERT_EQ(sum, before->value(n, k)) << at;
      }
    }
    module->getBody()->clear();
    builder.setInsertionPointToEnd(module->getBody());
  }
  EXPECT_EQ(converted, 60u);
}

TEST_F(CompositeTest, GridsHoldNumbersOrNothing) {
  std::optional<NumberGrid> grid = findGrid({1.5f, -6.0f, 0.0f, 0.25f});
  ASSERT_TRUE(grid);
  EXPECT_EQ(grid->exponent, -2);
  EXPECT_EQ(grid->entries, (std::vector<int64_t>{6, -24, 0, 1}));
  EXPECT_FALSE(findGrid({1e30f, 1.0f}));
  EXPECT_FALSE(findGrid({INFINITY}));
  EXPECT_FALSE(findGrid({NAN}));
  EXPECT_TRUE(findGrid({0.0f, -0.0f}));
}

TEST_F(CompositeTest, TruncatedWeightsKeepTheMiddleOfTheBucket) {
  for (int64_t at = 0; at < 40; ++at) {
    unsigned bits = static_cast<unsigned>(pick(2, 8)), least = static_cast<unsigned>(pick(1, bits));
    int64_t rows = pick(1, 5), cols = pick(1, 70), group = pick(1, 40);
    WeightFormatInterface body;
    switch (at % 4) {
    case 0:
      body = UniformAttr::get(&context, bits, group, ZeroKind::Midpoint);
      break;
    case 1:
      body = UniformAttr::get(&context, bits, group, ZeroKind::Float);
      break;
    case 2:
      body = BCQAttr::get(&context, std::min(bits, 4u), group);
      least = std::min(least, 4u);
      break;
    default:
      body = CodebookAttr::get(&context, bits, group, CodebookTable::Channel, Granularity::Group, builder.getF32Type(),
                               false);
    }
    auto format = NestedAttr::get(&context, body, least);
    WeightOp op = quantize(format, rows, cols);
    FailureOr<WeightReader> whole = WeightReader::create(createNestedBody(builder, op));
    ASSERT_TRUE(succeeded(whole));
    for (unsigned b = least; b <= body.getCodeBits(); ++b) {
      auto type = op.getType().withFormat(format.getTruncated(b));
      auto truncate = TruncateOp::create(builder, builder.getUnknownLoc(), type, op);
      ASSERT_TRUE(succeeded(truncate.verify()));
      FailureOr<WeightReader> reader = WeightReader::create(truncate);
      ASSERT_TRUE(succeeded(reader));
      unsigned dropped = body.getCodeBits() - b;
      for (int64_t n = 0; n < rows; ++n) {
        for (int64_t k = 0; k < cols; ++k) {
          int64_t g = k / group;
          ASSERT_EQ(reader->code(n, k), whole->code(n, k) >> dropped);
          // All of the bits are the body itself, whose float zero points do not round as zetas do.
          double expected = whole->value(n, k);
          if (auto codebook = dyn_cast<CodebookAttr>(body)) {
            expected = codebookValue(codebook, op.getComponents(), getNestedTableName(b), dropped, n, k);
          } else if (dropped && isa<BCQAttr>(body)) {
            expected = whole->beta(n, g);
            for (unsigned p = dropped; p < body.getCodeBits(); ++p)
              expected += (whole->code(n, k) >> p & 1) ? whole->alpha(n, g, p) : -whole->alpha(n, g, p);
          } else if (dropped) {
            // The mean of the values of all codes with these upper bits.
            double step = std::ldexp(1.0, int(dropped));
            double middle = (whole->code(n, k) >> dropped) * step + (step - 1) / 2;
            expected = double(whole->alpha(n, g)) * (2 * middle - double((1u << bits) - 1) + whole->zeta(n, g));
          }
          ASSERT_NEAR(reader->value(n, k), expected, std::fabs(expected) * 1e-12 + 1e-12)
              << at << " at " << b << " bits";
        }
      }
    }
  }
}

TEST_F(CompositeTest, NestedCodesAreThoseOfTheNarrowTables) {
  // More values than buckets: each bucket of b bits is the union of those below it, and tables ascend.
  auto body = CodebookAttr::get(&context, 4, 64, CodebookTable::Channel, Granularity::Channel, builder.getF32Type(),
                                false);
  WeightOp op = quantize(NestedAttr::get(&context, body, 2), 3, 64);
  for (unsigned b = 2; b <= 4; ++b) {
    std::vector<double> table = numbers(op.getComponents().get(getNestedTableName(b)));
    ASSERT_EQ(table.size(), 3u << b);
    for (size_t i = 1; i < table.size(); ++i)
      if (i % (1u << b))
        EXPECT_LE(table[i - 1], table[i]);
  }
}

TEST_F(CompositeTest, MixedAndOutlierWeightsApproachTheirValues) {
  for (int64_t at = 0; at < 20; ++at) {
    int64_t rows = pick(3, 9), cols = pick(8, 70);
    auto four = UniformAttr::get(&context, 4, 16, ZeroKind::Midpoint);
    auto eight = UniformAttr::get(&context, 8, 16, ZeroKind::Midpoint);
    Attribute formats[] = {four, OutliersAttr::get(&context, eight, 0, 2, builder.getF16Type())};
    WeightOp op = quantize(MixedAttr::get(&context, {rows - 2, 2}, formats), rows, cols);
    std::vector<double> permutation = numbers(op.getComponents().get("permutation"));
    SmallVector<WeightOp> parts = createMixedParts(builder, op);
    ASSERT_EQ(parts.size(), 2u);
    WeightOp body = createOutlierBody(builder, parts[1]);
    FailureOr<WeightReader> first = WeightReader::create(parts[0]), second = WeightReader::create(body);
    ASSERT_TRUE(succeeded(first) && succeeded(second));
    std::vector<double> kept = numbers(parts[1].getComponents().get("values")),
                        indices = numbers(parts[1].getComponents().get("indices"));
    double salient = 0, other = 0;
    for (int64_t i = 0; i < rows; ++i) {
      int64_t channel = int64_t(permutation[i]);
      for (int64_t k = 0; k < cols; ++k) {
        double found = i < rows - 2 ? first->value(i, k) : second->value(i - (rows - 2), k);
        for (int64_t e = 0; i >= rows - 2 && e < 2; ++e)
          if (indices[(i - (rows - 2)) * 2 + e] == double(k))
            found += kept[(i - (rows - 2)) * 2 + e];
        double wanted = values[channel * cols + k], magnitude = 4.0;
        ASSERT_NEAR(found, wanted, i < rows - 2 ? magnitude / 7 : magnitude / 127);
        (i < rows - 2 ? other : salient) += std::fabs(found - wanted);
      }
    }
    // Eight bits are for the rows of the greatest magnitude.
    EXPECT_LT(salient / 2, other / double(rows - 2));
  }
}
