//===- ComponentElementsTest.cpp - elements of narrow types ---------------===//
//
// Every number of every narrow type of scales against llvm::APFloat, in dense elements and resources; rounding to them
// against a search through all numbers; and readers used by several threads.
//
//===----------------------------------------------------------------------===//
#include "RandomFormat.h"

#include "dialects/lowbit/IR/Quantize.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

#include <cmath>
#include <thread>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
class ComponentElementsTest : public testing::Test {
protected:
  ComponentElementsTest() : builder(&context) {
    context.loadDialect<LowbitDialect>();
    module = ModuleOp::create(builder, builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
  }

  /// A weight of one row whose scales are all numbers of `type` in the order of their bits.
  WeightOp makeAllNumbers(Type type, bool asResource) {
    int64_t width = type.getIntOrFloatBitWidth() / 8, count = int64_t(1) << (8 * width);
    std::vector<char> raw(count * width);
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(raw.data() + i * width, &i, width);
    auto format = UniformAttr::get(&context, 1, 1, ZeroKind::Midpoint, false, Granularity::Group, type);
    auto scalesType = RankedTensorType::get({1, count}, type);
    Attribute scales = asResource ? Attribute(DenseResourceElementsAttr::get(
                                        scalesType, "scales", HeapAsmResourceBlob::allocateAndCopyWithAlign(raw, 1)))
                                  : Attribute(DenseElementsAttr::getFromRawBuffer(scalesType, raw));
    NamedAttrList components;
    components.set("codes", DenseElementsAttr::getFromRawBuffer(
                                RankedTensorType::get({1, count, 1}, builder.getI8Type()), ArrayRef<char>('\0')));
    components.set("scales", scales);
    return WeightOp::create(builder, builder.getUnknownLoc(), WeightType::get(&context, 1, count, format),
                            components.getDictionary(&context));
  }

  /// The number of `type` that `bits` are, by LLVM.
  static llvm::APFloat number(Type type, uint64_t bits) {
    return llvm::APFloat(cast<FloatType>(type).getFloatSemantics(), llvm::APInt(type.getIntOrFloatBitWidth(), bits));
  }

  std::vector<Type> getTypes() {
    return {Float16Type::get(&context), BFloat16Type::get(&context), Float8E8M0FNUType::get(&context),
            Float8E4M3FNType::get(&context)};
  }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
};
} // namespace

TEST_F(ComponentElementsTest, EveryNumberIsExact) {
  for (Type type : getTypes()) {
    for (bool asResource : {false, true}) {
      FailureOr<ComponentElements> elements = ComponentElements::bind(makeAllNumbers(type, asResource), "scales");
      ASSERT_TRUE(succeeded(elements));
      for (int64_t i = 0; i < elements->size(); ++i) {
        llvm::APFloat expected = number(type, i);
        if (expected.isNaN()) {
          ASSERT_TRUE(std::isnan(elements->number(i))) << i;
          continue;
        }
        bool lost;
        expected.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &lost);
        ASSERT_FALSE(lost);
        ASSERT_EQ(llvm::bit_cast<uint32_t>(elements->number(i)), llvm::bit_cast<uint32_t>(expected.convertToFloat()))
            << i;
      }
    }
  }
}

TEST_F(ComponentElementsTest, RoundsToTheNearestNumber) {
  std::mt19937 random(1);
  for (Type type : getTypes()) {
    std::vector<double> numbers;
    for (uint64_t i = 0; i < uint64_t(1) << type.getIntOrFloatBitWidth(); ++i) {
      llvm::APFloat value = number(type, i);
      bool lost;
      value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
      if (value.isFinite())
        numbers.push_back(value.convertToDouble());
    }
    llvm::sort(numbers);
    for (int i = 0; i < 2000; ++i) {
      double magnitude = std::ldexp(std::uniform_real_distribution<double>(1, 2)(random), int(random() % 40) - 20);
      double value = random() % 2 && !isa<Float8E8M0FNUType>(type) ? -magnitude : magnitude;
      double rounded = roundToType(type, value);
      ASSERT_TRUE(llvm::binary_search(numbers, rounded)) << value;
      auto above = llvm::lower_bound(numbers, value);
      if (above != numbers.end())
        ASSERT_LE(std::fabs(rounded - value), std::fabs(*above - value));
      if (above != numbers.begin())
        ASSERT_LE(std::fabs(rounded - value), std::fabs(*std::prev(above) - value));
    }
    EXPECT_EQ(roundToType(type, 0x1p140), std::fabs(numbers.back()));
  }
}

TEST_F(ComponentElementsTest, ReadersAreThreadSafe) {
  std::mt19937 random(2);
  const int64_t rows = 8, cols = 61;
  for (int family = 0; family < 4; ++family) {
    WeightFormatInterface format = makeRandomFormat(context, random, family);
    std::vector<float> values = makeRandomValues(rows, cols, random);
    auto op = WeightOp::create(builder, builder.getUnknownLoc(), WeightType::get(&context, rows, cols, format),
                               format.quantize(values, rows, cols));
    FailureOr<WeightReader> reader = WeightReader::create(op);
    ASSERT_TRUE(succeeded(reader));
    std::vector<double> expected(rows * cols);
    for (int64_t i = 0; i < rows * cols; ++i)
      expected[i] = reader->value(i / cols, i % cols);
    std::vector<std::thread> threads;
    std::vector<int> differences(4);
    for (size_t t = 0; t < differences.size(); ++t)
      threads.emplace_back([&, t] {
        for (int round = 0; round < 20; ++round)
          for (int64_t i = 0; i < rows * cols; ++i)
            differences[t] += reader->value(i / cols, i % cols) != expected[i];
      });
    for (std::thread &thread : threads)
      thread.join();
    EXPECT_EQ(differences, std::vector<int>(4));
  }
}

TEST_F(ComponentElementsTest, RefusesShortData) {
  auto format =
      UniformAttr::get(&context, 4, 4, ZeroKind::Midpoint, false, Granularity::Group, Float16Type::get(&context));
  auto scalesType = RankedTensorType::get({1, 2}, Float16Type::get(&context));
  NamedAttrList components;
  components.set("codes", DenseElementsAttr::getFromRawBuffer(RankedTensorType::get({1, 2, 2}, builder.getI8Type()),
                                                              ArrayRef<char>('\0')));
  components.set("scales",
                 DenseResourceElementsAttr::get(
                     scalesType, "short", HeapAsmResourceBlob::allocateAndCopyWithAlign(ArrayRef<char>("abc", 3), 1)));
  auto op = WeightOp::create(builder, builder.getUnknownLoc(), WeightType::get(&context, 1, 8, format),
                             components.getDictionary(&context));
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) { message = diag.str(); });
  EXPECT_TRUE(failed(WeightReader::create(op)));
  EXPECT_EQ(message, "'lowbit.weight' op component 'scales' needs 4 bytes, but its data has 3");
}
