//===- LutIntegerOps.cpp - products without tables on tensors -------------===//
//
// By the formulas of the ops' descriptions, not by way of tables: what is equal to a lookup is a claim that tests check.
//
//===----------------------------------------------------------------------===//
#include "Products.h"

#include "dialects/lut/IR/Lut.h"
#include <cmath>

using namespace mlir;
using namespace lutra;

Step lutra::executeQuantize(lut::QuantizeOp op, Environment &env) {
  const NpyArray &activations = *env.array(op.getActivations());
  int64_t rows = activations.shape[0], cols = activations.shape[1], group = op.getGroup();
  auto codes = std::make_shared<NpyArray>(NpyArray::zeros(DType::I8, {rows, cols}));
  auto scales = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {rows, (cols + group - 1) / group}));
  quantizeActivations(activations.as<float>(), rows, cols, group, op.getBits(), lowbit::ActivationCodes::Absmax,
                      codes->as<int8_t>(), scales->as<float>());
  env.set(op.getResult(0), codes);
  env.set(op.getResult(1), scales);
  return Step::Done;
}

Step lutra::executePrepareCodes(lut::PrepareCodesOp op, Environment &env) {
  const NpyArray &codes = *env.array(op.getCodes()), &scales = *env.array(op.getActScales());
  int64_t rows = codes.shape[0], cols = codes.shape[1], group = op.getGroup(), length = op.getPaddedGroup();
  int64_t groups = op.getNumGroups(), perRow = scales.shape[1];
  auto padded = std::make_shared<NpyArray>(NpyArray::zeros(DType::I8, {groups, rows, length}));
  auto bias = std::make_shared<NpyArray>(NpyArray::zeros(DType::I32, {groups, rows}));
  auto sums = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {groups, rows}));
  auto shared = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {groups, rows}));
  if (scales.shape[0] != rows)
    return op.emitError("scales have shape ") << shapeText(scales.shape) << ", expected " << rows << " rows", Step::Failed;
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t at = g * rows + m;
      int32_t sum = 0;
      for (int64_t i = 0; i < std::min(group, cols - g * group); ++i) {
        int8_t code = codes.as<int8_t>()[m * cols + g * group + i];
        padded->as<int8_t>()[at * length + i] = code;
        sum += code;
      }
      float scale = scales.as<float>()[m * perRow + (perRow == 1 ? 0 : g)];
      shared->as<float>()[at] = scale;
      bias->as<int32_t>()[at] = -static_cast<int32_t>(op.getFactor()) * sum;
      sums->as<float>()[at] = scale * static_cast<float>(sum);
    }
  for (auto [result, part] : llvm::zip_equal(op->getResults(), SmallVector<Array>{padded, bias, sums, shared}))
    env.set(result, part);
  return Step::Done;
}

Step lutra::executeIntegerMatmul(lut::IntegerMatmulOp op, Environment &env) {
  lowbit::WeightType type = op.getWeightType();
  const NpyArray &padded = *env.array(op.getPadded()), &bias = *env.array(op.getBias()), &sums = *env.array(op.getSums()),
                 &scales = *env.array(op.getScales());
  const Array &bytes = env.array(op.getWeights());
  int64_t expected = cast<lowbit::PackedAttr>(type.getFormat()).getTotalBytes(type.getRows(), type.getCols());
  if (bytes->numElements() != expected)
    return op.emitError("the weights have ") << bytes->numElements() << " bytes, expected " << expected, Step::Failed;
  int64_t rows = padded.shape[1], groups = type.getNumGroups(), outputs = type.getRows();
  int64_t length = 4 * lowbit::getTablesPerGroup(type.getGroup());
  SmallVector<int64_t> perGroup{groups, rows};
  if (padded.shape != SmallVector<int64_t>{groups, rows, length} || bias.shape != perGroup || sums.shape != perGroup ||
      scales.shape != perGroup)
    return op.emitError("codes of shape ") << shapeText(padded.shape) << ", biases " << shapeText(bias.shape) << ", sums "
                                           << shapeText(sums.shape) << " and scales " << shapeText(scales.shape)
                                           << " are not those of one matrix",
           Step::Failed;
  lowbit::WeightReader weight = readPacked(type, bytes);
  auto out = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {rows, outputs}));
  std::vector<uint8_t> codes(length);
  for (int64_t n = 0; n < outputs; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      weight.rowCodes(n, g, codes);
      for (int64_t m = 0; m < rows; ++m) {
        int64_t at = g * rows + m;
        int32_t sum = 0;
        for (int64_t i = 0; i < length; ++i)
          sum += int32_t(padded.as<int8_t>()[at * length + i]) * codes[i];
        float acc = static_cast<float>(2 * sum + bias.as<int32_t>()[at]);
        float u = weight.zeta(n, g) * sums.as<float>()[at];
        u = std::fma(scales.as<float>()[at], acc, u);
        float &y = out->as<float>()[m * outputs + n];
        y = std::fma(weight.alpha(n, g), u, y);
      }
    }
  if (!op.getEpilogue().empty() && failed(applyEpilogue(op, op.getEpilogue(), op.getEpilogueOperands(), *out, env)))
    return Step::Failed;
  env.set(op.getResult(), out);
  return Step::Done;
}

Step lutra::executeDenseMatmul(lut::DenseMatmulOp op, Environment &env) {
  lowbit::WeightType type = op.getWeightType();
  const NpyArray &activations = *env.array(op.getActivations());
  const Array &bytes = env.array(op.getWeights());
  int64_t expected = cast<lowbit::PackedAttr>(type.getFormat()).getTotalBytes(type.getRows(), type.getCols());
  if (bytes->numElements() != expected)
    return op.emitError("the weights have ") << bytes->numElements() << " bytes, expected " << expected, Step::Failed;
  if (activations.shape.size() != 2 || activations.shape[1] != type.getCols())
    return op.emitError("activations have shape ") << shapeText(activations.shape) << ", expected M x " << type.getCols(),
           Step::Failed;
  auto out = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {activations.shape[0], type.getRows()}));
  dequantizedMatmul(activations.as<float>(), activations.shape[0], readPacked(type, bytes), out->as<float>());
  env.set(op.getResult(), out);
  return Step::Done;
}
