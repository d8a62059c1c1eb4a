//===- Interpreter.cpp - executes a function's block ----------------------===//
//
// Structured code: functions of one block, ops in order, each handed to the family that knows it.
//
//===----------------------------------------------------------------------===//
#include "lutra/Interpreter/Interpreter.h"

#include "Values.h"

using namespace mlir;
using namespace lutra;

static std::string nameOf(Attribute attr, const Twine &fallback) {
  auto name = dyn_cast_if_present<StringAttr>(attr);
  return name ? name.getValue().str() : fallback.str();
}

/// Describes one argument or result; nothing when its type is not an array's.
static std::optional<InterpretedTensor> describe(Type type, DictionaryAttr attrs, const Twine &fallback,
                                                 unsigned index) {
  auto shaped = dyn_cast<ShapedType>(type);
  std::optional<DType> dtype = shaped && shaped.hasRank() ? dtypeOfType(shaped.getElementType()) : std::nullopt;
  if (!dtype)
    return std::nullopt;
  // The lowbit level is signless; the border remembers.
  if (*dtype == DType::I8 && attrs && attrs.contains("onnx.unsigned"))
    dtype = DType::U8;
  if (auto element = attrs ? attrs.getAs<StringAttr>("onnx.element") : StringAttr())
    dtype = dtypeFromName(element.getValue()).value_or(*dtype);
  InterpretedTensor tensor{nameOf(attrs ? attrs.get("onnx.name") : Attribute(), fallback), *dtype, {}, index};
  tensor.shape.assign(shaped.getShape().begin(), shaped.getShape().end());
  return tensor;
}

LogicalResult lutra::describeFunction(func::FuncOp function, std::vector<InterpretedTensor> &inputs,
                                      std::vector<InterpretedTensor> &outputs) {
  unsigned arguments = function.getNumArguments();
  for (unsigned i = 0; i < arguments; ++i) {
    Type type = function.getArgumentTypes()[i];
    std::optional<InterpretedTensor> tensor = describe(type, function.getArgAttrDict(i), "arg" + Twine(i), i);
    if (!tensor)
      return function.emitError("argument ") << i << " of type " << type << " cannot be given to the interpreter";
    bool isOutput = isa<MemRefType>(type);
    if (isOutput && !function.getArgAttr(i, "lutra.output"))
      return function.emitError("argument ")
             << i << " is a buffer without 'lutra.output': interpret the function at phase 'lowbit' or 'tables'";
    (isOutput ? outputs : inputs).push_back(std::move(*tensor));
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    std::optional<InterpretedTensor> tensor =
        describe(type, function.getResultAttrDict(i), "result" + Twine(i), arguments + i);
    if (!tensor)
      return function.emitError("result ") << i << " of type " << type << " cannot be returned by the interpreter";
    outputs.push_back(std::move(*tensor));
  }
  return success();
}

LogicalResult lutra::executeOp(Operation *op, Environment &env) {
  if (failed(checkOperands(op, env)))
    return failure();
  // Scalars first: the bodies of linalg ops are most of what is executed.
  for (auto execute : {executeScalarOp, executeTensorOp, executeSliceOp, executeLinalgOp, executeControlOp,
                       executeLowbitOp, executeLutOp, executeAttention}) {
    Step step = execute(op, env);
    if (step != Step::Unknown)
      return success(step == Step::Done);
  }
  return op->emitError("the interpreter does not know '") << op->getName() << "'";
}

LogicalResult lutra::executeBlock(Block &block, Environment &env) {
  for (Operation &op : block.without_terminator())
    if (failed(executeOp(&op, env)))
      return failure();
  Operation *terminator = block.getTerminator();
  // The combining block of an scf.forall has ops instead of operands; the loop takes them.
  return checkOperands(terminator, env);
}

/// Hands the results of an op to whoever watches.
static void observe(Operation &op, Environment &env) {
  for (Value result : op.getResults()) {
    if (env.holds<Array>(result)) {
      env.options->observe(result, *env.array(result));
    } else if (env.holds<Scalar>(result)) {
      std::optional<DType> dtype = dtypeOfType(result.getType());
      if (!dtype)
        continue;
      NpyArray cell = NpyArray::zeros(*dtype, {});
      storeElement(cell, 0, env.scalar(result));
      env.options->observe(result, cell);
    }
  }
}

/// The function's own ops; those within others are theirs.
static LogicalResult executeBody(Block &block, Environment &env) {
  if (!env.options->observe)
    return executeBlock(block, env);
  for (Operation &op : block.without_terminator()) {
    if (failed(executeOp(&op, env)))
      return failure();
    observe(op, env);
  }
  return checkOperands(block.getTerminator(), env);
}

/// Whether the array can be the argument.
static LogicalResult checkInput(func::FuncOp function, const InterpretedTensor &expected, const NpyArray &array) {
  bool fits = array.dtype == expected.dtype && array.shape.size() == expected.shape.size();
  for (size_t dim = 0; fits && dim < array.shape.size(); ++dim)
    fits = ShapedType::isDynamic(expected.shape[dim]) || expected.shape[dim] == array.shape[dim];
  if (fits)
    return success();
  std::string wanted;
  for (int64_t size : expected.shape)
    wanted += (wanted.empty() ? "" : "x") + (ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  return function.emitError("input '") << expected.name << "' is " << shapeText(array.shape) << " "
                                       << dtypeName(array.dtype) << ", expected "
                                       << (wanted.empty() ? "scalar" : wanted) << " " << dtypeName(expected.dtype);
}

FailureOr<std::vector<NpyArray>> lutra::interpret(func::FuncOp function, ArrayRef<NpyArray> arrays,
                                                  const InterpreterOptions &options) {
  std::vector<InterpretedTensor> inputs, outputs;
  if (function.isExternal() || !llvm::hasSingleElement(function.getBody()))
    return function.emitError("the interpreter needs a function with one block");
  if (failed(describeFunction(function, inputs, outputs)))
    return failure();
  if (arrays.size() != inputs.size())
    return function.emitError("the function has ")
           << inputs.size() << " inputs, but " << arrays.size() << " were given";

  Environment env;
  env.options = &options;
  for (auto [expected, array] : llvm::zip_equal(inputs, arrays)) {
    if (failed(checkInput(function, expected, array)))
      return failure();
    env.set(function.getArgument(expected.index), std::make_shared<NpyArray>(array));
  }
  Block &block = function.getBody().front();
  if (failed(executeBody(block, env)))
    return failure();

  std::vector<NpyArray> results;
  auto terminator = dyn_cast<func::ReturnOp>(block.getTerminator());
  if (!terminator)
    return block.getTerminator()->emitError("the interpreter expected 'func.return' here");
  for (const InterpretedTensor &output : outputs) {
    unsigned arguments = function.getNumArguments();
    Value value = output.index < arguments ? Value(function.getArgument(output.index))
                                           : terminator.getOperand(output.index - arguments);
    if (!env.contains(value))
      return function.emitError("output '") << output.name << "' was never written";
    if (!env.holds<Array>(value))
      return function.emitError("output '") << output.name << "' is no array";
    results.push_back(*env.array(value));
    results.back().dtype = output.dtype;
  }
  return results;
}
