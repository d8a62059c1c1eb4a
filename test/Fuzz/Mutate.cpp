//===- Mutate.cpp - small random changes of textual IR --------------------===//
//
// A change is one that a person could make by mistake: another number in a shape or an attribute, another word, a piece left out, doubled
// or swapped with another. Most leave text that parses up to an operation's verifier, which is what is tested.
//
//===----------------------------------------------------------------------===//
#include "Mutate.h"

#include <algorithm>
#include <cctype>
#include <set>

using namespace lutra::fuzz;

static bool isWordStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
static bool isDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)); }

std::vector<Token> lutra::fuzz::tokenize(std::string_view text) {
  std::vector<Token> tokens;
  size_t at = 0;
  bool reassociates = false, iterates = false;
  auto take = [&](Token::Kind kind, size_t end) {
    tokens.push_back({kind, std::string(text.substr(at, end - at))});
    at = end;
  };
  while (at < text.size()) {
    size_t end = at + 1;
    char c = text[at];
    if (std::isspace(static_cast<unsigned char>(c))) {
      while (end < text.size() && std::isspace(static_cast<unsigned char>(text[end])))
        ++end;
      take(Token::Space, end);
    } else if (c == '"') {
      while (end < text.size() && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
      take(Token::String, std::min(end + 1, text.size()));
    } else if (isDigit(c)) {
      // A shape's 4x8 is three tokens, and what follows x may be a type.
      while (end < text.size() && (isDigit(text[end]) || text[end] == '.'))
        ++end;
      take(Token::Number, end);
    } else if (c == 'x' && !tokens.empty() && (tokens.back().kind == Token::Number || tokens.back().text == "?")) {
      take(Token::Punctuation, end);
    } else if (text.substr(at, 6) == "array<") {
      // MLIR 22's own parser asks `array<index: ...>` for the width of an index: the type stays.
      take(Token::Punctuation, std::min(text.find_first_of(":>", at), text.size()));
    } else if (isWordStart(c)) {
      while (end < text.size() && (isWordStart(text[end]) || isDigit(text[end]) || text[end] == '.'))
        ++end;
      take(Token::Word, end);
      iterates |= tokens.back().text == "iterator_types";
      reassociates |= tokens.back().text == "tensor.expand_shape" || tokens.back().text == "tensor.collapse_shape";
    } else if (reassociates && text.substr(at, 2) == "[[") {
      // MLIR 22's own verifier of tensor.expand_shape crashes on an empty group of dimensions: the groups stay as they are.
      end = std::min(text.find("]]", at), text.size() - 2) + 2;
      take(Token::Punctuation, end);
      reassociates = false;
    } else if (iterates && c == '[') {
      // MLIR 22's own parser of linalg.generic takes whatever stands among its iterators for strings: the list stays as it is.
      take(Token::Punctuation, std::min(text.find(']', at), text.size() - 1) + 1);
      iterates = false;
    } else {
      take(Token::Punctuation, end);
    }
  }
  return tokens;
}

void Mutator::learn(std::string_view text) {
  std::set<std::string> knownWords(words.begin(), words.end()), knownNumbers(numbers.begin(), numbers.end());
  for (const Token &token : tokenize(text)) {
    if (token.kind == Token::Word && knownWords.insert(token.text).second)
      words.push_back(token.text);
    if (token.kind == Token::Number && token.text.size() < 20 && knownNumbers.insert(token.text).second)
      numbers.push_back(token.text);
  }
}

namespace {
/// Follows the names of values through the braces of a text.
class Scopes {
public:
  explicit Scopes(const std::vector<Token> &tokens) : tokens(tokens) {}

  std::set<std::string> usedBeforeDefined() {
    for (size_t at = 0; at < tokens.size(); ++at) {
      const std::string &text = tokens[at].text;
      if (text == "{") {
        scopes.push_back({});
      } else if (text == "}") {
        // Braces around values are a region: what it had for arguments is not known after it.
        bool isRegion = scopes.back().hasValues;
        if (scopes.size() > 1)
          scopes.pop_back();
        if (isRegion)
          scopes.back().arguments.clear();
      } else if (text == "%" && at + 1 < tokens.size()) {
        visit(at);
      }
    }
    return early;
  }

private:
  struct Scope {
    std::set<std::string> results, arguments;
    bool hasValues = false;
  };

  bool is(size_t at, std::string_view text) const { return at < tokens.size() && tokens[at].text == text; }
  size_t skipSpace(size_t at) const { return at < tokens.size() && tokens[at].kind == Token::Space ? at + 1 : at; }
  bool startsLine(size_t at) const { return at == 0 || tokens[at - 1].text.find('\n') != std::string::npos; }

  /// Whether the list of names at `at` (`%x`, `%x:2`, `%x, %y`) is what an operation's results are called.
  bool namesResults(size_t at) const {
    while (is(at, "%")) {
      at += 2;
      if (is(at, ":"))
        at += 2;
      at = skipSpace(at);
      if (is(at, "="))
        return true;
      if (is(at, ","))
        at = skipSpace(at + 1);
    }
    return false;
  }

  void visit(size_t at) {
    const std::string &name = tokens[at + 1].text;
    scopes.back().hasValues = true;
    if (startsLine(at))
      inResults = namesResults(at);
    if (inResults) {
      scopes.back().results.insert(name);
      // The last name before the sign.
      inResults = !is(skipSpace(at + 2), "=") && !is(skipSpace(at + 4), "=");
    } else if (is(at + 2, ":") || is(skipSpace(at + 2), "=")) {
      scopes.back().arguments.insert(name);
    } else if (std::none_of(scopes.begin(), scopes.end(), [&](const Scope &scope) {
                 return scope.results.count(name) || scope.arguments.count(name);
               })) {
      early.insert(name);
    }
  }

  const std::vector<Token> &tokens;
  std::vector<Scope> scopes{1};
  std::set<std::string> early;
  bool inResults = false;
};
} // namespace

/// The names of values that stand in `tokens` where none of that name is known. One of those that a region defines later, in an operation
/// that then does not parse, makes MLIR 22's own parser write to freed memory.
static std::set<std::string> usedBeforeDefined(const std::vector<Token> &tokens) { return Scopes(tokens).usedBeforeDefined(); }

template <typename T>
static const T &pick(const std::vector<T> &values, Mutator::Random &random) {
  return values[random() % values.size()];
}

void Mutator::change(std::vector<Token> &tokens, Random &random) const {
  static const std::vector<std::string> edges = {"0",  "1",  "2",  "3",  "4",  "5",  "7",   "8",   "9",   "15",   "16",   "17",   "31",
                                                 "32", "33", "63", "64", "65", "127", "128", "129", "255", "256", "257", "1000", "262144",
                                                 "262145", "2147483647", "2147483648", "4294967296", "9223372036854775807", "-1", "?"};
  // Only what carries meaning is chosen; spaces would be half of the tokens.
  auto choose = [&](auto accept) -> size_t {
    for (int attempt = 0; attempt < 200; ++attempt)
      if (size_t index = random() % tokens.size(); accept(tokens[index]))
        return index;
    return tokens.size();
  };
  // Names of values stay: see usedBeforeDefined. And `%x#1000000000` makes MLIR 22's own parser allocate that many values.
  auto follows = [&](const Token &token, std::string_view sign) { return &token != tokens.data() && (&token)[-1].text == sign; };
  auto isNumber = [&](const Token &token) {
    return token.kind == Token::Number && !follows(token, "%") && !follows(token, "#");
  };
  auto isWord = [&](const Token &token) { return token.kind == Token::Word && !follows(token, "%"); };
  auto isAny = [](const Token &token) { return token.kind != Token::Space; };
  switch (random() % 12) {
  case 0:
  case 1:
  case 2:
  case 3: // Another number.
    if (size_t index = choose(isNumber); index < tokens.size()) {
      std::string &text = tokens[index].text;
      uint64_t way = random() % 4;
      if (way == 0 && text.size() < 18 && text.find_first_not_of("0123456789") == std::string::npos)
        text = std::to_string(std::stoll(text) + (random() % 2 ? 1 : -1));
      else
        text = way == 1 ? pick(numbers, random) : pick(edges, random);
    }
    break;
  case 4:
  case 5:
  case 6: // Another word: a type, an attribute's name, an operation.
    if (size_t index = choose(isWord); index < tokens.size())
      tokens[index].text = pick(words, random);
    break;
  case 7: // Two words or numbers change places.
    if (size_t a = random() % 2 ? choose(isWord) : choose(isNumber); a < tokens.size()) {
      size_t b = tokens[a].kind == Token::Word ? choose(isWord) : choose(isNumber);
      if (b < tokens.size() && tokens[a].text.size() < 10 && tokens[b].text.size() < 10)
        std::swap(tokens[a].text, tokens[b].text);
    }
    break;
  case 8: { // A piece is left out.
    size_t begin = choose(isAny), count = 1 + random() % 8;
    if (begin < tokens.size())
      tokens.erase(tokens.begin() + begin, tokens.begin() + std::min(begin + count, tokens.size()));
    break;
  }
  case 9: { // A piece is there twice, or in another place.
    size_t begin = choose(isAny), count = 1 + random() % 12, to = choose(isAny);
    if (begin < tokens.size() && to < tokens.size()) {
      std::vector<Token> piece(tokens.begin() + begin, tokens.begin() + std::min(begin + count, tokens.size()));
      tokens.insert(tokens.begin() + to, piece.begin(), piece.end());
    }
    break;
  }
  case 10: { // An entry of a list, "name = value", is left out or doubled.
    size_t comma = choose([](const Token &token) { return token.text == ","; });
    size_t end = comma + 1;
    while (end < tokens.size() && tokens[end].text != "," && tokens[end].text != ">" && tokens[end].text != "}" && tokens[end].text != ")")
      ++end;
    if (end >= tokens.size())
      break;
    if (random() % 2) {
      tokens.erase(tokens.begin() + comma, tokens.begin() + end);
    } else {
      std::vector<Token> piece(tokens.begin() + comma, tokens.begin() + end);
      tokens.insert(tokens.begin() + end, piece.begin(), piece.end());
    }
    break;
  }
  default: // Another sign.
    if (size_t index = choose([](const Token &token) { return token.kind == Token::Punctuation; }); index < tokens.size())
      tokens[index].text = pick(std::vector<std::string>{"<", ">", "?", "x", ",", "-", "{", "}", "[", "]", "%", "!", "#", "=", ":"}, random);
    break;
  }
}

std::string Mutator::mutate(std::string_view text, Random &random) const {
  const std::vector<Token> original = tokenize(text);
  const std::set<std::string> known = usedBeforeDefined(original);
  std::vector<Token> tokens;
  // One change most often: the more, the rarer is a module that parses.
  do {
    tokens = original;
    do
      change(tokens, random);
    while (random() % 3 == 0 && !tokens.empty());
    // The text that is parsed may divide into other tokens than those it was made of.
    std::string result;
    for (const Token &token : tokens)
      result += token.text;
    std::set<std::string> early = usedBeforeDefined(tokenize(result));
    if (std::includes(known.begin(), known.end(), early.begin(), early.end()))
      return result;
  } while (true);
}
