//===- TestModel.h - models made for the importer's tests -------*- C++ -*-===//
#ifndef LUTRA_TEST_UNIT_FRONTEND_TESTMODEL_H
#define LUTRA_TEST_UNIT_FRONTEND_TESTMODEL_H

#include "dialects/onnx/IR/ONNXDialect.h"
#include "lutra/Frontend/ONNX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "onnx.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace lutra::test {

using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::testing::HasSubstr;

/// Adds the value `name` to `list`, a tensor of `elementType`; a dimension is a number or a name.
template <typename List>
void addValue(List *list, const std::string &name, int elementType, const std::vector<std::string> &dims) {
  auto *info = list->Add();
  info->set_name(name);
  auto *tensor = info->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(elementType);
  tensor->mutable_shape();
  for (const std::string &dim : dims) {
    auto *entry = tensor->mutable_shape()->add_dim();
    if (dim.empty())
      continue;
    if (std::isdigit(dim[0]) || dim[0] == '-')
      entry->set_dim_value(std::stoll(dim));
    else
      entry->set_dim_param(dim);
  }
}

inline NodeProto *addNode(ModelProto &model, const std::string &op, const std::vector<std::string> &inputs,
                          const std::vector<std::string> &outputs, const std::string &name = "",
                          const std::string &domain = "") {
  NodeProto *node = model.mutable_graph()->add_node();
  node->set_op_type(op);
  if (!name.empty())
    node->set_name(name);
  if (!domain.empty())
    node->set_domain(domain);
  for (const std::string &input : inputs)
    node->add_input(input);
  for (const std::string &output : outputs)
    node->add_output(output);
  return node;
}

inline TensorProto *addTensor(ModelProto &model, const std::string &name, int type, const std::vector<int64_t> &dims) {
  TensorProto *tensor = model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(type);
  for (int64_t dim : dims)
    tensor->add_dims(dim);
  return tensor;
}

inline void addExternal(TensorProto *tensor, const std::vector<std::pair<std::string, std::string>> &entries) {
  tensor->set_data_location(TensorProto::EXTERNAL);
  for (const auto &[key, value] : entries) {
    auto *entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
}

/// y = Add(x, w): an input, an initializer with data of its own, a node and an output.
inline ModelProto makeModel() {
  ModelProto model;
  model.set_ir_version(10);
  model.set_producer_name("test");
  model.set_producer_version("1");
  auto *graph = model.mutable_graph();
  graph->set_name("g");
  addValue(graph->mutable_input(), "x", TensorProto::FLOAT, {"batch", "2"});
  addValue(graph->mutable_output(), "y", TensorProto::FLOAT, {"batch", "2"});
  TensorProto *w = addTensor(model, "w", TensorProto::FLOAT, {2});
  w->add_float_data(1.5f);
  w->add_float_data(-2.f);
  addNode(model, "Add", {"x", "w"}, {"y"}, "/add");
  auto *opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(21);
  return model;
}

/// A test with a folder of its own, a context, and what the importer said.
class FrontendTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "lutra-frontend-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
    folder = root / "model";
    std::filesystem::create_directory(folder);
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      messages.push_back(diagnostic.str());
      return mlir::success();
    });
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  void write(const std::filesystem::path &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  mlir::OwningOpRef<mlir::ModuleOp> importBytes(const std::string &bytes, const ONNXImportOptions &options = {}) {
    messages.clear();
    std::string path = (folder / "m.onnx").string();
    write(path, bytes);
    return importONNX(path, context, options);
  }
  mlir::OwningOpRef<mlir::ModuleOp> import(const ModelProto &model, const ONNXImportOptions &options = {}) {
    return importBytes(model.SerializeAsString(), options);
  }

  /// Imports `model`, which must be refused with one diagnostic; returns it.
  std::string refusal(const ModelProto &model, const ONNXImportOptions &options = {}) {
    EXPECT_FALSE(import(model, options));
    EXPECT_EQ(messages.size(), 1u) << ::testing::PrintToString(messages);
    return messages.empty() ? "" : messages[0];
  }

  /// The function of a module, and the value of its constant `name`.
  mlir::func::FuncOp mainOf(mlir::ModuleOp module) { return module.lookupSymbol<mlir::func::FuncOp>("main"); }
  mlir::ElementsAttr constant(mlir::ModuleOp module, llvm::StringRef name) {
    mlir::ElementsAttr result;
    module.walk([&](onnx::ConstantOp op) {
      if (op.getSymName() == name)
        result = op.getValue();
    });
    return result;
  }
  onnx::NodeOp node(mlir::ModuleOp module, llvm::StringRef name) {
    onnx::NodeOp result;
    module.walk([&](onnx::NodeOp op) {
      if (op.getNodeName() == name)
        result = op;
    });
    return result;
  }

  std::filesystem::path root, folder;
  mlir::MLIRContext context;
  std::vector<std::string> messages;
};

} // namespace lutra::test

#endif // LUTRA_TEST_UNIT_FRONTEND_TESTMODEL_H
