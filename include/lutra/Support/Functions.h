//===- Functions.h - exp, erf and tanh of f32, bit by bit -------*- C++ -*-===//
//
// The sequences of f32 operations that docs/spec/numerics.md, "Functions", fixes: compiled code (lutra-approximate-math), the interpreter and the LUT
// tensor core's vector unit give the same bits. Invariant: nothing here is contracted or reassociated.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_FUNCTIONS_H
#define LUTRA_SUPPORT_FUNCTIONS_H

namespace lutra {

/// e^x: 0 below -87.68, infinite above 88.72; a NaN stays one.
float expOf(float x);
/// The error function.
float erfOf(float x);
/// The hyperbolic tangent.
float tanhOf(float x);

} // namespace lutra

#endif // LUTRA_SUPPORT_FUNCTIONS_H
