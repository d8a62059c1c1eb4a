//===- DomainFormat.h - the spelling of a weight format ---------*- C++ -*-===//
//
// The attribute `format` of the operators of `ai.lutra`, as written: docs/spec/onnx-domain.md, "Formats". What the
// names and keys mean is DomainWeight's business.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINFORMAT_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINFORMAT_H

#include "lib/Conversion/ONNXToLowbit/Node.h"

namespace lutra {

/// `name(part, ..., key=value, ...)`. All text points into the string that was parsed.
class FormatSyntax {
public:
  /// Parses the attribute `format` of `node`; an error says where it is wrong.
  static mlir::FailureOr<FormatSyntax> parse(Node &node);

  llvm::StringRef getName() const { return name; }
  llvm::ArrayRef<FormatSyntax> getParts() const { return parts; }

  /// Refuses parts beyond `count` or fewer (none: any number but 0), and keys other than `keys`.
  mlir::LogicalResult check(Node &node, std::optional<size_t> count, llvm::ArrayRef<llvm::StringRef> keys) const;
  bool has(llvm::StringRef key) const { return find(key) != nullptr; }
  /// The integer under `key` within [low, high]; an absent one has the default, and is an error without one.
  mlir::FailureOr<int64_t> getInt(Node &node, llvm::StringRef key, int64_t low, int64_t high,
                                  std::optional<int64_t> defaultValue = std::nullopt) const;
  /// The number under `key`, which f32 holds (rounded).
  mlir::FailureOr<double> getFloat(Node &node, llvm::StringRef key) const;
  /// The word under `key`, or the default (an error when that is empty).
  mlir::FailureOr<llvm::StringRef> getWord(Node &node, llvm::StringRef key, llvm::StringRef defaultValue) const;
  mlir::FailureOr<llvm::SmallVector<int64_t>> getInts(Node &node, llvm::StringRef key) const;

  /// An error about this part of the format.
  mlir::InFlightDiagnostic error(Node &node) const;

private:
  friend class FormatParser;
  /// `key=value` or `key=[value, ...]`.
  struct Entry {
    llvm::StringRef key;
    llvm::SmallVector<llvm::StringRef, 1> values;
    bool isList;
  };
  const Entry *find(llvm::StringRef key) const;
  /// The entry under `key` when it is no list; null after a diagnostic.
  const Entry *findSingle(Node &node, llvm::StringRef key) const;

  llvm::StringRef name;
  std::vector<FormatSyntax> parts;
  std::vector<Entry> entries;
};

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_DOMAINFORMAT_H
