//===- Products.h - compiled products, called in turn -----------*- C++ -*-===//
//
// A product under test is a compiled ONNX model of one node, opened several times from copies of its artifact, so that successive calls
// read different memory. Calls go through the C API, whose library is loaded at run time: the driver belongs to no build.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_BENCHMARKS_PRODUCTS_H
#define LUTRA_BENCHMARKS_PRODUCTS_H

#include "lutra-c/lutra.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lutra::bench {

/// The functions of libLutraC.so that a product needs.
struct Library {
  decltype(&lutraFree) free = nullptr;
  decltype(&lutraSessionOpen) open = nullptr;
  decltype(&lutraSessionClose) close = nullptr;
  decltype(&lutraSessionSetThreads) setThreads = nullptr;
  decltype(&lutraSessionRun) run = nullptr;

  /// Loads it; on failure says why in `error` and returns false.
  bool load(const char *path, std::string &error);
};

/// Copies of a product, with activations and a result.
class Product {
public:
  /// Opens `artifact`/0 to `artifact`/(copies - 1). Null with `error` set when one cannot be opened.
  static std::unique_ptr<Product> open(const Library &library, const std::string &artifact, int copies, int64_t cols,
                                       int64_t rows, std::string &error);
  ~Product();

  void setThreads(int threads);
  /// The activation rows of later calls: random numbers.
  void setActivations(int64_t rows);
  /// Calls the next copy. On failure says why in `error` and returns false.
  bool run(std::string &error);

private:
  explicit Product(const Library &library) : library(library) {}

  const Library &library;
  std::vector<LutraSession *> sessions;
  std::vector<float> activations, result;
  int64_t inputSizes[2] = {0, 0}, outputSizes[2] = {0, 0};
  size_t next = 0;
};

} // namespace lutra::bench

#endif // LUTRA_BENCHMARKS_PRODUCTS_H
