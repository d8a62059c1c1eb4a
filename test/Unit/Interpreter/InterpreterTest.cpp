//===- InterpreterTest.cpp - functions around the products ----------------===//
#include "Fixture.h"

using namespace lutra;
using testing::ElementsAre;
using testing::HasSubstr;

using InterpreterTest = InterpreterFixture;

TEST_F(InterpreterTest, BiasThroughLinalgIntoAnOutParameter) {
  std::vector<NpyArray> results = run(R"(
    #id = affine_map<(i, j) -> (i, j)>
    #row = affine_map<(i, j) -> (j)>
    func.func @main(%a: tensor<?x2xf32> {onnx.name = "a"}, %bias: tensor<2xf32>,
                    %out: memref<?x2xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", lutra.output}) {
      %c0 = arith.constant 0 : index
      %m = tensor.dim %a, %c0 : tensor<?x2xf32>
      %init = tensor.empty(%m) : tensor<?x2xf32>
      %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
          ins(%a, %bias : tensor<?x2xf32>, tensor<2xf32>) outs(%init : tensor<?x2xf32>) {
      ^bb0(%x: f32, %b: f32, %o: f32):
        %s = arith.addf %x, %b : f32
        linalg.yield %s : f32
      } -> tensor<?x2xf32>
      bufferization.materialize_in_destination %y in restrict writable %out
          : (tensor<?x2xf32>, memref<?x2xf32, strided<[?, 1], offset: ?>>) -> ()
      return
    })",
                                      {floats({1, 2, 3, 4}, {2, 2}), floats({10, 20}, {2})});
  ASSERT_EQ(results.size(), 1u) << messages;
  EXPECT_THAT(results[0].shape, ElementsAre(2, 2));
  EXPECT_THAT(results[0].as<float>(), ElementsAre(11, 22, 13, 24));
}

TEST_F(InterpreterTest, ReductionsShapesAndSlices) {
  std::vector<NpyArray> results = run(R"(
    func.func @main(%a: tensor<2x3xf32>) -> (tensor<2xf32>, tensor<3x2xf32>, tensor<2x2xf32>, tensor<6xi32>) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<2xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2xf32>) -> tensor<2xf32>
      %sum = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                             iterator_types = ["parallel", "reduction"]}
          ins(%a : tensor<2x3xf32>) outs(%f : tensor<2xf32>) {
      ^bb0(%x: f32, %acc: f32):
        %s = arith.addf %acc, %x : f32
        linalg.yield %s : f32
      } -> tensor<2xf32>
      %flat = tensor.collapse_shape %a [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
      %other = tensor.expand_shape %flat [[0, 1]] output_shape [3, 2] : tensor<6xf32> into tensor<3x2xf32>
      %slice = tensor.extract_slice %a[0, 1] [2, 2] [1, 1] : tensor<2x3xf32> to tensor<2x2xf32>
      %ei = tensor.empty() : tensor<6xi32>
      %iota = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%ei : tensor<6xi32>) {
      ^bb0(%o: i32):
        %i = linalg.index 0 : index
        %c = arith.index_cast %i : index to i32
        linalg.yield %c : i32
      } -> tensor<6xi32>
      return %sum, %other, %slice, %iota : tensor<2xf32>, tensor<3x2xf32>, tensor<2x2xf32>, tensor<6xi32>
    })",
                                      {floats({1, 2, 3, 4, 5, 6}, {2, 3})});
  ASSERT_EQ(results.size(), 4u) << messages;
  EXPECT_THAT(results[0].as<float>(), ElementsAre(6, 15));
  EXPECT_THAT(results[1].shape, ElementsAre(3, 2));
  EXPECT_THAT(results[2].as<float>(), ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(results[3].as<int32_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(InterpreterTest, AssembledTablesMultiplyLikePrecomputedOnes) {
  std::string text = R"(
    func.func @main(%e: tensor<?x1x32xf32>, %s: tensor<?x1xf32>, %z: tensor<?x1xf32>) -> tensor<?x1xf32> {
      %w = lowbit.weight {codes = dense<"0xE4"> : tensor<1x1x1xi8>, alphas = dense<0.5> : tensor<1x1xf32>}
          : !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4, zeta = 3.0 : f32>>
      %t = lowbit.assemble_table %e, %s, %z : tensor<?x1x32xf32>, tensor<?x1xf32>, tensor<?x1xf32>
          -> !lowbit.table<?x4, group = 4, element = f32>
      %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x4, group = 4, element = f32>,
          !lowbit.weight<1x4, #lowbit.bipolar<planes = 2, group = 4, zeta = 3.0 : f32>> -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    })";
  LookupTables tables = precomputeTables({10, 20, 30, 40}, 1, 4, 4, false);
  std::vector<NpyArray> results =
      run(text, {floats(tables.f32, {1, 1, 32}), floats(tables.scales, {1, 1}), floats(tables.sums, {1, 1})});
  ASSERT_EQ(results.size(), 1u) << messages;
  EXPECT_THAT(results[0].as<float>(), ElementsAre(200));
  EXPECT_TRUE(run(text, {floats(tables.f32, {1, 1, 32}), floats({1, 2}, {2, 1}), floats(tables.sums, {1, 1})}).empty());
  EXPECT_THAT(messages, HasSubstr("do not make tables of 4 columns in groups of 4"));
}

TEST_F(InterpreterTest, FailedAssertIsAnError) {
  EXPECT_TRUE(run(R"(
    func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %c3 = arith.constant 3 : index
      %d = tensor.dim %a, %c0 : tensor<?xf32>
      %ok = arith.cmpi sge, %d, %c3 : index
      cf.assert %ok, "node 'X': at least 3 elements"
      return %a : tensor<?xf32>
    })",
                  {floats({1, 2}, {2})})
                  .empty());
  EXPECT_THAT(messages, HasSubstr("node 'X': at least 3 elements"));
}

TEST_F(InterpreterTest, WhatItDoesNotKnowIsNamed) {
  EXPECT_TRUE(run(R"(
    func.func @main(%a: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %0 = tosa.abs %a : (tensor<2x2xf32>) -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    })",
                  {floats({1, 2, 3, 4}, {2, 2})})
                  .empty());
  EXPECT_THAT(messages, HasSubstr("the interpreter does not know 'tosa.abs'"));
}

TEST_F(InterpreterTest, WrongInputsAreRefused) {
  std::string text =
      "func.func @main(%a: tensor<?x2xf32> {onnx.name = \"a\"}) -> tensor<?x2xf32> { return %a : tensor<?x2xf32> }";
  EXPECT_TRUE(run(text, {floats({1, 2, 3}, {1, 3})}).empty());
  EXPECT_THAT(messages, HasSubstr("input 'a' is 1x3 f32, expected ?x2 f32"));
  EXPECT_TRUE(run(text, {NpyArray::zeros(DType::I32, {1, 2})}).empty());
  EXPECT_THAT(messages, HasSubstr("input 'a' is 1x2 i32"));
  EXPECT_TRUE(run(text, {}).empty());
  EXPECT_THAT(messages, HasSubstr("the function has 1 inputs, but 0 were given"));
}
