//===- DoubleExp.h - exp in f64 as arithmetic -------------------*- C++ -*-===//
//
// Upstream has polynomials for f32 only; a call of libm would keep a loop from being vectorized.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CODEGEN_DOUBLEEXP_H
#define LUTRA_CODEGEN_DOUBLEEXP_H

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace lutra {

/// Adds the expansion of math.exp on f64 and vectors of it.
void populateDoubleExpPatterns(mlir::RewritePatternSet &patterns);

} // namespace lutra

#endif // LUTRA_CODEGEN_DOUBLEEXP_H
