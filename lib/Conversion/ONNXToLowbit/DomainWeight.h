//===- DomainWeight.h - weights of the domain ai.lutra ----------*- C++ -*-===//
//
// A node of `ai.lutra` carries a weight as attributes N, K and format and, among its inputs, the components of the
// format in order (docs/spec/onnx-domain.md). Here they become a format attribute and checked elements; no data is
// copied.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINWEIGHT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINWEIGHT_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

class FormatSyntax;

/// Our own operators, and the one version of them.
inline constexpr llvm::StringLiteral lutraDomain = "ai.lutra";
inline constexpr int64_t lutraDomainVersion = 1;

/// A weight that a node describes.
struct DomainWeight {
  lowbit::WeightType type;
  /// By name, as `lowbit.weight` takes them.
  mlir::DictionaryAttr components;
};

/// The weight whose components are the inputs of `node` from `first` on, after Node::check(). Refused by the node's
/// name: another version of the domain, a format that is unknown or out of range, a component of another shape or type
/// or that is no constant, ternary codes that stand for nothing, a permutation that is none, places of outliers that do
/// not ascend.
mlir::FailureOr<DomainWeight> getDomainWeight(Node &node, unsigned first);

/// The format that `syntax` spells, for `rows` rows whose components begin at input `first`: the types of scales and
/// outliers are those of the inputs.
mlir::FailureOr<lowbit::WeightFormatInterface> buildDomainFormat(Node &node, const FormatSyntax &syntax, int64_t rows,
                                                                 int64_t cols, unsigned first);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINWEIGHT_H
