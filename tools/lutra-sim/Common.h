//===- Common.h - what several commands of lutra-sim share ------*- C++ -*-===//
#ifndef LUTRA_TOOLS_LUTRA_SIM_COMMON_H
#define LUTRA_TOOLS_LUTRA_SIM_COMMON_H

#include "../lutra-run/Progress.h"
#include "lutra/Simulator/TileModel.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace lutra {

/// Prints an error on stderr, and returns the exit code.
int report(llvm::Error error);

/// Writes `value` to a file; an empty name asks for none.
llvm::Error writeJson(llvm::StringRef path, llvm::json::Value value);

/// "fp16", "fp8", "int8", and "w1" to "w8" for lookups.
llvm::Expected<ltc::ProductTypes> typesOf(llvm::StringRef precision);

/// An error if the machine lacks the unit.
llvm::Error checkUnit(const ltc::Accelerator &machine, const ltc::ProductTypes &types);

/// The flags that say which layer runs where.
struct LayerFlags {
  explicit LayerFlags(llvm::cl::OptionCategory &category);
  llvm::cl::opt<std::string> machine, precision;
  llvm::cl::opt<int64_t> batch, prefill, context;

  /// What they ask for.
  struct Layer {
    ltc::Accelerator machine;
    ltc::ModelShape model;
    ltc::ProductTypes types;
    ltc::Step step;
    std::vector<ltc::TileKernel> kernels;
  };
  llvm::Expected<Layer> read(llvm::StringRef model) const;
};

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_SIM_COMMON_H
