//===- RobustnessTest.cpp - truncated and mutated models ------------------===//
//
// Whatever the bytes, the importer returns: a module, or null after at least one diagnostic.
//
//===----------------------------------------------------------------------===//
#include "TestModel.h"

#include "mlir/IR/Verifier.h"

#include <random>

using namespace mlir;

namespace lutra::test {
namespace {

/// A model that goes through most of the importer's code.
ModelProto richModel() {
  ModelProto model = makeModel();
  addTensor(model, "raw", TensorProto::UINT8, {32, 64})->set_raw_data(std::string(2048, 'r'));
  addTensor(model, "flags", TensorProto::BOOL, {3})->set_raw_data(std::string("\0\1\0", 3));
  TensorProto *half = addTensor(model, "half", TensorProto::FLOAT16, {2});
  half->add_int32_data(1);
  half->add_int32_data(2);
  addExternal(addTensor(model, "ext", TensorProto::UINT8, {16}),
              {{"location", "m.data"}, {"offset", "4"}, {"length", "16"}});
  auto *attribute = addNode(model, "Constant", {}, {"c"})->add_attribute();
  attribute->set_name("value");
  attribute->set_type(::onnx::AttributeProto::TENSOR);
  attribute->mutable_t()->set_data_type(TensorProto::INT64);
  attribute->mutable_t()->add_int64_data(4);
  NodeProto *node = addNode(model, "MatMulNBits", {"y", "raw", "", "half"}, {"z", ""}, "mm", "com.microsoft");
  for (const char *name : {"K", "N", "bits"}) {
    auto *integer = node->add_attribute();
    integer->set_name(name);
    integer->set_type(::onnx::AttributeProto::INT);
    integer->set_i(32);
  }
  addValue(model.mutable_graph()->mutable_value_info(), "z", TensorProto::FLOAT, {"batch", "32"});
  addValue(model.mutable_graph()->mutable_output(), "z", TensorProto::FLOAT, {"batch", "32"});
  auto *opset = model.add_opset_import();
  opset->set_domain("com.microsoft");
  opset->set_version(1);
  return model;
}

class RobustnessTest : public FrontendTest {
protected:
  void SetUp() override {
    FrontendTest::SetUp();
    write(folder / "m.data", std::string(64, 'e'));
  }

  /// Imports `bytes` in a context of its own, so that blobs do not pile up; returns whether that worked.
  bool tryImport(const std::string &bytes) {
    MLIRContext fresh(MLIRContext::Threading::DISABLED);
    unsigned errors = 0;
    fresh.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      ++errors;
      last = diagnostic.str();
      return success();
    });
    std::string path = (folder / "m.onnx").string();
    write(path, bytes);
    OwningOpRef<ModuleOp> module = importONNX(path, fresh);
    if (module)
      EXPECT_TRUE(succeeded(verify(*module)));
    EXPECT_EQ(bool(module), errors == 0) << last;
    return bool(module);
  }

  std::string last;
};

TEST_F(RobustnessTest, EveryPrefixIsRefusedInOneWay) {
  std::string bytes = makeModel().SerializeAsString();
  ASSERT_TRUE(tryImport(bytes));
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(tryImport(bytes.substr(0, length))) << length;
    EXPECT_THAT(last, HasSubstr("not a valid ONNX model (truncated or corrupt")) << length;
  }
}

TEST_F(RobustnessTest, PrefixesOfALargerModel) {
  std::string bytes = richModel().SerializeAsString();
  ASSERT_TRUE(tryImport(bytes)) << last;
  for (size_t length = 0; length < bytes.size(); length += length < 200 ? 1 : 7)
    EXPECT_FALSE(tryImport(bytes.substr(0, length))) << length;
}

TEST_F(RobustnessTest, RandomMutationsNeverCrash) {
  std::string bytes = richModel().SerializeAsString();
  std::mt19937 random(20240229);
  auto below = [&](size_t n) { return size_t(random() % n); };
  unsigned accepted = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string mutant = bytes;
    for (size_t edits = 1 + below(4); edits > 0 && !mutant.empty(); --edits) {
      size_t at = below(mutant.size());
      // Most of the bytes are weights, which may hold anything: aim at the structure around them more often.
      size_t weights = mutant.find(std::string(16, 'r'));
      if (weights != std::string::npos && mutant[at] == 'r')
        at = below(2) ? below(weights) : mutant.size() - 1 - below(std::min<size_t>(mutant.size(), 700));
      switch (below(5)) {
      case 0: mutant[at] = char(random()); break;
      case 1: mutant[at] ^= char(1u << below(8)); break;
      case 2: mutant.erase(at, 1 + below(8)); break;
      case 3: mutant.insert(at, 1 + below(4), char(random())); break;
      case 4: mutant[at] = char(0x7f + below(3)); break;
      }
    }
    accepted += tryImport(mutant);
  }
  // Some edits only change names or numbers that nothing depends on.
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, 4000u);
}

TEST_F(RobustnessTest, RandomBytesAreRefused) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char &byte : bytes)
      byte = char(random());
    EXPECT_FALSE(tryImport(bytes));
  }
}

} // namespace
} // namespace lutra::test
