//===- Nested.cpp - graphs in nodes, and functions of the model -----------===//
//
// A branch of an If sees the names around it; its own end with it. A function sees nothing but its inputs: a call is
// replaced by the nodes of the function, with the names of the call before theirs.
//
//===----------------------------------------------------------------------===//
#include "Graph.h"
#include "Types.h"

#include "dialects/onnx/IR/ONNXDialect.h"

using namespace mlir;
using namespace lutra::frontend;
using ::onnx::FunctionProto;
using ::onnx::NodeProto;

LogicalResult GraphImporter::importBranch(const ::onnx::GraphProto &branch, Region &region, StringRef what,
                                          Location loc) {
  if (branch.input_size() > 0)
    return import.error(loc) << what << " has inputs, but a branch of If has none";
  if (branch.sparse_initializer_size() > 0)
    return import.error(loc) << what << " has sparse initializers, which are not supported: store them dense";
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&region);
  SmallVector<std::string> names;
  SmallVector<std::string> *outer = std::exchange(scope, &names);
  for (const ::onnx::ValueInfoProto &info : branch.value_info())
    types[info.name()] = convertValueType(import.context, info.type());
  LogicalResult done = success();
  for (const ::onnx::TensorProto &tensor : branch.initializer())
    if (succeeded(done))
      done = importInitializer(tensor, std::nullopt);
  if (succeeded(done))
    done = importNodes(branch.node());
  SmallVector<Value> results;
  for (const ::onnx::ValueInfoProto &output : branch.output()) {
    auto value = values.find(output.name());
    if (succeeded(done) && value == values.end())
      done = import.error(loc) << what << ": nothing defines its output " << quoted(output.name());
    if (succeeded(done))
      results.push_back(value->second);
  }
  if (succeeded(done))
    onnx::YieldOp::create(builder, loc, results);
  for (const std::string &name : names)
    values.erase(name);
  scope = outer;
  return done;
}

const FunctionProto *GraphImporter::findCallee(const NodeProto &node) const {
  for (const FunctionProto &function : model->proto.functions())
    if (function.name() == node.op_type() &&
        normalizedDomain(function.domain()) == normalizedDomain(node.domain()) &&
        function.overload() == node.overload())
      return &function;
  return nullptr;
}

LogicalResult GraphImporter::importCall(const NodeProto &node, const FunctionProto &callee, StringRef name,
                                        Location loc) {
  std::string what = "node " + quoted(name) + " (" + qualifiedOpType(node) + ")";
  if (llvm::is_contained(calls, &callee))
    return import.error(loc) << what << " calls the function it is in: functions must not be recursive";
  if (node.input_size() > callee.input_size() || node.output_size() > callee.output_size())
    return import.error(loc) << what << " has " << node.input_size() << " inputs and " << node.output_size()
                             << " outputs, but its function has " << callee.input_size() << " and "
                             << callee.output_size();
  FailureOr<SmallVector<Value>> operands = importOperands(node, what, loc);
  if (failed(operands))
    return failure();

  // What the function's attributes are: the call's own (which may be those of the function around it), else defaults.
  AttributeBindings own;
  for (const ::onnx::AttributeProto &attribute : callee.attribute_proto())
    own[attribute.name()] = &attribute;
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    const ::onnx::AttributeProto *value = &attribute;
    if (!attribute.ref_attr_name().empty())
      value = bindings ? bindings->lookup(attribute.ref_attr_name()) : nullptr;
    if (value)
      own[attribute.name()] = value;
  }

  llvm::StringMap<Value> inner;
  for (auto [index, input] : llvm::enumerate(callee.input()))
    inner[input] = index < operands->size() ? (*operands)[index] : getNone();
  llvm::StringMap<int64_t> innerOpsets;
  for (const ::onnx::OperatorSetIdProto &opset : callee.opset_import())
    innerOpsets[normalizedDomain(opset.domain())] = opset.version();

  std::swap(values, inner);
  std::swap(opsets, innerOpsets);
  llvm::StringMap<Type> outerTypes = std::exchange(types, {});
  std::string outerPrefix = std::exchange(prefix, (name + "/").str());
  const AttributeBindings *outerBindings = std::exchange(bindings, &own);
  SmallVector<std::string> *outerScope = std::exchange(scope, nullptr);
  calls.push_back(&callee);
  LogicalResult done = importNodes(callee.node());
  calls.pop_back();
  scope = outerScope;
  bindings = outerBindings;
  prefix = outerPrefix;
  types = std::move(outerTypes);
  std::swap(opsets, innerOpsets);
  std::swap(values, inner);
  if (failed(done))
    return failure();
  for (auto [output, formal] : llvm::zip(node.output(), callee.output())) {
    if (output.empty())
      continue;
    auto value = inner.find(formal);
    if (value == inner.end())
      return import.error(loc) << what << ": nothing in its function defines the output " << quoted(formal);
    if (failed(define(output, value->second)))
      return failure();
  }
  return success();
}
