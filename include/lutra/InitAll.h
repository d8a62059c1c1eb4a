//===- InitAll.h - every Lutra dialect and pass, in one place ---*- C++ -*-===//
//
// The one list of what exists. A dialect or a pass library that lands is added to lib/InitAll/InitAll.cpp and nowhere
// else; the tools, the driver and the tests register through these functions.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_INITALL_H
#define LUTRA_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace lutra {

/// Registers Lutra's dialects and the interfaces that they attach to each other's and to upstream's operations.
void registerAllLutraDialects(mlir::DialectRegistry &registry);

/// Registers Lutra's passes and pipelines with the global registry of MLIR.
void registerAllLutraPasses();

/// Makes the targets known (include/lutra/Target/Target.h).
void registerAllLutraTargets();

/// Everything that a tool which reads and transforms IR needs: upstream's dialects, extensions and translations to
/// LLVM IR, then Lutra's dialects.
void registerEverything(mlir::DialectRegistry &registry);

} // namespace lutra

#endif // LUTRA_INITALL_H
