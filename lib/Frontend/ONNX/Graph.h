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

/// `node`'s attributes as the dictionary of an `onnx.node`. Fails with a diagnostic at `loc`.
mlir::FailureOr<mlir::DictionaryAttr> convertNodeAttributes(const ImportContext &import, TensorLoader &tensors,
                                                            const ::onnx::NodeProto &node, llvm::StringRef name,
                                                            mlir::Location loc);

/// Builds `@main` from a model's graph.
class GraphImporter {
public:
  GraphImporter(const ImportContext &import, std::shared_ptr<const ONNXModel> model)
      : import(import), model(model), graph(model->proto.graph()), tensors(import, model), builder(&import.context) {}

  /// Appends the function to `module`. Fails with a diagnostic.
  mlir::LogicalResult run(mlir::ModuleOp module);

private:
  mlir::LogicalResult checkNodes();
  mlir::LogicalResult createFunction(mlir::ModuleOp module);
  mlir::LogicalResult importInitializers();
  mlir::LogicalResult importNode(const ::onnx::NodeProto &node, int index);
  mlir::LogicalResult importConstant(const ::onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc);
  mlir::LogicalResult importReturn();

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
  /// What each name means, so far.
  llvm::StringMap<mlir::Value> values;
  /// The declared types of node results.
  llvm::StringMap<mlir::Type> types;
  /// The node that computes each name, sorted or not: tells an unsorted graph from an undefined name.
  llvm::StringMap<int> producers;
  /// The opset version imported per domain.
  llvm::StringMap<int64_t> opsets;
};

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_GRAPH_H
