//===- LutVectorOps.td - what a lookup needs of a vector machine -*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LUT_IR_LUTVECTOROPS_TD
#define LUTRA_DIALECTS_LUT_IR_LUTVECTOROPS_TD

include "dialects/lut/IR/LutDialect.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Lut_VectorOp<string mnemonic, list<Trait> traits = []> : Op<Lut_Dialect, mnemonic, !listconcat([Pure], traits)> {
  let hasVerifier = 1;
}

def Lut_LookupOp : Lut_VectorOp<"lookup"> {
  let summary = "One entry of a table of 16, 64 or 128 for each lane";
  let description = [{
    `result[l] = table[indices[l] mod E]` with E the table's entries: only the low four bits of an index count, or the low six or seven.

    - (C1) the table is `vector<16xi8>`, `vector<64xi8>` or `vector<128xi8>` with i8 indices, or `vector<16xf32>` or `vector<16xi32>` with i32 indices.
    - (C2) the result has the indices' shape (rank 1, fixed) and the table's element type.

    Example:
    ```mlir
    %v = lut.lookup %table[%indices] : vector<16xi8>, vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfLengthAndType<[16, 64, 128], [I8, I32, F32]>:$table, VectorOfRankAndType<[1], [I8, I32]>:$indices);
  let results = (outs VectorOfRankAndType<[1], [I8, I32, F32]>:$result);
  let hasCustomAssemblyFormat = 1;
  let hasFolder = 1;
}

def Lut_FieldsOp : Lut_VectorOp<"fields", [AllTypesMatch<["source", "places", "result"]>]> {
  let summary = "Eight bits of a word of 64 from a place on, for each byte";
  let description = [{
    `result[l]` is bits p, ..., p + 7 (modulo 64) of the word that bytes 8 floor(l / 8), ..., 8 floor(l / 8) + 7 of `source` are, the first in the low bits, with p the low
    six bits of `places[l]`.

    - (C1) there are a multiple of 8 lanes.

    Example:
    ```mlir
    %f = lut.fields %words at %places : vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I8]>:$source, VectorOfRankAndType<[1], [I8]>:$places);
  let results = (outs VectorOfRankAndType<[1], [I8]>:$result);
  let assemblyFormat = "$source `at` $places attr-dict `:` type($source)";
}

def Lut_AccumulateOp : Lut_VectorOp<"accumulate", [AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "Adds weighted sums of neighbouring lanes to a wider accumulator";
  let description = [{
    With W = the number of `weights`: `result[l] = accumulator[l] + sum_{i < W} weights[i] * source[W l + i]`, lanes signed. The
    lanes of `source` that neighbour each other are the bit planes of one output row, and the weights their powers of two. The
    addition into the accumulator wraps: whoever builds a chain of these proves that it does not.

    - (C1) W is 2 or 4; each weight is 0 to 255 for an i8 source, 0 to 32767 for an i16 source.
    - (C2) `source` has W times the accumulator's lanes, of 1/W its width: i8 to i16 (W = 2), i8 to i32 (W = 4), i16 to i32
      (W = 2).
    - (C3) the weighted sum of W extreme lanes (-128, or -32768) fits the accumulator's element, so that a machine may
      form it with a saturating multiply-add.

    Example:
    ```mlir
    %s = lut.accumulate %v into %acc weights [1, 2, 4, 8] : vector<64xi8>, vector<16xi32>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I8, I16]>:$source, VectorOfRankAndType<[1], [I16, I32]>:$accumulator,
                       DenseI32ArrayAttr:$weights);
  let results = (outs VectorOfRankAndType<[1], [I16, I32]>:$result);
  let assemblyFormat = "$source `into` $accumulator `weights` $weights attr-dict `:` type($source) `,` type($accumulator)";
  let hasFolder = 1;
}

def Lut_DotOp : Lut_VectorOp<"dot", [AllTypesMatch<["weights", "codes"]>, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "Adds products of four neighbouring bytes to a lane of 32 bits, or of two to one of 16";
  let description = [{
    `result[l] = accumulator[l] + sum_{i < W} weights[W l + i] codes[W l + i]`, W = 4 for lanes of 32 bits and 2 for those of 16: weights unsigned, codes
    signed. The addition wraps: whoever builds a chain of these proves that it does not.

    - (C1) `weights` and `codes` have W times the accumulator's lanes.
    - (C2) `largest`, 1 to 255, is what no weight exceeds: up to 127, a machine may form two products with a saturating multiply-add,
      or read the weights as signed. For lanes of 16 bits it is at most 127: two products are within 2 * 127 * 128 = 32512.

    Example:
    ```mlir
    %s = lut.dot %w, %a into %acc {largest = 30 : i64} : vector<64xi8>, vector<16xi32>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I8]>:$weights, VectorOfRankAndType<[1], [I8]>:$codes,
                       VectorOfRankAndType<[1], [I16, I32]>:$accumulator, I64Attr:$largest);
  let results = (outs VectorOfRankAndType<[1], [I16, I32]>:$result);
  let assemblyFormat = "$weights `,` $codes `into` $accumulator attr-dict `:` type($weights) `,` type($accumulator)";
}

#endif // LUTRA_DIALECTS_LUT_IR_LUTVECTOROPS_TD
