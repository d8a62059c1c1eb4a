//===- Graph.cpp - an ONNX graph as a function ----------------------------===//
//
// The graph is checked as it is built: a name is defined once and before its use, so that what comes out is SSA
// whatever went in.
//
//===----------------------------------------------------------------------===//
#include "Graph.h"
#include "Types.h"

#include "dialects/onnx/IR/ONNXDialect.h"

using namespace mlir;
using namespace lutra::frontend;
using ::onnx::NodeProto;

std::string lutra::frontend::nodeName(const NodeProto &node, int index) {
  return node.name().empty() ? node.op_type() + "_" + std::to_string(index) : node.name();
}

StringRef lutra::frontend::normalizedDomain(StringRef domain) { return domain == "ai.onnx" ? "" : domain; }

std::string lutra::frontend::qualifiedOpType(const NodeProto &node) {
  StringRef domain = normalizedDomain(node.domain());
  std::string name = domain.empty() ? node.op_type() : (domain + "." + node.op_type()).str();
  // As in quoted(), but a plain name stays without quotes.
  return StringRef(quoted(name)).drop_front().drop_back().str();
}

/// The importer turns these into constants, whatever the later stages support.
static bool isConstantNode(const NodeProto &node) {
  return node.op_type() == "Constant" && normalizedDomain(node.domain()).empty();
}

bool lutra::frontend::isIfNode(const NodeProto &node) {
  return node.op_type() == "If" && normalizedDomain(node.domain()).empty();
}

LogicalResult GraphImporter::define(StringRef name, Value value) {
  if (values.try_emplace(name, value).second) {
    if (scope)
      scope->push_back(name.str());
    return success();
  }
  return import.error() << "the name " << quoted(name) << " is defined twice: every input, initializer and node output "
                        << "needs a name of its own";
}

Value GraphImporter::getNone() {
  if (!none) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&function.front());
    none = onnx::NoneOp::create(builder, builder.getUnknownLoc(), builder.getNoneType());
  }
  return none;
}

/// What can be refused before any tensor is read: all of it in one diagnostic, so that a user sees at once how far the
/// model is from compiling.
LogicalResult GraphImporter::collectUnsupported(const Nodes &nodes, std::string &list, int &count) {
  for (auto [index, node] : llvm::enumerate(nodes)) {
    std::string name = nodeName(node, index);
    if (node.op_type().empty())
      return import.error(import.nameLoc(name)) << "node " << quoted(name) << " names no operator";
    for (const ::onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g() && failed(collectUnsupported(attribute.g().node(), list, count)))
        return failure();
    StringRef domain = normalizedDomain(node.domain());
    if (isConstantNode(node) || findCallee(node) || !import.options.isSupported ||
        import.options.isSupported(domain, node.op_type()))
      continue;
    ++count;
    list += "\n  " + quoted(name) + " (" + qualifiedOpType(node) + ")";
  }
  return success();
}

LogicalResult GraphImporter::checkNodes() {
  std::string unsupported;
  int count = 0;
  for (auto [index, node] : llvm::enumerate(graph.node()))
    for (const std::string &output : node.output())
      if (!output.empty())
        producers.try_emplace(output, index);
  if (failed(collectUnsupported(graph.node(), unsupported, count)))
    return failure();
  for (const ::onnx::FunctionProto &callee : model->proto.functions())
    if (failed(collectUnsupported(callee.node(), unsupported, count)))
      return failure();
  if (count == 0)
    return success();
  return import.error() << count << (count == 1 ? " node uses an operator" : " nodes use operators")
                        << " that Lutra does not support:" << unsupported;
}

LogicalResult GraphImporter::createFunction(ModuleOp module) {
  // Before version 4 of the IR initializers had to be inputs too; since then such an input has a default value, which
  // becomes a constant all the same.
  llvm::StringMap<bool> initialized;
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    initialized.try_emplace(tensor.name(), true);

  SmallVector<Type> inputTypes, outputTypes;
  SmallVector<DictionaryAttr> inputAttrs, outputAttrs;
  SmallVector<StringRef> inputNames;
  auto describe = [&](const ::onnx::ValueInfoProto &info, const InterfaceType &type) {
    SmallVector<StringRef> dims(type.dims.begin(), type.dims.end());
    return builder.getDictionaryAttr({builder.getNamedAttr("onnx.name", builder.getStringAttr(info.name())),
                                      builder.getNamedAttr("onnx.dims", builder.getStrArrayAttr(dims))});
  };
  for (const ::onnx::ValueInfoProto &input : graph.input()) {
    if (initialized.contains(input.name()))
      continue;
    if (input.name().empty())
      return import.error() << "an input of the graph has no name";
    FailureOr<InterfaceType> type = convertInterfaceType(import, input, "input");
    if (failed(type))
      return failure();
    inputNames.push_back(input.name());
    inputTypes.push_back(type->type);
    inputAttrs.push_back(describe(input, *type));
  }
  for (const ::onnx::ValueInfoProto &info : graph.value_info())
    types[info.name()] = convertValueType(import.context, info.type());
  llvm::StringMap<bool> outputNames;
  for (const ::onnx::ValueInfoProto &output : graph.output()) {
    if (output.name().empty())
      return import.error() << "an output of the graph has no name";
    if (!outputNames.try_emplace(output.name(), true).second)
      return import.error() << "the graph has two outputs named " << quoted(output.name());
    FailureOr<InterfaceType> type = convertInterfaceType(import, output, "output");
    if (failed(type))
      return failure();
    types[output.name()] = type->type;
    outputTypes.push_back(type->type);
    outputAttrs.push_back(describe(output, *type));
  }
  if (outputTypes.empty())
    return import.error() << "the graph has no outputs, so there is nothing to compute";

  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, import.nameLoc(graph.name()), "main",
                                  builder.getFunctionType(inputTypes, outputTypes));
  function.setAllArgAttrs(inputAttrs);
  function.setAllResultAttrs(outputAttrs);
  Block *block = builder.createBlock(&function.getBody());
  for (auto [name, type] : llvm::zip_equal(inputNames, inputTypes))
    if (failed(define(name, block->addArgument(type, import.nameLoc(name)))))
      return failure();
  return success();
}

LogicalResult GraphImporter::importInitializers() {
  if (graph.sparse_initializer_size() > 0)
    return import.error() << "the graph has sparse initializers ("
                          << quoted(graph.sparse_initializer(0).values().name())
                          << " is the first), which are not supported: store them dense";
  for (auto [tensor, raw] : llvm::zip_equal(graph.initializer(), model->rawData))
    if (failed(importInitializer(tensor, raw)))
      return failure();
  return success();
}

LogicalResult GraphImporter::importInitializer(const ::onnx::TensorProto &tensor, std::optional<StringRef> raw) {
  const std::string &name = tensor.name();
  if (name.empty())
    return import.error() << "an initializer of the graph has no name";
  FailureOr<ElementsAttr> value = tensors.load(tensor, raw, name, "tensor " + quoted(name));
  if (failed(value))
    return failure();
  return define(name, onnx::ConstantOp::create(builder, import.nameLoc(name), value->getType(), name, *value));
}

LogicalResult GraphImporter::importConstant(const NodeProto &node, StringRef name, Location loc) {
  std::string what = "node " + quoted(name) + " (Constant)";
  if (node.input_size() != 0 || node.output_size() != 1 || node.output(0).empty() || node.attribute_size() != 1)
    return import.error(loc) << what << " must have no inputs, one output and one attribute, but has "
                             << node.input_size() << ", " << node.output_size() << " and " << node.attribute_size();
  FailureOr<DictionaryAttr> attributes = convertNodeAttributes(import, tensors, node, name, loc, bindings);
  if (failed(attributes))
    return failure();
  NamedAttribute entry = *attributes->begin();
  StringRef key = entry.getName();
  ElementsAttr value;
  if (auto tensor = dyn_cast<ElementsAttr>(entry.getValue()); tensor && key == "value")
    value = tensor;
  else if (auto number = dyn_cast<FloatAttr>(entry.getValue()); number && key == "value_float")
    value = DenseElementsAttr::get(RankedTensorType::get({}, number.getType()), number.getValue());
  else if (auto number = dyn_cast<IntegerAttr>(entry.getValue()); number && key == "value_int")
    value = DenseElementsAttr::get(RankedTensorType::get({}, number.getType()), number.getValue());
  else if (auto list = dyn_cast<DenseF32ArrayAttr>(entry.getValue()); list && key == "value_floats")
    value = DenseElementsAttr::get(RankedTensorType::get({list.size()}, builder.getF32Type()), list.asArrayRef());
  else if (auto list = dyn_cast<DenseI64ArrayAttr>(entry.getValue()); list && key == "value_ints")
    value = DenseElementsAttr::get(RankedTensorType::get({list.size()}, builder.getI64Type()), list.asArrayRef());
  else
    return import.error(loc) << what << " has the attribute " << quoted(key)
                             << " of a kind that is not supported: expected value, value_float, value_floats, "
                             << "value_int or value_ints with the type of its name";
  return define(node.output(0), onnx::ConstantOp::create(builder, loc, value.getType(), node.output(0), value));
}

FailureOr<SmallVector<Value>> GraphImporter::importOperands(const NodeProto &node, StringRef what, Location loc) {
  SmallVector<Value> operands;
  for (const std::string &input : node.input()) {
    if (input.empty()) {
      operands.push_back(getNone());
      continue;
    }
    auto value = values.find(input);
    if (value == values.end()) {
      auto diagnostic = import.error(loc) << what << " uses " << quoted(input) << ", which ";
      auto producer = calls.empty() ? producers.find(input) : producers.end();
      if (producer == producers.end())
        return diagnostic << "nothing in the graph defines";
      return diagnostic << "only node " << quoted(nodeName(graph.node(producer->second), producer->second))
                        << " defines, at or after it: the graph must be acyclic and sorted";
    }
    operands.push_back(value->second);
  }
  return operands;
}

LogicalResult GraphImporter::importNode(const NodeProto &node, int index) {
  std::string name = prefix + nodeName(node, index);
  Location loc = import.nameLoc(name);
  if (isConstantNode(node))
    return importConstant(node, name, loc);
  if (const ::onnx::FunctionProto *callee = findCallee(node))
    return importCall(node, *callee, name, loc);

  StringRef domain = normalizedDomain(node.domain());
  std::string what = "node " + quoted(name) + " (" + qualifiedOpType(node) + ")";
  auto opset = opsets.find(domain);
  if (opset == opsets.end())
    return import.error(loc) << what << " uses the domain " << quoted(domain)
                             << ", for which the model imports no opset";
  FailureOr<SmallVector<Value>> operands = importOperands(node, what, loc);
  if (failed(operands))
    return failure();
  SmallVector<Type> resultTypes;
  for (const std::string &output : node.output()) {
    if (output.empty()) {
      resultTypes.push_back(builder.getNoneType());
      continue;
    }
    auto declared = types.find(output);
    resultTypes.push_back(declared == types.end() ? onnx::ValueType::get(&import.context) : declared->second);
  }
  FailureOr<DictionaryAttr> attributes = convertNodeAttributes(import, tensors, node, name, loc, bindings);
  if (failed(attributes))
    return failure();
  bool isIf = isIfNode(node);
  auto op = onnx::NodeOp::create(builder, loc, resultTypes, node.op_type(), name, domain, opset->second, *attributes,
                                 *operands, isIf ? 2 : 0);
  static constexpr StringRef keys[] = {"then_branch", "else_branch"};
  for (auto [branch, key] : llvm::zip(op.getBranches(), keys)) {
    auto found = llvm::find_if(node.attribute(), [&](const auto &attribute) { return attribute.name() == key; });
    if (found == node.attribute().end() || !found->has_g())
      return import.error(loc) << what << " lacks the graph " << quoted(key);
    if (failed(importBranch(found->g(), branch, (what + ", " + key).str(), loc)))
      return failure();
  }
  for (auto [output, result] : llvm::zip_equal(node.output(), op.getResults()))
    if (!output.empty() && failed(define(output, result)))
      return failure();
  return success();
}

LogicalResult GraphImporter::importNodes(const Nodes &nodes) {
  for (auto [index, node] : llvm::enumerate(nodes))
    if (failed(importNode(node, index)))
      return failure();
  return success();
}

LogicalResult GraphImporter::importReturn() {
  SmallVector<Value> results;
  for (auto [output, type] : llvm::zip_equal(graph.output(), function.getResultTypes())) {
    auto value = values.find(output.name());
    if (value == values.end())
      return import.error() << "nothing in the graph defines its output " << quoted(output.name());
    // Node results have the declared type already, but for those of functions; inputs and constants have their own.
    if (isa<onnx::ValueType>(value->second.getType()))
      value->second.setType(type);
    if (value->second.getType() != type)
      return import.error() << "output " << quoted(output.name()) << " is declared " << type << ", but is "
                            << value->second.getType();
    results.push_back(value->second);
  }
  func::ReturnOp::create(builder, function.getLoc(), results);
  return success();
}

LogicalResult GraphImporter::run(ModuleOp module) {
  for (const ::onnx::OperatorSetIdProto &opset : model->proto.opset_import())
    opsets[normalizedDomain(opset.domain())] = opset.version();
  if (failed(checkNodes()) || failed(createFunction(module)) || failed(importInitializers()))
    return failure();
  return failure(failed(importNodes(graph.node())) || failed(importReturn()));
}
