//===- DomainFormat.cpp - the spelling of a weight format -----------------===//

#include "lib/Conversion/ONNXToLowbit/DomainFormat.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;

namespace lutra {

/// Recursive descent over the characters; the first error ends it.
class FormatParser {
public:
  FormatParser(Node &node, StringRef text) : node(node), text(text) {}

  FailureOr<FormatSyntax> parseAll() {
    FormatSyntax result;
    if (failed(parseFormat(result, /*depth=*/0)))
      return failure();
    if (!peek().empty())
      return expected("nothing more");
    return result;
  }

private:
  /// The next token without taking it: a name or number, or one character. Empty at the end.
  StringRef peek() const {
    StringRef rest = text.drop_front(at).ltrim();
    StringRef word = rest.take_while([](char c) { return llvm::isAlnum(c) || StringRef("_.+-").contains(c); });
    return word.empty() ? rest.take_front(1) : word;
  }

  StringRef take() {
    StringRef token = peek();
    at = token.empty() ? text.size() : token.end() - text.begin();
    return token;
  }

  LogicalResult expect(StringRef token) {
    if (peek() != token)
      return expected("'" + token + "'");
    take();
    return success();
  }

  LogicalResult expected(const Twine &what) {
    InFlightDiagnostic diagnostic = node.error();
    diagnostic << "attribute 'format': expected " << what << ", but found ";
    StringRef token = peek();
    if (token.empty())
      return diagnostic << "the end of '" << text << "'";
    return diagnostic << "'" << token << "' at character " << token.begin() - text.begin() + 1 << " of '" << text
                      << "'";
  }

  static bool isName(StringRef token) { return !token.empty() && (llvm::isAlpha(token[0]) || token[0] == '_'); }

  LogicalResult parseFormat(FormatSyntax &result, unsigned depth) {
    // Two levels have a meaning (a part of a composite format); the limit only bounds the stack.
    if (depth > 4)
      return node.error() << "attribute 'format' nests formats too deeply: '" << text << "'";
    if (!isName(peek()))
      return expected("the name of a format");
    result.name = take();
    if (failed(expect("(")))
      return failure();
    do {
      if (!isName(peek()))
        return expected("a key or a format");
      StringRef word = peek();
      if (text.substr(word.end() - text.begin()).ltrim().starts_with("(")) {
        if (!result.entries.empty())
          return expected("a key (formats come before keys)");
        if (failed(parseFormat(result.parts.emplace_back(), depth + 1)))
          return failure();
      } else if (failed(parseEntry(result))) {
        return failure();
      }
    } while (peek() == "," && !take().empty());
    return expect(")");
  }

  LogicalResult parseEntry(FormatSyntax &result) {
    if (result.has(peek()))
      return expected("a key that is not there yet");
    FormatSyntax::Entry entry{take(), {}, false};
    if (failed(expect("=")))
      return failure();
    entry.isList = peek() == "[";
    if (entry.isList)
      take();
    do {
      if (peek().empty() || StringRef("()[],=").contains(peek()[0]))
        return expected("a value");
      entry.values.push_back(take());
    } while (entry.isList && peek() == "," && !take().empty());
    if (entry.isList && failed(expect("]")))
      return failure();
    result.entries.push_back(std::move(entry));
    return success();
  }

  Node &node;
  StringRef text;
  size_t at = 0;
};

FailureOr<FormatSyntax> FormatSyntax::parse(Node &node) {
  return FormatParser(node, node.getString("format", "")).parseAll();
}

InFlightDiagnostic FormatSyntax::error(Node &node) const {
  InFlightDiagnostic diagnostic = node.error();
  diagnostic << "attribute 'format', " << name << ": ";
  return diagnostic;
}

const FormatSyntax::Entry *FormatSyntax::find(StringRef key) const {
  auto found = llvm::find_if(entries, [&](const Entry &entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

const FormatSyntax::Entry *FormatSyntax::findSingle(Node &node, StringRef key) const {
  const Entry *entry = find(key);
  if (!entry)
    error(node) << "the key '" << key << "' is missing";
  else if (entry->isList)
    error(node) << "'" << key << "' must be one value, but is a list";
  else
    return entry;
  return nullptr;
}

LogicalResult FormatSyntax::check(Node &node, std::optional<size_t> count, ArrayRef<StringRef> keys) const {
  if (count && parts.size() != *count)
    return error(node) << "takes " << *count << " formats, but there are " << parts.size();
  if (!count && parts.empty())
    return error(node) << "takes at least one format, but there is none";
  for (const Entry &entry : entries)
    if (!llvm::is_contained(keys, entry.key))
      return error(node) << "there is no key '" << entry.key << "'; the keys are " << llvm::join(keys, ", ");
  return success();
}

FailureOr<int64_t> FormatSyntax::getInt(Node &node, StringRef key, int64_t low, int64_t high,
                                        std::optional<int64_t> defaultValue) const {
  if (defaultValue && !has(key))
    return *defaultValue;
  const Entry *entry = findSingle(node, key);
  if (!entry)
    return failure();
  int64_t value;
  if (entry->values[0].getAsInteger(10, value) || value < low || value > high)
    return error(node) << "'" << key << "' must be an integer from " << low << " to " << high << ", but is '"
                       << entry->values[0] << "'";
  return value;
}

FailureOr<double> FormatSyntax::getFloat(Node &node, StringRef key) const {
  const Entry *entry = findSingle(node, key);
  if (!entry)
    return failure();
  double value;
  if (entry->values[0].getAsDouble(value) || !std::isfinite(static_cast<float>(value)))
    return error(node) << "'" << key << "' must be a finite number, but is '" << entry->values[0] << "'";
  return value;
}

FailureOr<StringRef> FormatSyntax::getWord(Node &node, StringRef key, StringRef defaultValue) const {
  if (!defaultValue.empty() && !has(key))
    return defaultValue;
  const Entry *entry = findSingle(node, key);
  if (!entry)
    return failure();
  return entry->values[0];
}

FailureOr<SmallVector<int64_t>> FormatSyntax::getInts(Node &node, StringRef key) const {
  const Entry *entry = find(key);
  if (!entry || !entry->isList)
    return error(node) << "'" << key << "' must be a list of integers, as in " << key << "=[3, 1]";
  SmallVector<int64_t> result;
  for (StringRef text : entry->values)
    if (text.getAsInteger(10, result.emplace_back()))
      return error(node) << "'" << key << "' must be a list of integers, but has '" << text << "'";
  return result;
}

} // namespace lutra
