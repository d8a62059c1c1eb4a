//===- Registry.h - which lowering converts which operator ------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_REGISTRY_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_REGISTRY_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// What a lowering sees of inputs in f16 and bf16.
enum class Halves {
  /// The inputs: the lowering knows what to do with them, or refuses them.
  AsTheyAre,
  /// The same numbers in f32; its f32 outputs are rounded to the inputs' type, once.
  InF32
};

/// What a lowering sees of arrays of small types (SmallTypes.h). Constants of them are for it to judge.
enum class Smalls {
  /// None: the operator is refused.
  Refused,
  /// Codes in bytes, which it moves; so are constants.
  Moved,
  /// Codes in bytes, whose type it asks for, and constants as the model has them.
  AsTheyAre
};

/// How an operator is converted.
struct Entry {
  Lowering lowering = nullptr;
  Halves halves = Halves::AsTheyAre;
  Smalls smalls = Smalls::Refused;
};

/// The one table {domain, op_type} -> lowering. The standard domain is written "" ("ai.onnx" is the same).
class Registry {
public:
  /// The table of all lowerings.
  static const Registry &get();

  void add(llvm::StringRef domain, llvm::StringRef opType, Lowering lowering, Halves halves = Halves::AsTheyAre);
  /// Adds operators of the standard domain.
  void add(llvm::ArrayRef<llvm::StringRef> opTypes, Lowering lowering, Halves halves = Halves::AsTheyAre);
  /// Says that operators of the standard domain, added before, take arrays of small types.
  void takeSmalls(llvm::ArrayRef<llvm::StringRef> opTypes, Smalls smalls);
  /// What converts the operator; without a lowering when nothing does.
  Entry lookup(llvm::StringRef domain, llvm::StringRef opType) const;
  /// Calls `function` for every operator: (domain, op_type, entry).
  void forEach(llvm::function_ref<void(llvm::StringRef, llvm::StringRef, const Entry &)> function) const;

private:
  Registry();
  llvm::StringMap<Entry> lowerings;
};

/// The domain of ONNX Runtime's own operators.
inline constexpr llvm::StringLiteral microsoftDomain = "com.microsoft";

// One function per family of operators.
void addActivations(Registry &registry);
void addAttention(Registry &registry);
void addCast(Registry &registry);
void addConstants(Registry &registry);
void addDomainGather(Registry &registry);
void addDomainMatmul(Registry &registry);
void addElementwise(Registry &registry);
void addGather(Registry &registry);
void addGatherBlockQuantized(Registry &registry);
void addMatmul(Registry &registry);
void addMatmulBnb4(Registry &registry);
void addMatrixProduct(Registry &registry);
void addMovement(Registry &registry);
void addMultiHeadAttention(Registry &registry);
void addNorms(Registry &registry);
void addQuantize(Registry &registry);
void addQuantizedProduct(Registry &registry);
void addReduce(Registry &registry);
void addRotary(Registry &registry);
void addScatter(Registry &registry);
void addShape(Registry &registry);
void addStandardAttention(Registry &registry);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_REGISTRY_H
