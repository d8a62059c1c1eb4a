//===- SplitNorm.h - a norm and its tables apart ----------------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLMMA_SPLITNORM_H
#define LUTRA_CONVERSION_LUTTOLMMA_SPLITNORM_H

#include "dialects/lut/IR/Lut.h"

namespace lutra::luttolmma {

/// Replaces a lut.norm_precompute on buffers by the norm, element-wise operations for the host, and a lut.precompute of its rows.
void splitNorm(lut::NormPrecomputeOp op);

} // namespace lutra::luttolmma

#endif // LUTRA_CONVERSION_LUTTOLMMA_SPLITNORM_H
