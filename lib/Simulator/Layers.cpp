//===- Layers.cpp - the kernels of a decoder layer ------------------------===//
#include "lutra/Simulator/TileModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lutra::ltc;
using namespace llvm;

/// Sizes as facts of the models' papers; the 3B rows are those of LUT Tensor Core, table 1.
static const ModelShape kShapes[] = {
    {"llama-3b", 3200, 8640, 26, 32, 32, 100, 32000, true},
    {"bitnet-3b", 3200, 8640, 26, 32, 32, 100, 32000, true},
    {"llama2-7b", 4096, 11008, 32, 32, 32, 128, 32000, true},
    {"llama2-13b", 5120, 13824, 40, 40, 40, 128, 32000, true},
    {"llama2-70b", 8192, 28672, 80, 64, 8, 128, 32000, true},
    {"opt-175b", 12288, 49152, 96, 96, 96, 128, 50272, false},
    {"bloom-176b", 14336, 57344, 70, 112, 112, 128, 250880, false},
};

Expected<ModelShape> lutra::ltc::modelShape(StringRef name) {
  for (const ModelShape &shape : kShapes)
    if (shape.name == name)
      return shape;
  return createStringError("no model '" + name + "'; the models are " +
                           join(map_range(kShapes, [](const ModelShape &shape) { return shape.name; }), ", "));
}

namespace {
/// Appends kernels to a layer.
struct Builder {
  const ProductTypes &types;
  std::vector<TileKernel> kernels;

  void product(StringRef name, int64_t m, int64_t n, int64_t k) {
    TileKernel &kernel = add(name, TileKernel::Product);
    kernel.m = m, kernel.n = n, kernel.k = k;
    kernel.types = types;
  }
  void stream(StringRef name, std::vector<double> operands, TileKernel::Kind kind = TileKernel::Stream,
              unsigned launches = 1) {
    TileKernel &kernel = add(name, kind);
    kernel.operands = std::move(operands), kernel.launches = launches;
  }
  void norm(StringRef name, int64_t rows, int64_t n, double outBytes, bool rms) {
    const double elements = double(rows * n);
    stream(name, {elements * 2, elements * outBytes}, TileKernel::Norm);
    kernels.back().n = n, kernels.back().rmsNorm = rms;
  }
  TileKernel &add(StringRef name, TileKernel::Kind kind) {
    kernels.emplace_back();
    kernels.back().name = name.str();
    kernels.back().kind = kind;
    return kernels.back();
  }
};
} // namespace

std::vector<TileKernel> lutra::ltc::fusedLayer(const ModelShape &s, const Step &step, const ProductTypes &types) {
  Builder b{types, {}};
  const int64_t rows = step.rows(), h = s.hidden, kv = s.kvHeads * s.headSize;
  const double act = types.activationBytes, r = double(rows);
  b.norm("norm1", rows, h, act, s.gated);
  b.product("q", rows, h, h);
  b.product("k", rows, kv, h);
  b.product("v", rows, kv, h);
  if (s.gated)
    b.stream("rotary", {r * double(h + kv) * 2, r * double(h + kv) * 2});
  if (step.prefill) {
    // Scores go through memory: a product, a softmax over them, a product.
    const double scores = double(step.batch * s.heads) * double(step.tokens) * double(step.context);
    for (bool second : {false, true}) {
      TileKernel kernel;
      kernel.name = second ? "values" : "scores";
      kernel.kind = TileKernel::Product;
      kernel.types = f16Product();
      kernel.m = step.tokens;
      kernel.n = second ? s.headSize : step.context;
      kernel.k = second ? step.context : s.headSize;
      kernel.batch = step.batch * s.heads;
      b.kernels.push_back(kernel);
      if (!second)
        b.stream("softmax", {scores * 2, scores * 2});
    }
  } else {
    b.stream("attention", {r * double(step.context) * double(kv) * 2 * 2, r * double(h) * 2, r * double(h) * 2},
             step.context > 1 ? TileKernel::DecodeAttention : TileKernel::Stream);
  }
  b.product("o", rows, h, h);
  b.stream("residual1", std::vector<double>(3, r * double(h) * 2));
  b.norm("norm2", rows, h, act, s.gated);
  b.product("up", rows, s.ffn, h);
  if (s.gated)
    b.product("gate", rows, s.ffn, h);
  std::vector<double> operands(s.gated ? 2 : 1, r * double(s.ffn) * 2);
  operands.push_back(r * double(s.ffn) * act);
  b.stream("activate", std::move(operands));
  b.product("down", rows, h, s.ffn);
  b.stream("residual2", std::vector<double>(3, r * double(h) * 2));
  return std::move(b.kernels);
}

std::vector<TileKernel> lutra::ltc::eagerLayer(const ModelShape &s, const Step &step, const ProductTypes &types) {
  ProductTypes product = types;
  if (types.unit == "i8")
    product.outputBytes = 4;
  Builder b{product, {}};
  const int64_t rows = step.rows(), h = s.hidden, kv = s.kvHeads * s.headSize;
  const double r = double(rows), width = double(h);
  const bool converts = types.unit != "f16";
  auto convert = [&](StringRef name, int64_t n) {
    if (converts)
      b.stream(name, {r * double(n) * 2, r * double(n)});
  };
  // PyTorch's int8 product gives i32, which a kernel makes f16.
  auto linear = [&](StringRef name, int64_t n, int64_t k) {
    b.product(name, rows, n, k);
    if (types.unit == "i8")
      b.stream(name, {r * double(n) * 4, r * double(n) * 2});
  };
  b.norm("norm1", rows, h, 2, s.gated);
  convert("convert1", h);
  linear("qkv", h + 2 * kv, h);
  if (s.gated)
    // negate, join halves, two products, a sum: 1 + 2 + 2 + 2 + 3 times the queries and keys.
    b.stream("rotary", std::vector<double>(10, r * double(h + kv) * 2), TileKernel::Strided, 5);
  if (!step.prefill)
    b.stream("append", std::vector<double>(4, r * double(kv) * 2), TileKernel::Strided, 2);
  if (step.prefill) {
    TileKernel &kernel = b.add("attention", TileKernel::FlashAttention);
    kernel.m = step.tokens, kernel.n = s.headSize, kernel.batch = step.batch * s.heads;
  } else {
    b.stream("attention", {r * double(step.context) * double(kv) * 2 * 2}, TileKernel::DecodeAttention, 2);
  }
  convert("convert2", h);
  linear("out", h, h);
  b.stream("residual1", std::vector<double>(3, r * width * 2));
  b.norm("norm2", rows, h, 2, s.gated);
  convert("convert3", h);
  linear("up", s.gated ? 2 * s.ffn : s.ffn, h);
  if (s.gated)
    b.stream("activate", std::vector<double>(5, r * double(s.ffn) * 2), TileKernel::Strided, 2);
  else
    b.stream("activate", std::vector<double>(2, r * double(s.ffn) * 2));
  convert("convert4", s.ffn);
  linear("down", h, s.ffn);
  b.stream("residual2", std::vector<double>(3, r * width * 2));
  return std::move(b.kernels);
}

TileTime lutra::ltc::predictModel(const ModelShape &model, const Step &step, const ProductTypes &types,
                                  const Accelerator &machine) {
  TileTime layer = predict(fusedLayer(model, step, types), machine), total;
  for (int64_t index = 0; index < model.layers; ++index)
    total += layer;
  Builder head{types, {}};
  head.product("head", step.rows(), model.vocabulary, model.hidden);
  total += predict(head.kernels, machine);
  return total;
}
