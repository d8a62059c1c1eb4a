//===- TensorTest.cpp - initializers of every type and form ---------------===//
#include "TestModel.h"

#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;

namespace lutra::test {
namespace {

using TensorTest = FrontendTest;

template <typename T>
std::string bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

/// The address range of the mapping that holds `address`, and the file behind it.
std::string mappedFileAt(const void *address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin, end;
    if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2 && begin <= reinterpret_cast<unsigned long>(address) &&
        reinterpret_cast<unsigned long>(address) < end) {
      size_t slash = line.find('/');
      return slash == std::string::npos ? "" : line.substr(slash);
    }
  }
  return "";
}

TEST_F(TensorTest, RawDataOfEveryType) {
  ModelProto model = makeModel();
  addTensor(model, "f32", TensorProto::FLOAT, {2})->set_raw_data(bytesOf<float>({1.5f, -0.25f}));
  addTensor(model, "f64", TensorProto::DOUBLE, {1})->set_raw_data(bytesOf<double>({1e300}));
  addTensor(model, "f16", TensorProto::FLOAT16, {2})->set_raw_data(bytesOf<uint16_t>({0x3c00, 0xc000}));
  addTensor(model, "bf16", TensorProto::BFLOAT16, {2})->set_raw_data(bytesOf<uint16_t>({0x3f80, 0x4000}));
  addTensor(model, "i8", TensorProto::INT8, {2})->set_raw_data(bytesOf<int8_t>({-128, 127}));
  addTensor(model, "u8", TensorProto::UINT8, {2})->set_raw_data(bytesOf<uint8_t>({0, 255}));
  addTensor(model, "i16", TensorProto::INT16, {1})->set_raw_data(bytesOf<int16_t>({-300}));
  addTensor(model, "i32", TensorProto::INT32, {1})->set_raw_data(bytesOf<int32_t>({-70000}));
  addTensor(model, "i64", TensorProto::INT64, {})->set_raw_data(bytesOf<int64_t>({INT64_MIN}));
  addTensor(model, "u64", TensorProto::UINT64, {1, 1})->set_raw_data(bytesOf<uint64_t>({UINT64_MAX}));
  addTensor(model, "b", TensorProto::BOOL, {3})->set_raw_data(std::string("\0\1\1", 3));
  addTensor(model, "e", TensorProto::FLOAT, {0, 4});
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  auto text = [&](const char *name) {
    std::string result;
    llvm::raw_string_ostream(result) << constant(*module, name);
    return result;
  };
  EXPECT_EQ(text("f32"), "dense<[1.500000e+00, -2.500000e-01]> : tensor<2xf32>");
  EXPECT_EQ(text("f64"), "dense<1.000000e+300> : tensor<1xf64>");
  EXPECT_EQ(text("f16"), "dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf16>");
  EXPECT_EQ(text("bf16"), "dense<[1.000000e+00, 2.000000e+00]> : tensor<2xbf16>");
  EXPECT_EQ(text("i8"), "dense<[-128, 127]> : tensor<2xi8>");
  EXPECT_EQ(text("u8"), "dense<[0, 255]> : tensor<2xui8>");
  EXPECT_EQ(text("i16"), "dense<-300> : tensor<1xi16>");
  EXPECT_EQ(text("i32"), "dense<-70000> : tensor<1xi32>");
  EXPECT_EQ(text("i64"), "dense<-9223372036854775808> : tensor<i64>");
  EXPECT_EQ(text("u64"), "dense<18446744073709551615> : tensor<1x1xui64>");
  EXPECT_EQ(text("b"), "dense<[false, true, true]> : tensor<3xi1>");
  EXPECT_EQ(text("e"), "dense<> : tensor<0x4xf32>");
}

TEST_F(TensorTest, TypedDataOfEveryType) {
  ModelProto model = makeModel();
  addTensor(model, "f64", TensorProto::DOUBLE, {})->add_double_data(0.5);
  addTensor(model, "f16", TensorProto::FLOAT16, {})->add_int32_data(0x3c00);
  addTensor(model, "i8", TensorProto::INT8, {})->add_int32_data(-5);
  addTensor(model, "u8", TensorProto::UINT8, {})->add_int32_data(200);
  addTensor(model, "u16", TensorProto::UINT16, {})->add_int32_data(60000);
  addTensor(model, "b", TensorProto::BOOL, {})->add_int32_data(1);
  addTensor(model, "i32", TensorProto::INT32, {})->add_int32_data(-7);
  addTensor(model, "i64", TensorProto::INT64, {})->add_int64_data(-8);
  addTensor(model, "u32", TensorProto::UINT32, {})->add_uint64_data(UINT32_MAX);
  addTensor(model, "u64", TensorProto::UINT64, {})->add_uint64_data(9);
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  auto text = [&](const char *name) {
    std::string result;
    llvm::raw_string_ostream(result) << constant(*module, name);
    return result;
  };
  EXPECT_EQ(text("f64"), "dense<5.000000e-01> : tensor<f64>");
  EXPECT_EQ(text("f16"), "dense<1.000000e+00> : tensor<f16>");
  EXPECT_EQ(text("i8"), "dense<-5> : tensor<i8>");
  EXPECT_EQ(text("u8"), "dense<200> : tensor<ui8>");
  EXPECT_EQ(text("u16"), "dense<60000> : tensor<ui16>");
  EXPECT_EQ(text("b"), "dense<true> : tensor<i1>");
  EXPECT_EQ(text("i32"), "dense<-7> : tensor<i32>");
  EXPECT_EQ(text("i64"), "dense<-8> : tensor<i64>");
  EXPECT_EQ(text("u32"), "dense<4294967295> : tensor<ui32>");
  EXPECT_EQ(text("u64"), "dense<9> : tensor<ui64>");
}

TEST_F(TensorTest, LargeRawDataAliasTheModelFile) {
  ModelProto model = makeModel();
  std::string bytes(5000, '\7');
  addTensor(model, "big", TensorProto::UINT8, {50, 100})->set_raw_data(bytes);
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant(*module, "big"));
  ASSERT_TRUE(resource);
  EXPECT_EQ(resource.getRawHandle().getKey(), "big");
  ArrayRef<char> data = resource.getRawHandle().getBlob()->getData();
  EXPECT_EQ(StringRef(data.data(), data.size()), bytes);
  EXPECT_EQ(mappedFileAt(data.data()), (folder / "m.onnx").string());
  // The mapping outlives the module.
  module = nullptr;
  EXPECT_EQ(data.back(), '\7');
}

TEST_F(TensorTest, LargeTypedDataAndUnalignedRawDataAreAligned) {
  ModelProto model = makeModel();
  TensorProto *typed = addTensor(model, "typed", TensorProto::INT64, {1000});
  for (int i = 0; i < 1000; ++i)
    typed->add_int64_data(i);
  // Four tensors at consecutive odd sizes: at least one of them is unaligned.
  for (int i = 0; i < 4; ++i)
    addTensor(model, std::string(i + 1, 'r'), TensorProto::FLOAT, {1001})
        ->set_raw_data(bytesOf(std::vector<float>(1001, float(i))));
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  auto values = dyn_cast<DenseI64ResourceElementsAttr>(constant(*module, "typed")).tryGetAsArrayRef();
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[999], 999);
  for (int i = 0; i < 4; ++i) {
    auto floats = dyn_cast<DenseF32ResourceElementsAttr>(constant(*module, std::string(i + 1, 'r'))).tryGetAsArrayRef();
    ASSERT_TRUE(floats);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(floats->data()) % alignof(float), 0u);
    EXPECT_EQ(floats->size(), 1001u);
    EXPECT_EQ(floats->back(), float(i));
  }
}

TEST_F(TensorTest, RefusesTypesByName) {
  for (int type : {TensorProto::INT4, TensorProto::UINT4, TensorProto::INT2, TensorProto::STRING,
                   TensorProto::COMPLEX64, TensorProto::UNDEFINED}) {
    ModelProto model = makeModel();
    addTensor(model, "t", type, {2})->set_raw_data("xx");
    EXPECT_THAT(refusal(model), HasSubstr("tensor 't' has the element type " +
                                          ::onnx::TensorProto_DataType_Name(::onnx::TensorProto_DataType(type))));
  }
  ModelProto model = makeModel();
  addTensor(model, "t", 99, {2});
  EXPECT_THAT(refusal(model), HasSubstr("element type number 99"));
}

TEST_F(TensorTest, RefusesWrongSizes) {
  ModelProto model = makeModel();
  addTensor(model, "t", TensorProto::FLOAT, {3})->set_raw_data("12345678");
  EXPECT_THAT(refusal(model), HasSubstr("tensor 't' has 8 bytes of data, but its type and dims need 12"));
  model = makeModel();
  addTensor(model, "t", TensorProto::FLOAT, {3})->add_float_data(1);
  EXPECT_THAT(refusal(model), HasSubstr("tensor 't' has 1 values, but its dims need 3"));
  model = makeModel();
  addTensor(model, "t", TensorProto::FLOAT, {3});
  EXPECT_THAT(refusal(model), HasSubstr("tensor 't' has 0 bytes of data"));
  model = makeModel();
  addTensor(model, "t", TensorProto::FLOAT, {-1});
  EXPECT_THAT(refusal(model), HasSubstr("negative dimension -1"));
  for (std::vector<int64_t> dims : {std::vector<int64_t>{INT64_MAX, INT64_MAX}, {1ll << 61, 1}, {0, INT64_MAX, 4}}) {
    model = makeModel();
    addTensor(model, "t", TensorProto::FLOAT, dims);
    EXPECT_THAT(refusal(model), HasSubstr("does not fit 63 bits"));
  }
}

TEST_F(TensorTest, RefusesContradictions) {
  ModelProto model = makeModel();
  TensorProto *tensor = addTensor(model, "t", TensorProto::FLOAT, {1});
  tensor->add_float_data(1);
  tensor->set_raw_data("1234");
  EXPECT_THAT(refusal(model), HasSubstr("more than one way"));
  model = makeModel();
  addTensor(model, "t", TensorProto::FLOAT, {1})->add_int32_data(1);
  EXPECT_THAT(refusal(model), HasSubstr("does not belong to its element type, FLOAT"));
  model = makeModel();
  addTensor(model, "t", TensorProto::UINT8, {1})->add_int32_data(256);
  EXPECT_THAT(refusal(model), HasSubstr("the value 256, which does not fit"));
  model = makeModel();
  addTensor(model, "t", TensorProto::BOOL, {1})->set_raw_data("\2");
  EXPECT_THAT(refusal(model), HasSubstr("bytes other than 0 and 1"));
  model = makeModel();
  addTensor(model, "t", TensorProto::INT8, {1})->mutable_segment();
  EXPECT_THAT(refusal(model), HasSubstr("in segments"));
  model = makeModel();
  addTensor(model, "", TensorProto::INT8, {1})->add_int32_data(1);
  EXPECT_THAT(refusal(model), HasSubstr("has no name"));
}

} // namespace
} // namespace lutra::test
