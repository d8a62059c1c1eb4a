//===- LowbitOps.cpp - lowbit ops by the reference arithmetic -------------===//
//
// Weights are not values here: the op that multiplies reads them through a WeightReader, which also makes uniform,
// reinterpreted and packed weights one case.
//
//===----------------------------------------------------------------------===//
#include "Products.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra;

/// The scales' array, or null where there is no such operand.
static const NpyArray *scalesOf(Value scales, Environment &env) { return scales ? env.array(scales).get() : nullptr; }

/// The product without tables: codes become what they are worth, rounded.
static Step dequantized(lowbit::MatmulOp op, const lowbit::WeightReader &weight, Environment &env) {
  const NpyArray &a = *env.array(op.getActivations());
  if (a.shape.size() != 2 || a.shape[1] != weight.getCols())
    return op.emitError("activations have shape ") << shapeText(a.shape) << ", expected M x " << weight.getCols(),
           Step::Failed;
  std::vector<float> values;
  if (const NpyArray *scales = scalesOf(op.getScales(), env)) {
    int64_t perRow = scales->shape[1], cols = weight.getCols();
    for (auto [i, code] : llvm::enumerate(a.as<int8_t>())) {
      int64_t group = perRow == 1 ? 0 : static_cast<int64_t>(i) % cols / weight.getGroup();
      values.push_back(scales->as<float>()[i / cols * perRow + group] * static_cast<float>(code));
    }
  } else {
    values = widen(a);
  }
  auto out = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {a.shape[0], weight.getRows()}));
  dequantizedMatmul(values, a.shape[0], weight, out->as<float>());
  env.set(op.getResult(), out);
  return Step::Done;
}

/// The exact tables of float activations quantized to codes of 8 bits, as strategy int8 asks for.
static FailureOr<LookupTables> quantizedTables(lowbit::MatmulOp op, const NpyArray &a, const lowbit::WeightReader &weight) {
  if (failed(checkGroup(op, weight.getGroup())))
    return failure();
  if (a.shape.size() != 2 || a.shape[1] != weight.getCols())
    return op.emitError("activations have shape ") << shapeText(a.shape) << ", expected M x " << weight.getCols();
  int64_t rows = a.shape[0], cols = weight.getCols(), group = weight.getGroup();
  std::vector<int8_t> codes(rows * cols);
  std::vector<float> scales(rows * ((cols + group - 1) / group));
  quantizeActivations(widen(a), rows, cols, group, /*bits=*/8, lowbit::ActivationCodes::Absmax, codes, scales);
  return precomputeCodes(codes, scales, rows, cols, group, {lowbit::TableElement::I16, lowbit::TableScale::Group});
}

/// An f32 result as the op's type has it, rounded once.
static Step rounded(Value result, Step step, Environment &env) {
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  if (step != Step::Done || element.isF32())
    return step;
  const Array wide = env.array(result);
  auto narrow = std::make_shared<NpyArray>(NpyArray::zeros(*dtypeOfType(element), wide->shape));
  for (int64_t i = 0, count = wide->numElements(); i < count; ++i)
    storeElement(*narrow, i, loadElement(*wide, i));
  env.set(result, narrow);
  return step;
}

static Step matmul(lowbit::MatmulOp op, Environment &env) {
  // Other formats mean their planes, as lowbit-canonicalize-weights finds them.
  if (!env.weightsAreCanonical && !lowbit::isPlanesFormat(op.getWeight().getType().getUnpackedFormat()))
    return executeRewritten(op, env);
  FailureOr<lowbit::WeightReader> weight = lowbit::WeightReader::create(op.getWeight());
  if (failed(weight))
    return Step::Failed;
  // What has no planes then is multiplied by its values.
  if (op.getStrategy() == lowbit::Strategy::Dense || !weight->hasPlanes())
    return rounded(op.getResult(), dequantized(op, *weight, env), env);
  Region none;
  if (op.getStrategy() == lowbit::Strategy::Int8 && !op.hasIntegerActivations()) {
    FailureOr<LookupTables> tables = quantizedTables(op, *env.array(op.getActivations()), *weight);
    if (failed(tables))
      return Step::Failed;
    return rounded(op.getResult(), multiply(op, *tables, *weight, none, {}, env), env);
  }
  lowbit::TableKind kind = op.getTableAttr()            ? lowbit::getKind(op.getTableAttr())
                           : op.hasIntegerActivations() ? lowbit::getKind(op.getExactIntegerTable())
                                                        : env.options->tables;
  FailureOr<LookupTables> tables = makeTables(op, *env.array(op.getActivations()), scalesOf(op.getScales(), env),
                                              weight->getCols(), weight->getGroup(), kind);
  if (failed(tables))
    return Step::Failed;
  return rounded(op.getResult(), multiply(op, *tables, *weight, none, {}, env), env);
}

static Step precompute(lowbit::PrecomputeOp op, Environment &env) {
  lowbit::TableType type = op.getTable().getType();
  FailureOr<LookupTables> tables = makeTables(op, *env.array(op.getActivations()), scalesOf(op.getScales(), env),
                                              type.getCols(), type.getGroup(), lowbit::getKind(type.getKind()));
  if (failed(tables))
    return Step::Failed;
  env.set(op.getTable(), std::make_shared<LookupTables>(std::move(*tables)));
  return Step::Done;
}

static Step quantize(lowbit::QuantizeActivationsOp op, Environment &env) {
  const NpyArray &a = *env.array(op.getActivations());
  if (a.shape.size() != 2 || a.shape[1] == 0)
    return op.emitError("activations have shape ") << shapeText(a.shape) << ", expected M x K with a positive K",
           Step::Failed;
  int64_t rows = a.shape[0], cols = a.shape[1], group = op.getGroup().value_or(cols);
  auto codes = std::make_shared<NpyArray>(NpyArray::zeros(DType::I8, {rows, cols}));
  auto scales = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, {rows, (cols + group - 1) / group}));
  quantizeActivations(a.as<float>(), rows, cols, group, op.getBits(), op.getKind(), codes->as<int8_t>(),
                      scales->as<float>());
  env.set(op.getCodes(), codes);
  env.set(op.getScales(), scales);
  return Step::Done;
}

static Step assemble(lowbit::AssembleTableOp op, Environment &env) {
  lowbit::TableType type = op.getTable().getType();
  FailureOr<LookupTables> tables = tablesOfParts(op, *env.array(op.getEntries()), *env.array(op.getScales()),
                                                 *env.array(op.getSums()), type.getCols(), type.getGroup(),
                                                 lowbit::getKind(type.getKind()));
  if (failed(tables))
    return Step::Failed;
  env.set(op.getTable(), std::make_shared<LookupTables>(std::move(*tables)));
  return Step::Done;
}

static Step lookup(lowbit::LookupMatmulOp op, Environment &env) {
  FailureOr<lowbit::WeightReader> weight = lowbit::WeightReader::create(op.getWeight());
  if (failed(weight))
    return Step::Failed;
  return multiply(op, *env.tables(op.getTable()), *weight, op.getEpilogue(), op.getEpilogueOperands(), env);
}

/// The bytes as the weights file will have them.
static Step packedData(lowbit::PackedDataOp op, Environment &env) {
  auto pack = op.getWeight().getDefiningOp<lowbit::PackOp>();
  if (!pack)
    return op.emitError("the interpreter needs the weight to come from lowbit.pack"), Step::Failed;
  auto bytes = std::make_shared<NpyArray>(NpyArray::zeros(DType::I8, op.getType().getShape()));
  if (failed(lowbit::packWeight(pack, MutableArrayRef(bytes->bytes))))
    return Step::Failed;
  env.set(op.getResult(), bytes);
  return Step::Done;
}

Step lutra::executeLowbitOp(Operation *op, Environment &env) {
  return llvm::TypeSwitch<Operation *, Step>(op)
      // Weights are read where they are used.
      .Case<lowbit::WeightValueOpInterface>([](auto) { return Step::Done; })
      .Case<lowbit::DequantizeOp>([&](auto o) { return dequantize(o, env); })
      .Case<lowbit::MatmulOp>([&](auto o) { return matmul(o, env); })
      .Case<lowbit::PrecomputeOp>([&](auto o) { return precompute(o, env); })
      .Case<lowbit::QuantizeActivationsOp>([&](auto o) { return quantize(o, env); })
      .Case<lowbit::AssembleTableOp>([&](auto o) { return assemble(o, env); })
      .Case<lowbit::PackedDataOp>([&](auto o) { return packedData(o, env); })
      .Case<lowbit::LookupMatmulOp>([&](auto o) { return lookup(o, env); })
      .Default([](auto) { return Step::Unknown; });
}
