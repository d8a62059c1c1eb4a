//===- Passes.td - lut vector ops to the LLVM dialect -----------*- tablegen -*-===//

#ifndef LUTRA_CONVERSION_LUTTOLLVM_PASSES
#define LUTRA_CONVERSION_LUTTOLLVM_PASSES

include "mlir/Pass/PassBase.td"

def ConvertLutToLLVM : Pass<"convert-lut-to-llvm"> {
  let summary = "lut ops on vectors become LLVM instructions and a machine's intrinsics";
  let description = [{
    Chooses by `features`, names as LLVM spells them; those that do not matter here are ignored, and a feature brings those
    it implies (avx512bw brings avx2). An intrinsic is emitted only when `features` has its instruction; without any
    feature the result is plain LLVM vector code, right on every little-endian machine.

    | op | avx512bw | avx2 / ssse3 | neon | portable |
    |---|---|---|---|---|
    | `lut.lookup` of i8 | vpshufb zmm | vpshufb ymm / xmm | tbl | extract and insert |
    | `lut.lookup` of f32 | vpermps zmm | two vpermps ymm and a blend | portable | extract and insert |
    | `lut.accumulate` i8 to i16 | vpmaddubsw | vpmaddubsw | portable | shifts |
    | `lut.accumulate` i16 to i32 | vpmaddwd | vpmaddwd | portable | shifts |
    | `lut.accumulate` i8 to i32 | vpdpbusd with avx512vnni, else vpmaddubsw + vpmaddwd | the same with avxvnni | sdot with dotprod | shifts |

    `arith.extf` and `arith.truncf` between f32 and f16 become integer arithmetic on an x86 without f16c (which would call a library), and
    those of bf16 everywhere (an instruction for it drops subnormals).

    Before, with `features=avx512bw`:
    ```mlir
    func.func @lookup(%t: vector<16xi8>, %i: vector<64xi8>) -> vector<64xi8> {
      %v = lut.lookup %t[%i] : vector<16xi8>, vector<64xi8>
      return %v : vector<64xi8>
    }
    ```
    After:
    ```mlir
    func.func @lookup(%arg0: vector<16xi8>, %arg1: vector<64xi8>) -> vector<64xi8> {
      %0 = llvm.mlir.constant(dense<15> : vector<64xi8>) : vector<64xi8>
      %1 = llvm.and %arg1, %0 : vector<64xi8>
      %2 = llvm.shufflevector %arg0, %arg0 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : vector<16xi8> 
      %3 = llvm.call_intrinsic "llvm.x86.avx512.pshuf.b.512"(%2, %1) : (vector<64xi8>, vector<64xi8>) -> vector<64xi8>
      return %3 : vector<64xi8>
    }
    ```
  }];
  let options = [
    ListOption<"features", "features", "std::string", "CPU features to use, as LLVM names them (avx512bw,avx2,neon,...)">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // LUTRA_CONVERSION_LUTTOLLVM_PASSES
