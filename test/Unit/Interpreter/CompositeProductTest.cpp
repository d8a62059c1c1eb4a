//===- CompositeProductTest.cpp - products with weights made of weights ---===//
//
// Dense products of composite weights against the formulas of docs/spec/numerics.md, bit for bit: as they are written,
// taken apart, and lowered. Lookup products: the same bits before and after the passes over weights.
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include "dialects/lowbit/IR/Composite.h"
#include "dialects/lowbit/IR/Weights.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <random>

using namespace lutra;
using namespace lutra::lowbit;
using mlir::DictionaryAttr, mlir::ModuleOp, mlir::RankedTensorType, mlir::Value;

namespace {
/// Planes of weights, none of them dropped.
std::unique_ptr<mlir::Pass> createPlanes() {
  CanonicalizeWeightsOptions options;
  options.narrow = false;
  return createCanonicalizeWeights(options);
}

class CompositeProductTest : public InterpreterFixture {
protected:
  CompositeProductTest() : builder(&context) {}

  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }

  std::vector<float> normal(int64_t count) {
    std::normal_distribution<float> distribution;
    std::vector<float> values(count);
    for (float &value : values)
      value = distribution(random);
    return values;
  }

  /// @main(%a, %b) with one product, of a random weight in `format`.
  void build(WeightFormatInterface format, int64_t n, int64_t k, bool dense, bool precision) {
    rows = n;
    cols = k;
    mlir::Location loc = builder.getUnknownLoc();
    module = ModuleOp::create(loc);
    builder.setInsertionPointToEnd(module->getBody());
    auto f32 = builder.getF32Type();
    auto in = RankedTensorType::get({mlir::ShapedType::kDynamic, k}, f32);
    auto out = RankedTensorType::get({mlir::ShapedType::kDynamic, n}, f32);
    auto bits = RankedTensorType::get({1}, builder.getI32Type());
    auto function = mlir::func::FuncOp::create(builder, loc, "main", builder.getFunctionType({in, bits}, {out}));
    mlir::Block *block = function.addEntryBlock();
    builder.setInsertionPointToEnd(block);
    DictionaryAttr components = format.quantize(normal(n * k), n, k);
    ASSERT_TRUE(components);
    weight = WeightOp::create(builder, loc, WeightType::get(&context, n, k, format), components);
    auto product = MatmulOp::create(builder, loc, out, block->getArgument(0), weight);
    if (dense)
      product.setStrategy(Strategy::Dense);
    if (precision) {
      builder.setInsertionPoint(product);
      Value zero = mlir::arith::ConstantIndexOp::create(builder, loc, 0);
      product.getPrecisionMutable().assign(mlir::tensor::ExtractOp::create(builder, loc, block->getArgument(1), zero));
      builder.setInsertionPointAfter(product);
    }
    mlir::func::ReturnOp::create(builder, loc, product.getResult());
    activations = normal(3 * k);
  }

  std::vector<float> execute(int32_t bits = 0) {
    auto function = module->lookupSymbol<mlir::func::FuncOp>("main");
    NpyArray precision = NpyArray::zeros(DType::I32, {1});
    precision.as<int32_t>()[0] = bits;
    mlir::FailureOr<std::vector<NpyArray>> results =
        interpret(function, {floats(activations, {3, cols}), precision}, {});
    if (mlir::failed(results)) {
      ADD_FAILURE() << messages;
      return {};
    }
    llvm::ArrayRef<float> values = (*results)[0].as<float>();
    return {values.begin(), values.end()};
  }

  void runPasses(llvm::ArrayRef<std::unique_ptr<mlir::Pass> (*)()> passes) {
    mlir::PassManager pm(&context, ModuleOp::getOperationName());
    for (auto create : passes)
      pm.addPass(create());
    ASSERT_TRUE(mlir::succeeded(pm.run(*module))) << messages;
  }

  /// y = fma(a, f32(w), y) by ascending k, for one row of a weight that can be read.
  float denseOutput(const WeightReader &reader, int64_t m, int64_t n) const {
    float y = 0;
    for (int64_t k = 0; k < cols; ++k)
      y = std::fma(activations[m * cols + k], static_cast<float>(reader.value(n, k)), y);
    return y;
  }

  /// The output of `part` for its row `n`, with outliers if it has any. A part read from copies of its components.
  float expectedOutput(WeightOp part, int64_t m, int64_t n) {
    mlir::OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfter(weight);
    auto format = mlir::dyn_cast<OutliersAttr>(part.getType().getFormat());
    WeightOp body = format ? createOutlierBody(builder, part) : part;
    mlir::FailureOr<WeightReader> reader = WeightReader::create(body);
    if (mlir::failed(reader)) {
      ADD_FAILURE() << messages;
      return 0;
    }
    float y = denseOutput(*reader, m, n);
    if (!format)
      return y;
    int64_t count = format.getCount();
    auto values = mlir::cast<mlir::DenseElementsAttr>(part.getComponents().get("values"));
    auto places =
        mlir::cast<mlir::DenseElementsAttr>(part.getComponents().get(format.getColumns() ? "columns" : "indices"));
    float o = 0;
    for (int64_t i = 0; i < count; ++i) {
      int64_t place = (*(places.value_begin<llvm::APInt>() + (format.getColumns() ? 0 : n * count) + i)).getSExtValue();
      llvm::APFloat value = *(values.value_begin<llvm::APFloat>() + n * count + i);
      bool losesInfo;
      value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      if (place >= 0)
        o = std::fma(activations[m * cols + place], value.convertToFloat(), o);
    }
    return y + o;
  }

  mlir::OpBuilder builder;
  mlir::OwningOpRef<ModuleOp> module;
  WeightOp weight;
  int64_t rows = 0, cols = 0;
  std::vector<float> activations;
  std::mt19937 random{7};
};
} // namespace

TEST_F(CompositeProductTest, DenseOutliers) {
  for (int64_t at = 0; at < 12; ++at) {
    auto body = UniformAttr::get(&context, static_cast<unsigned>(pick(2, 6)), pick(3, 40), ZeroKind::Midpoint);
    int64_t k = pick(8, 90), count = pick(1, 5);
    auto format = OutliersAttr::get(&context, body, at % 2 ? count : 0, at % 2 ? 0 : count,
                                    at % 3 ? mlir::Type(builder.getF16Type()) : builder.getF32Type());
    build(format, pick(1, 20), k, /*dense=*/true, /*precision=*/false);
    std::vector<float> written = execute();
    for (int64_t m = 0; m < 3; ++m)
      for (int64_t n = 0; n < rows; ++n)
        ASSERT_EQ(written[m * rows + n], expectedOutput(weight, m, n)) << at;
    runPasses({createDecomposeWeights});
    EXPECT_EQ(execute(), written);
    runPasses({createPlanes, createLowerToDense});
    EXPECT_EQ(execute(), written);
  }
}

TEST_F(CompositeProductTest, DenseMixed) {
  for (int64_t at = 0; at < 8; ++at) {
    int64_t k = pick(8, 90), group = pick(3, 40);
    WeightFormatInterface four = UniformAttr::get(&context, 4, group, ZeroKind::Midpoint);
    mlir::Attribute formats[] = {
        four,
        CodebookAttr::get(&context, 4, group, CodebookTable::NF4, Granularity::Group, builder.getF32Type(), false),
        OutliersAttr::get(&context, four, 2, 0, builder.getF16Type())};
    int64_t sizes[] = {pick(1, 9), pick(1, 9), pick(1, 4)};
    build(MixedAttr::get(&context, sizes, formats), sizes[0] + sizes[1] + sizes[2], k, true, false);
    std::vector<float> written = execute();
    auto permutation = mlir::cast<mlir::DenseElementsAttr>(weight.getComponents().get("permutation"));
    llvm::SmallVector<int32_t> channels(permutation.getValues<int32_t>());
    builder.setInsertionPointAfter(weight);
    int64_t i = 0;
    for (WeightOp part : createMixedParts(builder, weight))
      for (int64_t n = 0; n < part.getType().getRows(); ++n, ++i)
        for (int64_t m = 0; m < 3; ++m)
          ASSERT_EQ(written[m * rows + channels[i]], expectedOutput(part, m, n)) << at;
    runPasses({createDecomposeWeights, createPlanes, createLowerToDense});
    EXPECT_EQ(execute(), written);
  }
}

TEST_F(CompositeProductTest, DenseNestedAtRunTime) {
  for (bool table : {false, true}) {
    WeightFormatInterface body = UniformAttr::get(&context, 6, 12, ZeroKind::Integer);
    if (table)
      body = CodebookAttr::get(&context, 4, 12, CodebookTable::Channel, Granularity::Group, builder.getF32Type(),
                               false);
    auto format = NestedAttr::get(&context, body, 2);
    build(format, 7, 45, true, true);
    builder.setInsertionPointAfter(weight);
    std::vector<std::vector<float>> written;
    for (unsigned bits = 2; bits <= body.getCodeBits(); ++bits) {
      auto type = weight.getType().withFormat(format.getTruncated(bits));
      mlir::FailureOr<WeightReader> reader =
          WeightReader::create(TruncateOp::create(builder, weight.getLoc(), type, weight));
      ASSERT_TRUE(mlir::succeeded(reader));
      written.push_back(execute(bits));
      for (int64_t m = 0; m < 3; ++m)
        for (int64_t n = 0; n < rows; ++n)
          ASSERT_EQ(written.back()[m * rows + n], denseOutput(*reader, m, n));
    }
    runPasses({createDecomposeWeights, createPlanes, createLowerToDense});
    for (unsigned bits = 2; bits <= body.getCodeBits(); ++bits)
      EXPECT_EQ(execute(bits), written[bits - 2]) << bits;
    // Out of range: the check says so.
    auto function = module->lookupSymbol<mlir::func::FuncOp>("main");
    NpyArray precision = NpyArray::zeros(DType::I32, {1});
    EXPECT_TRUE(mlir::failed(interpret(function, {floats(activations, {3, cols}), precision}, {})));
    EXPECT_THAT(messages, testing::HasSubstr("the precision of a weight must be 2 to"));
    messages.clear();
  }
}

TEST_F(CompositeProductTest, LookupsKeepTheirBits) {
  WeightFormatInterface four = UniformAttr::get(&context, 4, 16, ZeroKind::Midpoint);
  WeightFormatInterface mxfp4 = CodebookAttr::get(&context, 4, 32, CodebookTable::E2M1, Granularity::Group,
                                                  mlir::Float8E8M0FNUType::get(&context), false);
  mlir::Attribute parts[] = {four, mxfp4};
  WeightFormatInterface formats[] = {
      mxfp4,
      CodebookAttr::get(&context, 4, 32, CodebookTable::NF4, Granularity::Group, builder.getF32Type(), false),
      NestedAttr::get(&context, four, 2),
      MixedAttr::get(&context, {5, 2}, parts),
      OutliersAttr::get(&context, mxfp4, 0, 3, builder.getF16Type()),
  };
  for (WeightFormatInterface format : formats) {
    build(format, 7, 70, /*dense=*/false, /*precision=*/false);
    std::vector<float> written = execute();
    ASSERT_EQ(written.size(), 21u);
    runPasses({createDecomposeWeights, createPlanes});
    EXPECT_EQ(execute(), written) << format.getAbstractAttribute().getName().str();
    // What has no planes says so, and is dense then; the rest are lookups.
    runPasses({createSelectStrategy, createSplitPrecompute, createLowerToDense});
    EXPECT_EQ(execute(), written) << format.getAbstractAttribute().getName().str();
  }
}
