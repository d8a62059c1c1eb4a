//===- ONNXOps.td - an ONNX graph as imported, one op per node --*- tablegen -*-===//

#ifndef LUTRA_DIALECTS_ONNX_IR_ONNXOPS_TD
#define LUTRA_DIALECTS_ONNX_IR_ONNXOPS_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::lutra::onnx";
  let summary = "An ONNX graph as imported: one generic op per node";
  let description = [{
    The importer's output and the input of `convert-onnx-to-lowbit`. A node keeps its ONNX name, operator, domain
    and attributes; nothing is interpreted here. ONNX element types map to builtin types: `float` is `f32`, `int64`
    is `i64`, `uint8` is `ui8`, `bool` is `i1`, and so on; signed integers are signless, unsigned ones are `ui<n>`.
  }];
  let useDefaultTypePrinterParser = 1;
}

class ONNX_Op<string mnemonic, list<Trait> traits = []> : Op<ONNX_Dialect, mnemonic, traits>;

def ONNX_ValueType : TypeDef<ONNX_Dialect, "Value"> {
  let mnemonic = "value";
  let summary = "A node's result whose type the model does not state";
  let description = [{
    ONNX lets a model leave out the types of intermediate values. The conversion infers them from the operands, so
    the importer does not have to.

    Example: `!onnx.value`
  }];
}

def ONNX_ConstantOp : ONNX_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "An initializer of the graph";
  let description = [{
    `value` is a `dense_resource` blob (for a large tensor: the mmapped bytes of the model, not a copy) or a `dense` attribute.
    Elements of 2 and 4 bits are always a blob in ONNX's packing: without gaps in row-major order, low bits first.

    Example:
    ```mlir
    %0 = onnx.constant "eps" dense<1.0e-05> : tensor<f32>
    ```
  }];
  let arguments = (ins StrAttr:$sym_name, ElementsAttr:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$sym_name $value attr-dict";
  let hasFolder = 1;
}

def ONNX_NoneOp : ONNX_Op<"none", [Pure]> {
  let summary = "The operand of an optional input that the node leaves out";
  let description = [{
    Example:
    ```mlir
    %none = onnx.none
    ```
  }];
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict";
}

def ONNX_YieldOp : ONNX_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"NodeOp">]> {
  let summary = "The results of a branch of a node";
  let description = [{
    Example:
    ```mlir
    func.func @main(%c: tensor<i1>, %x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
      %z = onnx.node "If" "/choose" (%c) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<i1>) -> tensor<4xf32> branches {
        onnx.yield %x : tensor<4xf32>
      }, {
        onnx.yield %y : tensor<4xf32>
      }
      return %z : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def ONNX_NodeOp : ONNX_Op<"node", [Pure]> {
  let summary = "One node of the graph, whatever its operator";
  let description = [{
    - (C1) `op_type` is not empty.
    - (C2) an operand is a ranked tensor, `!onnx.value`, or `none` (an omitted optional input).
    - (C3) a result is a ranked tensor, `!onnx.value`, or `none` (an omitted optional output).
    - (C4) a branch is one block without arguments that ends in `onnx.yield` of as many values as the node has results.

    `domain` is empty for standard operators. `version` is the opset version of the domain that the model imports.
    `node_attrs` holds the node's ONNX attributes under their ONNX names: INT as `i64`, FLOAT as `f32`, STRING as a
    string, INTS and FLOATS as dense arrays, STRINGS as an array of strings, TENSOR as elements. The location is a
    `NameLoc` of the node's name. `branches` are the graphs of an `If`, `then_branch` first; they use values from outside.

    Example:
    ```mlir
    func.func @main(%x: tensor<2x?xf32>) -> tensor<2x?xf32> {
      %y = onnx.node "Sigmoid" "/mlp/act" (%x) {domain = "", node_attrs = {}, version = 21 : i64} : (tensor<2x?xf32>) -> tensor<2x?xf32>
      return %y : tensor<2x?xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$op_type, StrAttr:$node_name, StrAttr:$domain, I64Attr:$version,
                       DictionaryAttr:$node_attrs, Variadic<AnyType>:$inputs);
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region VariadicRegion<AnyRegion>:$branches);
  let assemblyFormat = [{
    $op_type $node_name `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs) (`branches` $branches^)?
  }];
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$outputs, "::llvm::StringRef":$op_type, "::llvm::StringRef":$node_name,
                                 "::llvm::StringRef":$domain, "int64_t":$version, "::mlir::DictionaryAttr":$node_attrs,
                                 "::mlir::ValueRange":$inputs, CArg<"unsigned", "0">:$branches)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The operand at `index`, or null when the node has fewer or leaves it out.
    ::mlir::Value getOptionalInput(unsigned index);
    /// The ONNX attribute `name`, or null.
    ::mlir::Attribute getNodeAttr(::llvm::StringRef name) { return getNodeAttrs().get(name); }
    /// "domain.Op" as a person writes it ("MatMulNBits" of "com.microsoft" is "com.microsoft.MatMulNBits").
    std::string getQualifiedOpType();
  }];
}

#endif // LUTRA_DIALECTS_ONNX_IR_ONNXOPS_TD
