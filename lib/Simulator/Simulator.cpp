//===- Simulator.cpp - functional execution of programs -------------------===//
//
// Tiles are kept as the array sees them: a table tile with its negated half spelled out (the nibble of a code is the
// sign and the index), the bytes of a weight tile as they lie in memory.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Simulator.h"
#include "Lookup.h"
#include "Walk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

using namespace lutra::ltc;
using llvm::Error;
using llvm::Twine;

#if defined(__x86_64__) && defined(__linux__) && defined(__clang__)
// The same operations with the hardware's fused multiply-add, where there is one.
#define LUTRA_SIMULATOR_CLONES __attribute__((target_clones("arch=haswell", "default")))
#else
#define LUTRA_SIMULATOR_CLONES
#endif

namespace {

constexpr unsigned kStored = 8;

struct TableTile {
  /// Entries of i8 and i16.
  std::vector<int16_t> ints;
  /// Entries of f32, and of f16, which are numbers of f32.
  std::vector<float> f32;
  /// Rows that are inside of the buffer; the others are zero.
  unsigned rows = 0;
};

float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 0)
    return std::copysign(std::ldexp(float(fraction), -24), std::bit_cast<float>(sign | 0x3f800000));
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

} // namespace

struct Simulator::State {
  explicit State(const Machine &machine)
      : tables(machine.tableTiles), weights(machine.weightTiles), i32(machine.i32Tiles), f32(machine.f32Tiles),
        rows(machine.rowTiles), cols(machine.colTiles) {
    const size_t entries = size_t(machine.arrayM) * machine.tablesPerTile * kEntries;
    for (TableTile &tile : tables) {
      tile.ints.resize(entries);
      tile.f32.resize(entries);
    }
    for (auto &tile : weights)
      tile.resize(size_t(machine.planesPerTile) * machine.tablesPerTile / 2 * machine.arrayN);
    const size_t elements = size_t(machine.arrayM) * machine.arrayN;
    for (auto &tile : i32)
      tile.resize(elements);
    for (auto &tile : f32)
      tile.resize(elements);
    for (auto &tile : rows)
      tile.resize(machine.arrayM);
    for (auto &tile : cols)
      tile.resize(machine.arrayN);
  }

  std::vector<TableTile> tables;
  std::vector<std::vector<uint8_t>> weights;
  std::vector<std::vector<int32_t>> i32;
  std::vector<std::vector<float>> f32, rows, cols;
};

/// y = fma(alpha, fma(ts, acc, zeta * asum), y) over one row.
template <typename Acc>
[[gnu::always_inline]] static inline void scaleRow(float *y, const Acc *acc, float ts, float asum, const float *alpha,
                                                   const float *zeta, unsigned n) {
  for (unsigned column = 0; column < n; ++column) {
    float u = std::fma(ts, static_cast<float>(acc[column]), zeta[column] * asum);
    y[column] = std::fma(alpha[column], u, y[column]);
  }
}
LUTRA_SIMULATOR_CLONES
static void scaleI32(float *y, const int32_t *acc, float ts, float asum, const float *alpha, const float *zeta,
                     unsigned n) {
  scaleRow(y, acc, ts, asum, alpha, zeta, n);
}
LUTRA_SIMULATOR_CLONES
static void scaleF32(float *y, const float *acc, float ts, float asum, const float *alpha, const float *zeta,
                     unsigned n) {
  scaleRow(y, acc, ts, asum, alpha, zeta, n);
}

/// y = fma(factor, x, y) over one row.
template <typename Element>
[[gnu::always_inline]] static inline void fmaRow(float *y, const Element *x, float factor, unsigned n) {
  for (unsigned column = 0; column < n; ++column)
    y[column] = std::fma(factor, static_cast<float>(x[column]), y[column]);
}
LUTRA_SIMULATOR_CLONES
static void fmaRowI32(float *y, const int32_t *x, float factor, unsigned n) { fmaRow(y, x, factor, n); }
LUTRA_SIMULATOR_CLONES
static void fmaRowF32(float *y, const float *x, float factor, unsigned n) { fmaRow(y, x, factor, n); }
/// y = fma(factors, x, y) over one row.
LUTRA_SIMULATOR_CLONES
static void fmaColumns(float *y, const float *x, const float *factors, unsigned n) {
  for (unsigned column = 0; column < n; ++column)
    y[column] = std::fma(factors[column], x[column], y[column]);
}

Simulator::Simulator(Program program, Machine machine)
    : program(std::move(program)), machine(std::move(machine)), state(std::make_unique<State>(this->machine)),
      statistics(this->program.kernels.size()) {}
Simulator::~Simulator() = default;

llvm::Expected<std::unique_ptr<Simulator>> Simulator::create(Program program, Machine machine) {
  if (machine.arrayK != 4 || machine.arrayM < 1 || machine.arrayN < 1 || machine.queueDepth < 1)
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "machine '" + machine.name +
                                       "': the array needs k = 4 (two 4-bit codes a byte), m and n "
                                       "of at least 1 and a queue of at least 1");
  for (Kernel &kernel : program.kernels)
    if (Error failure = kernel.matchLoops())
      return failure;
  if (Error failure = verify(program, machine))
    return failure;
  return std::unique_ptr<Simulator>(new Simulator(std::move(program), std::move(machine)));
}

/// Checks the host's arrays against the declarations; returns M.
llvm::Expected<int64_t> Simulator::bind(const Kernel &kernel, llvm::ArrayRef<HostBuffer> buffers) const {
  auto error = [&](const Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "launch of kernel '" + kernel.name + "': " + message);
  };
  if (buffers.size() != kernel.buffers.size())
    return error("expected " + Twine(kernel.buffers.size()) + " buffers, but found " + Twine(buffers.size()));
  int64_t rows = -1;
  for (auto [declared, given] : llvm::zip_equal(kernel.buffers, buffers)) {
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

void Simulator::execute(const Kernel &kernel, llvm::ArrayRef<HostBuffer> buffers, int64_t rows) {
  State &s = *state;
  const unsigned m = machine.arrayM, n = machine.arrayN;
  /// The host address of an access, and its row.
  auto locate = [&](const Instruction &i, const LoopValues &loops, int64_t &row) -> char * {
    const HostBuffer &buffer = buffers[i.address.buffer];
    int64_t offset = 0;
    for (auto [dimension, affine] : llvm::enumerate(i.address.indices)) {
      int64_t index = evaluate(affine, loops);
      if (dimension == 0)
        row = index;
      offset += index * buffer.strides[dimension];
    }
    return buffer.data + offset * int64_t(sizeOf(kernel.buffers[i.address.buffer].type));
  };
  auto rowBytes = [&](const Instruction &i) {
    return buffers[i.address.buffer].strides[0] * int64_t(sizeOf(kernel.buffers[i.address.buffer].type));
  };
  auto rowsInside = [&](int64_t row) { return unsigned(std::clamp<int64_t>(rows - row, 0, m)); };

  walk(kernel, rows, [&](const Instruction &i, size_t, const LoopValues &loops) {
    int64_t row = 0;
    switch (i.opcode) {
    case Opcode::LoadTable: {
      TableTile &tile = s.tables[i.dst];
      char *data = locate(i, loops, row);
      tile.rows = rowsInside(row);
      // The array stores the eight entries whose sign bit is clear; the others are their negatives.
      auto fill = [&](auto &entries, auto element, auto widen) {
        using Element = decltype(element);
        std::fill(entries.begin(), entries.end(), 0);
        for (unsigned r = 0; r < tile.rows; ++r)
          for (unsigned t = 0; t < i.tables; ++t) {
            Element stored[kStored];
            std::memcpy(stored, data + r * rowBytes(i) + t * kEntries * sizeof(Element), sizeof(stored));
            auto *table = &entries[(size_t(r) * machine.tablesPerTile + t) * kEntries];
            for (unsigned entry = 0; entry < kStored; ++entry) {
              table[entry] = widen(stored[entry]);
              table[entry + kStored] = -table[entry];
            }
          }
      };
      auto same = [](auto value) { return value; };
      switch (i.type) {
      case ElementType::F32: fill(tile.f32, float(), same); return;
      case ElementType::F16: fill(tile.f32, uint16_t(), halfToFloat); return;
      case ElementType::I16: fill(tile.ints, int16_t(), same); return;
      default: fill(tile.ints, int8_t(), same); return;
      }
    }
    case Opcode::LoadRows: {
      char *data = locate(i, loops, row);
      std::fill(s.rows[i.dst].begin(), s.rows[i.dst].end(), 0.0f);
      for (unsigned r = 0; r < rowsInside(row); ++r)
        std::memcpy(&s.rows[i.dst][r], data + r * rowBytes(i), sizeof(float));
      return;
    }
    case Opcode::LoadWeights: {
      char *data = locate(i, loops, row);
      const size_t run = size_t(i.tables) / 2 * n, pitch = size_t(machine.tablesPerTile) / 2 * n;
      for (unsigned plane = 0; plane < i.planes; ++plane)
        std::memcpy(&s.weights[i.dst][plane * pitch], data + plane * i.pitch, run);
      return;
    }
    case Opcode::LoadCols: {
      char *data = locate(i, loops, row);
      for (unsigned column = 0; column < n; ++column) {
        float &value = s.cols[i.dst][column];
        if (i.type == ElementType::F32) {
          std::memcpy(&value, data + column * sizeof(float), sizeof(float));
        } else if (i.type == ElementType::F16) {
          uint16_t half;
          std::memcpy(&half, data + column * sizeof(half), sizeof(half));
          value = halfToFloat(half);
        } else {
          value = static_cast<int8_t>(data[column]);
        }
      }
      return;
    }
    case Opcode::SetCols: std::fill(s.cols[i.dst].begin(), s.cols[i.dst].end(), i.value); return;
    case Opcode::Zero:
      if (i.type == ElementType::F32)
        std::fill(s.f32[i.dst].begin(), s.f32[i.dst].end(), i.value);
      else
        std::fill(s.i32[i.dst].begin(), s.i32[i.dst].end(), 0);
      return;
    case Opcode::Lmma: {
      const TableTile &tile = s.tables[i.src[0]];
      const size_t pitch = size_t(machine.tablesPerTile) / 2 * n;
      const uint8_t *codes = &s.weights[i.src[1]][i.plane * pitch + size_t(i.weightTable) / 2 * n];
      const unsigned shift = i.weightTable % 2 * 4;
      for (unsigned r = 0; r < tile.rows; ++r) {
        const size_t table = (size_t(r) * machine.tablesPerTile + i.table) * kEntries;
        if (!isFloat(i.type)) {
          lookup(&s.i32[i.dst][size_t(r) * n], &tile.ints[table], codes, pitch, shift, i.planes, n);
          continue;
        }
        float *acc = &s.f32[i.dst][size_t(r) * n];
        const float *entries = &tile.f32[table];
        for (unsigned column = 0; column < n; ++column)
          acc[column] += entries[(codes[column] >> shift) & 15];
      }
      return;
    }
    case Opcode::Shift: {
      const float factor = float(1u << i.plane);
      for (size_t element = 0; element < s.f32[i.dst].size(); ++element)
        s.f32[i.dst][element] = std::fma(factor, s.f32[i.src[0]][element], s.f32[i.dst][element]);
      return;
    }
    case Opcode::Scale:
      for (unsigned r = 0; r < m; ++r) {
        const size_t first = size_t(r) * n;
        const float ts = s.rows[i.src[1]][r], asum = s.rows[i.src[2]][r];
        const float *alpha = s.cols[i.src[3]].data(), *zeta = s.cols[i.src[4]].data();
        if (i.type == ElementType::F32)
          scaleF32(&s.f32[i.dst][first], &s.f32[i.src[0]][first], ts, asum, alpha, zeta, n);
        else
          scaleI32(&s.f32[i.dst][first], &s.i32[i.src[0]][first], ts, asum, alpha, zeta, n);
      }
      return;
    case Opcode::FmaRows:
      for (unsigned r = 0; r < m; ++r) {
        const size_t first = size_t(r) * n;
        if (i.type == ElementType::F32)
          fmaRowF32(&s.f32[i.dst][first], &s.f32[i.src[0]][first], s.rows[i.src[1]][r], n);
        else
          fmaRowI32(&s.f32[i.dst][first], &s.i32[i.src[0]][first], s.rows[i.src[1]][r], n);
      }
      return;
    case Opcode::FmaCols:
      for (unsigned r = 0; r < m; ++r)
        fmaColumns(&s.f32[i.dst][size_t(r) * n], &s.f32[i.src[0]][size_t(r) * n], s.cols[i.src[1]].data(), n);
      return;
    case Opcode::FmaOuter:
      for (unsigned r = 0; r < m; ++r)
        fmaRowF32(&s.f32[i.dst][size_t(r) * n], s.cols[i.src[1]].data(), s.rows[i.src[0]][r], n);
      return;
    case Opcode::Store: {
      char *data = locate(i, loops, row);
      const int64_t column = evaluate(i.address.indices.back(), loops);
      const int64_t inside = std::min<int64_t>(n, kernel.buffers[i.address.buffer].shape.back() - column);
      for (unsigned r = 0; r < rowsInside(row); ++r)
        std::memcpy(data + r * rowBytes(i), &s.f32[i.dst][size_t(r) * n], inside * sizeof(float));
      return;
    }
    case Opcode::Loop:
    case Opcode::End:
    // A load is done at once here; that its tile is not read before its wait is the verifier's.
    case Opcode::Wait: return;
    }
  });
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
  execute(kernel, buffers, *rows);
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
  const unsigned known = index < program.kernels.size() ? program.kernels[index].buffers.size() : 0;
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
