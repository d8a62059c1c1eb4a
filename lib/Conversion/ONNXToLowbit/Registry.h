//===- Registry.h - which lowering converts which operator ------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_REGISTRY_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_REGISTRY_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// The one table {domain, op_type} -> lowering. The standard domain is written "" ("ai.onnx" is the same).
class Registry {
public:
  /// The table of all lowerings.
  static const Registry &get();

  void add(llvm::StringRef domain, llvm::StringRef opType, Lowering lowering);
  /// Adds operators of the standard domain.
  void add(llvm::ArrayRef<llvm::StringRef> opTypes, Lowering lowering);
  /// The lowering, or null.
  Lowering lookup(llvm::StringRef domain, llvm::StringRef opType) const;

private:
  Registry();
  llvm::StringMap<Lowering> lowerings;
};

/// The domain of ONNX Runtime's own operators.
inline constexpr llvm::StringLiteral microsoftDomain = "com.microsoft";

// One function per family of operators.
void addAttention(Registry &registry);
void addConstants(Registry &registry);
void addDomainGather(Registry &registry);
void addDomainMatmul(Registry &registry);
void addElementwise(Registry &registry);
void addGather(Registry &registry);
void addMatmul(Registry &registry);
void addMovement(Registry &registry);
void addNorms(Registry &registry);
void addReduce(Registry &registry);
void addRotary(Registry &registry);
void addShape(Registry &registry);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_REGISTRY_H
