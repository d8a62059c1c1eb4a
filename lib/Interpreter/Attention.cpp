//===- Attention.cpp - grouped-query attention, position by position ------===//
//
// The text of lowbit.attention's description as loops: rotary in f32, scores, weights and their sums in f64, the output rounded
// once (numerics.md, "Sums of floats"). Sums run over ascending positions and elements; compiled code adds in another order, which
// rounding to f32 hides but for about one number in 10^8.
//
//===----------------------------------------------------------------------===//
#include "CacheLines.h"
#include "Values.h"

#include <cmath>

using namespace mlir;
using namespace lutra;

namespace {
/// One op's operands and sizes.
class Attention {
public:
  Attention(lowbit::AttentionOp op, Environment &env);

  /// Whether the arrays' shapes agree with each other; a diagnostic says which does not.
  LogicalResult checkShapes();
  /// Computes all outputs; a token without a place in the cache is an error.
  LogicalResult run();

private:
  LogicalResult checkRotary();
  /// The position of the first new token of sequence `batch`.
  int64_t firstPosition(int64_t batch) const;
  /// `head` (H elements) rotated for `position`.
  std::vector<float> rotated(const float *head, int64_t position);
  void appendToCache(int64_t batch, int64_t first);
  void attend(int64_t batch, int64_t token, int64_t head, int64_t position);

  static const float *data(const Array &array) { return array->as<float>().data(); }
  /// The channels' scales of a key-value head, if `scales` are there.
  const float *scalesOf(const Array &scales, int64_t head) const { return scales ? data(scales) + head * size : nullptr; }
  /// The numbers that a cache stands for, in rows of a head's size.
  std::vector<double> numbers(const Array &cache, const Array &scales) const;

  lowbit::AttentionOp op;
  Environment &env;
  Array query, key, value, pastKey, pastValue, seqlens, total, cosines, sines, sink, keyScale, valueScale;
  Array output, presentKey, presentValue;
  int64_t batches, tokens, heads, kvHeads, size, past, present;
  CacheLines lines;
  std::vector<double> keys, values;
};
} // namespace

Attention::Attention(lowbit::AttentionOp op, Environment &env)
    : op(op), env(env), size(env.array(op.getQuery())->shape[2] / static_cast<int64_t>(op.getNumHeads())), lines(op, size) {
  auto optional = [&](Value operand) { return operand ? env.array(operand) : Array(); };
  auto fresh = [&](Value operand) { return std::make_shared<NpyArray>(*env.array(operand)); };
  query = env.array(op.getQuery());
  key = env.array(op.getKey());
  value = env.array(op.getValue());
  pastKey = env.array(op.getPastKey());
  pastValue = env.array(op.getPastValue());
  seqlens = env.array(op.getSeqlens());
  total = env.array(op.getTotal());
  cosines = optional(op.getCos());
  sines = optional(op.getSin());
  sink = optional(op.getSink());
  keyScale = optional(op.getKScale());
  valueScale = optional(op.getVScale());
  output = fresh(op.getOutput());
  presentKey = fresh(op.getPresentKey());
  presentValue = fresh(op.getPresentValue());
  batches = query->shape[0];
  tokens = query->shape[1];
  heads = op.getNumHeads();
  kvHeads = op.getKvHeads();
  past = pastKey->shape[2];
  present = presentKey->shape[2];
}

std::vector<double> Attention::numbers(const Array &cache, const Array &scales) const {
  std::vector<double> result(batches * kvHeads * present * size);
  for (int64_t line = 0; line < batches * kvHeads * present; ++line)
    lines.read(*cache, line, scalesOf(scales, line / present % kvHeads), MutableArrayRef(result).slice(line * size, size));
  return result;
}

LogicalResult Attention::checkShapes() {
  auto check = [&](StringRef what, const Array &array, ArrayRef<int64_t> shape) -> LogicalResult {
    if (!array || ArrayRef(array->shape) == shape)
      return success();
    return op.emitError() << what << " has shape " << shapeText(array->shape) << ", expected " << shapeText(shape);
  };
  int64_t line = lines.getLineSize();
  return success(succeeded(check("query", query, {batches, tokens, heads * size})) &&
                 succeeded(check("key", key, {batches, tokens, kvHeads * size})) &&
                 succeeded(check("value", value, {batches, tokens, kvHeads * size})) &&
                 succeeded(check("past_key", pastKey, {batches, kvHeads, past, line})) &&
                 succeeded(check("past_value", pastValue, {batches, kvHeads, past, line})) &&
                 succeeded(check("present_key", presentKey, {batches, kvHeads, present, line})) &&
                 succeeded(check("present_value", presentValue, {batches, kvHeads, present, line})) &&
                 succeeded(check("output", output, {batches, tokens, heads * size})) &&
                 succeeded(check("seqlens", seqlens, {batches})) && succeeded(check("sink", sink, {heads})) &&
                 succeeded(check("k_scale", keyScale, {kvHeads * size})) &&
                 succeeded(check("v_scale", valueScale, {kvHeads * size})) &&
                 (!cosines || succeeded(checkRotary())));
}

LogicalResult Attention::checkRotary() {
  if (cosines->shape == sines->shape && 2 * cosines->shape[1] <= size)
    return success();
  return op.emitError("cos and sin have shapes ") << shapeText(cosines->shape) << " and " << shapeText(sines->shape)
                                                  << ", expected equal ones of at most " << size / 2 << " columns";
}

int64_t Attention::firstPosition(int64_t batch) const {
  bool isPrompt = total->as<int32_t>()[0] == tokens;
  return isPrompt ? 0 : int64_t(seqlens->as<int32_t>()[batch]) + 1 - tokens;
}

std::vector<float> Attention::rotated(const float *head, int64_t position) {
  std::vector<float> result(head, head + size);
  int64_t half = cosines ? cosines->shape[1] : 0;
  for (int64_t i = 0; i < half; ++i) {
    float c = data(cosines)[position * half + i], s = data(sines)[position * half + i];
    float &x = result[op.getInterleaved() ? 2 * i : i], &y = result[op.getInterleaved() ? 2 * i + 1 : half + i];
    float rotatedX = x * c - y * s, rotatedY = y * c + x * s;
    x = rotatedX;
    y = rotatedY;
  }
  return result;
}

void Attention::appendToCache(int64_t batch, int64_t first) {
  for (int64_t head = 0; head < kvHeads; ++head) {
    int64_t row = batch * kvHeads + head;
    int64_t lineBytes = lines.getLineSize() * dtypeSize(presentKey->dtype);
    for (auto [from, to] : {std::pair(&pastKey, &presentKey), std::pair(&pastValue, &presentValue)})
      std::copy_n((*from)->bytes.data() + row * past * lineBytes, std::min(past, present) * lineBytes,
                  (*to)->bytes.data() + row * present * lineBytes);
    for (int64_t token = 0; token < tokens; ++token) {
      int64_t source = ((batch * tokens + token) * kvHeads + head) * size, line = row * present + first + token;
      lines.write(rotated(data(key) + source, first + token), scalesOf(keyScale, head), *presentKey, line);
      lines.write(ArrayRef(data(value) + source, size), scalesOf(valueScale, head), *presentValue, line);
    }
  }
}

void Attention::attend(int64_t batch, int64_t token, int64_t head, int64_t position) {
  double scale = op.getScale().convertToFloat(), cap = op.getSoftcap().convertToFloat();
  int64_t window = op.getWindow(), row = batch * kvHeads + head / (heads / kvHeads);
  int64_t at = ((batch * tokens + token) * heads + head) * size;
  std::vector<float> q = rotated(data(query) + at, position);
  int64_t begin = window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
  std::vector<double> weights;
  double greatest = -std::numeric_limits<double>::infinity();
  auto maximum = [](double a, double b) { return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b); };
  for (int64_t j = begin; j <= position; ++j) {
    const double *k = keys.data() + (row * present + j) * size;
    double score = 0;
    for (int64_t d = 0; d < size; ++d)
      score += scale * q[d] * k[d];
    if (cap > 0)
      score = cap * std::tanh(score / cap);
    weights.push_back(score);
    greatest = maximum(greatest, score);
  }
  if (sink)
    greatest = maximum(greatest, data(sink)[head]);
  double denominator = 0;
  for (double &weight : weights) {
    weight = weight == -std::numeric_limits<double>::infinity() ? 0.0 : std::exp(weight - greatest);
    denominator += weight;
  }
  if (sink)
    denominator += std::exp(data(sink)[head] - greatest);
  for (int64_t d = 0; d < size; ++d) {
    double sum = 0;
    for (auto [i, weight] : llvm::enumerate(weights))
      sum += weight * values[(row * present + begin + static_cast<int64_t>(i)) * size + d];
    output->as<float>()[at + d] = static_cast<float>(sum / denominator);
  }
}

LogicalResult Attention::run() {
  for (int64_t batch = 0; batch < batches; ++batch) {
    int64_t first = firstPosition(batch), end = first + tokens;
    if (first < 0 || end > present || (cosines && end > cosines->shape[0]))
      return op.emitError("the new tokens of sequence ")
             << batch << " stand at positions " << first << " to " << end - 1 << ", but the cache has " << present
             << " and the rotary tables have " << (cosines ? cosines->shape[0] : present);
    appendToCache(batch, first);
    keys = numbers(presentKey, keyScale);
    values = numbers(presentValue, valueScale);
    for (int64_t token = 0; token < tokens; ++token)
      for (int64_t head = 0; head < heads; ++head)
        attend(batch, token, head, first + token);
  }
  env.set(op->getResult(0), output);
  env.set(op->getResult(1), presentKey);
  env.set(op->getResult(2), presentValue);
  return success();
}

Step lutra::executeAttention(Operation *op, Environment &env) {
  auto attention = dyn_cast<lowbit::AttentionOp>(op);
  if (!attention || attention->getNumResults() == 0)
    return Step::Unknown;
  Attention run(attention, env);
  return succeeded(run.checkShapes()) && succeeded(run.run()) ? Step::Done : Step::Failed;
}
