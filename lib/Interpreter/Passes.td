//===- Passes.td - the interpreter as a pass --------------------*- tablegen -*-===//

#ifndef LUTRA_INTERPRETER_PASSES
#define LUTRA_INTERPRETER_PASSES

include "mlir/Pass/PassBase.td"

def LowbitInterpret : Pass<"lowbit-interpret", "::mlir::ModuleOp"> {
  let summary = "Evaluate the functions that take no inputs and say what they return";
  let description = [{
    Interprets, in order, each function of the module that has a body and no inputs, and emits a remark with the value of each result
    on its `return`. The module stays as it is. Numbers are printed with as few digits as tell them apart from every other
    number of their type, so that a remark states the bits of everything but a NaN.

    With `--verify-diagnostics`, a test asserts values where they are made, and after any passes that should not change
    them:

        lutra-opt %s --lowbit-interpret --verify-diagnostics
        lutra-opt %s --lowbit-split-precompute --lowbit-interpret --verify-diagnostics

    What cannot be interpreted is an error at the op that stops it, and fails the pass.

    Of this function it says, at the return, `result 0: tensor<1x1xf32> = [[1.5]]`.

    Before:
    ```mlir
    func.func @product() -> tensor<1x1xf32> {
      %a = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
      %w = lowbit.weight {codes = dense<15> : tensor<1x1x1xi8>, scales = dense<0.5> : tensor<1x1xf32>}
          : !lowbit.weight<1x2, #lowbit.uniform<bits = 2, group = 2>>
      %y = lowbit.matmul %a, %w : tensor<1x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 2, group = 2>> -> tensor<1x1xf32>
      return %y : tensor<1x1xf32>
    }
    ```
    After:
    ```mlir
    func.func @product() -> tensor<1x1xf32> {
      %cst = arith.constant dense<[[1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
      %0 = lowbit.weight {codes = dense<15> : tensor<1x1x1xi8>, scales = dense<5.000000e-01> : tensor<1x1xf32>} : !lowbit.weight<1x2, #lowbit.uniform<bits = 2, group = 2>>
      %1 = lowbit.matmul %cst, %0 : tensor<1x2xf32>, !lowbit.weight<1x2, #lowbit.uniform<bits = 2, group = 2>> -> tensor<1x1xf32>
      return %1 : tensor<1x1xf32>
    }
    ```
  }];
  let options = [
    Option<"exactTables", "exact-tables", "bool", /*default=*/"false",
           "A lowbit.matmul that does not say which tables it means has f32 tables instead of i8">,
  ];
  // A composite weight is evaluated as what it is taken apart to.
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect", "::lutra::lowbit::LowbitDialect"];
}

#endif // LUTRA_INTERPRETER_PASSES
