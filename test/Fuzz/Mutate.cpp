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
  bool reassociates = false;
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
    } else if (isWordStart(c)) {
      while (end < text.size() && (isWordStart(text[end]) || isDigit(text[end]) || text[end] == '.'))
        ++end;
      take(Token::Word, end);
      reassociates |= tokens.back().text == "tensor.expand_shape" || tokens.back().text == "tensor.collapse_shape";
    } else if (reassociates && text.substr(at, 2) == "[[") {
      // MLIR 22's own verifier of tensor.expand_shape crashes on an empty group of dimensions: the groups stay as they are.
      end = std::min(text.find("]]", at), text.size() - 2) + 2;
      take(Token::Punctuation, end);
      reassociates = false;
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
  // Names of values stay. A name that is used before a region defines it, in an operation that then does not parse, makes MLIR 22's
  // own parser write to freed memory; and `%x#1000000000` makes it allocate that many values.
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
  std::vector<Token> tokens = tokenize(text);
  // One change most often: the more, the rarer is a module that parses.
  do
    change(tokens, random);
  while (random() % 3 == 0 && !tokens.empty());
  std::string result;
  for (const Token &token : tokens)
    result += token.text;
  return result;
}
