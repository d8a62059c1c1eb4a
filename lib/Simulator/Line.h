//===- Line.h - a cursor over one line of assembly text ---------*- C++ -*-===//
#ifndef LUTRA_LIB_SIMULATOR_LINE_H
#define LUTRA_LIB_SIMULATOR_LINE_H

#include "lutra/Simulator/Program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

#include <cmath>
#include <cstdlib>

namespace lutra::ltc {

/// A cursor over one line. The first thing that does not fit sets `error`; what follows is then ignored.
class Line {
public:
  explicit Line(llvm::StringRef text) : rest(text.split(';').first.trim()) {}

  bool atEnd() const { return rest.empty(); }
  bool failed() const { return !message.empty(); }
  const std::string &error() const { return message; }
  void fail(const llvm::Twine &text) {
    if (message.empty())
      message = text.str();
  }

  /// The next word of a mnemonic, directive or name.
  llvm::StringRef word(const char *what) {
    llvm::StringRef result = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
    if (result.empty())
      return expected(what), "";
    return take(result.size());
  }
  bool consume(char c) {
    if (failed() || !rest.starts_with(llvm::StringRef(&c, 1)))
      return false;
    take(1);
    return true;
  }
  void expect(char c) {
    if (!consume(c))
      expected(("'" + llvm::Twine(c) + "'").str());
  }
  int64_t integer(const char *what) {
    llvm::StringRef digits = rest.take_front(rest.find_if_not([](char c) { return llvm::isDigit(c) || c == '-'; }));
    int64_t value = 0;
    if (digits.empty() || digits.getAsInteger(10, value))
      return expected(what), 0;
    take(digits.size());
    return value;
  }
  unsigned count(const char *what) {
    int64_t value = integer(what);
    if (value < 0 || value > 65535)
      return fail("expected " + llvm::Twine(what) + " between 0 and 65535, but found " + llvm::Twine(value)), 0;
    return value;
  }
  float number() {
    llvm::StringRef digits = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '.' || c == '-' || c == '+'; });
    std::string text = digits.str();
    char *end = nullptr;
    float value = std::strtof(text.c_str(), &end);
    if (digits.empty() || *end != 0 || !std::isfinite(value))
      return expected("a finite number"), 0;
    take(digits.size());
    return value;
  }
  /// A register of `file`, as in t12.
  unsigned reg(RegisterFile file) {
    char letter = letterOf(file);
    if (!rest.starts_with(llvm::StringRef(&letter, 1)) || rest.size() < 2 || !llvm::isDigit(rest[1]))
      return expected(("a register " + llvm::Twine(letter) + "0, " + llvm::Twine(letter) + "1, ...").str()), 0;
    take(1);
    return count("a register number");
  }
  /// `key=`
  void key(llvm::StringRef name) {
    if (!failed() && !rest.consume_front(name))
      expected(name + "=");
    expect('=');
  }
  /// `, key=integer`
  int64_t option(llvm::StringRef key) {
    expect(',');
    this->key(key);
    int64_t value = integer("an integer");
    if (value < 0 || value > INT32_MAX)
      fail("expected " + key + "= between 0 and 2147483647, but found " + llvm::Twine(value));
    return value;
  }
  void expectEnd() {
    if (!atEnd())
      expected("the end of the line");
  }
  void expected(const llvm::Twine &what) {
    llvm::StringRef token = rest.take_until([](char c) { return c == ' ' || c == ','; });
    std::string found =
        rest.empty() ? "the end of the line" : ("'" + (token.empty() ? rest.take_front(1) : token) + "'").str();
    fail("expected " + what + ", but found " + found);
  }
  /// Whether `, key=` comes next.
  bool peekOption(llvm::StringRef key) const {
    llvm::StringRef after = rest;
    return after.consume_front(",") && (after = after.ltrim()).consume_front(key) && after.ltrim().starts_with("=");
  }
  bool peekLetter(char c) const { return rest.size() > 1 && rest[0] == c && llvm::isDigit(rest[1]); }
  bool peekWord(llvm::StringRef text) const { return rest.starts_with(text); }

private:
  llvm::StringRef take(size_t size) {
    llvm::StringRef result = rest.take_front(size);
    rest = rest.drop_front(size).ltrim();
    return result;
  }
  llvm::StringRef rest;
  std::string message;
};

} // namespace lutra::ltc

#endif // LUTRA_LIB_SIMULATOR_LINE_H
