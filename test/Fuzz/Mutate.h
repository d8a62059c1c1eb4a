//===- Mutate.h - small random changes of textual IR ------------*- C++ -*-===//
#ifndef LUTRA_TEST_FUZZ_MUTATE_H
#define LUTRA_TEST_FUZZ_MUTATE_H

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace lutra::fuzz {

/// A piece of text: a word, a number, a string, a run of spaces, or a single other character.
struct Token {
  enum Kind { Word, Number, String, Space, Punctuation } kind;
  std::string text;
};

/// The tokens of `text`, which make it up without gaps.
std::vector<Token> tokenize(std::string_view text);

/// Changes texts at random; words and numbers that it puts in come from all texts that it was shown.
class Mutator {
public:
  using Random = std::mt19937_64;

  /// Remembers the words and numbers of a text.
  void learn(std::string_view text);

  /// `text`, which is not empty, after one change or more.
  std::string mutate(std::string_view text, Random &random) const;

private:
  void change(std::vector<Token> &tokens, Random &random) const;

  std::vector<std::string> words, numbers;
};

} // namespace lutra::fuzz

#endif // LUTRA_TEST_FUZZ_MUTATE_H
