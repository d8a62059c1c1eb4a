//===- ProductPasses.td - which products there are, and their epilogues -*- tablegen -*-===//
//
// Included by Passes.td. Passes that decide about products as a whole: merge them, choose how each is computed, share their tables,
// give them their consumers.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PRODUCTPASSES_TD
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PRODUCTPASSES_TD

include "mlir/Pass/PassBase.td"

def MergeMatmuls : Pass<"lowbit-merge-matmuls"> {
  let summary = "Make one product of the products of the same activations";
  let description = [{
    Q, K and V, or gate and up, read the same activations. When their weights have the same format (apart from what
    `lowbit.concat_rows` may leave out: a scale per tensor becomes one per channel, constant zetas that differ become none), one `lowbit.matmul`
    with the rows of all of them and slices of its result take their place: one parallel loop instead of three, and tables that are read
    once. It is exact, since each row of a weight is multiplied on its own.

    The product stands where the first of them stood. A weight that comes later is moved up to it, if everything that makes it is free of
    side effects.

    Left alone, with a remark: products that are all of more than `most-rows` channels, so that reading their weights takes much longer than to begin; those whose formats, attributes or further operands differ, and those whose weight depends on what
    comes after the first product.

    Before:
    ```mlir
    func.func @gate_up(%a: tensor<2x16xf32>, %g: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>,
                       %u: !lowbit.weight<5x16, #lowbit.bipolar<planes = 2, group = 16>>) -> (tensor<2x3xf32>, tensor<2x5xf32>) {
      %x = lowbit.matmul %a, %g : tensor<2x16xf32>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<2x3xf32>
      %y = lowbit.matmul %a, %u : tensor<2x16xf32>, !lowbit.weight<5x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<2x5xf32>
      return %x, %y : tensor<2x3xf32>, tensor<2x5xf32>
    }
    ```
    After:
    ```mlir
    func.func @gate_up(%a: tensor<2x16xf32>, %g: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>,
                       %u: !lowbit.weight<5x16, #lowbit.bipolar<planes = 2, group = 16>>) -> (tensor<2x3xf32>, tensor<2x5xf32>) {
      %w = lowbit.concat_rows %g, %u : !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>, !lowbit.weight<5x16, #lowbit.bipolar<planes = 2, group = 16>> -> !lowbit.weight<8x16, #lowbit.bipolar<planes = 2, group = 16>>
      %z = lowbit.matmul %a, %w : tensor<2x16xf32>, !lowbit.weight<8x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<2x8xf32>
      %x = tensor.extract_slice %z[0, 0] [2, 3] [1, 1] : tensor<2x8xf32> to tensor<2x3xf32>
      %y = tensor.extract_slice %z[0, 3] [2, 5] [1, 1] : tensor<2x8xf32> to tensor<2x5xf32>
      return %x, %y : tensor<2x3xf32>, tensor<2x5xf32>
    }
    ```
  }];
  let options = [Option<"mostRows", "most-rows", "int64_t", "INT64_MAX", "Merge where one of the products has at most so many channels">];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect"];
}

def SelectStrategy : Pass<"lowbit-select-strategy"> {
  let summary = "Choose per product: lookup tables, dequantized weights, or integer activations";
  let description = [{
    Sets the attribute `strategy` of each `lowbit.matmul` that has none. A weight that is not in bit planes has nothing to look up: its
    product is `dense`. Otherwise the fastest of the predictions is taken, for an M x K by N x K product with P planes in G groups that have
    T tables together (about K / 4), from what the machine does in a nanosecond, which are this pass's `rates`:

        lut   = max(packed bytes / bandwidth, N T (M (P4 / lookup-rate + P2 / lookup-two-rate + P1 / lookup-one-rate) 
                                                     + B4 (P4 / index-rate + (P2 + P1) / index-two-rate) + P4 / fetch-rate + (P2 + P1) / fetch-two-rate)
                                              + M N G / sum-rate + M N / store-rate)
                + 8 M T / table-rate + 1 / lut-call-rate
        int8  = max(packed bytes / bandwidth, W + M N / int8-store-rate) + M K / code-rate + M G / scale-rate + 1 / int8-call-rate
          W   = M (N K / few-rate + L N K / few-load-rate + N G / few-sum-rate)
                + C (P N K / few-unpack-rate + R N K / few-run-rate + N K / few-code-rate + N G / few-scaled-rate)
                + (1 - M / (2 P + 1)) (P N K / few-bare-rate + R N K / few-bare-run-rate), if M is less than 2 P + 1                  M < panel-rows
          W   = M N K / int8-rate + B6 N K / panel-rate + M N G / int8-sum-rate
                + ceil(M / 512) (P N K / unpack-rate + R N K / run-rate + N K / byte-rate + N G / scaled-rate)                        else
        dense = max(packed bytes / bandwidth, M N K / fma-rate + ceil(M / 512) N K / number-rate + M N / dense-store-rate) + 1 / dense-call-rate

    N and K are rounded up to whole tiles of 64 and whole tables (of dense products only N). P4, P2 and P1 are the planes that are summed by fours, then by twos, and the one that
    is left; R is how many such runs there are. B4 and B6 are the blocks of rows that share what is read of a weight: of up to four rows (two
    or one where M is known to be less); and of up to six. C are the passes over a weight that few rows are multiplied in, up to 24 of
    them in each, and L is 1 up to 4 rows of a pass, 2 up to 12, and else 4: for 64, 32 or 16 rows of a weight the codes of a row are loaded once. Ternary codes are stored three in five bits for int8
    products, and instead of their planes take N K / few-triple-rate + M N G / few-triple-sum-rate, or N K / triple-rate from triple-panel-rows on, and L is 2 up to 8 rows (12 where triple-panel-rows is above 13); a single
    row takes N K / single-rate + N G / few-sum-rate. Packed bytes are the codes, and the alphas and zetas as f32; of dense weights whose planes have an alpha each, 4 N K of f32, and nothing
    becomes numbers. CostRates.def has the terms, each with its meaning. `panel-rows` and `triple-panel-rows` are no rates but what the target's loops do (25, or 49 on Zen, and 13). Bandwidth, lookup-rate, table-rate and fma-rate are needed where rates are given;
    of the others those that are not known are left out, and then the term is; but few-rate is int8-rate then, lookup-two-rate and
    lookup-one-rate are lookup-rate, index-two-rate is index-rate, and fetch-two-rate fetch-rate. int8 is open where int8-rate is given, planes share an alpha, and a group's sum fits 32
    bits. Products of codes are not taken for `dense`: looked up and multiplied they are the same numbers. A dynamic M counts as `rows`: 1 means that decoding
    is to be fast. Without rates, planes are `lut`. Where int8 is open and a constant weight has but 16 different codes of more than 4 bits (IQ4_NL, FP4), the product is
    int8: such a weight is stored as indices of 4 bits then (`lowbit-pack-weights`).

    A dense or int8 product is computed in other numbers than a lookup in tables of floats (docs/spec/numerics.md): where bits must not depend
    on the machine, give no rates. `prefer-int8` takes int8 for every weight in planes, `prefer-dense` dense. The numbers of a product are the same for every M, unless

    `by-rows` is given: a product of floats whose M is dynamic is then computed in the way that is the fastest for the M at hand. It becomes an `scf.if` with a
    product of strategy int8 and one of strategy lut, which read the same weight; products of the same activations share one. It asks whether M is at least a border, from
    which on int8 is predicted to be the fastest, or among fewer rows for which it is too, a bit each of a mask. One strategy is taken for any M where it is never slower,
    or, at the M where it is the slowest beside the others, less so than the choice is: a weight for both cannot lie in the fewest bytes.

    Before:
    ```mlir
    func.func @main(%a: tensor<?x16xf32>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>) -> tensor<?x3xf32> {
      %y = lowbit.matmul %a, %w : tensor<?x16xf32>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%a: tensor<?x16xf32>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>) -> tensor<?x3xf32> {
      %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<lut>} : tensor<?x16xf32>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    }
    ```
  }];
  let options = [
    ListOption<"rates", "rates", "std::string", "What the machine does in a nanosecond, NAME:VALUE of each: bandwidth:12,lookup-rate:270,...">,
    Option<"facts", "facts", "std::string", /*default=*/"", "Whose rates these are, for analysis remarks">,
    Option<"preferInt8", "prefer-int8", "bool", /*default=*/"false", "Integer activations wherever weights have planes">,
    Option<"preferDense", "prefer-dense", "bool", /*default=*/"false", "f32 multiply-adds wherever weights have planes, too">,
    Option<"rows", "rows", "int64_t", /*default=*/"1", "Activation rows that a dynamic M is taken for">,
    Option<"byRows", "by-rows", "bool", /*default=*/"false", "Choose between lut and int8 at run time where M is dynamic">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect"];
}

def QuantizeProducts : Pass<"lowbit-quantize-products"> {
  let summary = "Give products of strategy int8 integer activations";
  let description = [{
    A `lowbit.matmul` with `strategy = int8` of floats reads codes instead: a `lowbit.quantize_activations` of 8 bits, absmax, with a scale for
    each row and group of the weight, made once for all products of the same activations and group length. Halves are widened before and
    results rounded after. Products that have codes keep them. All of them get the kind of tables in which sums of codes are exact, for
    machines that look them up; `lut-multiply-codes` is for the others.

    A weight that has no planes at last (NF4) has no integers either: its product becomes `dense`. Weights whose planes are still to be
    made are refused.

    Before:
    ```mlir
    func.func @main(%a: tensor<?x16xf32>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>) -> tensor<?x3xf32> {
      %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<int8>} : tensor<?x16xf32>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%a: tensor<?x16xf32>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>) -> tensor<?x3xf32> {
      %q, %s = lowbit.quantize_activations %a {bits = 8 : i64, group = 16 : i64, kind = #lowbit.codes<absmax>} : tensor<?x16xf32> -> tensor<?x16xi8>, tensor<?x1xf32>
      %y = lowbit.matmul %q, %w scales(%s : tensor<?x1xf32>) {strategy = #lowbit.strategy<int8>, table = #lowbit.table_kind<i16, scale = row>} : tensor<?x16xi8>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::lutra::lowbit::LowbitDialect"];
}

def ShareTables : Pass<"lowbit-share-tables"> {
  let summary = "Compute equal tables once";
  let description = [{
    Q, K and V, or gate and up, look up the tables of the same activations: of several `lowbit.precompute` with the same operands and the same
    type of table, one remains. It is the one that dominates the others; where an equal table is needed in a region before (a branch) and
    again after it, the later precompute moves up before the op that holds the region.

    Two branches of which neither comes first keep a table each, and so do tables of another group length or kind; a remark says so.

    Before:
    ```mlir
    func.func @main(%a: tensor<?x64xf32>, %q: !lowbit.weight<8x64, #lowbit.bipolar<planes = 2, group = 32>>,
                    %k: !lowbit.weight<4x64, #lowbit.bipolar<planes = 3, group = 32>>) -> (tensor<?x8xf32>, tensor<?x4xf32>) {
      %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8>
      %x = lowbit.lookup_matmul %t, %q : !lowbit.table<?x64, group = 32, element = i8>, !lowbit.weight<8x64, #lowbit.bipolar<planes = 2, group = 32>> -> tensor<?x8xf32>
      %u = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8>
      %y = lowbit.lookup_matmul %u, %k : !lowbit.table<?x64, group = 32, element = i8>, !lowbit.weight<4x64, #lowbit.bipolar<planes = 3, group = 32>> -> tensor<?x4xf32>
      return %x, %y : tensor<?x8xf32>, tensor<?x4xf32>
    }
    ```
    After:
    ```mlir
    func.func @main(%a: tensor<?x64xf32>, %q: !lowbit.weight<8x64, #lowbit.bipolar<planes = 2, group = 32>>,
                    %k: !lowbit.weight<4x64, #lowbit.bipolar<planes = 3, group = 32>>) -> (tensor<?x8xf32>, tensor<?x4xf32>) {
      %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8>
      %x = lowbit.lookup_matmul %t, %q : !lowbit.table<?x64, group = 32, element = i8>, !lowbit.weight<8x64, #lowbit.bipolar<planes = 2, group = 32>> -> tensor<?x8xf32>
      %y = lowbit.lookup_matmul %t, %k : !lowbit.table<?x64, group = 32, element = i8>, !lowbit.weight<4x64, #lowbit.bipolar<planes = 3, group = 32>> -> tensor<?x4xf32>
      return %x, %y : tensor<?x8xf32>, tensor<?x4xf32>
    }
    ```
  }];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect"];
}

def FuseEpilogue : Pass<"lowbit-fuse-epilogue"> {
  let summary = "Let lookup products apply what is done to their outputs";
  let description = [{
    A bias, a residual sum or the gate's activation reads each output of a product once. When an element-wise `linalg.generic` is the only reader of a
    `lowbit.lookup_matmul`, its body becomes the product's `epilogue`, which a kernel applies in registers before it stores: the output is
    written once and not read again. Other inputs of the generic become epilogue operands: a value per channel (N) or a whole matrix
    (M x N). The product moves down to where the generic stood; a generic behind the reshape that splits rows into batch and sequence is first
    made one over rows. Values do not change: the same scalar operations, in the same order.

    Left alone, with a remark: a product that others read too or whose result is sliced, reductions, and inputs that are broadcast in
    another way.

    Before:
    ```mlir
    func.func @bias(%t: !lowbit.table<2x16, group = 16, element = i8>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>,
                    %b: tensor<3xf32>) -> tensor<2x3xf32> {
      %y = lowbit.lookup_matmul %t, %w : !lowbit.table<2x16, group = 16, element = i8>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<2x3xf32>
      %e = tensor.empty() : tensor<2x3xf32>
      %z = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>],
                           iterator_types = ["parallel", "parallel"]} ins(%y, %b : tensor<2x3xf32>, tensor<3xf32>) outs(%e : tensor<2x3xf32>) {
      ^bb0(%p: f32, %q: f32, %o: f32):
        %s = arith.addf %p, %q : f32
        linalg.yield %s : f32
      } -> tensor<2x3xf32>
      return %z : tensor<2x3xf32>
    }
    ```
    After:
    ```mlir
    func.func @bias(%t: !lowbit.table<2x16, group = 16, element = i8>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>,
                    %b: tensor<3xf32>) -> tensor<2x3xf32> {
      %z = lowbit.lookup_matmul %t, %w epilogue(%b : tensor<3xf32>) {
      ^bb0(%p: f32, %q: f32):
        %s = arith.addf %p, %q : f32
        lowbit.yield %s : f32
      } : !lowbit.table<2x16, group = 16, element = i8>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<2x3xf32>
      return %z : tensor<2x3xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect"];
}

def UnfuseEpilogue : Pass<"lowbit-unfuse-epilogue"> {
  let summary = "Make epilogues linalg ops behind their products";
  let description = [{
    The inverse of `lowbit-fuse-epilogue`, for a machine whose products only multiply: each epilogue becomes an element-wise `linalg.generic` on the product's
    result, computed by the host.

    Before:
    ```mlir
    func.func @negated(%t: !lowbit.table<2x16, group = 16, element = i8>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>) -> tensor<2x3xf32> {
      %z = lowbit.lookup_matmul %t, %w epilogue() {
      ^bb0(%p: f32):
        %s = arith.negf %p : f32
        lowbit.yield %s : f32
      } : !lowbit.table<2x16, group = 16, element = i8>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<2x3xf32>
      return %z : tensor<2x3xf32>
    }
    ```
    After:
    ```mlir
    func.func @negated(%t: !lowbit.table<2x16, group = 16, element = i8>, %w: !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>>) -> tensor<2x3xf32> {
      %y = lowbit.lookup_matmul %t, %w : !lowbit.table<2x16, group = 16, element = i8>, !lowbit.weight<3x16, #lowbit.bipolar<planes = 2, group = 16>> -> tensor<2x3xf32>
      %e = tensor.empty() : tensor<2x3xf32>
      %z = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
          ins(%y : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {
      ^bb0(%p: f32, %o: f32):
        %s = arith.negf %p : f32
        linalg.yield %s : f32
      } -> tensor<2x3xf32>
      return %z : tensor<2x3xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect"];
}

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PRODUCTPASSES_TD
