//===- CacheLines.h - what a key-value cache keeps of a head ----*- C++ -*-===//
//
// Private to lib/Interpreter. docs/spec/numerics.md, "Quantized caches": a line is the elements of one head at one position, as
// floats or as codes and their scales.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_INTERPRETER_CACHELINES_H
#define LUTRA_LIB_INTERPRETER_CACHELINES_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "lutra/Support/Npy.h"

namespace lutra {

/// Reads and writes lines of an attention's cache.
class CacheLines {
public:
  /// `size` elements a head.
  CacheLines(lowbit::AttentionOp op, int64_t size)
      : size(size), bits(op.getCacheBits().value_or(0)), group(op.getCacheGroup().value_or(0)) {}

  /// The last dimension of a cache.
  int64_t getLineSize() const { return bits ? lowbit::AttentionOp::getLineBytes(size, bits, group) : size; }

  /// Rounds a head to line number `line` of `cache`. `channelScales` are the head's, where lines have no scales.
  void write(llvm::ArrayRef<float> head, const float *channelScales, NpyArray &cache, int64_t line) const;

  /// The numbers that line number `line` stands for, exactly.
  void read(const NpyArray &cache, int64_t line, const float *channelScales, llvm::MutableArrayRef<double> head) const;

private:
  /// Code `d` of a line.
  void writeCode(int8_t *bytes, int64_t d, float quotient, float lowest) const;
  int readCode(const int8_t *bytes, int64_t d) const;

  int64_t size, bits, group;
};

} // namespace lutra

#endif // LUTRA_LIB_INTERPRETER_CACHELINES_H
