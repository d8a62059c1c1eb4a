//===- ModelTest.cpp - the model as a whole: versions, parts not read -----===//
#include "TestModel.h"

#include "lib/Frontend/ONNX/ModelReader.h"

using namespace mlir;

namespace lutra::test {
namespace {

using ModelTest = FrontendTest;

TEST_F(ModelTest, ImportsVersionsAndProducer) {
  OwningOpRef<ModuleOp> module = import(makeModel());
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  EXPECT_EQ((*module)->getAttrOfType<IntegerAttr>("onnx.ir_version").getInt(), 10);
  EXPECT_EQ((*module)->getAttrOfType<StringAttr>("onnx.producer").getValue(), "test 1");
  EXPECT_EQ(node(*module, "/add").getVersion(), 21u);
}

TEST_F(ModelTest, RefusesMissingFileAndFolder) {
  EXPECT_FALSE(importONNX((folder / "absent.onnx").string(), context));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_THAT(messages[0], HasSubstr("absent.onnx: cannot open the file: No such file"));
  EXPECT_FALSE(importONNX(folder.string(), context));
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_THAT(messages[1], HasSubstr("not a regular file"));
}

TEST_F(ModelTest, RefusesIRVersionsOutsideTheSchema) {
  for (int version : {-1, 0, 2, 1000}) {
    ModelProto model = makeModel();
    model.set_ir_version(version);
    EXPECT_THAT(refusal(model), HasSubstr("ir_version is " + std::to_string(version) + ", but Lutra reads 3 to"));
  }
}

TEST_F(ModelTest, RefusesOpsetsOutsideTheRange) {
  for (int version : {0, 6, 1000}) {
    ModelProto model = makeModel();
    model.mutable_opset_import(0)->set_version(version);
    EXPECT_THAT(refusal(model), HasSubstr("imports version " + std::to_string(version) + " of the standard opset"));
  }
  ModelProto model = makeModel();
  auto *microsoft = model.add_opset_import();
  microsoft->set_domain("com.microsoft");
  microsoft->set_version(2);
  EXPECT_THAT(refusal(model), HasSubstr("version 2 of the opset 'com.microsoft', but Lutra reads only 1"));
}

TEST_F(ModelTest, RefusesTwoVersionsOfOneDomain) {
  ModelProto model = makeModel();
  auto *again = model.add_opset_import();
  again->set_domain("ai.onnx");
  again->set_version(20);
  EXPECT_THAT(refusal(model), HasSubstr("two versions of the opset '', 21 and 20"));
}

TEST_F(ModelTest, RefusesFunctionsTrainingAndSparseInitializers) {
  ModelProto model = makeModel();
  model.add_functions()->set_name("f");
  EXPECT_THAT(refusal(model), HasSubstr("function 'f'"));
  model = makeModel();
  model.add_training_info();
  EXPECT_THAT(refusal(model), HasSubstr("training information"));
  model = makeModel();
  model.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("s");
  EXPECT_THAT(refusal(model), HasSubstr("sparse initializers ('s'"));
}

TEST_F(ModelTest, SplitsRawDataOutOfTheMessage) {
  ModelProto model = makeModel();
  addTensor(model, "raw", TensorProto::UINT8, {300})->set_raw_data(std::string(300, 'r'));
  addTensor(model, "empty", TensorProto::UINT8, {0})->set_raw_data("");
  std::string bytes = model.SerializeAsString(), skeleton;
  std::vector<std::optional<llvm::StringRef>> raw;
  ASSERT_TRUE(frontend::splitRawData(bytes, skeleton, raw));
  ASSERT_EQ(raw.size(), 3u);
  EXPECT_FALSE(raw[0]);
  ASSERT_TRUE(raw[1] && raw[2]);
  EXPECT_EQ(*raw[1], std::string(300, 'r'));
  EXPECT_GE(raw[1]->data(), bytes.data());
  EXPECT_LE(raw[1]->data() + 300, bytes.data() + bytes.size());
  EXPECT_EQ(*raw[2], "");
  ModelProto rest;
  ASSERT_TRUE(rest.ParseFromString(skeleton));
  for (auto &tensor : *model.mutable_graph()->mutable_initializer())
    tensor.clear_raw_data();
  EXPECT_EQ(rest.SerializeAsString(), model.SerializeAsString());
}

} // namespace
} // namespace lutra::test
