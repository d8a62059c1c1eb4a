//===- GraphTest.cpp - inputs, nodes and outputs of a graph ---------------===//
#include "TestModel.h"

using namespace mlir;

namespace lutra::test {
namespace {

using GraphTest = FrontendTest;

std::vector<std::string> strings(Attribute attribute) {
  std::vector<std::string> result;
  for (auto text : cast<ArrayAttr>(attribute).getAsRange<StringAttr>())
    result.push_back(text.str());
  return result;
}

TEST_F(GraphTest, InputsAndOutputsKeepNamesAndDims) {
  OwningOpRef<ModuleOp> module = import(makeModel());
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  func::FuncOp main = mainOf(*module);
  auto type = RankedTensorType::get({ShapedType::kDynamic, 2}, Float32Type::get(&context));
  EXPECT_EQ(main.getFunctionType(), FunctionType::get(&context, {type}, {type}));
  EXPECT_EQ(main.getArgAttrOfType<StringAttr>(0, "onnx.name").getValue(), "x");
  EXPECT_EQ(strings(main.getArgAttr(0, "onnx.dims")), (std::vector<std::string>{"batch", "2"}));
  EXPECT_EQ(cast<StringAttr>(main.getResultAttr(0, "onnx.name")).getValue(), "y");
  EXPECT_EQ(strings(main.getResultAttr(0, "onnx.dims")), (std::vector<std::string>{"batch", "2"}));
}

TEST_F(GraphTest, UnnamedDimsGetDistinctNames) {
  ModelProto model = makeModel();
  addValue(model.mutable_graph()->mutable_input(), "z", TensorProto::INT64, {"", ""});
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module);
  EXPECT_EQ(strings(mainOf(*module).getArgAttr(1, "onnx.dims")), (std::vector<std::string>{"z_dim0", "z_dim1"}));
}

TEST_F(GraphTest, InitializersListedAsInputsAreConstants) {
  ModelProto model = makeModel();
  addValue(model.mutable_graph()->mutable_input(), "w", TensorProto::FLOAT, {"2"});
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module);
  EXPECT_EQ(mainOf(*module).getNumArguments(), 1u);
}

TEST_F(GraphTest, NodesKeepNamesDomainsAndLocations) {
  ModelProto model = makeModel();
  auto *opset = model.add_opset_import();
  opset->set_domain("com.microsoft");
  opset->set_version(1);
  addNode(model, "QuickGelu", {"y"}, {"q"}, "", "com.microsoft");
  addNode(model, "Relu", {"y"}, {"r"}, "relu", "ai.onnx");
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  onnx::NodeOp gelu = node(*module, "QuickGelu_1");
  ASSERT_TRUE(gelu);
  EXPECT_EQ(gelu.getDomain(), "com.microsoft");
  EXPECT_EQ(gelu.getVersion(), 1u);
  EXPECT_TRUE(isa<onnx::ValueType>(gelu.getResult(0).getType()));
  EXPECT_EQ(cast<NameLoc>(gelu.getLoc()).getName().getValue(), "QuickGelu_1");
  EXPECT_EQ(node(*module, "relu").getDomain(), "");
  EXPECT_EQ(node(*module, "relu").getVersion(), 21u);
}

TEST_F(GraphTest, ValueInfoTypesResults) {
  ModelProto model = makeModel();
  addNode(model, "Cast", {"y"}, {"c"}, "c");
  addNode(model, "Cast", {"y"}, {"d"}, "d");
  addValue(model.mutable_graph()->mutable_value_info(), "c", TensorProto::UINT8, {"n", "4"});
  model.mutable_graph()->add_value_info()->set_name("d");
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module);
  EXPECT_EQ(node(*module, "c").getResult(0).getType(),
            RankedTensorType::get({ShapedType::kDynamic, 4}, IntegerType::get(&context, 8, IntegerType::Unsigned)));
  EXPECT_TRUE(isa<onnx::ValueType>(node(*module, "d").getResult(0).getType()));
}

TEST_F(GraphTest, OmittedInputsAndOutputs) {
  ModelProto model = makeModel();
  addNode(model, "Clip", {"y", "", "w"}, {"", "c"}, "clip");
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module);
  onnx::NodeOp clip = node(*module, "clip");
  EXPECT_TRUE(clip.getInputs()[1].getDefiningOp<onnx::NoneOp>());
  EXPECT_FALSE(clip.getOptionalInput(1));
  EXPECT_TRUE(clip.getOptionalInput(2));
  EXPECT_TRUE(isa<NoneType>(clip.getResult(0).getType()));
}

TEST_F(GraphTest, AttributesOfEveryKind) {
  ModelProto model = makeModel();
  NodeProto *n = addNode(model, "Op", {"y"}, {"o"}, "n");
  auto add = [&](const char *name, ::onnx::AttributeProto::AttributeType type) {
    auto *attribute = n->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  };
  add("i", ::onnx::AttributeProto::INT)->set_i(-3);
  add("f", ::onnx::AttributeProto::FLOAT)->set_f(0.5f);
  add("s", ::onnx::AttributeProto::STRING)->set_s("text");
  add("is", ::onnx::AttributeProto::INTS)->add_ints(7);
  add("fs", ::onnx::AttributeProto::FLOATS)->add_floats(0.25f);
  add("ss", ::onnx::AttributeProto::STRINGS)->add_strings("a");
  auto *tensor = add("t", ::onnx::AttributeProto::TENSOR)->mutable_t();
  tensor->set_data_type(TensorProto::INT64);
  tensor->add_int64_data(9);
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  onnx::NodeOp op = node(*module, "n");
  EXPECT_EQ(cast<IntegerAttr>(op.getNodeAttr("i")).getInt(), -3);
  EXPECT_TRUE(cast<IntegerAttr>(op.getNodeAttr("i")).getType().isInteger(64));
  EXPECT_EQ(cast<FloatAttr>(op.getNodeAttr("f")).getValueAsDouble(), 0.5);
  EXPECT_EQ(cast<StringAttr>(op.getNodeAttr("s")).getValue(), "text");
  EXPECT_EQ(cast<DenseI64ArrayAttr>(op.getNodeAttr("is")).asArrayRef(), ArrayRef<int64_t>{7});
  EXPECT_EQ(cast<DenseF32ArrayAttr>(op.getNodeAttr("fs")).asArrayRef(), ArrayRef<float>{0.25f});
  EXPECT_EQ(strings(op.getNodeAttr("ss")), std::vector<std::string>{"a"});
  EXPECT_EQ(cast<DenseElementsAttr>(op.getNodeAttr("t")).getSplatValue<int64_t>(), 9);
}

TEST_F(GraphTest, ConstantNodesBecomeConstants) {
  ModelProto model = makeModel();
  auto add = [&](const char *output, const char *key, ::onnx::AttributeProto::AttributeType type) {
    auto *attribute = addNode(model, "Constant", {}, {output})->add_attribute();
    attribute->set_name(key);
    attribute->set_type(type);
    return attribute;
  };
  add("i", "value_int", ::onnx::AttributeProto::INT)->set_i(5);
  add("f", "value_float", ::onnx::AttributeProto::FLOAT)->set_f(2.5f);
  auto *list = add("is", "value_ints", ::onnx::AttributeProto::INTS);
  list->add_ints(1);
  list->add_ints(2);
  auto *tensor = add("t", "value", ::onnx::AttributeProto::TENSOR)->mutable_t();
  tensor->set_data_type(TensorProto::BOOL);
  tensor->add_dims(2);
  tensor->set_raw_data(std::string("\1\0", 2));
  ONNXImportOptions options;
  options.isSupported = [](StringRef, StringRef op) { return op != "Constant"; };
  OwningOpRef<ModuleOp> module = import(model, options);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  EXPECT_EQ(*constant(*module, "i").value_begin<int64_t>(), 5);
  EXPECT_EQ(cast<RankedTensorType>(constant(*module, "i").getType()).getRank(), 0);
  EXPECT_EQ(*constant(*module, "f").value_begin<float>(), 2.5f);
  EXPECT_EQ(llvm::to_vector(constant(*module, "is").getValues<int64_t>()), (SmallVector<int64_t>{1, 2}));
  EXPECT_EQ(llvm::to_vector(constant(*module, "t").getValues<bool>()), (SmallVector<bool>{true, false}));
  add("s", "value_string", ::onnx::AttributeProto::STRING)->set_s("x");
  EXPECT_THAT(refusal(model), HasSubstr("'Constant_5' (Constant) has the attribute 'value_string'"));
}

TEST_F(GraphTest, ListsEveryUnsupportedNodeOnce) {
  ModelProto model = makeModel();
  addNode(model, "Foo", {"y"}, {"a"}, "first");
  addNode(model, "Bar", {"y"}, {"b"}, "", "com.example");
  ONNXImportOptions options;
  options.isSupported = [](StringRef domain, StringRef op) { return domain.empty() && op == "Add"; };
  std::string message = refusal(model, options);
  EXPECT_THAT(message, HasSubstr("2 nodes use operators that Lutra does not support:\n"
                                 "  'first' (Foo)\n  'Bar_2' (com.example.Bar)"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("/add")));
}

TEST_F(GraphTest, RefusesBadNames) {
  ModelProto model = makeModel();
  addNode(model, "Relu", {"nowhere"}, {"r"}, "relu");
  EXPECT_THAT(refusal(model), HasSubstr("node 'relu' (Relu) uses 'nowhere', which nothing in the graph defines"));

  model = makeModel();
  addNode(model, "Relu", {"later"}, {"r"}, "relu");
  addNode(model, "Neg", {"y"}, {"later"}, "neg");
  EXPECT_THAT(refusal(model), HasSubstr("'later', which only node 'neg' defines, at or after it"));

  model = makeModel();
  addNode(model, "Relu", {"r"}, {"r"}, "self");
  EXPECT_THAT(refusal(model), HasSubstr("the graph must be acyclic"));

  for (const char *name : {"x", "w", "y"}) {
    model = makeModel();
    addNode(model, "Relu", {"y"}, {name}, "relu");
    EXPECT_THAT(refusal(model), HasSubstr("'" + std::string(name) + "' is defined twice"));
  }
  model = makeModel();
  addValue(model.mutable_graph()->mutable_input(), "x", TensorProto::FLOAT, {});
  EXPECT_THAT(refusal(model), HasSubstr("'x' is defined twice"));
  model = makeModel();
  *model.mutable_graph()->add_initializer() = model.graph().initializer(0);
  EXPECT_THAT(refusal(model), HasSubstr("'w' is defined twice"));
  model = makeModel();
  *model.mutable_graph()->add_output() = model.graph().output(0);
  EXPECT_THAT(refusal(model), HasSubstr("two outputs named 'y'"));
  model = makeModel();
  model.mutable_graph()->mutable_node(0)->set_output(0, "other");
  EXPECT_THAT(refusal(model), HasSubstr("nothing in the graph defines its output 'y'"));
}

TEST_F(GraphTest, RefusesControlFlowAndStrangeAttributes) {
  ModelProto model = makeModel();
  auto *attribute = addNode(model, "If", {"y"}, {"o"}, "branch")->add_attribute();
  attribute->set_name("then_branch");
  attribute->set_type(::onnx::AttributeProto::GRAPH);
  EXPECT_THAT(refusal(model), HasSubstr("'then_branch' of node 'branch' (If) holds a graph"));
  attribute->set_type(::onnx::AttributeProto::SPARSE_TENSOR);
  EXPECT_THAT(refusal(model), HasSubstr("unsupported type SPARSE_TENSOR"));
  attribute->clear_type();
  EXPECT_THAT(refusal(model), HasSubstr("unsupported type UNDEFINED"));
  attribute->set_type(::onnx::AttributeProto::INT);
  *model.mutable_graph()->mutable_node(1)->add_attribute() = *attribute;
  EXPECT_THAT(refusal(model), HasSubstr("is given twice"));
}

TEST_F(GraphTest, RefusesUnusableInterfaces) {
  auto withInput = [](auto edit) {
    ModelProto model = makeModel();
    edit(model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type());
    return model;
  };
  EXPECT_THAT(refusal(withInput([](auto *t) { t->set_elem_type(TensorProto::STRING); })),
              HasSubstr("input 'x' has the unsupported element type STRING"));
  EXPECT_THAT(refusal(withInput([](auto *t) { t->clear_shape(); })), HasSubstr("input 'x' declares no shape"));
  EXPECT_THAT(refusal(withInput([](auto *t) { t->mutable_shape()->mutable_dim(0)->set_dim_value(-1); })),
              HasSubstr("negative size -1 in dimension 0"));
  EXPECT_THAT(refusal(withInput([](auto *t) { t->mutable_shape()->mutable_dim(0)->set_dim_param("12"); })),
              HasSubstr("would read as a fixed size"));
  ModelProto model = makeModel();
  model.mutable_graph()->mutable_output(0)->clear_type();
  EXPECT_THAT(refusal(model), HasSubstr("output 'y' must be a tensor, but the model declares no type"));
  model = makeModel();
  model.mutable_graph()->clear_output();
  EXPECT_THAT(refusal(model), HasSubstr("no outputs"));
  model = makeModel();
  addValue(model.mutable_graph()->mutable_output(), "w", TensorProto::FLOAT, {"3"});
  EXPECT_THAT(refusal(model), HasSubstr("output 'w' is declared 'tensor<3xf32>', but is 'tensor<2xf32>'"));
}

TEST_F(GraphTest, RefusesDomainsThatAreNotImported) {
  ModelProto model = makeModel();
  addNode(model, "Foo", {"y"}, {"a"}, "foo", "com.example");
  EXPECT_THAT(refusal(model), HasSubstr("node 'foo' (com.example.Foo) uses the domain 'com.example'"));
}

TEST_F(GraphTest, EscapesNamesInDiagnostics) {
  ModelProto model = makeModel();
  addNode(model, "Relu", {"\x1b[31m"}, {"r"}, "relu");
  EXPECT_THAT(refusal(model), HasSubstr("uses '\\1B[31m'"));
}

} // namespace
} // namespace lutra::test
