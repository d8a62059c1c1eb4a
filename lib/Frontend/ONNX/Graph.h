//===- Graph.h - an ONNX graph as a function --------------------*- C++ -*-===//
#ifndef LUTRA_LIB_FRONTEND_ONNX_GRAPH_H
#define LUTRA_LIB_FRONTEND_ONNX_GRAPH_H

#include "ImportContext.h"
#include "ModelReader.h"
#include "Tensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

namespace lutra::frontend {

/// The name by which `node`, the `index`-th of its graph, is known: its own, or one made of its operator and index.
std::string nodeName(const ::onnx::NodeProto &node, int index);

/// "domain.Op", or "Op" in the standard domain.
std::string qualifiedOpType(const ::onnx::NodeProto &node);

/// The standard domain has two names, "" and "ai.onnx"; this gives "" for both.
llvm::StringRef normalizedDomain(llvm::StringRef domain);

/// Whether `node` is the standard If, whose graphs become branches.
bool isIfNode(const ::onnx::NodeProto &node);

/// What the attributes of a function are at one of its calls; null: left out.
using AttributeBindings = llvm::StringMap<const ::onnx::AttributeProto *>;

/// `node`'s attributes, without the graphs of an If, as the dictionary of an `onnx.node`. `bindings` are those of the
/// function that the node is in, or null. Fails with a diagnostic at `loc`.
mlir::FailureOr<mlir::DictionaryAttr> convertNodeAttributes(const ImportContext &import, TensorLoader &tensors,
                                                            const ::onnx::NodeProto &node, llvm::StringRef name,
                                                            mlir::Location loc, const AttributeBindings *bindings);

/// Builds `@main` from a model's graph.
class GraphImporter {
public:
  GraphImporter(const ImportContext &import, std::shared_ptr<const ONNXModel> model)
      : import(import), model(model), graph(model->proto.graph()), tensors(import, model), builder(&import.context) {}

  /// Appends the function to `module`. Fails with a diagnostic.
  mlir::LogicalResult run(mlir::ModuleOp module);

private:
  using Nodes = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;

  mlir::LogicalResult checkNodes();
  mlir::LogicalResult collectUnsupported(const Nodes &nodes, std::string &list, int &count);
  mlir::LogicalResult createFunction(mlir::ModuleOp module);
  mlir::LogicalResult importInitializers();
  mlir::LogicalResult importInitializer(const ::onnx::TensorProto &tensor, std::optional<llvm::StringRef> raw);
  mlir::LogicalResult importNodes(const Nodes &nodes);
  mlir::LogicalResult importNode(const ::onnx::NodeProto &node, int index);
  mlir::FailureOr<mlir::SmallVector<mlir::Value>> importOperands(const ::onnx::NodeProto &node, llvm::StringRef what,
                                                                 mlir::Location loc);
  mlir::LogicalResult importBranch(const ::onnx::GraphProto &branch, mlir::Region &region, llvm::StringRef what,
                                   mlir::Location loc);
  mlir::LogicalResult importCall(const ::onnx::NodeProto &node, const ::onnx::FunctionProto &callee,
                                 llvm::StringRef name, mlir::Location loc);
  mlir::LogicalResult importConstant(const ::onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc);
  mlir::LogicalResult importReturn();

  /// The function of the model that `node` calls, or null.
  const ::onnx::FunctionProto *findCallee(const ::onnx::NodeProto &node) const;
  /// Makes `name` mean `value` from here on; fails when it means something already.
  mlir::LogicalResult define(llvm::StringRef name, mlir::Value value);
  mlir::Value getNone();

  const ImportContext &import;
  std::shared_ptr<const ONNXModel> model;
  const ::onnx::GraphProto &graph;
  TensorLoader tensors;
  mlir::OpBuilder builder;
  mlir::func::FuncOp function;
  mlir::Value none;
  /// What each name means, so far, in the graph or the function at hand.
  llvm::StringMap<mlir::Value> values;
  /// The names that the branch at hand defines: they end with it.
  llvm::SmallVector<std::string> *scope = nullptr;
  /// The calls that are being inlined, outermost first, and what the attributes of the last one are.
  llvm::SmallVector<const ::onnx::FunctionProto *> calls;
  const AttributeBindings *bindings = nullptr;
  /// Before the names of the nodes of a function: "/call/".
  std::string prefix;
  /// The declared types of node results.
  llvm::StringMap<mlir::Type> types;
  /// The node that computes each name, sorted or not: tells an unsorted graph from an undefined name.
  llvm::StringMap<int> producers;
  /// The opset version imported per domain.
  llvm::StringMap<int64_t> opsets;
};

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_GRAPH_H
