//===- LutToLLVM.h - lut vector ops to the LLVM dialect ---------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLLVM_LUTTOLLVM_H
#define LUTRA_CONVERSION_LUTTOLLVM_LUTTOLLVM_H

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace mlir {
class LLVMTypeConverter;
class RewritePatternSet;
} // namespace mlir

namespace lutra {

#define GEN_PASS_DECL_CONVERTLUTTOLLVM
#include "lib/Conversion/LutToLLVM/Passes.h.inc"

/// What the choice of instructions depends on.
struct LutInstructions {
  bool ssse3 = false;
  bool avx2 = false;
  bool avx512bw = false;
  bool avx512vnni = false;
  /// vpermb: lookups in tables of 64 bytes.
  bool avx512vbmi = false;
  /// vpdpbusd on ymm and xmm: avxvnni, or avx512vnni with avx512vl.
  bool vnni256 = false;
  bool neon = false;
  bool dotprod = false;
  /// Whether LLVM has instructions to widen f16; otherwise integer arithmetic does it.
  bool halfConversion = false;
  /// Whether fma is an instruction; otherwise it is a call of the C library for each lane.
  bool fusedMultiplyAdd = false;

  /// Reads LLVM feature names (a leading '+' is allowed), with what each implies; unknown ones are ignored.
  static LutInstructions fromFeatures(llvm::ArrayRef<std::string> features);

  /// Whether a lookup of 16 bytes is one instruction.
  bool hasByteShuffle() const { return ssse3 || neon; }

  /// Entries of the greatest table of bytes that one instruction looks up.
  int64_t getLookupEntries() const { return avx512vbmi ? 64 : 16; }

  /// Whether sums of four i8 lanes into an i32 are one instruction: `convert-lut-to-loops{accumulator-bits=32}` pays then.
  bool hasDotProduct() const { return avx512vnni || vnni256 || dotprod; }

  /// Whether one instruction looks up in four tables of 16 bytes and another sums four bytes: layouts with `quads` pay then.
  bool looksUpQuads() const { return avx512vbmi && avx512vnni; }
};

/// Patterns that convert the lut ops on vectors for a machine with `instructions`.
void populateLutToLLVMConversionPatterns(const mlir::LLVMTypeConverter &converter, const LutInstructions &instructions,
                                         mlir::RewritePatternSet &patterns);

#define GEN_PASS_REGISTRATION
#include "lib/Conversion/LutToLLVM/Passes.h.inc"

} // namespace lutra

#endif // LUTRA_CONVERSION_LUTTOLLVM_LUTTOLLVM_H
