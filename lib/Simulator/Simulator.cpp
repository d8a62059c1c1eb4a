//===- Simulator.cpp - launches of programs -------------------------------===//
//
// Checks what a launch binds, runs its blocks one after the other, and counts what they cost.
//
//===----------------------------------------------------------------------===//

#include "Core.h"

#include <algorithm>
#include <cstring>

using namespace lutra::ltc;
using llvm::Error;
using llvm::Twine;

Simulator::Simulator(Program program, Machine machine)
    : program(std::move(program)), machine(std::move(machine)), core(std::make_unique<Core>(this->machine)),
      statistics(this->program.kernels.size()) {}
Simulator::~Simulator() = default;

llvm::Expected<std::unique_ptr<Simulator>> Simulator::create(Program program, Machine machine, bool hazards) {
  for (Kernel &kernel : program.kernels)
    if (Error failure = kernel.matchLoops())
      return failure;
  if (Error failure = verify(program, machine, hazards))
    return failure;
  return std::unique_ptr<Simulator>(new Simulator(std::move(program), std::move(machine)));
}

/// Checks the host's arrays against the declarations; returns M.
llvm::Expected<int64_t> Simulator::bind(const Kernel &kernel, llvm::ArrayRef<HostBuffer> buffers) const {
  auto error = [&](const Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "launch of kernel '" + kernel.name + "': " + message);
  };
  if (buffers.size() != kernel.numArguments())
    return error("expected " + Twine(kernel.numArguments()) + " buffers, but found " + Twine(buffers.size()));
  int64_t rows = -1;
  for (auto [declared, given] : llvm::zip(kernel.buffers, buffers)) {
    if (given.sizes.size() != declared.shape.size() || given.strides.size() != declared.shape.size())
      return error("buffer '" + declared.name + "' expects " + Twine(declared.shape.size()) +
                   " dimensions, but found " + Twine(given.sizes.size()));
    bool empty = false;
    for (auto [dimension, size] : llvm::enumerate(given.sizes)) {
      int64_t expected = declared.shape[dimension];
      if (expected == kDynamicRows) {
        expected = rows < 0 ? size : rows;
        rows = size;
      }
      if (size < 0 || size != expected)
        return error("size " + Twine(dimension) + " of buffer '" + declared.name + "' must be " + Twine(expected) +
                     ", but is " + Twine(size));
      empty |= size == 0;
    }
    if (!given.strides.empty() && given.sizes.back() > 1 && given.strides.back() != 1)
      return error("the innermost stride of buffer '" + declared.name + "' must be 1, but is " +
                   Twine(given.strides.back()));
    if (!given.data && !empty)
      return error("buffer '" + declared.name + "' has no data");
  }
  return std::max<int64_t>(rows, 0);
}

Error Simulator::launch(unsigned index, llvm::ArrayRef<HostBuffer> buffers) {
  if (index >= program.kernels.size())
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "launch of kernel " + Twine(index) +
                                                                       ": the program has " +
                                                                       Twine(program.kernels.size()) + " kernels");
  const Kernel &kernel = program.kernels[index];
  llvm::Expected<int64_t> rows = bind(kernel, buffers);
  if (!rows)
    return rows.takeError();
  for (const Block &block : blocksOf(kernel, *rows))
    if (Error failure = core->run(kernel, buffers, block))
      return failure;
  auto [entry, isNew] = timings.try_emplace({index, *rows});
  if (isNew)
    entry->second = estimate(kernel, machine, *rows);
  ++statistics[index].launches;
  statistics[index].rows += *rows;
  statistics[index].timing += entry->second;
  return Error::success();
}

Error Simulator::launch(unsigned index, unsigned numArguments, void **descriptors) {
  llvm::SmallVector<HostBuffer, 8> buffers(numArguments);
  const unsigned known = index < program.kernels.size() ? program.kernels[index].numArguments() : 0;
  for (unsigned argument = 0; argument < std::min(numArguments, known); ++argument) {
    const Buffer &declared = program.kernels[index].buffers[argument];
    const char *at = static_cast<const char *>(descriptors[argument]) + sizeof(void *);
    HostBuffer &buffer = buffers[argument];
    auto next = [&at](auto &value) {
      std::memcpy(&value, at, sizeof(value));
      at += sizeof(value);
    };
    int64_t offset;
    next(buffer.data);
    next(offset);
    if (buffer.data)
      buffer.data += offset * int64_t(sizeOf(declared.type));
    buffer.sizes.resize(declared.shape.size());
    buffer.strides.resize(declared.shape.size());
    for (int64_t &size : buffer.sizes)
      next(size);
    for (int64_t &stride : buffer.strides)
      next(stride);
  }
  return launch(index, buffers);
}

void Simulator::resetStatistics() { statistics.assign(program.kernels.size(), {}); }
