//===- Passes.td - passes over low-bit products -----------------*- tablegen -*-===//
//
// In pipeline order. Each pass is target-independent: what depends on a target is an option.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_TD
#define LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_TD

include "dialects/lowbit/Transforms/CompositePasses.td"
include "dialects/lowbit/Transforms/ProductPasses.td"
include "mlir/Pass/PassBase.td"

def CanonicalizeWeights : Pass<"lowbit-canonicalize-weights"> {
  let summary = "Turn the weights of products into bit planes";
  let description = [{
    Each weight of a `lowbit.matmul` whose format allows it becomes `#lowbit.bipolar` planes by `lowbit.reinterpret`, exactly (LUT Tensor Core,
    section 3.1.2): uniform weights, signed or not, and ternary weights in any storage. When every group has the same zeta, it becomes a
    constant of the format; `per` stays what it is. A codebook whose values are integer multiples of one power of two becomes a uniform
    weight first. Weights without planes, and those of products whose strategy is dense, stay for `lowbit-lower-to-dense`; weights made of
    weights are taken apart before (`lowbit-decompose-weights`). An invalid ternary code is an error that names its row and column.

    A constant weight whose codes use fewer values than their bits can tell apart is narrowed first, when that is exact: fewer planes
    mean fewer bytes and fewer lookups. With codes in [low, high], signed ones read with their top bit flipped:

    - zero point at the midpoint: the codes move down by z - 2^(b'-1) for the least b' whose range around the midpoint holds them;
      one plane less is possible when they lie to one side, with an integer zero point;
    - no zero point, unsigned: unused high bits go;
    - integer zero points: the codes and zero points move down by the least of them all;
    - float zero points: only unused high bits go (of signed codes, sign bits that repeat), since subtracting from a float could round;
    - ternary weights that use two digits: {0, 1} and {-1, 0} become one bit, {-1, 1} one plane whose alpha is the scale.

    Only the codes are rewritten (and integer zero points, if they move); the scales stay where they are.

    Before:
    ```mlir
    func.func @product(%a: tensor<?x2xf32>) -> tensor<?x1xf32> {
      %w = lowbit.weight {codes = dense<[[[120, 135]]]> : tensor<1x1x2xi8>, scales = dense<0.5> : tensor<1x1xf32>}
          : !lowbit.weight<1x2, #lowbit.uniform<bits = 8, group = 2>>
      %y = lowbit.matmul %a, %w : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 8, group = 2>> -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    ```
    After (codes 0 and 15 of a 4-bit weight):
    ```mlir
    func.func @product(%arg0: tensor<?x2xf32>) -> tensor<?x1xf32> {
      ...
      %1 = lowbit.weight {codes = dense_resource<narrowed> : tensor<1x1x1xi8>, scales = dense<5.000000e-01> : tensor<1x1xf32>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2>>
      %2 = lowbit.reinterpret %1 : !lowbit.weight<1x2, #lowbit.uniform<bits = 4, group = 2>> to !lowbit.weight<1x2, #lowbit.bipolar<planes = 4, group = 2, zeta = -1.000000e+00 : f32>>
      %3 = lowbit.matmul %arg0, %2 : tensor<?x2xf32>, !lowbit.weight<1x2, #lowbit.bipolar<planes = 4, group = 2, zeta = -1.000000e+00 : f32>> -> tensor<?x1xf32>
      return %3 : tensor<?x1xf32>
    }
    ...
    ```
  }];
  let options = [
    Option<"narrow", "narrow", "bool", /*default=*/"true", "Drop bits of the codes that a weight does not use">,
  ];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect"];
}

def SplitPrecompute : Pass<"lowbit-split-precompute"> {
  let summary = "Split products into table precompute and lookup";
  let description = [{
    `lowbit.matmul` with a weight in planes becomes `lowbit.precompute` of its activations and `lowbit.lookup_matmul` (LUT Tensor Core, section
    3.3.2). The precompute stands right after the activations are defined; `lowbit-share-tables` makes one of those that are equal: Q, K and
    V; gate and up.

    The kind is the product's attribute `table`, which `lowbit-quantize-tables` sets; without it, what the options say, and for integer
    activations exact i16. f16 and bf16 activations are widened first, and a result of these types is rounded after. A product whose
    strategy is dense stays.

    Before:
    ```mlir
    !W = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
    func.func @main(%a: tensor<?x64xf32>, %w: !W) -> tensor<?x8xf32> {
      %y = lowbit.matmul %a, %w : tensor<?x64xf32>, !W -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
    After:
    ```mlir
    !W = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
    func.func @main(%a: tensor<?x64xf32>, %w: !W) -> tensor<?x8xf32> {
      %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8>
      %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = i8>, !W -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let options = [
    Option<"table", "table", "::lutra::lowbit::TableElement", /*default=*/"::lutra::lowbit::TableElement::I8",
           "Entries of the tables of products without a kind: i8, i16 (quantized), f16 (rounded) or f32 (exact)",
           "::lutra::lowbit::getTableElementChoices()">,
    Option<"scale", "scale", "::lutra::lowbit::TableScale", /*default=*/"::lutra::lowbit::TableScale::Group",
           "Quantized entries that share a scale: those of a group, of a table or of a row",
           "::lutra::lowbit::getTableScaleChoices()">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::lutra::lowbit::LowbitDialect"];
}

def QuantizeTables : Pass<"lowbit-quantize-tables"> {
  let summary = "Choose the kind of lookup tables";
  let description = [{
    Sets `table` on each `lowbit.matmul` that has none, and gives exact (f32) precomputes that only lookups read the same kind (LUT Tensor
    Core, section 3.1.3). A table of i8 entries is a quarter of the bytes of an exact one and one byte shuffle for 64 lookups; a scale per table
    follows the activations closest, one per row needs the fewest numbers (docs/spec/numerics.md, "Tables").

    The tables of integer activations are exact integers, whatever is asked for: i8 where the sums of four codes fit it and the
    option says i8, else i16, with the scale that the codes have. Products whose strategy is dense have no tables.

    With `ternary`, tables of floats are of three activations where the weight is a constant of two planes whose codes are -1, 0 and 1 times a scale and all
    products that read it look it up so: one lookup then takes three weights, which lie in 5 bits (`lookup_triples`).

    Before, with `element=i16 scale=row`:
    ```mlir
    !W = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
    func.func @main(%a: tensor<?x64xf32>, %w: !W) -> tensor<?x8xf32> {
      %y = lowbit.matmul %a, %w : tensor<?x64xf32>, !W -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
    After:
    ```mlir
    !W = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
    func.func @main(%a: tensor<?x64xf32>, %w: !W) -> tensor<?x8xf32> {
      %y = lowbit.matmul %a, %w {table = #lowbit.table_kind<i16, scale = row>} : tensor<?x64xf32>, !W -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let options = [
    Option<"element", "element", "::lutra::lowbit::TableElement", /*default=*/"::lutra::lowbit::TableElement::I8",
           "Entries of the tables: i8, i16 (quantized), f16 (rounded) or f32 (exact)",
           "::lutra::lowbit::getTableElementChoices()">,
    Option<"scale", "scale", "::lutra::lowbit::TableScale", /*default=*/"::lutra::lowbit::TableScale::Group",
           "Quantized entries that share a scale: those of a group, of a table or of a row",
           "::lutra::lowbit::getTableScaleChoices()">,
    Option<"ternary", "ternary", "bool", /*default=*/"false", "Tables of three activations for ternary weights (i8, a scale per group or row)">,
  ];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect"];
}

def SymmetrizeTables : Pass<"lowbit-symmetrize-tables"> {
  let summary = "Compute half of each lookup table";
  let description = [{
    Planes stand for -1 and +1, so a table is an odd function of its index, T[~i] = -T[i] (LUT Tensor Core, eq. 4): the precompute needs to
    form only 8 of 16 entries. The pass marks a table `symmetric` when all its uses are lookups, which it checks. The values do not change.

    Before:
    ```mlir
    !W = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
    func.func @main(%a: tensor<?x64xf32>, %w: !W) -> tensor<?x8xf32> {
      %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8>
      %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = i8>, !W -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
    After:
    ```mlir
    !W = !lowbit.weight<8x64, #lowbit.bipolar<planes = 4, group = 32>>
    func.func @main(%a: tensor<?x64xf32>, %w: !W) -> tensor<?x8xf32> {
      %t = lowbit.precompute %a : tensor<?x64xf32> -> !lowbit.table<?x64, group = 32, element = i8, symmetric = true>
      %y = lowbit.lookup_matmul %t, %w : !lowbit.table<?x64, group = 32, element = i8, symmetric = true>, !W -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect"];
}

def TileElongated : Pass<"lowbit-tile-elongated"> {
  let summary = "Choose the tile of each lookup product by its footprint in bytes";
  let description = [{
    A lookup product keeps the tables of m activation rows and broadcasts them over n weight rows; both are streamed along k. The footprints
    follow LUT Tensor Core, eq. 7 and 8, in bytes instead of bits, with t the bytes of tables per activation and w the bytes of a weight:

        tables(m, k) = m k t      weights(n, k) = n k w      outputs(m, n) = 4 m n

    A tile fits when `tables(m, k) + 2 weights(rows, group)` is within `l1-bytes` (the tables stay, one step of weights is used while the next
    arrives) and `tables(m, k) + weights(n, k) + outputs(m, n)` within `l2-bytes`. Among those that fit, the pass takes the one that moves the
    fewest bytes per multiplication:

        w / m  +  t / n  +  8 / k

    (weights are read again for each m rows, tables for each n, partial sums are read and written once per k). m is a power of two up to
    `accumulators`, k a multiple of the group, n a multiple of `rows`. Since t is some 8 times w, the best tile is elongated: small m, large n.
    Parts of a packed weight count as they are stored; before packing, alphas and zetas count as f32. Where nothing fits (a long group of
    many planes), the smallest tile is taken: one activation row, `rows` weight rows, one group.

    Before:
    ```mlir
    !T = !lowbit.table<?x576, group = 32, element = i8>
    !W = !lowbit.weight<1536x576, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>
    func.func @main(%t: !T, %w: !W) -> tensor<?x1536xf32> {
      %y = lowbit.lookup_matmul %t, %w : !T, !W -> tensor<?x1536xf32>
      return %y : tensor<?x1536xf32>
    }
    ```
    After:
    ```mlir
    !T = !lowbit.table<?x576, group = 32, element = i8>
    !W = !lowbit.weight<1536x576, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>
    func.func @main(%t: !T, %w: !W) -> tensor<?x1536xf32> {
      %y = lowbit.lookup_matmul %t, %w tile <m = 8, n = 1536, k = 576> : !T, !W -> tensor<?x1536xf32>
      return %y : tensor<?x1536xf32>
    }
    ```
  }];
  let options = [
    Option<"l1Bytes", "l1-bytes", "int64_t", /*default=*/"32768", "Bytes of the nearest memory: tables and a step of weights">,
    Option<"l2Bytes", "l2-bytes", "int64_t", /*default=*/"1048576", "Bytes of the next memory: the whole tile">,
    Option<"rows", "rows", "int64_t", /*default=*/"64", "Weight rows that are looked up at once (lanes)">,
    Option<"accumulators", "accumulators", "int64_t", /*default=*/"8",
           "Activation rows whose sums of `rows` lanes can be kept in registers">,
  ];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect"];
}

def PackWeights : Pass<"lowbit-pack-weights"> {
  let summary = "Lay the weights of lookup products out for the target";
  let description = [{
    Each weight of a `lowbit.lookup_matmul` goes through a `lowbit.pack` to `#lowbit.layout<rows = ...>`. The storage types of alphas and zetas
    are the narrowest that hold every one of them exactly, found by looking at them all. The bytes are made when the weights file is written.
    With `dense`, so do the weights of products of strategy dense that are bipolar planes, for machines that have `lut.dense_matmul`.
    With `codebooks`, a weight of more than 4 bits whose codes are but 16 different ones (IQ4_NL, FP4 and the like) is stored as indices of 4 bits, where
    all products that read it read codes: those of integer activations whose tables are i16, and dense ones.
    With `triples`, a weight of two planes whose codes are 0, 1 and 2 (ternary) lies three codes in 5 bits where products of integer activations alone read it.
    That is 1.67 bits a weight in long groups, 1.69 in groups of 128 and 1.75 in groups of 64 and 32, and its scales.
    Weights that are looked up in tables of three activations lie in `lookup_triples`.
    With `quads`, four neighbouring bytes of codes are one row's wherever all products that read the weight look up entries of i8 whose sums are scaled, or
    multiply codes, and padding its tables costs less than a fiftieth.
    With `quotients`, zetas that would take an f32 are stored as f16 quotients of their alphas where each of them is one exactly: those of files whose
    groups have a minimum, as GGUF's Q4_1. No number changes.

    Before:
    ```mlir
    !T = !lowbit.table<?x16, group = 16, element = i8>
    #planes = #lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>
    func.func @main(%t: !T) -> tensor<?x2xf32> {
      %p = lowbit.weight {codes = dense<27> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !lowbit.weight<2x16, #planes>
      %y = lowbit.lookup_matmul %t, %p : !T, !lowbit.weight<2x16, #planes> -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    ```
    After:
    ```mlir
    !T = !lowbit.table<?x16, group = 16, element = i8>
    #planes = #lowbit.bipolar<planes = 2, group = 16, zeta = -1.0 : f32>
    #packed = #lowbit.packed<#planes, #lowbit.layout<rows = 64, alpha = f16>>
    func.func @main(%t: !T) -> tensor<?x2xf32> {
      %p = lowbit.weight {codes = dense<27> : tensor<2x1x4xi8>, alphas = dense<0.5> : tensor<2x1xf32>} : !lowbit.weight<2x16, #planes>
      %q = lowbit.pack %p : !lowbit.weight<2x16, #planes> to !lowbit.weight<2x16, #packed>
      %y = lowbit.lookup_matmul %t, %q : !T, !lowbit.weight<2x16, #packed> -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    ```
  }];
  let options = [
    Option<"rows", "rows", "int64_t", /*default=*/"64", "Rows of a tile">,
    Option<"symmetric", "symmetric", "bool", /*default=*/"false",
           "Indices of 3 bits and a sign, complemented here (LUT Tensor Core, eq. 6)">,
    Option<"dense", "dense", "bool", /*default=*/"false", "Weights of dense products, too">,
    Option<"codebooks", "codebooks", "bool", /*default=*/"false", "Indices of 4 bits for weights of few codes, for machines that multiply codes">,
    Option<"triples", "triples", "bool", /*default=*/"false", "Three ternary codes in 5 bits, for machines that multiply codes">,
    Option<"quads", "quads", "bool", /*default=*/"false", "Four neighbouring bytes of codes are one row's, for machines that look up in four tables at once">,
    Option<"quotients", "quotients", "bool", /*default=*/"false", "Zetas as f16 quotients of alphas where that is exact, for machines that divide">,
  ];
  let dependentDialects = ["::lutra::lowbit::LowbitDialect"];
}

def FusePrecompute : Pass<"lowbit-fuse-precompute"> {
  let summary = "Compute tables where their activations are made";
  let description = [{
    A table is element-wise over rows of activations, so it can be made row by row together with them (LUT Tensor Core, section
    3.3.2): norm, gated activation and residual sum then run once over a row that stays in the nearest memory, and in one
    parallel loop.

    `lowbit.precompute` becomes `lut.precompute` and `lowbit.assemble_table`; `lut.precompute` is tiled by rows (`scf.forall`), and
    the element-wise and row-reducing `linalg` ops that make its activations are fused into the loop. What they make and others
    read too (a residual sum) is a further result of the loop, not computed again. Reshapes that merge batch and sequence into rows are
    first moved above those ops.

    A precompute whose activations come from elsewhere (attention, a gather, an argument) stays as it is, and so does one whose product multiplies codes because
    its weight is stored in triples or with a codebook.

    Before:
    ```mlir
    #rows = affine_map<(m, k) -> (m, k)>
    func.func @main(%x: tensor<4x64xf32>, %y: tensor<4x64xf32>) -> (tensor<4x64xf32>, !lowbit.table<4x64, group = 32, element = i8>) {
      %e = tensor.empty() : tensor<4x64xf32>
      %r = linalg.generic {indexing_maps = [#rows, #rows, #rows], iterator_types = ["parallel", "parallel"]}
          ins(%x, %y : tensor<4x64xf32>, tensor<4x64xf32>) outs(%e : tensor<4x64xf32>) {
      ^bb0(%p: f32, %q: f32, %o: f32):
        %s = arith.addf %p, %q : f32
        linalg.yield %s : f32
      } -> tensor<4x64xf32>
      %t = lowbit.precompute %r : tensor<4x64xf32> -> !lowbit.table<4x64, group = 32, element = i8>
      return %r, %t : tensor<4x64xf32>, !lowbit.table<4x64, group = 32, element = i8>
    }
    ```
    After:
    ```mlir
    #map = affine_map<(d0, d1) -> (d0, d1)>
    func.func @main(%arg0: tensor<4x64xf32>, %arg1: tensor<4x64xf32>) -> (tensor<4x64xf32>, !lowbit.table<4x64, group = 32, element = i8>) {
      %0 = tensor.empty() : tensor<4x64xf32>
      %1 = tensor.empty() : tensor<4x2x128xi8>
      %2 = tensor.empty() : tensor<4x2xf32>
      %3:4 = scf.forall (%arg2) in (4) shared_outs(%arg3 = %1, %arg4 = %2, %arg5 = %2, %arg6 = %0) -> (tensor<4x2x128xi8>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x64xf32>) {
        %extracted_slice = tensor.extract_slice %arg0[%arg2, 0] [1, 64] [1, 1] : tensor<4x64xf32> to tensor<1x64xf32>
        %extracted_slice_0 = tensor.extract_slice %arg1[%arg2, 0] [1, 64] [1, 1] : tensor<4x64xf32> to tensor<1x64xf32>
        %extracted_slice_1 = tensor.extract_slice %arg6[%arg2, 0] [1, 64] [1, 1] : tensor<4x64xf32> to tensor<1x64xf32>
        %5 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%extracted_slice, %extracted_slice_0 : tensor<1x64xf32>, tensor<1x64xf32>) outs(%extracted_slice_1 : tensor<1x64xf32>) {
        ^bb0(%in: f32, %in_5: f32, %out: f32):
          %7 = arith.addf %in, %in_5 : f32
          linalg.yield %7 : f32
        } -> tensor<1x64xf32>
        %extracted_slice_2 = tensor.extract_slice %arg3[%arg2, 0, 0] [1, 2, 128] [1, 1, 1] : tensor<4x2x128xi8> to tensor<1x2x128xi8>
        %extracted_slice_3 = tensor.extract_slice %arg4[%arg2, 0] [1, 2] [1, 1] : tensor<4x2xf32> to tensor<1x2xf32>
        %extracted_slice_4 = tensor.extract_slice %arg5[%arg2, 0] [1, 2] [1, 1] : tensor<4x2xf32> to tensor<1x2xf32>
        %6:3 = lut.precompute ins(%5 : tensor<1x64xf32>) outs(%extracted_slice_2, %extracted_slice_3, %extracted_slice_4 : tensor<1x2x128xi8>, tensor<1x2xf32>, tensor<1x2xf32>) {group = 32 : i64} -> tensor<1x2x128xi8>, tensor<1x2xf32>, tensor<1x2xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %6#0 into %arg3[%arg2, 0, 0] [1, 2, 128] [1, 1, 1] : tensor<1x2x128xi8> into tensor<4x2x128xi8>
          tensor.parallel_insert_slice %6#1 into %arg4[%arg2, 0] [1, 2] [1, 1] : tensor<1x2xf32> into tensor<4x2xf32>
          tensor.parallel_insert_slice %6#2 into %arg5[%arg2, 0] [1, 2] [1, 1] : tensor<1x2xf32> into tensor<4x2xf32>
          tensor.parallel_insert_slice %5 into %arg6[%arg2, 0] [1, 64] [1, 1] : tensor<1x64xf32> into tensor<4x64xf32>
        }
      }
      %4 = lowbit.assemble_table %3#0, %3#1, %3#2 : tensor<4x2x128xi8>, tensor<4x2xf32>, tensor<4x2xf32> -> !lowbit.table<4x64, group = 32, element = i8>
      return %3#3, %4 : tensor<4x64xf32>, !lowbit.table<4x64, group = 32, element = i8>
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect", "::lutra::lut::LutDialect"];
}

#endif // LUTRA_DIALECTS_LOWBIT_TRANSFORMS_PASSES_TD
