//===- LTCTarget.h - the LUT tensor core ------------------------*- C++ -*-===//
#ifndef LUTRA_TARGET_LTC_LTCTARGET_H
#define LUTRA_TARGET_LTC_LTCTARGET_H

#include "lutra/Simulator/Program.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace lutra {

#define GEN_PASS_DECL
#include "lib/Target/LTC/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Target/LTC/Passes.h.inc"

/// Makes `--target=ltc` known.
void registerLTCTarget();

/// The program of a module's kernels, whose registers are allocated. Reports what has no place in a program.
llvm::FailureOr<ltc::Program> emitProgram(mlir::ModuleOp module);

} // namespace lutra

#endif // LUTRA_TARGET_LTC_LTCTARGET_H
