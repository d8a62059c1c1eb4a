//===- Attributes.cpp - a node's attributes as a dictionary ---------------===//
#include "Graph.h"

using namespace mlir;
using namespace lutra::frontend;
using ::onnx::AttributeProto;

/// The attribute's value, or null after a diagnostic.
static Attribute convertAttribute(const ImportContext &import, TensorLoader &tensors, const AttributeProto &attribute,
                                  const std::string &what, StringRef nodeName, Location loc) {
  Builder builder(&import.context);
  switch (attribute.type()) {
  case AttributeProto::INT: return builder.getI64IntegerAttr(attribute.i());
  case AttributeProto::FLOAT: return builder.getF32FloatAttr(attribute.f());
  case AttributeProto::STRING: return builder.getStringAttr(attribute.s());
  case AttributeProto::INTS:
    return builder.getDenseI64ArrayAttr(ArrayRef<int64_t>(attribute.ints().data(), attribute.ints_size()));
  case AttributeProto::FLOATS:
    return builder.getDenseF32ArrayAttr(ArrayRef<float>(attribute.floats().data(), attribute.floats_size()));
  case AttributeProto::STRINGS: {
    SmallVector<Attribute> strings;
    for (const std::string &text : attribute.strings())
      strings.push_back(builder.getStringAttr(text));
    return builder.getArrayAttr(strings);
  }
  case AttributeProto::TENSOR: {
    FailureOr<ElementsAttr> value =
        tensors.load(attribute.t(), std::nullopt, attribute.t().name().empty() ? nodeName : attribute.t().name(), what);
    return succeeded(value) ? Attribute(*value) : Attribute();
  }
  case AttributeProto::GRAPH:
  case AttributeProto::GRAPHS: {
    import.error(loc) << what << " holds a graph: of control flow, only If is supported";
    return {};
  }
  default:
    import.error(loc) << what << " has the unsupported type "
                      << ::onnx::AttributeProto_AttributeType_Name(attribute.type())
                      << ": expected INT, FLOAT, STRING, TENSOR, INTS, FLOATS or STRINGS";
    return {};
  }
}

FailureOr<DictionaryAttr> lutra::frontend::convertNodeAttributes(const ImportContext &import, TensorLoader &tensors,
                                                                 const ::onnx::NodeProto &node, StringRef name,
                                                                 Location loc, const AttributeBindings *bindings) {
  SmallVector<NamedAttribute> entries;
  llvm::StringMap<bool> seen;
  std::string ofNode = " of node " + quoted(name) + " (" + qualifiedOpType(node) + ")";
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.name().empty())
      return import.error(loc) << "an attribute" << ofNode << " has no name";
    std::string what = "attribute " + quoted(attribute.name()) + ofNode;
    if (!seen.try_emplace(attribute.name(), true).second)
      return import.error(loc) << what << " is given twice";
    if (attribute.type() == AttributeProto::GRAPH && isIfNode(node))
      continue;
    const AttributeProto *bound = &attribute;
    if (!attribute.ref_attr_name().empty()) {
      if (!bindings)
        return import.error(loc) << what << " refers to an attribute of a function, outside any function";
      bound = bindings->lookup(attribute.ref_attr_name());
      // The call leaves an optional attribute out, so the node has none either.
      if (!bound)
        continue;
    }
    Attribute value = convertAttribute(import, tensors, *bound, what, name, loc);
    if (!value)
      return failure();
    entries.emplace_back(StringAttr::get(&import.context, attribute.name()), value);
  }
  return DictionaryAttr::get(&import.context, entries);
}
