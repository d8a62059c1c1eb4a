//===- Passes.h - the interpreter as a pass -----------------------*- C++ -*-===//
#ifndef LUTRA_INTERPRETER_PASSES_H
#define LUTRA_INTERPRETER_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace lutra {

#define GEN_PASS_DECL
#include "lib/Interpreter/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "lib/Interpreter/Passes.h.inc"

} // namespace lutra

#endif // LUTRA_INTERPRETER_PASSES_H
