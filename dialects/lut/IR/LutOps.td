//===- LutOps.td - structured ops on tensors and buffers --------*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_LUT_IR_LUTOPS_TD
#define LUTRA_DIALECTS_LUT_IR_LUTOPS_TD

include "dialects/lut/IR/LutDenseOps.td"
include "dialects/lut/IR/LutIntegerOps.td"
include "dialects/lut/IR/LutNormOps.td"
include "dialects/lut/IR/LutOpBase.td"
include "dialects/lut/IR/LutVectorOps.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/TilingInterface.td"

/// #lowbit.tile, without the definitions of another dialect (one TableGen input generates one dialect).
def Lut_TileAttr : Attr<CPred<"::mlir::isa<::lutra::lowbit::TileAttr>($_self)">, "a #lowbit.tile"> {
  let storageType = "::lutra::lowbit::TileAttr";
  let returnType = "::lutra::lowbit::TileAttr";
  let convertFromStorage = "$_self";
}

def Lut_PrecomputeOp : Lut_StructuredOp<"precompute", [
    DeclareOpInterfaceMethods<TilingInterface, ["getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
                                                "getResultTilePosition", "generateResultTileValue"]>]> {
  let summary = "The lookup tables of an activation matrix";
  let description = [{
    Cuts each row of `activations : M x K` into groups of `group` (the last may be short) and each group, padded with zeros
    to a multiple of 8, into tables of 4 activations a0..a3. With G groups and T = 2 ceil(group / 8) tables in each:

    - table t of group g, entry i: `((±a0 + ±a1) + ±a2) + ±a3`, the sign of a_j being bit j of i (set: plus). With `i8` or `i16`
      entries it is divided by its scale and rounded; `f16` rounds it, `f32` stores it as it is. It lies at `entries[m, g, 16 t + i]`.
    - `scales : M x S`: the scales of the entries, one per table (S = G T), per group (S = G) or per row (S = 1); ones when they are floats.
    - `sums[m, g]`: the sum of the group's activations.

    Activations in i8 are codes: `act_scales : M x S` (S = G or 1) hold what one of each is worth and are handed on as `scales`, and the
    entries are exact.

    With `width = 3`, tables are of three activations times -1, 0 or 1: T = ceil(group / 3), table t of group g is of columns t, T + t and 2T + t of the group, and
    its entry i of 0..13 is the sum with the balanced ternary digits of i; the last two are zeros, and so are `sums`, which ternary weights do not need.

    docs/spec/numerics.md, "Tables", has every rounding. With `symmetric`, whoever reads the tables uses only half of each,
    since entry ~i is minus entry i; a target may then leave the other half unwritten.

    - (C1) `activations` is a matrix of f32 whose K is static, or of i8 with `act_scales` of the shape of `scales`, which is M x G or M x 1.
    - (C2) `entries : M x G x 16 T` of i8, i16, f16 or f32, `scales : M x S` and `sums : M x G` of f32, with S as above (S = G for floats).
    - (C3) `group` is positive.
    - (C4) all operands are tensors and there is a result for each output, or all are buffers and there is none.
    - (C5) `width` is 4 or 3. Tables of three are of f32, have i8 entries and a scale per group or row, and are not `symmetric`.

    Rows are independent: the op tiles along M.

    Example:
    ```mlir
    %t:3 = lut.precompute ins(%a : tensor<?x264xf32>)
        outs(%e, %s, %z : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>) {group = 32 : i64}
        -> tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$activations, Optional<AnyShaped>:$act_scales, AnyShaped:$entries, AnyShaped:$scales,
                       AnyShaped:$sums, I64Attr:$group, UnitAttr:$symmetric, DefaultValuedAttr<I64Attr, "4">:$width);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::Value":$activations, "::mlir::Value":$act_scales, "::mlir::Value":$entries,
                                 "::mlir::Value":$scales, "::mlir::Value":$sums, "::lutra::lowbit::TableType":$table), [{
    build($_builder, $_state, results, activations, act_scales, entries, scales, sums, table.getGroup(), table.getSymmetric(), table.getWidth());
  }]>];
  let assemblyFormat = [{
    `ins` `(` $activations (`,` $act_scales^)? `:` type($activations) (`,` type($act_scales)^)? `)`
    `outs` `(` $entries `,` $scales `,` $sums `:` type($entries) `,` type($scales) `,` type($sums) `)`
    attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return ::mlir::MutableOperandRange(*this, getNumOperands() - 3, 3); }
    /// Which entries share a scale.
    ::lutra::lowbit::TableScale getScaleKind();
    /// Groups along K.
    int64_t getNumGroups();
    /// Tables per group, an even number of those of 4 activations.
    int64_t getTablesPerGroup() { return ::lutra::lowbit::getTablesPerGroup(getGroup(), getWidth()); }
  }];
}

def Lut_MatmulOp : Lut_StructuredOp<"matmul"> {
  let summary = "y = a w^T, from the tables of a and the bytes of packed bit planes";
  let description = [{
    `out[m, n]` as docs/spec/numerics.md, "Lookup matmul", defines it, for the N x K weight of type `weight` whose packed
    bytes are `weights`. `tile` is advice on how to cut the loops; the value does not depend on it.

    - (C1) `weight` is packed (`#lowbit.packed`) bit planes, and `weights` is rank 1 of exactly its size in i8.
    - (C2) `entries : M x G x 16 T` of i8, i16, f16 or f32, `scales : M x S` and `sums : M x G` of f32, for the weight's group, of tables of three
      (T = ceil(group / 3)) where the weight lies in `lookup_triples`, else of four; S is G T
      (a scale per table), G (per group; for floats always) or 1 (per row). Where it lies in `quads`, entries are of i8, or of i16 if the product becomes one of
      codes (`lut-multiply-codes`), and S is G or 1.
    - (C3) `out : M x N` of f32.
    - (C4) all operands are tensors and there is one result, or all are buffers and there is none.
    - (C5) the sum of a plane is exact in an i32: 127 T for i8 and 32767 T for other entries fit 31 bits, and for i8 entries also the
      weighted sum of the planes, `(2^planes - 1) * 127 * T`. Tables of three: `2 * 127 * T`.
    - (C6) the region takes the output and an element of each epilogue operand (rank 1 of N, or M x N), all f32, and
      yields an f32; its ops are element-wise, or constants; from outside it uses constants only.

    `epilogue` is applied to each output after the last group, before it is stored.

    Example:
    ```mlir
    %y = lut.matmul ins(%e, %s, %z, %w : tensor<?x9x128xi8>, tensor<?x9xf32>, tensor<?x9xf32>, tensor<31104xi8>)
        outs(%o : tensor<?x131xf32>) {weight = !lowbit.weight<131x264, #lowbit.packed<
            #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>}
        -> tensor<?x131xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$entries, AnyShaped:$scales, AnyShaped:$sums, AnyShaped:$weights,
                       Variadic<AnyShaped>:$epilogue_operands, AnyShaped:$out, TypeAttr:$weight,
                       OptionalAttr<Lut_TileAttr>:$tile);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region AnyRegion:$epilogue);
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$result, "::mlir::Value":$entries, "::mlir::Value":$scales,
                                 "::mlir::Value":$sums, "::mlir::Value":$weights, "::mlir::Value":$out,
                                 "::mlir::TypeAttr":$weight, "::lutra::lowbit::TileAttr":$tile), [{
    build($_builder, $_state, result, entries, scales, sums, weights, ::mlir::ValueRange(), out, weight, tile);
  }]>];
  let assemblyFormat = [{
    `ins` `(` $entries `,` $scales `,` $sums `,` $weights `:` type($entries) `,` type($scales) `,` type($sums) `,` type($weights) `)`
    (`epilogue` `(` ($epilogue_operands^ `:` type($epilogue_operands))? `)` $epilogue^)?
    `outs` `(` $out `:` type($out) `)` attr-dict (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutMutable(); }
    /// Which entries share a scale.
    ::lutra::lowbit::TableScale getScaleKind();
    /// The type of the weight whose bytes `weights` holds.
    ::lutra::lowbit::WeightType getWeightType();
    /// Activations of a table.
    int64_t getTableWidth();
  }];
}

#endif // LUTRA_DIALECTS_LUT_IR_LUTOPS_TD
