//===- TileModel.h - time of kernels, layers and models on a chip --*- C++ -*-===//
//
// The tile level of docs/spec/tile-model.md: a kernel is tiles, a tile is rooflines that get in each other's way, and a
// layer is its kernels one after the other. Nothing is walked instruction by instruction, so a whole model takes
// microseconds.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_TILEMODEL_H
#define LUTRA_SIMULATOR_TILEMODEL_H

#include "lutra/Simulator/Accelerator.h"
#include "lutra/Simulator/Schedule.h"

namespace lutra::ltc {

/// Bytes of an element of each operand, where it matters.
struct ProductTypes {
  /// The unit that multiplies: "f16", "f8", "i8", "lut".
  std::string unit;
  /// An activation in memory, and as a core's shared memory holds it (of a table: its entries over the group's size).
  double activationBytes = 2, sharedActivationBytes = 2;
  double weightBytes = 2, outputBytes = 2;
  /// Bits of a weight: cycles of a LUT array.
  double weightBits = 16;
};

/// The products of 16-bit floats, of 8-bit floats and of 8-bit integers, on the tensor cores.
ProductTypes f16Product();
ProductTypes f8Product();
ProductTypes i8Product();
/// A lookup product: 8-bit activations as half tables of 8-bit entries (8 for each 4 activations), weights of `bits`.
ProductTypes lookupProduct(unsigned bits);

/// One kernel of a layer.
struct TileKernel {
  enum Kind {
    Product,         ///< m x n x k, `batch` times
    Stream,          ///< `operands` in and out; what was written lately comes from L2 when it fits
    Strided,         ///< the same with strided or broadcast operands
    Norm,            ///< a stream that waits for the sums of its rows of n elements
    FlashAttention,  ///< causal, one kernel: batch x heads of m queries of n elements
    DecodeAttention, ///< single queries that read the keys and values in `operands`
  };
  std::string name;
  Kind kind = Stream;
  int64_t m = 0, n = 0, k = 0, batch = 1;
  ProductTypes types;
  /// Bytes of each operand, results last; each is kept in L2 if it takes at most half of it.
  std::vector<double> operands;
  unsigned launches = 1;
  bool rmsNorm = false;

  /// Of all operands.
  double bytes() const;
};

/// What a kernel takes.
struct TileTime {
  double seconds = 0;
  double flops = 0, dramBytes = 0, sharedBytes = 0;
  /// How a product was cut, and how often all cores are filled with its tiles.
  Schedule schedule;
  int64_t waves = 0;
  /// What limits it: "product", "shared", "latency", "l2", "dram", "launch".
  const char *bound = "";

  TileTime &operator+=(const TileTime &other);
};

/// `bytes` if L2 cannot have kept an operand of that size (it keeps what takes at most half of it), otherwise 0.
double spilledBytes(double bytes, const Accelerator &machine);
/// What a product moves from and to DRAM: weights, and activations and outputs that L2 cannot keep.
double productDramBytes(const TileKernel &kernel, const Accelerator &machine);

/// An error if the machine lacks a kernel's unit, or no tile of it fits a core.
llvm::Error checkRuns(const TileKernel &kernel, const Accelerator &machine);

/// Predicts one kernel, which runs on the machine (checkRuns).
TileTime predict(const TileKernel &kernel, const Accelerator &machine);
TileTime predict(llvm::ArrayRef<TileKernel> kernels, const Accelerator &machine);

/// A decoder-only model.
struct ModelShape {
  std::string name;
  int64_t hidden = 0, ffn = 0, layers = 1, heads = 0, kvHeads = 0, headSize = 0, vocabulary = 0;
  bool gated = false;
};

/// A shipped shape by name ("llama2-70b"), or an error that lists them.
llvm::Expected<ModelShape> modelShape(llvm::StringRef name);

/// What is computed: `batch` sequences of `tokens` new tokens, with `context` tokens in all (prefill: the new ones).
struct Step {
  bool prefill = true;
  int64_t batch = 1, tokens = 1, context = 1;

  int64_t rows() const { return batch * tokens; }
};

/// A layer as the paper's stack runs it: separate projections, scores through memory, fused element-wise kernels.
std::vector<TileKernel> fusedLayer(const ModelShape &model, const Step &step, const ProductTypes &types);
/// A layer as eager PyTorch runs it (benchmarks/gpu/measure_layers.py).
std::vector<TileKernel> eagerLayer(const ModelShape &model, const Step &step, const ProductTypes &types);
/// All layers, and the last product onto the vocabulary.
TileTime predictModel(const ModelShape &model, const Step &step, const ProductTypes &types, const Accelerator &machine);

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_TILEMODEL_H
