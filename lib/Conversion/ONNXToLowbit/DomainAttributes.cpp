//===- DomainAttributes.cpp - spelled formats as attributes ---------------===//
//
// One function for each format of docs/spec/onnx-domain.md. Ranges are checked here, so that what reaches the
// attributes' own verifiers is right.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/DomainFormat.h"
#include "lib/Conversion/ONNXToLowbit/DomainWeight.h"

using namespace mlir;
using namespace lutra::lowbit;

namespace lutra {
namespace {

/// 32 bits hold every sum of a group's table entries (docs/spec/numerics.md, "Ranges").
constexpr int64_t maxGroup = int64_t(1) << 18;

/// Builds the attribute of a format and, through itself, of its parts.
struct Builder {
  Node &node;
  int64_t cols;
  using Result = FailureOr<WeightFormatInterface>;

  Result build(const FormatSyntax &syntax, int64_t rows, unsigned first) {
    using Function = Result (Builder::*)(const FormatSyntax &, int64_t, unsigned);
    static constexpr std::pair<StringLiteral, Function> formats[] = {
        {"uniform", &Builder::uniform}, {"ternary", &Builder::ternary},   {"bipolar", &Builder::bipolar},
        {"bcq", &Builder::bcq},         {"codebook", &Builder::codebook}, {"nested", &Builder::nested},
        {"mixed", &Builder::mixed},     {"outliers", &Builder::outliers}};
    for (auto [name, function] : formats)
      if (syntax.getName() == name)
        return (this->*function)(syntax, rows, first);
    InFlightDiagnostic diagnostic = node.error();
    diagnostic << "attribute 'format': '" << syntax.getName() << "' is no format; expected ";
    llvm::interleaveComma(formats, diagnostic, [&](const auto &format) { diagnostic << format.first; });
    return diagnostic;
  }

  /// The enum value under `key`, spelled as in the dialect.
  template <typename T>
  FailureOr<T> getEnum(const FormatSyntax &syntax, StringRef key, std::optional<T> (*symbolize)(StringRef),
                       StringRef defaultWord, StringRef choices) {
    FailureOr<StringRef> word = syntax.getWord(node, key, defaultWord);
    if (failed(word))
      return failure();
    std::optional<T> value = symbolize(*word);
    if (!value)
      return syntax.error(node) << "'" << key << "' must be " << choices << ", but is '" << *word << "'";
    return *value;
  }
  FailureOr<Granularity> getPer(const FormatSyntax &syntax) {
    return getEnum<Granularity>(syntax, "per", symbolizeGranularity, "group", "group, channel or tensor");
  }
  FailureOr<int64_t> getGroup(const FormatSyntax &syntax) { return syntax.getInt(node, "group", 1, maxGroup); }

  /// The element type of the input that holds scales: the second component of every format.
  FailureOr<Type> getScaleType(unsigned first) {
    unsigned index = first + 1;
    if (index >= node.getNumInputs())
      return node.error() << "the scales of the weight are missing: expected them as input " << index
                          << ", but there are " << node.getNumInputs() << " inputs";
    Type type = node.getInputType(index).getElementType();
    if (!isScaleType(type))
      return node.error() << "the scales of the weight, input " << index
                          << ", must be f32, f16, bf16, f8E8M0FNU or f8E4M3FN, but are " << node.getInputType(index);
    return type;
  }

  Result uniform(const FormatSyntax &syntax, int64_t, unsigned first) {
    if (failed(syntax.check(node, 0, {"bits", "group", "zero", "signed", "per"})))
      return failure();
    FailureOr<int64_t> bits = syntax.getInt(node, "bits", 1, 8), group = getGroup(syntax);
    if (failed(bits) || failed(group))
      return failure();
    FailureOr<int64_t> isSigned = syntax.getInt(node, "signed", 0, 1, 0);
    if (failed(isSigned))
      return failure();
    auto zero = getEnum<ZeroKind>(syntax, "zero", symbolizeZeroKind, *isSigned ? "none" : "midpoint",
                                  "midpoint, none, integer or float");
    auto per = getPer(syntax);
    FailureOr<Type> scale = getScaleType(first);
    if (failed(zero) || failed(per) || failed(scale))
      return failure();
    if (*isSigned && *zero == ZeroKind::Midpoint)
      return syntax.error(node) << "zero=midpoint is for unsigned codes; signed ones have none, integer or float";
    // Of signed codes, the dialect's midpoint is 0.
    if (*isSigned && *zero == ZeroKind::None)
      zero = ZeroKind::Midpoint;
    return Result(UniformAttr::get(node.getContext(), *bits, *group, *zero, *isSigned == 1, *per, *scale));
  }

  Result ternary(const FormatSyntax &syntax, int64_t, unsigned first) {
    if (failed(syntax.check(node, 0, {"group", "storage", "per"})))
      return failure();
    FailureOr<int64_t> group = getGroup(syntax);
    auto storage = getEnum<TernaryStorage>(syntax, "storage", symbolizeTernaryStorage, "two_bit",
                                           "two_bit, three_in_five or five_in_eight");
    auto per = getPer(syntax);
    FailureOr<Type> scale = getScaleType(first);
    if (failed(group) || failed(storage) || failed(per) || failed(scale))
      return failure();
    return Result(TernaryAttr::get(node.getContext(), *group, *storage, *per, *scale));
  }

  Result bipolar(const FormatSyntax &syntax, int64_t, unsigned first) {
    if (failed(syntax.check(node, 0, {"planes", "group", "zeta", "per"})))
      return failure();
    FailureOr<int64_t> planes = syntax.getInt(node, "planes", 1, 8), group = getGroup(syntax);
    auto per = getPer(syntax);
    FailureOr<Type> scale = getScaleType(first);
    if (failed(planes) || failed(group) || failed(per) || failed(scale))
      return failure();
    FloatAttr zeta;
    if (syntax.has("zeta")) {
      FailureOr<double> value = syntax.getFloat(node, "zeta");
      if (failed(value))
        return failure();
      zeta = node.getF32FloatAttr(static_cast<float>(*value));
    }
    return Result(BipolarAttr::get(node.getContext(), *planes, *group, zeta, *per, *scale));
  }

  Result bcq(const FormatSyntax &syntax, int64_t, unsigned first) {
    if (failed(syntax.check(node, 0, {"planes", "group", "per", "shift_terms"})))
      return failure();
    FailureOr<int64_t> planes = syntax.getInt(node, "planes", 1, 8), group = getGroup(syntax);
    FailureOr<int64_t> terms = syntax.getInt(node, "shift_terms", 0, 8, 0);
    auto per = getPer(syntax);
    if (failed(planes) || failed(group) || failed(terms) || failed(per))
      return failure();
    // Alphas that are sums of shifts are bytes: no scale type.
    FailureOr<Type> scale = *terms ? FailureOr<Type>(node.getF32Type()) : getScaleType(first);
    if (failed(scale))
      return failure();
    return Result(BCQAttr::get(node.getContext(), *planes, *group, *per, *scale, *terms));
  }

  Result codebook(const FormatSyntax &syntax, int64_t, unsigned first) {
    if (failed(syntax.check(node, 0, {"bits", "group", "table", "per", "global_scale"})))
      return failure();
    FailureOr<int64_t> bits = syntax.getInt(node, "bits", 1, 8), group = getGroup(syntax);
    auto table =
        getEnum<CodebookTable>(syntax, "table", symbolizeCodebookTable, "", "nf4, bnb_fp4, e2m1, tensor or channel");
    auto per = getPer(syntax);
    FailureOr<int64_t> global = syntax.getInt(node, "global_scale", 0, 1, 0);
    FailureOr<Type> scale = getScaleType(first);
    if (failed(bits) || failed(group) || failed(table) || failed(per) || failed(global) || failed(scale))
      return failure();
    if (*table != CodebookTable::Tensor && *table != CodebookTable::Channel && *bits != 4)
      return syntax.error(node) << "the table " << stringifyCodebookTable(*table)
                                << " has 16 entries: 'bits' must be 4, but is " << *bits;
    return Result(CodebookAttr::get(node.getContext(), *bits, *group, *table, *per, *scale, *global == 1));
  }

  Result nested(const FormatSyntax &syntax, int64_t rows, unsigned first) {
    if (failed(syntax.check(node, 1, {"min_bits"})))
      return failure();
    Result body = build(syntax.getParts()[0], rows, first);
    if (failed(body))
      return failure();
    auto codebook = dyn_cast<CodebookAttr>(*body);
    auto bcq = dyn_cast<BCQAttr>(*body);
    bool fits = isa<UniformAttr, BipolarAttr>(*body) || (bcq && bcq.getShiftTerms() == 0) ||
                (codebook && codebook.getTable() == CodebookTable::Channel);
    if (!fits)
      return syntax.error(node) << "the body must be uniform, bipolar, bcq without shift_terms, or codebook with "
                                   "table=channel, but is "
                                << syntax.getParts()[0].getName();
    FailureOr<int64_t> least = syntax.getInt(node, "min_bits", 1, body->getCodeBits());
    if (failed(least))
      return failure();
    return Result(NestedAttr::get(node.getContext(), *body, *least));
  }

  Result mixed(const FormatSyntax &syntax, int64_t rows, unsigned first) {
    if (failed(syntax.check(node, std::nullopt, {"rows"})))
      return failure();
    FailureOr<SmallVector<int64_t>> counts = syntax.getInts(node, "rows");
    if (failed(counts))
      return failure();
    if (counts->size() != syntax.getParts().size())
      return syntax.error(node) << "there are " << syntax.getParts().size() << " formats, but " << counts->size()
                                << " numbers of rows";
    SmallVector<Attribute> parts;
    int64_t left = rows;
    for (auto [count, part] : llvm::zip_equal(*counts, syntax.getParts())) {
      if (count < 1 || count > left)
        return syntax.error(node) << "the numbers of rows must be positive and together " << rows
                                  << ", the attribute 'N', but one is " << count << " where " << left << " are left";
      left -= count;
      Result format = build(part, count, first);
      if (failed(format))
        return failure();
      if (isa<NestedAttr, MixedAttr>(*format))
        return syntax.error(node) << "a part must not be nested or mixed, but one is " << part.getName();
      parts.push_back(*format);
      first += format->getExpectedComponents(count, cols).size();
    }
    if (left != 0)
      return syntax.error(node) << "the parts have " << rows - left << " rows together, but the attribute 'N' is "
                                << rows;
    return Result(MixedAttr::get(node.getContext(), *counts, parts));
  }

  Result outliers(const FormatSyntax &syntax, int64_t rows, unsigned first) {
    if (failed(syntax.check(node, 1, {"columns", "entries"})))
      return failure();
    Result body = build(syntax.getParts()[0], rows, first);
    if (failed(body))
      return failure();
    if (body->isComposite())
      return syntax.error(node) << "the body must not be nested, mixed or outliers, but is "
                                << syntax.getParts()[0].getName();
    if (syntax.has("columns") == syntax.has("entries"))
      return syntax.error(node) << "expected one of the keys 'columns' and 'entries'";
    StringRef key = syntax.has("columns") ? "columns" : "entries";
    FailureOr<int64_t> count = syntax.getInt(node, key, 1, cols);
    if (failed(count))
      return failure();
    // Behind the body: the places, then the values.
    unsigned index = first + body->getExpectedComponents(rows, cols).size() + 1;
    if (index >= node.getNumInputs())
      return node.error() << "the outliers' values are missing: expected them as input " << index << ", but there are "
                          << node.getNumInputs() << " inputs";
    Type value = node.getInputType(index).getElementType();
    if (!value.isF32() && !value.isF16())
      return node.error() << "the outliers' values, input " << index << ", must be f32 or f16, but are "
                          << node.getInputType(index);
    bool isColumns = key == "columns";
    return Result(OutliersAttr::get(node.getContext(), *body, isColumns ? *count : 0, isColumns ? 0 : *count, value));
  }
};

} // namespace

FailureOr<WeightFormatInterface> buildDomainFormat(Node &node, const FormatSyntax &syntax, int64_t rows, int64_t cols,
                                                   unsigned first) {
  return Builder{node, cols}.build(syntax, rows, first);
}

} // namespace lutra
